"""`verify` looks at a run as it was when it was made: by every charter that was in force, not by the newest alone."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec import structs
from tests.attacks.attacks_deeds import forge
from tests.attacks.attacks_world import ADA, BOB, CHARTER, Scene, found

from detent.assembly import amend_charter, verifying
from detent.loop import learn
from detent.propose import labelling
from detent.tasks import Proxy
from detent.values import Example, Watched

EVEN = "def accepts(prompt, completion):\n    return completion[-1:] in '02468'\n"


def as_kept_unasked(kept: Iterable[Example], _: Mapping[str, Proxy]) -> list[Example]:
    return labelling.as_kept(kept, {})


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A run whose labels its proxy was never asked about, under a charter without it by now."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(verifying, "confinement", lambda: SimpleNamespace(confined=True))
    made = found(tmp_path, CHARTER + '\n[proxies.even]\nsource = "even.py:accepts"\n', {"even.py": EVEN})
    with made.here():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(learn, "as_kept", as_kept_unasked)
            assert made.turn(1).stop == "enough"
        text = re.sub(r"\[proxies\.even\]\n(?:[a-z0-9_]+ = .*\n)*", "", made.folder.charter.read_text())
        draft = tmp_path / "home" / "new.toml"
        draft.write_text(text.replace("version = 1", "version = 2"))
        assert amend_charter(made.run, draft, keys=[ADA, BOB]).entry is not None
        yield made


def faults_of(scene: Scene, check: str) -> str:
    return " | ".join(fault for one in scene.verified().faults if one.check == check for fault in one.faults)


def test_labels_that_a_proxy_refuses_stay_a_fault_when_an_amendment_has_dropped_it(scene: Scene) -> None:
    assert "an example that even accepts expected, got one it refuses" in faults_of(scene, "data")
    assert not faults_of(scene, "tasks")


def test_a_dropped_proxy_whose_file_is_gone_is_a_fault(scene: Scene) -> None:
    (scene.folder.tasks / "even.py").unlink()
    assert "proxy even: the code with digest" in faults_of(scene, "tasks")


def test_a_dropped_proxy_whose_file_is_another_is_a_fault(scene: Scene) -> None:
    (scene.folder.tasks / "even.py").write_text(EVEN.replace("02468", "0123456789"))
    assert "proxy even: the code with digest" in faults_of(scene, "tasks")


def test_a_mark_that_cannot_be_read_is_a_fault_among_the_others(scene: Scene) -> None:
    mark = scene.secrets / "mark"
    assert not faults_of(scene, "ledger")
    mark.write_text("no mark")
    assert "a mark with the ledger's size and root expected at" in faults_of(scene, "ledger")
    assert "an example that even accepts expected, got one it refuses" in faults_of(scene, "data")


def test_what_tripwires_asked_of_a_model_is_counted_again(scene: Scene) -> None:
    watched = [entry for entry in scene.entries() if isinstance(entry, Watched)]
    assert [entry.flops > 0 for entry in watched] == [True], "the first turn sweeps"
    assert not faults_of(scene, "compute")
    forge(scene, Watched, lambda entry: structs.replace(entry, flops=0.0))
    assert "floating point operations for what was asked expected, got 0" in faults_of(scene, "compute")
