"""Attacks on the protocol: by whoever may write into the run folder, holds the ledger's key, or a steward's.

What the holder of the seal's secret can do in entropy mode (a) is not stopped, and the last table says that it is said.
"""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from tests.attacks.attacks_table import Attack, assert_stopped
from tests.attacks.attacks_world import ADA, BOB, CLOCK, CY, EVE, Scene
from tests.attacks.conftest import Stage

from detent.assembly import give_order, grant_lease
from detent.assembly.tasks import catalogue
from detent.charter import Question, amend_text, answer, endorse, grant
from detent.engine import FakeEngine
from detent.errors import EngineError, TrustError
from detent.evaluate import Row, decode_rows, encode_rows
from detent.loop import judge
from detent.signing import SigningKey
from detent.values import (
    Answered,
    Decided,
    Entry,
    IntentWritten,
    LeaseGranted,
    OutcomeWritten,
    TrainedModel,
    sha256_hex,
)

LATER = "2026-02-01T12:00:00Z"


def newest(scene: Scene, kind: type[Entry], nth: int = -1) -> Any:
    return [entry for entry in scene.entries() if isinstance(entry, kind)][nth]


def forge(scene: Scene, kind: type[Entry], change: Callable[[Any], Entry]) -> None:
    """Change the newest entry of that kind, and sign the ledger anew."""
    record, entries = scene.record(), scene.entries()
    place = max(index for index, entry in enumerate(entries) if isinstance(entry, kind))
    scene.rewrite([*record[:place], change(entries[place]), *record[place + 1 :]])


def forge_intent(scene: Scene, **fields: Any) -> None:
    forge(
        scene,
        IntentWritten,
        lambda entry: structs.replace(entry, intent=structs.replace(entry.intent, **fields)),
    )


def forge_rows(scene: Scene, change: Callable[[list[Row]], list[Row]]) -> None:
    """Change the answers of the newest opening, and the outcome that names them."""
    outcome = newest(scene, OutcomeWritten).outcome
    rows = change(decode_rows((scene.folder.answers / outcome.answers).read_bytes()))
    content = encode_rows(rows)
    digest = sha256_hex(content)
    (scene.folder.answers / digest).write_bytes(content)
    forge(
        scene,
        OutcomeWritten,
        lambda entry: structs.replace(entry, outcome=structs.replace(outcome, answers=digest)),
    )


def easiest_first(rows: list[Row]) -> list[Row]:
    """The same rows, those of low levels first; each has the number of its place."""
    first = [row for row in rows if row.target == "S"]
    ordered = sorted(first, key=lambda row: row.slice.level)
    return [structs.replace(row, index=at) for at, row in enumerate(ordered)] + rows[len(first) :]


def hand_picked(rows: list[Row]) -> list[Row]:
    """Another problem in the place of the first one that the candidate got wrong."""
    at = next(index for index, row in enumerate(rows) if not row.candidate_right)
    digits = "1" * rows[at].slice.level
    right = structs.replace(
        rows[at], prompt=f"C{digits}=", answer=digits, candidate=digits, candidate_right=True
    )
    return [*rows[:at], right, *rows[at + 1 :]]


def stratified(scene: Scene) -> None:
    """The target weighs its easiest rung most."""
    intent = newest(scene, IntentWritten).intent
    first, *others = intent.targets
    light = 0.01
    weights = (1 - light * (len(first.weights) - 1), *(light,) * (len(first.weights) - 1))
    forge_intent(scene, targets=(structs.replace(first, weights=weights), *others))


def set_back(scene: Scene, entries: int = 8) -> None:
    """A shorter ledger, as it was before, and then a run."""
    scene.rewrite(scene.record()[:-entries])
    scene.turn()


def as_before(scene: Scene) -> None:
    """A worker that hands back the model that it was to train."""

    def twist(job: Any, result: Any) -> Any:
        if isinstance(result, TrainedModel):
            folder = scene.folder.staging / result.folder
            shutil.rmtree(folder)
            shutil.copytree(scene.folder.models / job.parent, folder)
        return result

    scene.turn(engine=scene.engine(twist))


def next_intent(scene: Scene, **fields: Any) -> IntentWritten:
    """One more intent, about the candidate of the one before."""
    before: IntentWritten = newest(scene, IntentWritten)
    k = before.intent.k + 1
    level = before.intent.alpha * before.intent.k / (k + 1)
    intent = structs.replace(before.intent, **({"k": k, "alpha": level} | fields))
    return structs.replace(before, intent=intent, generation=scene.state().generation)


def appended(*make: Callable[[Scene], Entry]) -> Callable[[Scene], None]:
    """Put entries at the ledger's end, past all that Detent would look at, and run it."""

    def tries(scene: Scene) -> None:
        scene.append(*(one(scene) for one in make))
        scene.turn()

    return tries


def opened_early(scene: Scene) -> Entry:
    """An outcome that reveals the link of an opening that no intent announced."""
    before: OutcomeWritten = newest(scene, OutcomeWritten)
    return structs.replace(
        before,
        outcome=structs.replace(before.outcome, k=before.outcome.k + 1),
        generation=scene.state().generation,
    )


def aborted(scene: Scene) -> None:
    """Killed at the opening, and workers that fail in it until they are let off."""
    with pytest.raises(EngineError):
        scene.turn(engine=scene.engine(kind=Failing))
    scene.turn(engine=scene.engine(kind=Failing))


class Failing(FakeEngine):
    """Its workers end in every opening."""

    def _answer(self, worker: str, job: Any) -> Any:
        if worker != "run":
            raise EngineError("a result expected from the worker, got its end: it was killed; run again")
        return super()._answer(worker, job)


def budget_spent(scene: Scene) -> None:
    assert newest(scene, OutcomeWritten).outcome.verdict == "void"
    assert scene.state().alpha_spent == pytest.approx(0.25 + 0.5 / 6)


def decided_early(scene: Scene) -> Entry:
    """A decision while the opening is not closed."""
    before: Decided = newest(scene, Decided)
    return structs.replace(before, generation=scene.state().generation, decision="discard")


def lease_entry(scene: Scene) -> LeaseGranted:
    entry: LeaseGranted = newest(scene, LeaseGranted)
    return entry


def replayed_lease(scene: Scene) -> None:
    """Hand in the first lease again, which is used."""
    scene.hand_in(lease_entry(scene).envelope)
    scene.turn()


def two_leases_of_one_number(scene: Scene) -> None:
    """Two grants that are the next lease, both signed: the second is none any more."""
    number = scene.state().leases + 1
    for name, generations in (("1.dsse", 2), ("2.dsse", 3)):
        lease = grant(scene.signed, number, generations, hours=1, petaflop=0.1, at=CLOCK, keys=[ADA])
        scene.hand_in(lease, name)
    scene.turn()


def in_both_forks(scene: Scene) -> None:
    """A copy of the folder goes on beside the run, under the same user, and spends the same lease."""
    fork = scene.run.with_name("fork")
    shutil.copytree(scene.run, fork, symlinks=True)
    scene.turn()
    shutil.rmtree(scene.run)
    fork.rename(scene.run)
    scene.turn()


def question(scene: Scene, nth: int = -1, **fields: Any) -> Question:
    """What the run asks, or asked."""
    at = scene.at()
    places = [index for index, entry in enumerate(at.entries) if entry.kind == "request/v1"]
    asked: Any = at.entries[places[nth]]
    found = Question(
        request=asked.number,
        candidate=asked.candidate,
        root=at.root(places[nth] + 1).hex(),
        expires=asked.expires,
    )
    return found.model_copy(update=fields)


def yes(scene: Scene, *keys: SigningKey, nth: int = -1, **fields: Any) -> str:
    return answer(scene.signed, question(scene, nth, **fields), "approve", "so be it", keys)


def said_yes(*keys: SigningKey, nth: int = -1, **fields: Any) -> Callable[[Scene], None]:
    """Hand an approval in, and run."""

    def tries(scene: Scene) -> None:
        scene.hand_in(yes(scene, *keys, nth=nth, **fields))
        assert scene.turn().stop == "asked"

    return tries


def replayed_yes(scene: Scene) -> None:
    """The approval of the request before, once more."""
    scene.hand_in(newest(scene, Answered).envelope)
    assert scene.turn().stop == "asked"


def forged_yes(scene: Scene) -> Answered:
    """The entry of an approval whose envelope only a stranger signed."""
    before: Answered = newest(scene, Answered)
    state = scene.state()
    envelope = yes(scene, EVE)
    return structs.replace(
        before, request=state.requests, signers=("bob",), envelope=envelope, generation=state.generation
    )


def amended(*keys: SigningKey) -> Callable[[Scene], None]:
    """An amendment that puts a stranger among the stewards, signed by these."""

    def tries(scene: Scene) -> None:
        text = scene.signed.text.replace(str(CY.verify_key), str(EVE.verify_key)).replace('["cy"]', '["eve"]')
        scene.hand_in(endorse(amend_text(scene.signed, text, catalogue()), keys))
        scene.turn()

    return tries


def version_is(number: int) -> Callable[[Scene], None]:
    def after(scene: Scene) -> None:
        assert scene.signed.charter.version == number

    return after


def clock_set_back(scene: Scene) -> None:
    """The lease has expired; with the clock set back it would last again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", LATER)
        assert scene.turn().stop == "lease_expired"
        give_order(scene.run, "pause", "the lease is over", keys=[CY])
        patch.setenv("DETENT_CLOCK", CLOCK)
        give_order(scene.run, "resume", "and now it is not", keys=[ADA, BOB])
        assert scene.turn().stop == "lease_expired"


def leased_anew(scene: Scene) -> None:
    grant_lease(scene.run, 2, keys=[ADA])


def cut_off(scene: Scene) -> None:
    """The files of the newest entries are made what they were, without the ledger's key."""
    at = scene.folder.ledger / "checkpoint"
    before = at.read_bytes()
    scene.turn()
    at.write_bytes(before)
    scene.turn()


def edited(scene: Scene) -> None:
    """One byte of one entry, in every file that holds it."""
    words = b'"verdict":"better"'
    bundles = [path for path in (scene.folder.ledger / "tile" / "entries").rglob("*") if path.is_file()]
    held = [path for path in bundles if words in path.read_bytes()]
    assert held
    for path in held:
        path.write_bytes(path.read_bytes().replace(words, b'"verdict":"bettes"'))
    scene.turn()


def swapped_task(scene: Scene) -> None:
    """A checker that calls everything right, in the place of the one that was signed."""
    path = scene.folder.tasks / "echo.py"
    path.write_text(path.read_text().replace("completion == problem.answer", "True"))
    scene.turn()


def task_put_back(scene: Scene) -> None:
    path = scene.folder.tasks / "echo.py"
    path.write_text(path.read_text().replace("return True", "return completion == problem.answer"))


def swapped_evaluator(scene: Scene) -> None:
    """The opening goes on under evaluating code that its intent does not name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "evaluator_digest", lambda: "e" * 64)
        scene.turn()


ON_THE_LEDGER = "`TrustError` when the run is opened"
IN_THE_INBOX = "the run, when it takes its inbox in"

ATTACKS: dict[str, Attack] = {
    "the operator puts an opening's easy items first": Attack(
        "reorder or stratify items",
        lambda scene: forge_rows(scene, easiest_first),
        by="`verify` draws every item again",
        says="expected.*got",
        seen="verify answers",
    ),
    "the operator weighs the easiest rung most": Attack(
        "reorder or stratify items",
        stratified,
        by="`verify` computes targets from profile and charter",
        says=r"target Target\(name='S'.*expected, got",
        seen="verify intents",
    ),
    "the operator picks problems by hand": Attack(
        "hand-pick problems",
        lambda scene: forge_rows(scene, hand_picked),
        by="`verify` draws every item again",
        says="expected.*got",
        seen="verify answers",
    ),
    "the operator rewinds the ledger and runs it again": Attack(
        "rewind the ledger",
        set_back,
        by="`TrustError`: the mark beside the secrets",
        error=TrustError,
        says=r"continues its first \d+ entries .* expected, got one of \d+; the run folder was set back",
        fault="a ledger that continues its first .* expected, as the mark .* says, got one of .* set back",
        seen="verify note",
    ),
    "a worker hands back the model that was refused before": Attack(
        "re-propose the same candidate until it passes",
        as_before,
        by="`EngineError`: a training makes a model that is not on record",
        error=EngineError,
        says="a new model expected from the training, got [0-9a-f]{64} again",
        seen="refusal/v1",
    ),
    "the operator opens the seal for an old candidate again": Attack(
        "re-propose the same candidate until it passes",
        appended(next_intent),
        by=f"{ON_THE_LEDGER}; `verify`",
        says="a candidate that this generation trained before the intent expected, got",
        seen="verify intents",
    ),
    "the operator opens the seal for a second candidate of one generation": Attack(
        "propose 20 and keep the lucky one",
        appended(next_intent),
        base="frozen",
        by=ON_THE_LEDGER,
        error=TrustError,
        says="no second entry of its kind in a generation expected, got|the outcome of the opening before expected",
        seen="verify order",
    ),
    "the operator opens the seal before there is an intent": Attack(
        "open the seal early",
        appended(opened_early),
        by=ON_THE_LEDGER,
        error=TrustError,
        says="the outcome of an open intent expected, got",
        seen="verify order",
    ),
    "the operator kills every opening until one goes well": Attack(
        "open and abort",
        aborted,
        base="frozen",
        by="the same opening goes on with the same problems, and is void in the end; its error budget is spent",
        says="got its end: it was killed.*void|void.*got its end: it was killed",
        seen="outcome/v1",
        after=budget_spent,
    ),
    "the operator decides while an opening is not closed": Attack(
        "open and abort",
        appended(decided_early),
        base="frozen",
        by=ON_THE_LEDGER,
        error=TrustError,
        says="the outcome of the open intent before a decision expected, got",
        seen="verify order",
    ),
    "the operator skips an index of the seal": Attack(
        "skip an index",
        appended(lambda scene: next_intent(scene, k=9)),
        by=ON_THE_LEDGER,
        error=TrustError,
        says="opening 2 expected, got",
        seen="verify order",
    ),
    "the operator forks the folder and runs both": Attack(
        "fork the folder",
        in_both_forks,
        by="`TrustError`: the mark beside the secrets",
        error=TrustError,
        says="a ledger that continues .* expected, got .* the run folder was set back",
        fault="a ledger that continues .* expected, as the mark .* says, got .* or a fork",
        seen="verify note",
    ),
    "a lease that is used is handed in again": Attack(
        "spend a lease twice",
        replayed_lease,
        by=IN_THE_INBOX,
        says="something new expected, got .* which stands on the ledger already",
        seen="refusal/v1",
    ),
    "two leases of one number are handed in": Attack(
        "spend a lease twice",
        two_leases_of_one_number,
        by=IN_THE_INBOX,
        says=r"lease 3 expected, got lease 2",
        seen="refusal/v1",
    ),
    "a lease's entry is written once more": Attack(
        "spend a lease twice",
        appended(lease_entry),
        by=ON_THE_LEDGER,
        error=TrustError,
        says="lease 2 expected, got",
        seen="verify order",
    ),
    "an approval of an earlier request is handed in again": Attack(
        "replay or forge an approval",
        replayed_yes,
        base="asked",
        by=IN_THE_INBOX,
        says="something new expected, got .* which stands on the ledger already",
        seen="refusal/v1",
    ),
    "a stranger approves": Attack(
        "replay or forge an approval",
        said_yes(EVE),
        base="asked",
        by=IN_THE_INBOX,
        says="signed by 0/1 approvers; a valid signature is missing from bob",
        seen="refusal/v1",
    ),
    "the approver's answer is turned to another candidate": Attack(
        "replay or forge an approval",
        said_yes(BOB, candidate="ab" * 32),
        base="asked",
        by=IN_THE_INBOX,
        says="an answer with candidate .* expected, got one with 'abab",
        seen="refusal/v1",
    ),
    "an approval's entry is written that nobody signed": Attack(
        "replay or forge an approval",
        appended(forged_yes),
        base="asked",
        by=ON_THE_LEDGER,
        error=TrustError,
        says="signed by 0/1 approvers",
        seen="verify people",
    ),
    "the operator approves what the operator's run proposed": Attack(
        "approve one's own proposal",
        said_yes(ADA),
        base="asked",
        by=IN_THE_INBOX,
        says="signed by 0/1 approvers; a valid signature is missing from bob",
        seen="refusal/v1",
    ),
    "an amendment is signed by the keys that it names alone": Attack(
        "amend with the new keys only",
        amended(EVE),
        by=IN_THE_INBOX,
        says="an amendment signed by 2 stewards in force and 2 stewards of its own expected, got",
        seen="refusal/v1",
        after=version_is(1),
    ),
    "the clock is set back to before the lease's end": Attack(
        "set the clock back",
        clock_set_back,
        by="the ledger's time, which never goes back",
        says=f"a time not before {LATER}, which the ledger has reached, expected, got {CLOCK}",
        seen="refusal/v1",
        after=leased_anew,
    ),
    "the ledger's key is used to date an entry back": Attack(
        "set the clock back",
        lambda scene: forge(scene, Decided, lambda entry: structs.replace(entry, at="2020-01-01T00:00:00Z")),
        by="`verify`",
        says="a time not before .* expected, got 2020-01-01T00:00:00Z: time never goes back",
        seen="verify order",
    ),
    "the checkpoint is put back to before the newest entries": Attack(
        "delete the last ledger entries",
        cut_off,
        by="`TrustError` when the ledger is opened",
        error=TrustError,
        says="no entry beyond the checkpoint .* expected but one that this ledger's key announced, got",
        fault="a ledger that continues its first .* expected, as the mark .* says, got one of .* set back",
        seen="verify note",
    ),
    "the ledger's key is used to take the newest entries off": Attack(
        "delete the last ledger entries",
        lambda scene: set_back(scene, 1),
        by="`TrustError`: the mark beside the secrets",
        error=TrustError,
        says="expected, got one of .* the run folder was set back",
        fault="a ledger that continues its first .* expected, as the mark .* says, got one of .* set back",
        seen="verify note",
    ),
    "one entry is edited on the disk": Attack(
        "edit one entry",
        edited,
        by="`TrustError` when the ledger is opened",
        error=TrustError,
        says="expected, got",
        seen="verify ledger",
    ),
    "a task's file is changed between freeze and gate": Attack(
        "swap task code between freeze and gate",
        swapped_task,
        base="plugged",
        by="`TrustError`: the file has the hash that was signed, or nothing runs",
        error=TrustError,
        says="task echo: .* with SHA-256 .* expected, as signed, got",
        seen="refusal/v1",
        after=task_put_back,
    ),
    "the evaluating code is changed between freeze and gate": Attack(
        "swap task code between freeze and gate",
        swapped_evaluator,
        base="frozen",
        by="the opening is void, and its error budget is spent",
        says="the evaluating code was changed since the intent; the opening is void",
        seen="outcome/v1",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_the_protocol_is_stopped(stage: Stage, name: str) -> None:
    assert_stopped(stage(ATTACKS[name].base), ATTACKS[name])
