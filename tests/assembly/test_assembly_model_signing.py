"""`sign-model`: other people's program checks the signature; what is missing is said."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.attacks.attacks_world import ADA, CHARTER, Scene, found

from detent.assembly import sign_model
from detent.errors import TrustError, UsageError
from detent.signing import write_key

PROGRAM = Path(sysconfig.get_path("scripts")) / "model_signing"
installed = pytest.mark.skipif(not PROGRAM.exists(), reason="the extra model-signing is not installed")


def nobody() -> str:
    raise AssertionError("nobody is asked for a passphrase")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        made = found(tmp_path_factory.mktemp("model-signing"), CHARTER)
        with made.here():
            assert made.turn(1).stop == "enough"
    return made


@pytest.fixture
def scene(ran: Scene, tmp_path: Path) -> Iterator[Scene]:
    made = ran.copy(tmp_path / "machine")
    with made.here():
        yield made


def checked(model: Path, signature: Path, public: Path) -> "subprocess.CompletedProcess[str]":
    """What the field's own program says."""
    words = [PROGRAM, "verify", "key", model, "--signature", signature, "--public_key", public]
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=120, check=False)


@installed
def test_the_model_in_force_is_signed_and_other_peoples_program_says_so(scene: Scene, tmp_path: Path) -> None:
    made = sign_model(scene.run, 0, tmp_path / "model.sig", ask=nobody)
    assert made.key_is_new
    assert made.model.name == next(e.incumbent for e in scene.entries() if e.kind == "decision/v1")  # type: ignore[attr-defined]
    said = checked(made.model, tmp_path / "model.sig", made.public)
    assert said.returncode == 0, said.stderr
    assert not sign_model(scene.run, 0, tmp_path / "again.sig", ask=nobody).key_is_new
    assert checked(made.model, tmp_path / "again.sig", made.public).returncode == 0


@installed
def test_a_model_that_was_changed_after_is_not_the_one_that_was_signed(scene: Scene, tmp_path: Path) -> None:
    made = sign_model(scene.run, 0, tmp_path / "model.sig", ask=nobody)
    (made.model / "more.json").write_text("{}")
    assert checked(made.model, tmp_path / "model.sig", made.public).returncode != 0
    with pytest.raises(TrustError, match="weights with digest"):
        sign_model(scene.run, 0, tmp_path / "again.sig", ask=nobody)


@installed
def test_a_key_of_ones_own_may_have_a_passphrase(scene: Scene, tmp_path: Path) -> None:
    write_key(tmp_path / "own.pem", "own", ec.generate_private_key(ec.SECP384R1()), "six random words")
    made = sign_model(
        scene.run, 0, tmp_path / "model.sig", key=tmp_path / "own.pem", ask=lambda: "six random words"
    )
    assert checked(made.model, tmp_path / "model.sig", made.public).returncode == 0


@installed
def test_a_steward_s_key_is_of_another_kind(scene: Scene, tmp_path: Path) -> None:
    ADA.save(tmp_path / "ada.pem")
    with pytest.raises(UsageError, match="an elliptic-curve key"):
        sign_model(scene.run, 0, tmp_path / "model.sig", key=tmp_path / "ada.pem", ask=nobody)
    assert not (tmp_path / "model.sig").exists()


@installed
def test_a_generation_that_is_not_closed_has_no_model_to_sign(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a closed generation with a model in force expected, got 7"):
        sign_model(scene.run, 7, tmp_path / "model.sig", ask=nobody)


@installed
def test_a_signature_does_not_go_into_the_model_it_signs(scene: Scene, tmp_path: Path) -> None:
    made = sign_model(scene.run, 0, tmp_path / "model.sig", ask=nobody)
    for place in (made.model / "model.sig", tmp_path, tmp_path / "none" / "x"):
        with pytest.raises(UsageError, match="not the model's"):
            sign_model(scene.run, 0, place, ask=nobody)


def test_without_model_signing_the_message_says_what_to_install(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(UsageError, match=r"pip install 'detent\[model-signing\]'"):
        sign_model(scene.run, 0, tmp_path / "model.sig", ask=nobody)
