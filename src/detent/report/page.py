"""The report: one HTML file that needs no network, runs no script, and prints.

Everything from the ledger is untrusted text. The template escapes every value, `plain` takes what cannot be
seen out of it, and the page's own Content-Security-Policy forbids whatever would slip through: no script, no
request, no style but the one whose hash it names (CSP Level 3, section 6.7.3).
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from detent.report import _words as words
from detent.report import figures, gate_figures, judges, prose, rows, servers
from detent.report.adapters import adapter_text
from detent.report.explained import looks_of
from detent.report.looks import inside_run
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


def rendered(template: str, **values: object) -> str:
    """One of the templates, with the style that it may use and the hash that lets it."""
    sheet = style()
    return _template(template).render(
        style=Markup(sheet),  # noqa: S704  our own file
        style_hash=b64encode(sha256(sheet.encode()).digest()).decode(),
        **values,
    )


def _openings(story: Story) -> list[tuple[object, Markup, figures.Table, figures.Table | None]]:
    """Newest first: the opening, its picture, its tests, and the principles among them."""
    return [
        (opening, gate_figures.evidence(opening), rows.tests(opening), rows.principles(opening))
        for opening in reversed(story.openings)
    ]


def environment(loader: BaseLoader, longest: int = 0) -> Environment:
    """Where a page of ours is made: everything is escaped, made visible first, and printed as numbers are.

    longest: characters of one value that are shown; 0: all.
    """
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=(lambda value: _cut(_seen(value), longest)) if longest else _seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"typeset": _typeset}
    return made


@cache
def _template(name: str) -> Template:
    return environment(PackageLoader("detent.report")).get_template(name)


@cache
def style() -> str:
    """The style sheet that the report carries with it, and the dashboard links to."""
    return files("detent.report").joinpath("templates/style.css").read_text(encoding="utf-8")


def _seen(value: object) -> object:
    """What every `{{ }}` passes through before it is escaped."""
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _cut(value: object, longest: int) -> object:
    return words.clip(value, longest) if isinstance(value, str) and not isinstance(value, Markup) else value


def _typeset(text: str) -> str:
    """Numbers as they are printed: a true minus, en dashes in ranges, a sign for at least."""
    for written, printed in _PRINTED:
        text = written.sub(printed, text)
    return text


_PRINTED = (
    (re.compile(r"(?<=\d)-(?=\d)"), words.EN_DASH),
    (re.compile(r"(?<!\S)-(?=[\d.])|(?<=\[)-(?=[\d.])"), words.MINUS),
    (re.compile(r"^-$"), words.EN_DASH),
    (re.compile(">="), "≥"),
)
"""What stands for what: 4-7, -1.5 or [-1.5, a cell without a value, >=."""
