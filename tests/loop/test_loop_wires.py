"""Every tripwire of the catalogue, read from a run in the toy world: quiet while all is well, and awake."""

import json
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec import structs

from detent.assembly.tasks import catalogue
from detent.charter import Charter, complete, default_text, parse_charter
from detent.engine import FakeEngine
from detent.evaluate import evaluator_digest, ladder_rungs, profile_items, public_stream
from detent.loop import Parts, drive, measure, wires_of
from detent.signing import SigningKey
from detent.testing.toy import ToyRules
from detent.tripwires import CATALOGUE
from detent.values import (
    PROCESSOR,
    DataMade,
    Example,
    InterpretJob,
    Item,
    Job,
    LabelJob,
    Labels,
    Proposal,
    Reading,
    Result,
    SessionStarted,
    State,
    Watched,
)

MakeRun = Callable[..., Any]
KEY = SigningKey.from_seed("steward-1", b"p" * 32)

SMALL = (
    ("improve = { copy = 15, reverse = 15, sort = 15 }", "improve = { copy = 12 }"),
    ("generations = 8, hours = 24,", "generations = 1000, hours = 24,"),
    ("seed_problems = 4000", "seed_problems = 5"),
    ("label_prompts = 800", "label_prompts = 100"),
    ("label_keep = 400", "label_keep = 60"),
    ("review_prompts = 120", "review_prompts = 10"),
    ("superiority = 2000, non_inferiority = 2000", "superiority = 9000, non_inferiority = 9000"),
)


def charter(*changes: tuple[str, str]) -> Charter:
    """The default charter with every wire, on one small task."""
    text = complete(default_text(), [str(KEY.verify_key)], "0" * 64, 2000, {})
    for old, new in (*SMALL, *changes):
        assert old in text, old
        text = text.replace(old, new)
    return parse_charter(text, catalogue())


def turn(run: Any, generations: int, **changes: Any) -> State:
    """One session with every wire, as a real one begins."""
    with run.open() as ledger:
        wires = changes.pop("wires", None) or wires_of(run.charter, {})
        given = {"wires": wires, "surroundings": lambda: {"library": "1.0"}} | changes
        parts = run.parts(ledger, **given)
        parts.book.write(
            SessionStarted(
                software={"library": "1.0", PROCESSOR: "carried to another since"},
                seed=1,
                threads=1,
                confined=True,
                unconfined_because="",
                evaluator=evaluator_digest(),
                tasks={name: source.digest for name, source in parts.tasks.items()},
            )
        )
        drive(parts, generations, lambda _: None)
        state: State = parts.book.state
        return state


def readings(state: State) -> list[dict[str, Reading]]:
    """By wire, one mapping a generation, that in progress too."""
    turns = [state.history[generation] for generation in sorted(state.history)] + [state.slots]
    found = [slots["watch/v1"] for slots in turns if "watch/v1" in slots]
    return [{reading.wire: reading for reading in one.readings} for one in found if isinstance(one, Watched)]


@pytest.fixture
def wired(make_run: MakeRun) -> Callable[..., Any]:
    def make(*changes: tuple[str, str], **rules: Any) -> Any:
        found = charter(*changes)
        run = make_run(rules=ToyRules(**rules), charter={"direction": {"improve": {"copy": 12}}})
        run.charter = found
        return run

    return make


def fired(state: State) -> list[str]:
    return sorted({wire for one in readings(state) for wire, reading in one.items() if reading.fired})


def test_every_wire_of_the_catalogue_is_read_at_every_generation(wired: Callable[..., Any]) -> None:
    run = wired()
    state = turn(run, 2)
    assert [list(one) for one in readings(state)] == [list(CATALOGUE)] * 2
    assert fired(state) == []


@pytest.mark.long
def test_three_hundred_quiet_generations_are_never_paused(wired: Callable[..., Any]) -> None:
    run = wired(step=0.02)
    run.lease(1000)
    state = turn(run, 300)
    assert state.generation == 301
    assert fired(state) == []


def mislabel(run: Any) -> None:
    """From here on most labels are wrong."""
    honest = run.engine

    def answer(job: Job) -> Result:
        result = honest._handler(job)
        if not (isinstance(job, LabelJob) and isinstance(result, Labels)):
            return result  # type: ignore[no-any-return]
        return structs.replace(result, kept=tuple(map(wrong, result.kept)))

    run.engine = FakeEngine(answer)


def wrong(example: Example) -> Example:
    return structs.replace(example, completion=example.completion[::-1] + "x")


def smuggle(run: Any) -> None:
    """A model that no recorded job made lies among the models."""
    (run.folder / "models" / ("e" * 64)).mkdir()


def exchange(run: Any) -> None:
    """A recorded model's folder holds other weights by now."""
    (folder,) = list((run.folder / "models").glob("[0-9a-f]*"))[:1]
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")


def rename(run: Any) -> None:
    """One recorded model lies under the name of another."""
    first, second = sorted((run.folder / "models").glob("[0-9a-f]*"))[:2]
    shutil.rmtree(first)
    shutil.copytree(second, first)


def once(change: Callable[[Any], object], kind: type[Job]) -> Callable[[Any], object]:
    """Harm that is done behind the run's back, when a worker gets its first job of that kind."""

    def harm(run: Any) -> None:
        honest, waiting = run.engine, [change]

        def answer(job: Job) -> Result:
            while isinstance(job, kind) and waiting:
                waiting.pop()(run)
            return honest._handler(job)  # type: ignore[no-any-return]

        run.engine = FakeEngine(answer)

    return harm


def nothing(_run: Any) -> None:
    """No harm but what the charter or the world brings."""


THRESHOLD = '[[direction.threshold]]\ntask = "copy"\nhorizon = 6.5\n\n[constraints] '

Table = dict[
    str,
    tuple[str, str, tuple[tuple[str, str], ...], dict[str, float], Callable[[Any], object], dict[str, Any]],
]
"""claim: (wire, how the run stops, changes in the charter, in the world, harm done, changes in the parts)"""

AWAKE: Table = {
    "most labels of a generation are wrong": ("label_avalanche", "asked", (), {}, mislabel, {}),
    "a candidate is far better than its parent": ("capability_jump", "asked", (), {"step": 6.0}, nothing, {}),
    "a threshold is reached": (
        "threshold_early_warning", "asked",
        (("[constraints] ", THRESHOLD),), {}, nothing, {},
    ),
    "weights lie there that nobody recorded": ("unauthorised_training", "halted", (), {}, smuggle, {}),
    "a library is another than the run began with": (
        "gate_tampering", "halted", (), {}, nothing, {"surroundings": lambda: {"library": "2.0"}},
    ),
    "somebody holds a longer ledger": (
        "ledger_rewind", "halted", (), {}, nothing, {"heads": lambda: [("a friend", 10_000, "a" * 64)]},
    ),
    "the disk is fuller than the charter allows": (
        "budget", "asked", (("max_disk_gb = 20.0", "max_disk_gb = 1e-6"),), {}, nothing, {},
    ),
    "more is trained than the charter's share of the first training": (
        "budget", "asked", (("max_compute_share = 0.0", "max_compute_share = 0.001"),), {}, nothing, {},
    ),
    "a recorded model was changed behind the run's back": (
        "unauthorised_training", "halted", (), {}, once(exchange, InterpretJob), {},
    ),
    "a recorded model lies under the name of another": (
        "unauthorised_training", "halted", (), {}, once(rename, InterpretJob), {},
    ),
    "a few steps of training bring out what the model does not show": (
        "sandbagging", "asked", (), {"seed_horizon": 4.0, "held_back": 3.0}, nothing, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AWAKE)
def test_the_run_stops_and_says_which_wire_when(wired: Callable[..., Any], name: str) -> None:
    wire, stop, changes, rules, harm, parts = AWAKE[name]
    run = wired(*changes, **rules)
    harm(run)
    state = turn(run, 1, **parts)
    assert wire in fired(state)
    assert state.generation == 1
    assert (state.hold is not None) == (stop == "halted")
    assert (state.request is not None) == (stop == "asked")


def test_a_flood_of_unrecorded_weights_halts_the_run_too(wired: Callable[..., Any]) -> None:
    run = wired()
    for number in range(1_200):
        (run.folder / "models" / f"{number:064x}").mkdir()
    state = turn(run, 1)
    assert state.hold is not None
    assert state.hold.by == "unauthorised_training"


class Pleased:
    """A proxy as `Parts` has them: what begins with an even digit pleases it."""

    name = "even"

    def accepts(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        return [completion[:1] in set("02468") for _, completion in pairs]


PROXIED = (("[run]", '[proxies.even]\nsource = "even.py:accepts"\nsha256 = "' + "0" * 64 + '"\n\n[run]'),)


def test_only_labels_that_every_proxy_accepts_are_kept_and_the_wire_reads_their_audits(
    wired: Callable[..., Any],
) -> None:
    run = wired(*PROXIED)
    state = turn(run, 1, proxies={"even": Pleased()})
    made = state.history[1]["data/v1"]
    assert isinstance(made, DataMade)
    assert made.origin.filter.endswith("accepted by even")
    rows = (run.folder / "data" / f"{made.digest}.jsonl").read_text().splitlines()
    assert rows
    assert {json.loads(row)["completion"][0] for row in rows} <= set("02468")
    assert readings(state)[0]["proxy_gold_gap"].status == "quiet"


def test_a_proxy_that_accepts_wrong_labels_is_seen(wired: Callable[..., Any]) -> None:
    run = wired(*PROXIED, ("tolerated = 0.3 ", "tolerated = 0.9 "))
    mislabel(run)

    class Fooled(Pleased):
        def accepts(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
            return [True for _ in pairs]

    state = turn(run, 1, proxies={"even": Fooled()})
    assert "proxy_gold_gap" in fired(state)
    assert "label_avalanche" not in fired(state)
    assert state.request is not None


JUDGED = (
    ('methods = ["self_label", "dpo"]', 'methods = ["self_label", "judge"]\nanchors = 8'),
    ("tolerated = 0.3 ", "tolerated = 0.9 "),
)


def mislabel_judged(run: Any, likely: float) -> None:
    """From here on most labels are wrong, and the judge finds each as likely to be right."""
    mislabel(run)
    before = run.engine

    def answer(job: Job) -> Result:
        result = before._handler(job)
        if not isinstance(result, Labels):
            return result  # type: ignore[no-any-return]
        kept = tuple(structs.replace(one, judged=likely) for one in result.kept)
        return structs.replace(result, kept=kept)

    run.engine = FakeEngine(answer)


def test_what_a_judge_praises_is_watched_without_any_proxy_in_the_charter(wired: Callable[..., Any]) -> None:
    run = wired(*JUDGED)
    reading = readings(turn(run, 1))[0]["proxy_gold_gap"]
    assert reading.status == "quiet"
    assert "copy, as judged: of " in reading.said


def test_a_judge_that_praises_wrong_labels_is_seen(wired: Callable[..., Any]) -> None:
    run = wired(*JUDGED)
    mislabel_judged(run, 0.5)
    state = turn(run, 1)
    assert "proxy_gold_gap" in fired(state)
    assert "label_avalanche" not in fired(state)
    assert readings(state)[0]["proxy_gold_gap"].about == ("copy, as judged",)


def test_wrong_labels_that_the_judge_does_not_find_right_say_nothing_of_it(wired: Callable[..., Any]) -> None:
    run = wired(*JUDGED)
    mislabel_judged(run, 0.49)
    reading = readings(turn(run, 1))[0]["proxy_gold_gap"]
    assert reading.status == "quiet"
    assert reading.said.startswith("copy, as judged: of 0 labels the proxy accepts 0 are wrong")


def test_proxies_and_a_judge_are_watched_side_by_side(wired: Callable[..., Any]) -> None:
    """Labels that every proxy accepts and the judge does not praise: the proxies are gamed, it is not."""
    run = wired(*JUDGED, *PROXIED)
    mislabel_judged(run, 0.49)

    class Fooled(Pleased):
        def accepts(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
            return [True for _ in pairs]

    state = turn(run, 1, proxies={"even": Fooled()})
    assert readings(state)[0]["proxy_gold_gap"].about == ("copy",)


def test_without_proxy_and_judge_no_filter_uses_one(wired: Callable[..., Any]) -> None:
    assert readings(turn(wired(), 1))[0]["proxy_gold_gap"].status == "nothing"


def test_sweeps_are_made_in_the_first_generation_and_every_fourth_after_it(wired: Callable[..., Any]) -> None:
    run = wired(step=0.1)
    run.lease(10)
    state = turn(run, 6)
    due = [one["sandbagging"].status for one in readings(state)]
    assert due == ["quiet", "not_due", "not_due", "not_due", "quiet", "not_due"]


def test_noise_that_raises_the_score_is_seen_at_the_sweep(wired: Callable[..., Any]) -> None:
    state = turn(wired(noise_cost=-20.0, step=0.0), 6)
    assert [one["sandbagging"].status for one in readings(state)] == ["fired"]
    assert state.generation == 1


LEAKS = {
    "the visible problems of a generation are labelled and trained on": (
        "visible",
        64,
        "are prompts of a test",
    ),
    "a frozen probe is labelled and trained on": ("probes", 2, "canaries stand in the training data"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_tests_in_the_training_data_halt_the_run_when(
    wired: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stream, each, said = LEAKS[name]
    run = wired(("copy = 12", "copy = 14"), seed_horizon=10.0)
    honest = measure.label_items

    def leaky(parts: Parts, proposal: Proposal, seed: bytes) -> list[Item]:
        mine = honest(parts, proposal, seed)
        generation = parts.book.state.generation if stream == "visible" else 0
        other = public_stream(parts.charter.run.seed, stream, generation)
        tests = profile_items(parts.tasks, ladder_rungs(parts.tops, each), other)
        # In place of as many, so that every rung has as many prompts as were planned.
        for rung in {item.slice for item in mine}:
            places = [place for place, item in enumerate(mine) if item.slice == rung]
            for place, item in zip(places, (one for one in tests if one.slice == rung), strict=False):
                mine[place] = item
        return mine

    monkeypatch.setattr(measure, "label_items", leaky)
    state = turn(run, 1)
    assert fired(state) == ["contamination"]
    assert said in readings(state)[0]["contamination"].said
    assert state.hold is not None
