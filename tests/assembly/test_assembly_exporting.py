"""`export`: the model that the ledger names, whole and unchanged, with a card; or nothing."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from msgspec import structs
from tests.attacks.attacks_world import ADA, BOB, CY, Scene

from detent.assembly import export_model, give_order, prove, shown_by
from detent.errors import SubjectError, TrustError, UsageError
from detent.values import Decided, fold
from detent.values.folder import folder_digest

EXTRAS = {"README.md", "SHA256SUMS", "decision.tlog-proof", "decision.entry"}


@pytest.fixture
def scene(told: Scene, tmp_path: Path) -> Iterator[Scene]:
    made = told.copy(tmp_path / "machine")
    with made.here():
        yield made


def decisions(scene: Scene) -> list[Decided]:
    return [entry for entry in scene.entries() if isinstance(entry, Decided)]


def of(scene: Scene, *kinds: str) -> Decided:
    """The newest decision of these kinds."""
    return [one for one in decisions(scene) if one.decision in kinds and one.candidate][-1]


def models_own(folder: Path, copy: Path) -> Path:
    """The export without what was put beside the model."""
    shutil.copytree(folder, copy)
    for name in EXTRAS:
        (copy / name).unlink()
    return copy


def test_the_exported_files_are_the_model_s_to_the_byte(scene: Scene, tmp_path: Path) -> None:
    one = of(scene, "promote")
    made = export_model(scene.run, one.generation, tmp_path / "out")
    assert (made.digest, made.promoted) == (one.incumbent, True)
    assert {path.name for path in (tmp_path / "out").iterdir()} >= EXTRAS
    assert folder_digest(models_own(tmp_path / "out", tmp_path / "copy")) == one.incumbent


def test_the_sums_hold_for_everybody_s_tool(scene: Scene, tmp_path: Path) -> None:
    export_model(scene.run, of(scene, "promote").generation, tmp_path / "out")
    checked = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    assert subprocess.run(checked, cwd=tmp_path / "out", check=False, capture_output=True).returncode == 0


def test_the_digest_follows_from_the_sums_as_the_card_says(scene: Scene, tmp_path: Path) -> None:
    made = export_model(scene.run, of(scene, "promote").generation, tmp_path / "out")
    listed = [line.split("  ") for line in (tmp_path / "out" / "SHA256SUMS").read_text().splitlines()]
    files = [[name, (tmp_path / "out" / name).stat().st_size, digest] for digest, name in listed]
    text = "[" + ",".join(f'["{name}",{size},"{digest}"]' for name, size, digest in files) + "]"
    assert hashlib.sha256(b"detent/model/v1\n" + text.encode()).hexdigest() == made.digest


def test_the_decision_comes_with_a_proof_that_a_stranger_can_check(scene: Scene, tmp_path: Path) -> None:
    one = of(scene, "promote")
    export_model(scene.run, one.generation, tmp_path / "out")
    policy = tmp_path / "policy"
    policy.write_text(f"log {scene.folder.log_key.read_text().strip()}\nquorum none\n")
    said = shown_by(tmp_path / "out" / "decision.tlog-proof", tmp_path / "out" / "decision.entry", policy)
    assert said
    assert one.incumbent in (tmp_path / "out" / "decision.entry").read_text()


def test_the_card_names_model_charter_stewards_and_log(scene: Scene, tmp_path: Path) -> None:
    one = of(scene, "promote")
    export_model(scene.run, one.generation, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    at = scene.at()
    assert yaml.safe_load(card.split("---\n")[1])["library_name"] == "transformers"
    for said in (one.incumbent, scene.signed.digest, at.root(at.size).hex(), "attacked"):
        assert said in card
    for key in (ADA, BOB, CY):
        assert f"{key.name} (key {str(key.verify_key).split('+')[1]})" in card


def test_a_model_that_was_never_promoted_takes_an_explicit_word(scene: Scene, tmp_path: Path) -> None:
    last, entries = of(scene, "promote"), scene.entries()
    before = fold(entries[: entries.index(last)])
    one = structs.replace(last, decision="discard", incumbent=before.incumbent, team=before.team)
    scene.rewrite([*entries[: entries.index(last)], one])
    with pytest.raises(UsageError, match="--never-promoted"):
        export_model(scene.run, one.generation, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    made = export_model(scene.run, one.generation, tmp_path / "out", unpromoted=True)
    assert (made.digest, made.promoted) == (one.candidate, False)
    assert "**Never promoted.**" in (tmp_path / "out" / "README.md").read_text()


def test_a_promotion_that_was_rolled_back_is_called_withdrawn(scene: Scene, tmp_path: Path) -> None:
    one = of(scene, "promote")
    assert one.generation > 0
    give_order(scene.run, "pause", "look", keys=[ADA])
    give_order(scene.run, "rollback", "it went wrong", to=0, keys=[ADA, BOB])
    give_order(scene.run, "resume", "go on", keys=[ADA, BOB])
    scene.turn(1)
    assert any(each.decision == "rollback" for each in decisions(scene))
    export_model(scene.run, one.generation, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "> **Withdrawn.** Generation" in card
    export_model(scene.run, 0, tmp_path / "first")
    assert "Withdrawn" not in (tmp_path / "first" / "README.md").read_text()


REFUSED = {
    "a folder that exists": lambda out: out.mkdir(),
    "a link to nowhere": lambda out: out.symlink_to("nowhere"),
    "a file": lambda out: out.write_text("x"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_lies_where_the_export_should_go_stays_as_it_is(case: str, scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    REFUSED[case](out)
    before = out.lstat()
    with pytest.raises(UsageError, match="a new folder"):
        export_model(scene.run, 0, out)
    assert out.lstat() == before


@pytest.mark.parametrize("generation", [7, 99])
def test_a_generation_that_is_not_closed_has_no_model(generation: int, scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"a closed generation that made a model expected, got {generation}"):
        export_model(scene.run, generation, tmp_path / "out")


def test_weights_that_were_changed_are_not_exported(scene: Scene, tmp_path: Path) -> None:
    model = scene.folder.models / of(scene, "promote").incumbent
    (model / "more.json").write_text("{}")
    with pytest.raises(TrustError, match="weights with digest"):
        export_model(scene.run, of(scene, "promote").generation, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["machine"]


def test_a_copy_that_comes_out_otherwise_is_not_left_behind(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.copyfile

    def spoilt(source: Path, target: Path, **how: bool) -> None:
        real(source, target, **how)
        if target.suffix == ".safetensors":
            target.write_bytes(target.read_bytes()[:-1] + b"!")

    monkeypatch.setattr(shutil, "copyfile", spoilt)
    with pytest.raises(TrustError, match="a copy with digest"):
        export_model(scene.run, 0, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["machine"]


def test_weights_that_are_gone_are_said_to_be(scene: Scene, tmp_path: Path) -> None:
    shutil.rmtree(scene.folder.models / of(scene, "promote").incumbent)
    with pytest.raises(SubjectError, match="restore it from a copy"):
        export_model(scene.run, of(scene, "promote").generation, tmp_path / "out")


def test_an_export_changes_nothing_in_the_run(scene: Scene, tmp_path: Path) -> None:
    def content() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in scene.run.rglob("*") if path.is_file()}

    before = content()
    export_model(scene.run, 0, tmp_path / "out")
    assert content() == before
    assert prove(scene.run, "decision:0", tmp_path / "p").kind == "decision/v1"
    assert os.listdir(tmp_path / "out")  # noqa: PTH208
