"""A ledger as a run of the loop writes it, drawn from a seeded stream: what the report's tests render.

    >>> entries = ledger(generations=8, seed=1)

The order of the slots, the shapes and the sizes are the loop's own; the gate's evidence is computed by the
gate's own arithmetic from simulated answers. No model is trained.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import exp
from typing import Any, Literal, TypeVar

from detent.evaluate import alpha, item_limit, log_e, passes
from detent.tasks import Rng
from detent.values import (
    Audited,
    CandidateTrained,
    CharterSigned,
    Counts,
    DataMade,
    DataProposal,
    Decided,
    Diagnosed,
    Diagnosis,
    Entry,
    Filter,
    Gain,
    Intent,
    IntentWritten,
    LabelRecipe,
    LeaseGranted,
    Mix,
    Origin,
    Outcome,
    OutcomeWritten,
    Profile,
    Profiled,
    Proposed,
    Rung,
    Score,
    SessionStarted,
    Slice,
    Source,
    SubjectBuilt,
    Target,
    TestResult,
    Weakness,
    sha256_hex,
)
from detent.values.jobs import Optimizer

TOP = {"copy": 15, "reverse": 15, "sort": 15}
BUDGET = 0.05
EVENTFUL = 8
"""A seed whose eight generations promote, carry on and discard, one of them without an opening."""
E = TypeVar("E", bound=Entry)


@dataclass
class Words:
    """Every text on the ledger that a model or a person chose; tests put hostile ones in."""

    tasks: tuple[str, ...] = ("copy", "reverse", "sort")
    reading: str = "reverse is weakest: its labels were .688 right, so it gets cleaner ones first"
    plan: str = "reverse gets a stricter filter one level lower; the others climb"
    passed: str = "every test passed"
    failed: str = "superiority undecided: the items ran out"
    filter: str = "confidence .900, agreement .667"
    unconfined: str = "bubblewrap is not installed"
    software: dict[str, str] = field(
        default_factory=lambda: {
            "detent": "0.1.0",
            "python": "3.11.9",
            "torch": "2.13.0",
            "transformers": "5.23.0",
        }
    )


@dataclass
class Making:
    """A run being made up: the loop's own variables, and how far each task's model reaches."""

    rng: Rng
    words: Words
    confined: bool
    reach: dict[str, float]
    generation: int = 0
    k: int = 0
    incumbent: str = ""
    team: tuple[str, ...] = ()
    minutes: int = 0

    def write(self, kind: type[E], **fields: Any) -> E:
        self.minutes += 1
        clock = f"{self.minutes // 60 % 24:02d}:{self.minutes % 60:02d}:00Z"
        at = f"2026-01-{1 + self.minutes // 1440:02d}T{clock}"
        return kind(at=at, generation=self.generation, **fields)

    def digest(self) -> str:
        return sha256_hex(str(self.rng.randrange(2**60)).encode())

    def profile(self, subject: str, asked: int = 64) -> Profile:
        return Profile(subject, {task: self.scores(self.reach[task], asked) for task in self.words.tasks})

    def scores(self, reach: float, asked: int) -> tuple[Score, ...]:
        rates = [1 / (1 + exp((level - reach) / 0.55)) for level in range(1, 16)]
        return tuple(Score(sum(self.rng.random() < rate for _ in range(asked)), asked) for rate in rates)


def ledger(
    generations: int = 8, seed: int = 1, words: Words | None = None, *, confined: bool = True
) -> list[Entry]:
    """A whole ledger: charter, lease, session, generation 0, and that many turns."""
    chosen = words or Words()
    reach = dict(zip(chosen.tasks, (6.8, 5.9, 8.0, 6.0, 7.0, 5.0), strict=False))
    making = Making(Rng(sha256_hex(str(seed).encode()).encode()), chosen, confined, reach)
    entries = list(_beginning(making, generations))
    for generation in range(1, generations + 1):
        making.generation = generation
        entries += _turn(making)
    return entries


def _beginning(making: Making, lease: int) -> Iterator[Entry]:
    words, data = making.words, making.digest()
    yield making.write(CharterSigned, version=1, digest=making.digest(), envelope="{}")
    yield making.write(
        LeaseGranted,
        number=1,
        generations=max(lease, 1),
        expires="2030-01-01T00:00:00Z",
        petaflop=0.2,
        envelope="{}",
    )
    yield making.write(
        SessionStarted,
        software=words.software,
        seed=1,
        threads=2,
        confined=making.confined,
        unconfined_because="" if making.confined else words.unconfined,
        evaluator=making.digest(),
    )
    counts = {task: {str(level): 6000 for level in range(1, 6)} for task in words.tasks}
    seed = {"digest": data, "origin": Origin("seed"), "counts": counts, "offered": {}}
    yield making.write(DataMade, **seed, stream="00" * 32)
    making.team = (making.digest(), making.digest())
    for member, digest in enumerate(making.team):
        yield _built(making, member, digest, data)
    yield from _visible(making, making.team)
    leader = making.incumbent = making.team[0]
    yield making.write(Profiled, purpose="fresh", profile=making.profile(leader), stream="01" * 32)
    yield _decided(making, "promote", leader, making.team, "the first model")


def _built(making: Making, member: int, digest: str, data: str) -> SubjectBuilt:
    return making.write(
        SubjectBuilt,
        member=member,
        digest=digest,
        parent=sha256_hex(b"untrained"),
        parameters=612_480,
        data=(Source(data, 1.0),),
        steps=700,
        seed=7 + member,
        flops=4.2e12,
        precision="float32",
        losses=(2.1, 0.4, 0.1),
    )


def _visible(making: Making, models: tuple[str, ...]) -> Iterator[Profiled]:
    for member, digest in enumerate(models):
        profile = making.profile(digest, 96)
        yield making.write(Profiled, purpose="visible", member=member, profile=profile, stream="02" * 32)


def _turn(making: Making) -> Iterator[Entry]:
    words, rng = making.words, making.rng
    visible = making.profile(making.incumbent, 96)
    steps = {task: rng.choice((0.0, 0.25, 0.6, 1.0)) for task in words.tasks}
    right = {task: Score(80 - rng.randrange(7 if steps[task] else 36), 80) for task in words.tasks}
    proposal = _proposal(making, visible, right)
    yield making.write(Diagnosed, diagnosis=_diagnosis(words, visible, right))
    yield making.write(Proposed, proposal=proposal)
    data = making.digest()
    yield _labels(making, proposal, data)
    yield making.write(Audited, data=data, labels=right, stream="03" * 32)
    candidates = (making.digest(), making.digest())
    for member, digest in enumerate(candidates):
        yield _candidate(making, member, digest, data)
    yield from _visible(making, candidates)
    best = rng.choice(candidates)
    if not any(steps.values()):
        yield _decided(making, "discard", best, making.team, "no candidate looked better: not opened")
        return
    intent = _intent(making, best)
    yield making.write(IntentWritten, intent=intent)
    outcome = _outcome(making, intent, gain=0.11 * sum(steps.values()) / len(steps))
    yield making.write(OutcomeWritten, outcome=outcome)
    if outcome.verdict == "better":
        making.reach = {task: reach + steps[task] for task, reach in making.reach.items()}
        yield making.write(Profiled, purpose="fresh", profile=making.profile(best), stream="04" * 32)
        yield _decided(making, "promote", best, candidates, outcome.because)
    else:
        yield _refused(making, best, candidates, outcome.because)


def _refused(making: Making, best: str, candidates: tuple[str, ...], because: str) -> Decided:
    team = tuple(making.rng.choice(pair) for pair in zip(making.team, candidates, strict=True))
    return _decided(making, "discard" if team == making.team else "carry", best, team, because)


def _decided(
    making: Making,
    decision: Literal["promote", "carry", "discard"],
    candidate: str,
    team: tuple[str, ...],
    because: str,
) -> Decided:
    making.incumbent = candidate if decision == "promote" else making.incumbent
    making.team = team
    fields = {"decision": decision, "incumbent": making.incumbent, "candidate": candidate, "team": team}
    return making.write(Decided, **fields, because=because)


def _diagnosis(words: Words, profile: Profile, right: dict[str, Score]) -> Diagnosis:
    weaknesses = [
        Weakness(
            task,
            profile.frontier(task),
            profile.frontier(task) + 1.3,
            right[task].rate,
            int(right[task].rate < 0.9),
            "purify" if right[task].rate < 0.9 else "climb",
        )
        for task in words.tasks
    ]
    return Diagnosis(tuple(sorted(weaknesses, key=lambda weak: weak.frontier)), words.reading)


def _proposal(making: Making, profile: Profile, right: dict[str, Score]) -> DataProposal:
    recipes = {
        task: LabelRecipe(
            profile.frontier(task),
            tuple(
                Rung(level, 2000, Filter(0.9, 0.667, 1000))
                for level in _levels(profile.frontier(task), right[task])
            ),
            samples=2,
        )
        for task in making.words.tasks
    }
    mix = Mix(0.5, 0.25, 0.25)
    return DataProposal(making.team, recipes, mix, 120, making.words.plan)


def _levels(frontier: int, right: Score) -> tuple[int, ...]:
    low = max(1, frontier - (right.rate < 0.9))
    return tuple(level for level in (low, low + 1) if level <= 15) or (15,)


def _labels(making: Making, proposal: DataProposal, data: str) -> DataMade:
    offered = {
        task: {str(rung.level): rung.prompts for rung in recipe.rungs}
        for task, recipe in proposal.recipes.items()
    }
    counts = {
        task: {level: 300 + making.rng.randrange(700) for level in levels} for task, levels in offered.items()
    }
    origin = Origin("self", making.team, making.words.filter)
    return making.write(
        DataMade, digest=data, origin=origin, counts=counts, offered=offered, stream="05" * 32
    )


def _candidate(making: Making, member: int, digest: str, data: str) -> CandidateTrained:
    return making.write(
        CandidateTrained,
        member=member,
        digest=digest,
        parent=making.team[member],
        data=(
            Source(data, 0.3, (Slice("copy", 7),)),
            Source(sha256_hex(b"seed"), 0.4),
            Source(data, 0.1),
        ),
        steps=120,
        seed=2 * making.generation + member,
        optimizer=Optimizer(),
        parameters=612_480,
        flops=7.3e11,
        precision="float32",
        losses=(0.09, 0.04),
        change={"layers.0": 0.05},
    )


def _intent(making: Making, candidate: str) -> Intent:
    making.k += 1
    return Intent(
        k=making.k,
        alpha=alpha(making.k, BUDGET),
        candidate=candidate,
        incumbent=making.incumbent,
        charter_version=1,
        charter=sha256_hex(b"charter"),
        targets=tuple(_targets(making.words, making.k)),
        tasks={},
        evaluator=sha256_hex(b"evaluator"),
    )


def _targets(words: Words, k: int) -> Iterator[Target]:
    slices = tuple(Slice(task, level) for task in words.tasks for level in (6, 7, 8))
    weights = (1 / len(slices),) * len(slices)
    yield Target("superiority", "superiority", slices, weights, 0.0, item_limit(2000, k, BUDGET))
    for task in words.tasks:
        yield Target(f"ladder {task}", "non_inferiority", (Slice(task, 1),), (1.0,), 0.05, 2000)
    yield Target(f"mastered {words.tasks[0]}", "floor", (Slice(words.tasks[0], 1),), (1.0,), 0.94, 2000)


def _outcome(making: Making, intent: Intent, gain: float) -> Outcome:
    results = tuple(_result(making.rng, target, intent.alpha, gain) for target in intent.targets)
    better = all(result.passed for result in results)
    items = results[0].counts.items
    width = 1.6 / items**0.5
    return Outcome(
        k=intent.k,
        verdict="better" if better else "undecided",
        results=results,
        gain=Gain(max(gain - width, -1.0), min(gain + 0.9 * width, 1.0), items),
        reveal="ab" * 32,
        because=making.words.passed if better else making.words.failed,
        answers=making.digest(),
    )


def _result(rng: Rng, target: Target, a: float, gain: float) -> TestResult:
    """Answers simulated until the test passes or its items run out, 25 at a time."""
    counts, value = Counts(0, 0, 0), 0.0
    trace: list[tuple[int, float]] = []
    while not passes(value, a) and counts.items < target.limit:
        counts = _more(rng, target, counts, gain)
        value = log_e(target.kind, target.bound, counts)
        trace.append((counts.items, value))
    return TestResult(target.name, counts, value, passes(value, a), tuple(trace))


def _more(rng: Rng, target: Target, counts: Counts, gain: float) -> Counts:
    draws = [rng.random() for _ in range(25)]
    if target.kind == "floor":
        wins = sum(draw < 0.995 for draw in draws)
        return Counts(counts.wins + wins, counts.losses + 25 - wins, 0)
    spread, shift = (0.2, gain) if target.kind == "superiority" else (0.03, 0.005)
    wins = sum(draw < (spread + shift) / 2 for draw in draws)
    losses = sum(draw > 1 - (spread - shift) / 2 for draw in draws)
    return Counts(counts.wins + wins, counts.losses + losses, counts.ties + 25 - wins - losses)
