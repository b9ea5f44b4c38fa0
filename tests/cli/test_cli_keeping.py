"""`bundle`, `gc` and `verify` as they are typed: what they print, and their exit codes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.attacks_world import ADA, BOB, CHARTER, Scene, found
from typer.testing import CliRunner

from detent.assembly import amend_charter
from detent.cli.app import NO_LONGER_THERE, app
from detent.errors import CharterError, TrustError, UsageError

RULE = '\n[retention]\nmodels = "last 1"\nanswers = "last 1"\n'


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = found(tmp_path_factory.mktemp("typed"), CHARTER + RULE)
    with scene.here():
        scene.turn(3)
    return scene


@pytest.fixture
def scene(grown: Scene, tmp_path: Path) -> Iterator[Scene]:
    copied = grown.copy(tmp_path / "scene")
    with copied.here():
        yield copied


def typed(*words: object, code: int = 0) -> str:
    """What a command prints when all is well, or as well as this exit code says."""
    ended = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert ended.exit_code == code
    return ended.output


def test_a_bundle_is_written_and_verified(scene: Scene, tmp_path: Path) -> None:
    target = tmp_path / "run.zip"
    said = typed(
        "bundle", scene.run, "-o", target, "--with-models", "none", "--redact", "data", "--redact", "answers"
    )
    assert f"{target.stat().st_size:,} bytes" in said
    assert f"Check it with: detent verify {target}" in said
    said = typed("verify", target, code=NO_LONGER_THERE)  # the answers, which verdicts rest on, are redacted
    assert "not checked: 3 data files: redacted" in said
    assert "that this is the newest state" not in said  # this machine has the run's mark


def test_a_bundle_that_was_changed_is_not_believed(scene: Scene, tmp_path: Path) -> None:
    typed("bundle", scene.run, "-o", tmp_path / "run.zip")
    content = (tmp_path / "run.zip").read_bytes()
    (tmp_path / "bent.zip").write_bytes(content.replace(b'"kind":"decision/v1"', b'"kind":"Decision/v1"'))
    with pytest.raises(TrustError):
        typed("verify", tmp_path / "bent.zip")


def test_gc_shows_what_goes_and_what_goes_with_it_and_a_dry_run_stops_there(scene: Scene) -> None:
    before = len(scene.record())
    said = typed("gc", scene.run, "--dry-run")
    assert "models: " in said
    assert "kept: last 1" in said
    assert "then these openings cannot be re-run" in said
    assert "then no rollback goes to these generations" in said
    assert "nothing was deleted" in said
    assert len(scene.record()) == before


def test_gc_deletes_and_verify_tells(scene: Scene) -> None:
    assert "deleted, and on the ledger" in typed(
        "gc", scene.run, "--because", "room", "--keep", "answers=all"
    )
    said = typed("verify", scene.run)
    assert "deleted by rule (entry" in said
    assert "0 answers files deleted" in said
    assert "deleted, and on the ledger" not in typed("gc", scene.run, "--keep", "answers=all")


def test_gc_refuses_what_the_charter_does_not_let_go_and_words_that_are_no_rule(scene: Scene) -> None:
    text = scene.folder.charter.read_text().replace("last 1", "last 3")
    draft = scene.root / "new.toml"
    draft.write_text(text)
    amend_charter(scene.run, draft, keys=[ADA, BOB])
    with pytest.raises(CharterError, match="amend the charter, or keep more"):
        typed("gc", scene.run, "--keep", "answers=last 1")
    with pytest.raises(UsageError, match="KIND=RULE"):
        typed("gc", scene.run, "--keep", "everything")
