"""From a story to its figures: a picture, what it shows in words, and the same values as a table.

Every picture has its table, so nothing is told by looks alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Literal

from markupsafe import Markup
from msgspec import Struct

from detent.report import _words as words
from detent.report.charts import Axis, Lines, Point, Rule, Series, axis, line_chart, whole_ticks
from detent.report.forecast import horizon_ahead, ladder_ahead
from detent.report.maps import Cell, Node, Row, family_tree, heat_map
from detent.report.story import Arm, Awaited, Descent, Standing, Story
from detent.values import Score

FORECAST = (
    " Faint: at most so much is expected, with a probability of 95 % (a random walk with the drift so far)."
)
THRESHOLDS = " Dashed across: before a task reaches that level, people are asked."


class Table(Struct, frozen=True):
    """Values behind a picture; columns from `numbers` on are right-aligned."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int = 0


class Figure(Struct, frozen=True):
    """A picture with its title, one or two sentences on how to read it, and its table."""

    title: str
    caption: str
    drawing: Markup
    table: Table


def ladder(story: Story) -> Figure:
    """Ladder score of the model in force after every generation, with its 95 % interval."""
    points = tuple(
        Point(
            standing.generation,
            standing.ladder,
            f"generation {standing.generation}: ladder {words.rate(standing.ladder)}, "
            f"95 % interval {words.rate(standing.low)} to {words.rate(standing.high)}",
            strong=standing.promoted,
            low=standing.low,
            high=standing.high,
        )
        for standing in story.standings
    )
    first, last, ahead = story.standings[0], story.standings[-1], ladder_ahead(story)
    chart = Lines(
        label=f"Ladder score by generation, from {words.rate(first.ladder)} to {words.rate(last.ladder)}",
        series=(Series("", points, band=True), *_forecast(ahead, 0)),
        x=generations(story, ahead),
        y=_shares([s.low for s in story.standings] + [s.high for s in story.standings] + _ends(ahead)),
    )
    rows = tuple(
        (
            str(s.generation),
            words.rate(s.ladder),
            f"{words.rate(s.low)} to {words.rate(s.high)}",
            _measured(s),
        )
        for s in story.standings
    )
    rows += tuple((f"{g}, forecast", f"at most {words.rate(value)}", "", "") for g, value in ahead[1:])
    return Figure(
        "Ladder",
        "Mean accuracy over all tasks and levels of the model in force, on fresh problems. Filled: promoted "
        f"in that generation. Shaded: 95 % interval.{FORECAST if ahead else ''}",
        line_chart(chart),
        Table(("generation", "ladder", "95 % interval", "measured in"), rows),
    )


def horizons(story: Story) -> Figure:
    """The level at about 50 %, task by task."""
    ahead = {task: horizon_ahead(story, task) for task in story.top}
    values = [horizon.level for standing in story.standings for horizon in standing.horizons.values()]
    values += [end for one in ahead.values() for end in _ends(one)]
    values += [one.level for one in story.thresholds]
    series = [_horizon_line(story, task, tint) for tint, task in enumerate(story.top)]
    series += [line for tint, task in enumerate(story.top) for line in _forecast(ahead[task], tint)]
    chart = Lines(
        label="Horizon of each task by generation: "
        + ", ".join(f"{task} {first} to {last}" for task, first, last in horizon_changes(story)),
        series=tuple(series),
        x=generations(story, *ahead.values()),
        y=axis("level", values),
        rules=tuple(map(_threshold, story.thresholds)),
    )
    rows = tuple(
        (str(s.generation), *(words.level(s.horizons[t]) if t in s.horizons else "" for t in story.top))
        for s in story.standings
    )
    rows += tuple(_forecast_row(generation, ahead) for generation in _generations_in(ahead))
    return Figure(
        "Horizon",
        "The level at which about half of the answers are right. Filled: promoted in that generation."
        f"{FORECAST if any(ahead.values()) else ''}{THRESHOLDS if story.thresholds else ''}",
        line_chart(chart),
        Table(("generation", *story.top), rows),
    )


def horizon_changes(story: Story) -> Iterator[tuple[str, str, str]]:
    """Task, its first and its latest horizon, as text."""
    if story.standings:
        first, last = story.standings[0].horizons, story.standings[-1].horizons
        for task in story.top:
            if task in first and task in last:
                yield task, words.level(first[task]), words.level(last[task])


def heat(story: Story) -> tuple[Figure, ...]:
    """Task x level accuracy, one map a task, one row a measured incumbent."""
    measured = [standing for standing in story.standings if standing.generation == standing.measured]
    return tuple(_heat_of(task, measured) for task in story.top if _asked(task, measured))


def labels(story: Story) -> Figure | None:
    """Share of self-made labels that were right, task by task."""
    audited = [(turn.generation, turn.labels) for turn in story.turns if turn.labels]
    if not audited:
        return None
    lines = tuple(
        Series(
            task, tuple(_label_point(g, task, scores[task]) for g, scores in audited if task in scores), tint
        )
        for tint, task in enumerate(story.top)
    )
    rates = [point.y for line in lines for point in line.points]
    chart = Lines(
        label="Share of audited self-made labels that were right, by task and generation",
        series=lines,
        x=generations(story),
        y=_shares([*rates, 1.0]),
    )
    rows = tuple(
        (str(g), *(_score(scores[task]) if task in scores else "" for task in story.top))
        for g, scores in audited
    )
    return Figure(
        "Label accuracy",
        "Totals of an audit of the labels the model made for itself. They may choose a task's recipe; no "
        "single outcome selects, weights or drops an example.",
        line_chart(chart),
        Table(("generation", *story.top), rows),
    )


def lineage(story: Story) -> Figure:
    """Which model came from which."""
    # What a model was before its generation taught it further has no place of its own in the picture.
    drawn = [model for model in story.models if model.fate != "taught further"]
    before = {model.digest: model.parent for model in story.models if model.fate == "taught further"}
    places = {model.digest: index for index, model in enumerate(drawn)}
    nodes = tuple(
        Node(
            model.generation,
            model.member,
            places.get(_drawn_parent(model.parent, before), -1),
            f"generation {model.generation}: {words.short(model.digest)}, {model.fate}",
            _node_fate(model),
            now=model.fate == "in force",
        )
        for model in drawn
    )
    head = (
        "generation",
        "member",
        "model",
        "parent",
        "became",
        "steps",
        "parameters",
        "data, share of a batch",
    )
    return Figure(
        "Models",
        "Each model and the one its training began from; a line for each member of the team. Filled: "
        "promoted. Hollow: training went on from it. Small: discarded. Ringed: in force now.",
        family_tree(nodes, f"Family tree of {words.number_of(len(nodes), 'model')}"),
        Table(head, tuple(_model_row(model) for model in story.models)),
    )


def _drawn_parent(digest: str, before: Mapping[str, str]) -> str:
    """The nearest model of its line that is drawn. before: parents of those that are not."""
    while digest in before:
        digest = before[digest]
    return digest


def _node_fate(model: Descent) -> Literal["promoted", "carried", "discarded"]:
    if model.fate in {"in force", "promoted"}:
        return "promoted"
    return "discarded" if model.fate == "discarded" else "carried"


def arms(comparison: Sequence[Arm]) -> Figure:
    """Ladder over generations for every arm: seeds thin, their median thick."""
    names = list(dict.fromkeys(arm.name for arm in comparison))
    lines: list[Series] = []
    for tint, name in enumerate(names):
        seeds = [arm.ladder for arm in comparison if arm.name == name]
        lines += [Series("", _ladder_points(one), tint, marks=False, weight="faint") for one in seeds]
        lines.append(Series(name, _ladder_points(medians(seeds)), tint, marks=False))
    values = [value for arm in comparison for value in arm.ladder]
    last = max(len(arm.ladder) for arm in comparison) - 1
    chart = Lines(
        label=f"Ladder score by generation for the arms {', '.join(names)}",
        series=tuple(lines),
        x=Axis("generation", 0, max(last, 1), whole_ticks(0, last)),
        y=_shares(values),
    )
    rows = tuple(
        (arm.name, str(arm.seed), words.rate(arm.ladder[0]), words.rate(arm.ladder[-1])) for arm in comparison
    )
    return Figure(
        "Ladder, arm by arm",
        "The same compute spent in other ways. Thin: one seed. Thick: the median of the arm's seeds.",
        line_chart(chart),
        Table(("arm", "seed", "ladder at the start", "at the end"), rows, numbers=1),
    )


def medians(seeds: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """The median ladder over seeds, as far as every seed has come."""
    return tuple(median(column) for column in zip(*seeds, strict=False))


def generations(story: Story, *ahead: Sequence[tuple[int, float]]) -> Axis:
    """The axis that all charts over generations share. ahead: forecasts that it must have room for."""
    told = (turn.generation for turn in story.turns)
    last = max([*told, *(generation for one in ahead for generation, _ in one)], default=0)
    return Axis("generation", 0, max(last, 1), whole_ticks(0, last))


def _shares(values: Sequence[float]) -> Axis:
    """An axis for shares: round ends around the values, inside [0, 1], at least .1 long."""
    low, high = min(values), max(values)
    low, high = min(low, max(high - 0.1, 0.0)), max(high, min(low + 0.1, 1.0))
    return axis("", (low, high), lambda value: words.rate(value)[:-1])


def _ends(ahead: Sequence[tuple[int, float]]) -> list[float]:
    return [value for _, value in ahead]


def _forecast(ahead: Sequence[tuple[int, float]], tint: int) -> tuple[Series, ...]:
    """A faint line, as far as there is anything to go by."""
    points = tuple(Point(generation, value) for generation, value in ahead)
    return (Series("", points, tint, marks=False, weight="ahead"),) if points else ()


def _generations_in(ahead: Mapping[str, Sequence[tuple[int, float]]]) -> list[int]:
    return sorted({generation for one in ahead.values() for generation, _ in one[1:]})


def _forecast_row(generation: int, ahead: Mapping[str, Sequence[tuple[int, float]]]) -> tuple[str, ...]:
    values = (dict(one).get(generation) for one in ahead.values())
    return (
        f"{generation}, forecast",
        *(f"at most {value:.1f}" if value is not None else "" for value in values),
    )


def _threshold(one: Awaited) -> Rule:
    asked = words.number_of(one.approvers, "approver")
    return Rule(one.level, f"{words.clip(words.plain(one.task), 16)} {one.level:g}: {asked} asked")


def _measured(standing: Standing) -> str:
    return f"generation {standing.measured}"


def _horizon_line(story: Story, task: str, tint: int) -> Series:
    points = tuple(
        Point(
            standing.generation,
            standing.horizons[task].level,
            f"{task}, generation {standing.generation}: horizon {words.level(standing.horizons[task])}",
            strong=standing.promoted,
        )
        for standing in story.standings
        if task in standing.horizons
    )
    return Series(task, points, tint)


def _asked(task: str, standings: Sequence[Standing]) -> bool:
    return any(task in standing.profile.scores for standing in standings)


def _heat_of(task: str, standings: Sequence[Standing]) -> Figure:
    measured = [standing for standing in standings if task in standing.profile.scores]
    rows = [
        Row(
            standing.generation,
            tuple(
                Cell(score.rate, f"{task}, generation {standing.generation}, level {level}: {_score(score)}")
                for level, score in enumerate(standing.profile.scores[task], start=1)
            ),
            standing.horizons[task].level,
        )
        for standing in measured
    ]
    levels = max(len(row.cells) for row in rows)
    numbers = tuple((str(row.generation), *(words.rate(cell.value) for cell in row.cells)) for row in rows)
    head = ("generation", *(str(level) for level in range(1, levels + 1)))
    label = (
        f"Accuracy of {task} by generation and level; horizon {words.level(measured[-1].horizons[task])} now"
    )
    return Figure(task, "", heat_map(rows, levels, label), Table(head, numbers))


def _label_point(generation: int, task: str, score: Score) -> Point:
    return Point(
        generation, score.rate, f"{task}, generation {generation}: {_score(score)} right", strong=True
    )


def _score(score: Score) -> str:
    return f"{words.rate(score.rate)} ({words.count(score.right)} of {words.count(score.asked)})"


def _model_row(model: Descent) -> tuple[str, ...]:
    return (
        str(model.generation),
        str(model.member + 1),
        words.short(model.digest),
        words.short(model.parent),
        model.fate,
        words.count(model.steps),
        words.count(model.parameters),
        ", ".join(
            [
                *([words.METHODS[model.method]] if model.method else []),
                *(f"{words.short(data)} {words.rate(share)}" for data, share in model.data.items()),
            ]
        ),
    )


def _ladder_points(ladder: Sequence[float]) -> tuple[Point, ...]:
    return tuple(Point(generation, value) for generation, value in enumerate(ladder))
