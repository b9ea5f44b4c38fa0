"""`gc` deletes what the charter lets go and no more, and the record says what is gone, and what went with it."""

import os
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from msgspec import structs
from tests.attacks import attacks_world
from tests.attacks.attacks_world import ADA, BOB, CHARTER, CLOCK, CY, Scene, found

from detent.assembly import (
    amend_charter,
    collect,
    collecting,
    give_order,
    make_bundle,
    plan_gc,
    verify_source,
)
from detent.assembly.office import open_office
from detent.assembly.orders import hand_in
from detent.audit import Findings
from detent.charter import order
from detent.errors import BusyError, CharterError, StorageError, TrustError, UsageError
from detent.signing import canonical
from detent.values import Collected, Decided, OutcomeWritten, Reading, State, Watched, entry_document, fold

RULE = """
[retention]
models = "last 1"
data = "in_force"
answers = "last 2"
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Five generations under a charter that lets most of it go; the second and the third were undone.

    The same each time: neither the clock nor what other tests have made changes who is promoted.
    """
    scene = found(tmp_path_factory.mktemp("grown"), CHARTER + RULE)
    with scene.here(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", CLOCK)
        patch.setattr(attacks_world, "_numbers", count(10_000))
        scene.turn(3)
        give_order(scene.run, "rollback", "not these", to=1, keys=[ADA, BOB])
        scene.turn(1)
    return scene


@pytest.fixture
def scene(grown: Scene, tmp_path: Path) -> Iterator[Scene]:
    """A copy that a test may change, on its own machine."""
    copied = grown.copy(tmp_path / "scene")
    with copied.here():
        yield copied


def gone(scene: Scene) -> list[Collected]:
    return [entry for entry in scene.entries() if isinstance(entry, Collected)]


def lines(findings: Findings) -> str:
    return "\n".join(findings.lines)


def in_force(state: State) -> set[str]:
    return {state.incumbent, *state.team}


def files_of(scene: Scene) -> set[str]:
    """Everything that a digest names."""
    parts = (scene.folder.models, scene.folder.data, scene.folder.answers)
    return {path.name for part in parts for path in part.iterdir() if not path.is_symlink()}


def test_what_the_charter_lets_go_goes_and_stands_on_the_ledger(scene: Scene) -> None:
    before = files_of(scene)
    plan = collect(scene.run, {}, "room")
    (entry,) = gone(scene)
    assert set(entry.models) == plan.gone.models
    assert set(entry.data) == plan.gone.data
    assert set(entry.answers) == plan.gone.answers
    assert min(map(len, (entry.models, entry.data, entry.answers))) > 0
    named = {*entry.models, *(f"{digest}.jsonl" for digest in entry.data), *entry.answers}
    assert before - files_of(scene) == named
    assert entry.because == "room"


def test_what_is_in_force_and_what_came_first_stays(scene: Scene) -> None:
    collect(scene.run, {}, "room")
    state = scene.state()
    first = state.history[0]["decision/v1"]
    assert isinstance(first, Decided)
    assert (in_force(state) | {first.incumbent, *first.team}) <= files_of(scene)
    assert {f"{made.digest}.jsonl" for made in state.data} <= files_of(scene)
    assert any(made.origin.source == "seed" for made in state.data)


def test_where_a_link_lies_in_the_place_of_what_goes_the_link_goes_and_what_it_leads_to_stays(
    scene: Scene, tmp_path: Path
) -> None:
    plan = plan_gc(scene.run, {})
    model, answers = min(plan.gone.models), min(plan.gone.answers)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("kept")
    for place in (scene.folder.models / model, scene.folder.answers / answers):
        place.rename(tmp_path / place.name)
        place.symlink_to(tmp_path / "elsewhere")
    inner = min(plan.gone.models - {model})
    (scene.folder.models / inner / "link").symlink_to(tmp_path / "elsewhere")
    collect(scene.run, {}, "room")
    assert (tmp_path / "elsewhere" / "kept").read_text() == "kept"
    assert not os.path.lexists(scene.folder.models / model)
    assert not os.path.lexists(scene.folder.answers / answers)
    assert not os.path.lexists(scene.folder.models / inner)


@pytest.mark.parametrize("part", ["models", "data", "answers"])
def test_nothing_is_deleted_in_a_folder_elsewhere_that_a_link_leads_to(
    scene: Scene, tmp_path: Path, part: str
) -> None:
    place, before = scene.run / part, scene.record()
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    there = sorted((tmp_path / "elsewhere").iterdir())
    with pytest.raises(UsageError, match="got a link: nothing is deleted elsewhere"):
        plan_gc(scene.run, {})
    with pytest.raises(UsageError, match="got a link: nothing is deleted elsewhere"):
        collect(scene.run, {}, "room")
    assert sorted((tmp_path / "elsewhere").iterdir()) == there
    assert scene.record() == before


def test_afterwards_it_verifies_and_says_what_is_gone_and_what_went_with_it(scene: Scene) -> None:
    plan = collect(scene.run, {}, "room")
    findings = scene.verified()
    assert not findings.faults
    place = f"deleted by rule (entry {len(scene.record()) - 1})"
    said = {one.check: "\n".join(one.unchecked) for one in findings.made}
    for check in ("models", "data", "answers"):
        assert place in said[check]
    assert not any("no entry says that they were deleted" in note for note in findings.notes)
    assert plan.openings
    assert f"openings {', '.join(map(str, plan.openings))} can no longer be re-run" in lines(findings)
    assert f"generations {', '.join(map(str, plan.generations))} can no longer be put back" in lines(findings)


def test_the_run_goes_on_and_no_tripwire_takes_it_for_tampering(scene: Scene) -> None:
    collect(scene.run, {}, "room")
    assert scene.turn(2).stop == "enough"
    watched = [entry for entry in scene.entries() if isinstance(entry, Watched)][-2:]
    readings: list[Reading] = [reading for entry in watched for reading in entry.readings]
    assert {reading.status for reading in readings if reading.wire == "unauthorised_training"} == {"quiet"}
    assert not any(reading.status == "unmeasured" for reading in readings)
    assert not scene.verified().faults


def test_a_bundle_and_a_second_time_tell_the_same(scene: Scene, tmp_path: Path) -> None:
    collect(scene.run, {}, "room")
    assert len(collect(scene.run, {}, "room").gone) == 0
    assert len(gone(scene)) == 1
    make_bundle(scene.run, tmp_path / "run.zip", models="all")
    findings = verify_source(str(tmp_path / "run.zip"))
    assert not findings.faults
    assert "deleted by rule" in lines(findings)


def test_a_look_changes_nothing(scene: Scene) -> None:
    before = files_of(scene), scene.record()
    plan = plan_gc(scene.run, {})
    assert (files_of(scene), scene.record()) == before
    done = collect(scene.run, {}, "room")
    assert (plan.gone, plan.sizes) == (done.gone, done.sizes)


def test_more_may_be_kept(scene: Scene) -> None:
    plan = collect(scene.run, {"models": "all", "data": "all", "answers": "last 3"}, "room")
    assert (len(plan.gone.models), len(plan.gone.data)) == (0, 0)
    outcomes = [entry.outcome.answers for entry in scene.entries() if isinstance(entry, OutcomeWritten)]
    assert plan.gone.answers == frozenset(outcomes[:-3])


REFUSED = {
    "less is kept than the charter says, of answers": (
        RULE.replace("last 2", "last 3"),
        {"answers": "last 2"},
    ),
    "less is kept than the charter says, of models": (
        RULE.replace("last 1", "all"),
        {"models": "last 1"},
    ),
    "less is kept than the charter says, of data": (RULE.replace("in_force", "all"), {"data": "in_force"}),
    "the charter says nothing": ("", {"models": "last 1"}),
}


@pytest.mark.parametrize("attempt", REFUSED)
def test_no_more_goes_than_the_charter_lets_go(attempt: str, scene: Scene, tmp_path: Path) -> None:
    rule, keep = REFUSED[attempt]
    draft = tmp_path / "new.toml"
    draft.write_text(scene.folder.charter.read_text().replace(RULE, rule))
    amend_charter(scene.run, draft, keys=[ADA, BOB])
    before = files_of(scene)
    with pytest.raises(CharterError, match="amend the charter, or keep more"):
        collect(scene.run, keep, "room")
    assert files_of(scene) == before
    assert not gone(scene)


WORDS = {
    "a kind that there is not": {"entries": "last 1"},
    "a rule that there is not": {"models": "newest"},
    "none of the last": {"models": "last 0"},
    "a rule of another kind": {"data": "promoted"},
    "nothing": {"models": ""},
}


@pytest.mark.parametrize("words", WORDS)
def test_other_words_are_the_callers_mistake(words: str, scene: Scene) -> None:
    with pytest.raises(UsageError, match="KIND=RULE"):
        collect(scene.run, WORDS[words], "room")


@pytest.mark.parametrize("because", ["", "two\nlines", "x" * 1001, "\x1b[2J"])
def test_a_reason_is_one_line(because: str, scene: Scene) -> None:
    with pytest.raises(UsageError, match="a reason of one line"):
        collect(scene.run, {}, because)
    assert not gone(scene)


def test_not_beside_a_process_that_has_the_run_open(scene: Scene) -> None:
    before = files_of(scene)
    with open_office(scene.run), pytest.raises(BusyError):
        collect(scene.run, {}, "room")
    assert files_of(scene) == before


def test_not_while_the_run_is_halted(scene: Scene) -> None:
    give_order(scene.run, "halt", "let us look", keys=[CY])
    before = files_of(scene)
    with pytest.raises(UsageError, match="not halted"):
        collect(scene.run, {}, "room")
    with pytest.raises(UsageError, match="not halted"):
        plan_gc(scene.run, {})
    assert files_of(scene) == before


def test_a_halt_that_waits_in_the_inbox_comes_first(scene: Scene) -> None:
    with open_office(scene.run):
        give_order(scene.run, "pause", "let us look", keys=[CY])
    collect(scene.run, {}, "room")
    kinds = [entry.kind for entry in scene.entries()[-2:]]
    assert kinds == ["order/v1", "collected/v1"]


def test_a_rollback_to_what_is_gone_is_refused_and_to_what_is_there_is_not(scene: Scene) -> None:
    plan = collect(scene.run, {}, "room")
    state = scene.state()
    lost = set(plan.generations)
    assert set() < lost < set(state.history)
    for generation in lost:
        with pytest.raises(UsageError, match="of which `detent gc` deleted some"):
            give_order(scene.run, "rollback", "back", to=generation, keys=[ADA, BOB])
        envelope = order(
            scene.signed,
            "rollback",
            "back",
            size=state.entries,
            root=scene.at().root(state.entries).hex(),
            keys=[ADA, BOB],
            to=generation,
        )
        with pytest.raises(TrustError, match="were not deleted"):
            hand_in(scene.run, envelope)
    kept = max(set(state.history) - lost - {state.generation - 1})
    assert give_order(scene.run, "rollback", "back", to=kept, keys=[ADA, BOB]).entry is not None
    assert not scene.verified().faults


def test_cut_short_after_the_entry_the_next_one_deletes_without_another(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(scene)

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(collecting, "discard", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(scene.run, {}, "room")
    assert files_of(scene) == before
    assert not scene.verified().faults
    collect(scene.run, {}, "room")
    assert len(gone(scene)) == 1
    assert len(files_of(scene)) < len(before)
    assert not scene.verified().faults


def test_what_cannot_be_deleted_is_said_and_the_next_one_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(collecting, "discard", lambda _: None)
        with pytest.raises(StorageError, match="it is still there"):
            collect(scene.run, {}, "room")
    assert len(collect(scene.run, {}, "room").gone) > 0
    assert len(gone(scene)) == 1


def test_more_than_an_entry_holds_takes_several(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "MOST_LISTED", 2)
    plan = collect(scene.run, {}, "room")
    assert len(gone(scene)) == -(-len(plan.gone) // 2) > 1
    assert not scene.verified().faults


def test_an_entry_of_the_most_digests_fits_into_a_ledger() -> None:
    some = tuple(f"{number:064x}" for number in range(collecting.MOST_LISTED))
    entry = Collected(models=some, data=(), answers=(), because="\u00e9" * collecting.LONGEST_REASON)
    assert len(canonical(entry_document(entry))) < 65_535


def test_what_is_missing_and_was_not_deleted_by_rule_is_a_fault(scene: Scene) -> None:
    collect(scene.run, {"data": "all"}, "room")
    kept = min(scene.folder.data.iterdir())
    kept.unlink()
    assert [one.check for one in scene.verified().faults] == ["data"]


def test_a_file_that_was_put_back_is_looked_at_like_any_other(grown: Scene, scene: Scene) -> None:
    plan = collect(scene.run, {}, "room")
    digest = min(plan.gone.data)
    (scene.folder.data / f"{digest}.jsonl").write_bytes((grown.folder.data / f"{digest}.jsonl").read_bytes())
    assert not scene.verified().faults
    (scene.folder.data / f"{digest}.jsonl").write_bytes(b"{}\n")
    assert [one.check for one in scene.verified().faults] == ["data"]


def forged(scene: Scene, state: State) -> dict[str, tuple[Sequence[Collected], str]]:
    """Entries that the holder of the ledger's key can write, and the check that tells."""
    allowed = plan_gc(scene.run, {}).gone
    none = Collected(models=(), data=(), answers=(), because="room")
    newest = [entry.outcome.answers for entry in scene.entries() if isinstance(entry, OutcomeWritten)][-1]
    labels = next(made.digest for made in state.data if made.origin.source == "self")
    return {
        "the model in force": ([structs.replace(none, models=(state.incumbent,))], "order"),
        "data that may be trained on": ([structs.replace(none, data=(labels,))], "order"),
        "a model under the name of answers": ([structs.replace(none, answers=(state.incumbent,))], "order"),
        "answers that the charter keeps": ([structs.replace(none, answers=(newest,))], "retention"),
        "what no entry names": ([structs.replace(none, models=("ab" * 32,))], "retention"),
        "a name that is no digest": ([structs.replace(none, models=("incumbent",))], "retention"),
        "data among the models": ([structs.replace(none, models=(min(allowed.data),))], "retention"),
        "one thing twice": ([structs.replace(none, models=(min(allowed.models),) * 2)], "retention"),
        "nothing": ([none], "retention"),
    }


FORGED = (
    *("the model in force", "data that may be trained on", "a model under the name of answers"),
    *("answers that the charter keeps", "what no entry names", "a name that is no digest"),
    *("data among the models", "one thing twice", "nothing"),
)


@pytest.mark.parametrize("what", FORGED)
def test_a_record_of_deleting_what_may_not_go_is_a_fault(what: str, scene: Scene) -> None:
    state = scene.state()
    entries, check = forged(scene, state)[what]
    scene.append(*(structs.replace(one, at=state.latest_at, generation=state.generation) for one in entries))
    assert check in [one.check for one in scene.verified().faults]


def test_a_record_of_deleting_during_a_halt_is_a_fault(scene: Scene) -> None:
    allowed = plan_gc(scene.run, {}).gone
    give_order(scene.run, "halt", "let us look", keys=[CY])
    state = scene.state()
    entry = Collected(
        models=tuple(allowed.models),
        data=(),
        answers=(),
        because="x",
        at=state.latest_at,
        generation=state.generation,
    )
    scene.append(entry)
    assert "order" in [one.check for one in scene.verified().faults]


def test_what_was_let_go_is_judged_by_the_charter_of_its_time(scene: Scene, tmp_path: Path) -> None:
    collect(scene.run, {}, "room")
    draft = tmp_path / "new.toml"
    draft.write_text(scene.folder.charter.read_text().replace(RULE, ""))
    amend_charter(scene.run, draft, keys=[ADA, BOB])
    assert not scene.verified().faults


def test_what_is_made_again_is_no_longer_gone(scene: Scene) -> None:
    """The same labels in a later generation are a new file, that has to be there."""
    collect(scene.run, {}, "room")
    state = scene.state()
    (entry,) = gone(scene)
    made = next(
        slots["data/v1"]
        for slots in state.history.values()
        if getattr(slots.get("data/v1"), "digest", "") in entry.data
    )
    lease = state.latest_at
    again = fold([structs.replace(made, at=lease, generation=state.generation)], state)
    assert again.collected == state.collected - {made.digest}  # type: ignore[attr-defined]
