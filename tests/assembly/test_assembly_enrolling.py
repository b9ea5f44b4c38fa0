"""A key that was made elsewhere is enrolled by a code, and is in force when the old quorum has signed; no sooner."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.attacks.attacks_world import ADA, BOB, CY, EVE, Scene, found

from detent.assembly import charter_of, draft_enrolment, enrol, hand_in, new_code, sign_waiting
from detent.assembly.inbox import DRAFT, Inbox
from detent.charter import CHARTER_TYPE, endorse, with_steward
from detent.errors import DetentError, TrustError, UsageError
from detent.signing import SigningKey, seal_envelope
from detent.values import Refused

FAY = SigningKey.from_seed("fay", b"fay in her browser".ljust(32))
FAKE_FAY = SigningKey.from_seed("fay", b"somebody else".ljust(32))


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("DETENT_CLOCK", "2026-01-31T12:00:00Z")
    made = found(tmp_path / "machine")
    with made.here():
        yield made


def code_for(scene: Scene, name: str = "fay", **terms: object) -> str:
    return new_code(scene.run, name, **terms).text  # type: ignore[arg-type]


def enrolled(scene: Scene, key: SigningKey = FAY, **terms: object) -> str:
    """The digest of the amendment that waits."""
    code = code_for(scene, key.name, **terms)
    draft = draft_enrolment(scene.run, code, key.verify_key)
    return enrol(scene.run, code, key.verify_key, draft.sealed([key]))


def names(scene: Scene) -> list[str]:
    return [key.name for key in charter_of(scene.run).stewards]


def test_nothing_is_in_force_before_the_old_quorum_has_signed_and_then_the_key_counts(scene: Scene) -> None:
    digest = enrolled(scene, roles=["approver"])
    assert names(scene) == ["ada", "bob", "cy"]
    said: list[str] = []
    first = sign_waiting(scene.run, digest[:12], [ADA], said.append)
    assert first.entry is None
    assert "signed by 1/2 stewards" in first.waits
    assert f'+keys = ["{ADA.verify_key}", "{BOB.verify_key}", "{CY.verify_key}", "{FAY.verify_key}"]' in said
    assert names(scene) == ["ada", "bob", "cy"]
    assert sign_waiting(scene.run, digest[:12], [CY]).entry is not None
    assert names(scene) == ["ada", "bob", "cy", "fay"]
    assert charter_of(scene.run).charter.stewards.holders("approver") == ("bob", "fay")
    assert Inbox(scene.folder.inbox).drafts() == []
    assert scene.verified().faults == []


def test_a_key_takes_anothers_place_with_their_roles(scene: Scene) -> None:
    new_bob = SigningKey.from_seed("bob", b"bob in his browser".ljust(32))
    digest = enrolled(scene, new_bob, instead_of="bob")
    assert sign_waiting(scene.run, digest, [ADA, CY]).entry is not None
    assert charter_of(scene.run).stewards == (ADA.verify_key, new_bob.verify_key, CY.verify_key)


def test_the_new_keys_own_signature_counts_where_the_new_quorum_needs_it(scene: Scene) -> None:
    """Ada and bob sign as the old quorum; of the new one, ada and bob's new key."""
    new_bob = SigningKey.from_seed("bob-2", b"bob in his browser".ljust(32))
    digest = enrolled(scene, new_bob, instead_of="bob")
    assert sign_waiting(scene.run, digest, [ADA, BOB]).entry is not None
    assert names(scene) == ["ada", "bob-2", "cy"]


def test_a_run_passes_a_draft_over_and_writes_nothing_of_it(scene: Scene) -> None:
    digest = enrolled(scene)
    scene.turn()
    assert not any(isinstance(entry, Refused) for entry in scene.entries())
    assert (scene.folder.inbox / (digest + DRAFT)).is_file()
    assert scene.verified().faults == []
    assert sign_waiting(scene.run, digest, [ADA, BOB]).entry is not None


def test_a_signature_from_another_browser_is_joined_to_the_drafts(scene: Scene) -> None:
    new_bob = SigningKey.from_seed("bob-2", b"bob in his browser".ljust(32))
    code = code_for(scene, "bob-2", instead_of="bob")
    draft = draft_enrolment(scene.run, code, new_bob.verify_key)
    enrol(scene.run, code, new_bob.verify_key, draft.sealed([new_bob]))
    alone = seal_envelope(draft.payload, CHARTER_TYPE, [ADA, BOB])  # without the new key's
    assert hand_in(scene.run, alone).entry is not None


def test_a_draft_that_somebody_damaged_keeps_no_steward_from_signing(scene: Scene) -> None:
    digest = enrolled(scene)
    path = scene.folder.inbox / (digest + DRAFT)
    draft = json.loads(path.read_bytes())
    for content in (
        "no envelope",
        json.dumps(draft | {"signatures": [{"keyid": "ada+00000000", "sig": "AAAA"}]}),
    ):
        path.write_text(content)
        alone = seal_envelope(base64.b64decode(draft["payload"]), CHARTER_TYPE, [ADA])
        assert "signed by 1/2" in hand_in(scene.run, alone).waits
    assert sign_waiting(scene.run, digest, [BOB]).entry is not None


def test_a_code_is_kept_hashed_and_not_in_the_run_folder(scene: Scene) -> None:
    code = code_for(scene)
    plain = code.replace("-", "")
    assert len(plain) == 32
    for path in (path for path in scene.root.rglob("*") if path.is_file()):
        assert plain not in path.read_bytes().decode(errors="replace")
        assert code not in path.read_bytes().decode(errors="replace")
    (kept,) = (scene.root / "data" / "enrolments").iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    assert json.loads(kept.read_bytes())["expires"] == "2026-01-31T12:15:00Z"


def test_of_two_that_come_at_once_with_one_code_one_is_enrolled(scene: Scene) -> None:
    code = code_for(scene)
    draft = draft_enrolment(scene.run, code, FAY.verify_key)
    together = threading.Barrier(4)
    said: list[str] = []

    def come() -> None:
        together.wait()
        try:
            said.append(enrol(scene.run, code, FAY.verify_key, draft.sealed([FAY])))
        except TrustError as error:
            said.append(str(error))

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(each) == 64 for each in said) == 1
    assert sum("that was not used, expected" in each for each in said) == 3


def test_of_two_enrolments_the_first_that_is_signed_counts_and_the_other_begins_again(scene: Scene) -> None:
    gus = SigningKey.from_seed("gus", b"gus".ljust(32))
    first, second = enrolled(scene), enrolled(scene, gus)
    sign_waiting(scene.run, first, [ADA, BOB])
    with pytest.raises(DetentError, match="the one after the charter in force"):
        sign_waiting(scene.run, second, [ADA, BOB])
    assert names(scene) == ["ada", "bob", "cy", "fay"]
    again = enrolled(scene, gus)
    assert [path.stem for path in Inbox(scene.folder.inbox).drafts()] == [again]  # the stale one is gone
    sign_waiting(scene.run, again, [ADA, BOB])
    assert names(scene) == ["ada", "bob", "cy", "fay", "gus"]


class Attack(NamedTuple):
    """What somebody tries, and how it is refused."""

    tried: Callable[[Scene, pytest.MonkeyPatch], object]
    error: type[DetentError]
    said: str


def replayed(scene: Scene, _: pytest.MonkeyPatch) -> None:
    code = code_for(scene)
    draft = draft_enrolment(scene.run, code, FAY.verify_key)
    enrol(scene.run, code, FAY.verify_key, draft.sealed([FAY]))
    enrol(scene.run, code, FAY.verify_key, draft.sealed([FAY]))


def late(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    code = code_for(scene)
    patch.setenv("DETENT_CLOCK", "2026-01-31T12:15:00Z")
    draft_enrolment(scene.run, code, FAY.verify_key)


def late_again(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    code = code_for(scene)
    patch.setenv("DETENT_CLOCK", "2026-01-31T12:15:00Z")
    with pytest.raises(TrustError):
        draft_enrolment(scene.run, code, FAY.verify_key)
    patch.setenv("DETENT_CLOCK", "2026-01-31T12:00:00Z")
    draft_enrolment(scene.run, code, FAY.verify_key)


def signed_by(key: SigningKey) -> Callable[[Scene, pytest.MonkeyPatch], None]:
    def tried(scene: Scene, _: pytest.MonkeyPatch) -> None:
        code = code_for(scene)
        draft = draft_enrolment(scene.run, code, FAY.verify_key)
        enrol(scene.run, code, FAY.verify_key, draft.sealed([key]))

    return tried


def other_text(scene: Scene, _: pytest.MonkeyPatch) -> None:
    text = with_steward(scene.signed.text, FAY.verify_key).replace("quorum = 2", "quorum = 1")
    enrol(scene.run, code_for(scene), FAY.verify_key, endorse(text, [FAY]))


def other_type(scene: Scene, _: pytest.MonkeyPatch) -> None:
    code = code_for(scene)
    payload = draft_enrolment(scene.run, code, FAY.verify_key).payload
    enrol(scene.run, code, FAY.verify_key, seal_envelope(payload, "text/plain", [FAY]))


def other_key_than_drafted(scene: Scene, _: pytest.MonkeyPatch) -> None:
    code = code_for(scene)
    payload = draft_enrolment(scene.run, code, FAY.verify_key).payload
    enrol(scene.run, code, FAKE_FAY.verify_key, seal_envelope(payload, CHARTER_TYPE, [FAKE_FAY]))


def anothers_public_half(scene: Scene, _: pytest.MonkeyPatch) -> None:
    draft_enrolment(scene.run, code_for(scene), SigningKey("fay", BOB.private).verify_key)


def other_run(scene: Scene, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("detent.assembly.enrolling._path", lambda _: scene.root / "kept.json")
    code = code_for(scene)
    kept = json.loads((scene.root / "kept.json").read_bytes())
    (scene.root / "kept.json").write_text(json.dumps(kept | {"run": "0" * 64}))
    draft_enrolment(scene.run, code, FAY.verify_key)


def only_by_the_new(scene: Scene, _: pytest.MonkeyPatch) -> None:
    sign_waiting(scene.run, enrolled(scene), [FAY, EVE])


ATTACKS = {
    "a code that was used is used again": Attack(
        replayed, TrustError, "that was not used, expected, got another"
    ),
    "a code is used after a quarter of an hour": Attack(
        late, TrustError, "a code before 2026-01-31T12:15:00Z"
    ),
    "an expired code is used again when the clock was set back": Attack(
        late_again, TrustError, "got another"
    ),
    "a code is guessed": Attack(
        lambda scene, _: draft_enrolment(scene.run, "A" * 32, FAY.verify_key), TrustError, "got another"
    ),
    "a code is a path": Attack(
        lambda scene, _: draft_enrolment(scene.run, "../../runs/x", FAY.verify_key), TrustError, "got another"
    ),
    "a key is enrolled by somebody who has not its private half": Attack(
        signed_by(FAKE_FAY), TrustError, "signed by the key it adds"
    ),
    "a steward in force signs in the newcomer's place": Attack(
        signed_by(ADA), TrustError, "signed by the key it adds"
    ),
    "the amendment lowers the quorum too": Attack(other_text, TrustError, "nothing else changed expected"),
    "the envelope is of another type": Attack(other_type, TrustError, "envelope of type"),
    "the key is swapped between draft and envelope": Attack(
        other_key_than_drafted, TrustError, "nothing else changed expected"
    ),
    "the public half is another steward's, under a new name": Attack(
        anothers_public_half, DetentError, "a key of another steward expected"
    ),
    "the key has another name than the code": Attack(
        lambda scene, _: draft_enrolment(scene.run, code_for(scene), EVE.verify_key),
        TrustError,
        "a key with the name fay",
    ),
    "the name is a steward's": Attack(
        lambda scene, _: code_for(scene, "bob"), UsageError, "a name that no steward has expected"
    ),
    "the name is a steward's, and the key takes the place of a third": Attack(
        lambda scene, _: code_for(scene, "bob", instead_of="cy"),
        UsageError,
        "a name that no steward has expected",
    ),
    "the place of nobody is taken": Attack(
        lambda scene, _: code_for(scene, instead_of="zoe"), UsageError, "one of ada, bob, cy"
    ),
    "roles are taken with another's place": Attack(
        lambda scene, _: code_for(scene, instead_of="bob", roles=["operator"]), UsageError, "no roles where"
    ),
    "a role is none": Attack(
        lambda scene, _: code_for(scene, roles=["king"]), DetentError, "another layout|king"
    ),
    "the code is another run's": Attack(other_run, TrustError, "a code for this run expected"),
    "the newcomer and a stranger sign, and nobody in force": Attack(
        only_by_the_new, TrustError, "signed by 0/2"
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_is_enrolled_when(attack: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    tried, error, said = ATTACKS[attack]
    before = len(scene.entries())
    with pytest.raises(error, match=said):
        tried(scene, monkeypatch)
    assert names(scene) == ["ada", "bob", "cy"]
    assert len(scene.entries()) == before
