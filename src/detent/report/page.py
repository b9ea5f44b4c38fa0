"""The report: one HTML file that needs no network, runs no script, and prints.

Everything from the ledger is untrusted text. The template escapes every value, `plain` takes what cannot be
seen out of it, and the page's own Content-Security-Policy forbids whatever would slip through: no script, no
request, no style but the one whose hash it names (CSP Level 3, section 6.7.3).
"""

from collections.abc import Sequence

from markupsafe import Markup

from detent.report import figures, gate_figures, judges, prose, rows, servers
from detent.report.adapters import adapter_text
from detent.report.explained import looks_of
from detent.report.looks import inside_run
from detent.report.rendering import rendered
from detent.report.story import Arm, Story
from detent.report.tried_figures import tried

NEWEST_OPENINGS = 12
"""Openings whose evidence is drawn in full view; earlier ones are folded away."""


def page(story: Story, comparison: Sequence[Arm] = ()) -> str:
    """The whole HTML document.

    Args:
        story: see `detent.report.tell`.
        comparison: arms at equal compute, drawn in a section of their own when there are any.
    """
    return rendered(
        "page.html.jinja",
        story=story,
        inside=inside_run(story, looks_of(story.written)),
        headline=prose.headline(story),
        key_figures=tuple(prose.key_figures(story)),
        progress=(figures.ladder(story), figures.horizons(story)) if story.standings else (),
        gains=gate_figures.gains(story),
        turns=tuple(rows.turn_row(turn) for turn in story.decided),
        tried=tried(story),
        heat=figures.heat(story),
        labels=figures.labels(story),
        judge=judges.judges(story.exams),
        servers=servers.servers(story.served, story.budgets),
        adapter=adapter_text(story.adapter) if story.adapter else "",
        openings=_openings(story),
        newest_openings=NEWEST_OPENINGS,
        budget=gate_figures.budget(story),
        lineage=figures.lineage(story) if story.models else None,
        batches=rows.batches(story),
        methods=rows.methods(story),
        arms=figures.arms(comparison) if comparison else None,
        among_arms=prose.among_arms(comparison),
        limits=tuple(prose.limits(story)),
        sessions=rows.sessions(story),
    )


def _openings(story: Story) -> list[tuple[object, Markup, figures.Table, figures.Table | None]]:
    """Newest first: the opening, its picture, its tests, and the principles among them."""
    return [
        (opening, gate_figures.evidence(opening), rows.tests(opening), rows.principles(opening))
        for opening in reversed(story.openings)
    ]
