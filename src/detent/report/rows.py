"""The report's tables that stand for themselves: generations, tests at the gate, data files, sessions."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET

from detent.evaluate import interval_of
from detent.report import _words as words
from detent.report.figures import Table
from detent.report.methods import HEAD, method_rows
from detent.report.story import Batch, Opening, Session, Story, Trial, Turn
from detent.tasks import is_principle
from detent.values import Gain

UNKNOWN = "-"
ORIGINS = {"seed": "true answers", "preferred": "a judge's preferences"}
"""Where examples came from; all others a model of the run made."""


class TurnRow(NamedTuple):
    """One generation as a person reads it.

    aims: the weak spots. reading: the diagnosis's own sentence. plan: the tasks under each remedy.
    change: what was proposed beside the data, "" for nothing.
    """

    generation: str
    aims: tuple[str, ...]
    reading: str
    plan: dict[str, list[str]]
    change: str
    recipes: tuple[str, ...]
    gain: str
    items: str
    verdict: str
    verdict_words: str
    decision: str
    decision_words: str
    because: str


def turn_row(turn: Turn) -> TurnRow:
    """A decided generation in words."""
    opening = turn.opening
    verdict = opening.verdict if opening else "none"
    return TurnRow(
        generation=str(turn.generation),
        aims=tuple(map(words.weak_spot, turn.weaknesses)),
        reading=turn.diagnosis.reading if turn.diagnosis else "",
        plan=turn.plan,
        change=turn.change.said if turn.change else "",
        recipes=tuple(_recipes(turn)),
        gain=words.interval(opening.gain) if opening and opening.gain else UNKNOWN,
        items=words.count(opening.items) if opening and opening.items is not None else UNKNOWN,
        verdict=verdict,
        verdict_words=opening.said if opening else words.VERDICTS[verdict],
        decision=turn.decision,
        decision_words=words.decision(turn.decision, turn.candidate),
        because=turn.because,
    )


def _recipes(turn: Turn) -> Iterator[str]:
    proposal = turn.proposal
    if proposal is None:
        return
    if proposal.because and not (turn.diagnosis and turn.diagnosis.reading == proposal.because):
        yield proposal.because
    for task, recipe in proposal.recipes.items():
        if recipe.rungs:
            yield words.recipe_text(task, recipe)
    if turn.change is not None:
        kept = "" if turn.change.keeps else ", after which the model no longer says what it said"
        yield f"beside the data, by {turn.change.by}: {turn.change.said}{kept}"
    mix, models = proposal.mix, words.number_of(len(proposal.team), "model")
    shares = (
        f"newest {words.rate(mix.newest)}, earlier {words.rate(mix.earlier)}, seed {words.rate(mix.seed)}"
    )
    yield f"{models}, {words.count(proposal.steps)} steps each on {shares}"


def tests(opening: Opening) -> Table:
    """Every test of an opening with its counts: from these anyone recomputes ln e."""
    head = (
        "test",
        "kind",
        "bound",
        "items",
        "limit",
        "wins",
        "losses",
        "ties",
        "ln e",
        f"ln 1/{words.ALPHA}",
        "",
    )
    return Table(head, tuple(_test(trial, opening) for trial in opening.trials), numbers=2)


def _test(trial: Trial, opening: Opening) -> tuple[str, ...]:
    target, result = trial.target, trial.result
    kind = words.TESTS[target.kind] + (" to the anchor" if target.against is not UNSET else "")
    asked = (target.name, kind, words.rate(target.bound) if target.bound else "0")
    threshold = f"{opening.threshold:.2f}"
    if result is None:
        return (*asked, UNKNOWN, words.count(target.limit), *[UNKNOWN] * 4, threshold, "not run")
    counts = result.counts
    numbers = (counts.items, target.limit, counts.wins, counts.losses, counts.ties)
    ending = "passed" if result.passed else "not passed"
    return (*asked, *(words.count(number) for number in numbers), f"{result.log_e:.2f}", threshold, ending)


def principles(opening: Opening) -> Table | None:
    """The principles of an opening with their intervals; None where it had none, or none was reached."""
    trials = [
        trial for trial in opening.trials if is_principle(trial.target.name) and trial.result is not None
    ]
    if not trials:
        return None
    head = ("principle", "points lost at most", "candidate minus incumbent, points", "items", "")
    return Table(head, tuple(row for trial in trials for row in _principle(trial)), numbers=1)


def _principle(trial: Trial) -> Iterator[tuple[str, ...]]:
    if trial.result is not None:
        counts = trial.result.counts
        low, high = interval_of(counts)
        yield (
            trial.target.name.partition("/")[2],
            words.points(trial.target.bound).removeprefix("+"),
            words.interval(Gain(low, high, counts.items)),
            words.count(counts.items),
            "no worse" if trial.result.passed else "not shown to be no worse",
        )


def methods(story: Story) -> Table | None:
    """What the charter's methods made right and wrong; None where none was audited."""
    found = tuple(method_rows(story.written))
    return Table(HEAD, found, numbers=3) if found else None


def batches(story: Story) -> Table:
    """Data files: where every training example came from, and how much of what was made was kept."""
    head = ("generation", "file", "origin", "written by", "filter", *(f"{task}, kept" for task in story.top))
    return Table(head, tuple(_batch(batch, story) for batch in story.batches), numbers=5)


def _batch(batch: Batch, story: Story) -> tuple[str, ...]:
    origin = batch.origin
    return (
        str(batch.generation),
        words.short(batch.digest),
        ORIGINS.get(origin.source, "self-made"),
        ", ".join(words.short(labeller) for labeller in origin.labellers) or UNKNOWN,
        origin.filter or UNKNOWN,
        *(_kept(batch, task) for task in story.top),
    )


def _kept(batch: Batch, task: str) -> str:
    if not batch.offered.get(task):
        return UNKNOWN
    if batch.origin.source == "seed":
        return words.count(batch.kept[task])
    return f"{words.count(batch.kept.get(task, 0))} of {words.count(batch.offered[task])}"


def sessions(story: Story) -> Table:
    """What ran, each set of circumstances once, with when it was first seen."""
    head = ("from", "software", "threads", "run seed", "workers", "evaluator")
    seen: dict[tuple[str, ...], str] = {}
    for session in story.sessions:
        seen.setdefault(_session(session), session.at)
    return Table(head, tuple((at, *row) for row, at in seen.items()), numbers=len(head))


def _session(session: Session) -> tuple[str, ...]:
    software = ", ".join(f"{name} {version}" for name, version in sorted(session.software.items()))
    confined = "confined" if session.confined else "unconfined"
    threads, seed = str(session.threads), str(session.seed)
    return software, threads, seed, confined, words.short(session.evaluator)
