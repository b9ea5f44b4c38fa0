"""What is done to a run by whoever may write into its folder, holds its ledger's key, or a steward's."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from tests.attacks.attacks_world import ADA, BOB, CLOCK, CY, EVE, Scene

from detent.assembly import give_answer, give_order, grant_lease, sign_waiting
from detent.assembly.inbox import Inbox
from detent.assembly.office import open_office
from detent.assembly.tasks import catalogue
from detent.charter import Question, amend_text, answer, endorse, grant
from detent.engine import FakeEngine
from detent.errors import EngineError
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
    at = scene.at()
    number = at.state.leases + 1
    for generations in (2, 3):
        lease = grant(
            scene.signed,
            number,
            generations,
            hours=1,
            petaflop=0.1,
            at=CLOCK,
            size=at.size,
            root=at.root(at.size).hex(),
            keys=[ADA],
        )
        scene.hand_in(lease)
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


def swapped_before_signing(scene: Scene) -> None:
    """Of two amendments that one of two has signed, one is put under the name of the other, which is signed next."""
    inbox, text = Inbox(scene.folder.inbox), scene.signed.text
    changed = (text.replace("audit = 10", "audit = 20"), text.replace("generations = 9", "generations = 999"))
    read, other = (inbox.put(endorse(amend_text(scene.signed, one, catalogue()), [BOB])) for one in changed)
    other.replace(read)
    try:
        sign_waiting(scene.run, read.stem, [ADA])
    finally:
        scene.turn()


def overtaken_no(scene: Scene) -> None:
    """A no is handed in while the inbox is full of junk, and a yes in it is dated before everything."""
    for number in range(100):
        scene.hand_in("junk", f"{number}.dsse")
    scene.hand_in(yes(scene, BOB))
    for path in scene.folder.inbox.iterdir():
        os.utime(path, (0, 0))
    give_answer(scene.run, scene.state().requests, "deny", "overtaken by nothing", keys=[CY])


def late_no(scene: Scene) -> None:
    """A yes stands on the ledger, and nothing is decided yet."""
    scene.hand_in(yes(scene, BOB))
    with open_office(scene.run) as office:
        office.take_in()
    assert newest(scene, Answered).verdict == "approve"
    give_answer(scene.run, scene.state().requests, "deny", "thought better of", keys=[CY])


def denied(scene: Scene) -> None:
    assert newest(scene, Answered).verdict == "deny"


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
    words = b'"because":"the first model"'
    bundles = [path for path in (scene.folder.ledger / "tile" / "entries").rglob("*") if path.is_file()]
    held = [path for path in bundles if words in path.read_bytes()]
    assert held
    for path in held:
        path.write_bytes(path.read_bytes().replace(words, b'"because":"the first modem"'))
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
