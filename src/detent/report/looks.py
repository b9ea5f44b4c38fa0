"""A look inside as a page of its own, and as the part of a run's page that shows its newest.

One self-contained HTML file, under the same rules as a run's: see `page`.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from detent.report.explained import Explanation
from detent.report.figures import Figure, Table
from detent.report.inside import Reading, readings
from detent.report.inside_figures import pictures
from detent.report.inside_tables import Listed, lists
from detent.report.rendering import rendered
from detent.report.story import Story
from detent.values import Interpreted


class Inside(Struct, frozen=True):
    """What a template shows of one look."""

    readings: tuple[Reading, ...]
    figures: tuple[Figure, ...]
    lists: tuple[Listed, ...]


class InsideRun(Struct, frozen=True):
    """The part of a run's page. newest: against what it was trained from.

    replaced: against the incumbent, where that is another. since: against generation 0. generations: a row each, None
    of a single one.
    """

    generation: int
    newest: Inside
    replaced: tuple[Reading, ...]
    since: tuple[Reading, ...]
    generations: Table | None


def look_page(
    title: str,
    compared: Sequence[str],
    found: Interpreted,
    control: Interpreted | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """The whole HTML document of one look.

    Args:
        title: what it is a look at.
        compared: sentences of what was compared with what, and what a copy reads.
        found: the change.
        control: the same of the same training with another seed; None where nobody looked.
        names: what to call models, by digest.
    """
    return rendered(
        "inside.html.jinja", title=title, compared=tuple(compared), inside=_inside(found, control, names)
    )


def inside_run(story: Story, looks: Sequence[Explanation]) -> InsideRun | None:
    """The newest look in full, and a line of each; None where nobody looked."""
    if not looks:
        return None
    newest, names = looks[-1], _names(story, looks[-1].first) | looks[-1].names
    return InsideRun(
        newest.generation,
        _inside(newest.learnt, None, names),
        newest.replaced_readings,
        newest.since_readings,
        _generations(looks) if len(looks) > 1 else None,
    )


def _inside(found: Interpreted, control: Interpreted | None, names: Mapping[str, str] | None) -> Inside:
    return Inside(readings(found, control, names), pictures(found, names), lists(found))


def _names(story: Story, first: str) -> dict[str, str]:
    """Models by the generation in which they were made, where one alone was."""
    return {
        **{model.digest: f"generation {model.generation}" for model in story.models},
        first: "generation 0",
    }


def _generations(looks: Sequence[Explanation]) -> Table:
    """The sections that all of them have, each in its sentence."""
    rows = tuple(
        (str(look.generation), reading.section, reading.said) for look in looks for reading in look.readings
    )
    return Table(("generation", "section", "what changed"), rows, numbers=3)
