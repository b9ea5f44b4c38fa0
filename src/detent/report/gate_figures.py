"""The gate in pictures: gains with their intervals, evidence against items, error budget. See `figures`."""

from markupsafe import Markup

from detent.report import _words as words
from detent.report.charts import Axis, Lines, Point, Rule, Series, axis, line_chart, ticks, whole_ticks
from detent.report.figures import Figure, Table, generations
from detent.report.story import Opening, Story, Trial

SMALL_WIDTH, SMALL_HEIGHT = 300.0, 200.0
TEST_TINTS = {"superiority": 0, "non_inferiority": 1, "floor": 2}


def gains(story: Story) -> Figure | None:
    """Gain at the gate with its interval, one a closed opening."""
    closed = [(turn, turn.opening.gain) for turn in story.decided if turn.opening and turn.opening.gain]
    if not closed:
        return None
    points = tuple(
        Point(
            turn.generation,
            50 * (gain.low + gain.high),
            f"generation {turn.generation}: {words.interval(gain)} points, {words.DECISIONS[turn.decision]}",
            strong=turn.promoted,
            low=100 * gain.low,
            high=100 * gain.high,
        )
        for turn, gain in closed
    )
    ends = [0.0, *(100 * end for _, gain in closed for end in (gain.low, gain.high))]
    chart = Lines(
        label=f"Gain over the incumbent with its 95 % interval, {words.number_of(len(closed), 'opening')}",
        series=(Series("", points, line=False, bars=True),),
        x=generations(story),
        y=axis("points", ends),
        rules=(Rule(0.0),),
    )
    rows = tuple(
        (str(turn.generation), words.points(gain.low), words.points(gain.high), words.count(gain.items))
        for turn, gain in closed
    )
    return Figure(
        "Gain at the gate",
        f"95 % confidence sequence of candidate minus incumbent where the incumbent is weak{_of_smaller(story)}, in "
        "percentage points; the mark is its middle. Filled: promoted. The mean where a test stopped is biased and "
        "not shown.",
        line_chart(chart),
        Table(("generation", "low", "high", "items"), rows),
    )


def _of_smaller(story: Story) -> str:
    """Nothing in a run without smaller candidates."""
    if not any(opening.smaller for opening in story.openings):
        return ""
    return " (of a candidate tried for being smaller: on the first task's whole ladder)"


def evidence(opening: Opening) -> Markup:
    """One opening: ln e of every test against the items it used, and the threshold all must reach."""
    traces = [(trial, trace(trial)) for trial in opening.trials]
    reached = [value for _, points in traces for _, value in points]
    most = max((items for _, points in traces for items, _ in points), default=1)
    low = max(min([0.0, *reached]), -opening.threshold)
    high = max([opening.threshold, *reached]) * 1.05
    lines = [_evidence_line(trial, points) for trial, points in traces]
    ends = [_evidence_end(trial, points) for trial, points in traces]
    return line_chart(
        Lines(
            label=f"Opening {opening.k}: evidence against items; {opening.said}",
            series=(*lines, *ends),
            x=Axis("items", 0, max(most, 1), ticks(0, max(most, 1), 4)),
            y=Axis("", low, high, ticks(low, high, 4)),
            rules=(Rule(opening.threshold),),
            width=SMALL_WIDTH,
            height=SMALL_HEIGHT,
        )
    )


def trace(trial: Trial) -> list[tuple[int, float]]:
    """(items, ln e) from the start to where the test stopped."""
    if trial.result is None:
        return []
    end = (trial.result.counts.items, trial.result.log_e)
    return [(0, 0.0), *(point for point in sorted(trial.result.trace) if 0 < point[0] < end[0]), end]


def budget(story: Story, most: int = 0) -> Figure | None:
    """Error budget spent, opening by opening; of more than `most`, evenly chosen ones and the last. 0: all."""
    total = story.budget
    if total is None:
        return None
    spent, steps, marks, rows = 0.0, [Point(0, 0.0)], [], []
    every = -(-len(story.openings) // most) if most else 1
    for number, opening in enumerate(story.openings, start=1):
        before, spent = spent, spent + opening.alpha
        if number % every and number < len(story.openings):
            continue
        steps.append(Point(opening.k, before))
        steps.append(Point(opening.k, spent))
        title = f"opening {opening.k}: {words.small(opening.alpha)} spent, {opening.said}"
        marks.append(Point(opening.k, spent, title, strong=opening.verdict == "better"))
        rows.append(_budget_row(opening, spent))
    budget_ticks = tuple((value, words.small(value)) for value, _ in ticks(0, total))
    chart = Lines(
        label=f"Error budget: {words.small(spent)} of {words.small(total)} spent in {len(story.openings)} openings",
        series=(Series("", tuple(steps), marks=False), Series("", tuple(marks), line=False)),
        x=Axis("opening", 0, len(story.openings) + 0.5, whole_ticks(0, len(story.openings))),
        y=Axis("probability of any false promotion, at most", 0, total * 1.15, budget_ticks),
        rules=(Rule(total, f"the whole run: {words.small(total)}"),),
    )
    return Figure(
        "Spent, opening by opening",
        "Opening k may err with probability A/(k(k+1)), so all openings together, however many, stay below "
        "A. The budget never runs out; each opening only asks for more evidence than the last. Filled: "
        "passed.",
        line_chart(chart),
        Table(
            ("opening", "generation", "verdict", words.ALPHA, f"ln 1/{words.ALPHA}", "items", "spent so far"),
            tuple(rows),
        ),
    )


def _evidence_line(trial: Trial, points: list[tuple[int, float]]) -> Series:
    tint = TEST_TINTS[trial.target.kind]
    line = tuple(Point(items, value) for items, value in points)
    return Series("", line, tint, marks=False, weight="" if tint == 0 else "thin")


def _evidence_end(trial: Trial, points: list[tuple[int, float]]) -> Series:
    passed = trial.result is not None and trial.result.passed
    ending = "passed" if passed else "not passed"
    title = (
        f"{trial.target.name}: ln e {points[-1][1]:.2f} after {points[-1][0]:,} items, {ending}"
        if points
        else ""
    )
    last = tuple(Point(items, value, title, strong=passed) for items, value in points[-1:])
    return Series("", last, TEST_TINTS[trial.target.kind])


def _budget_row(opening: Opening, spent: float) -> tuple[str, ...]:
    return (
        str(opening.k),
        str(opening.generation),
        opening.said,
        words.small(opening.alpha),
        f"{opening.threshold:.2f}",
        words.count(opening.items_of_all),
        words.small(spent),
    )
