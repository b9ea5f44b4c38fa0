"""A real run folder, its witnesses behind real servers: what `detent run` asks them, and what it leaves behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.attacks_world import found
from tests.audit.scripted_run import LOG, QuickFiles, ScriptedRun, make_run
from tests.audit.witnessed_run import Three, three_witnesses

from detent.assembly import running
from detent.assembly.outsiders import Outsiders, outsiders_of
from detent.errors import PeerError, TrustError
from detent.ledger import Checkpoint, Ledger, Note, verified_cosignatures
from detent.loop import Parts


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Three]:
    with three_witnesses(tmp_path / "witnesses") as three:
        yield three


@pytest.fixture
def run(three: Three, tmp_path: Path) -> ScriptedRun:
    return make_run(tmp_path / "run", three.draft(), outsiders=three.outsiders)


def asking(run: ScriptedRun, ledger: Ledger, said: list[str]) -> Outsiders:
    outsiders = outsiders_of(run.signed.charter, ledger, said.append)
    assert outsiders is not None
    return outsiders


def cosigned(run: ScriptedRun, three: Three) -> tuple[int, int]:
    """The size of the head that is kept, and by how many it is cosigned."""
    note = Note.parse((run.folder / "ledger" / "cosigned").read_bytes())
    keys = [key.verify_key for key in three.keys.values()]
    return Checkpoint.parse(note.text).size, len(verified_cosignatures(note, keys))


def test_after_a_generation_the_whole_ledger_is_cosigned(run: ScriptedRun, three: Three) -> None:
    said: list[str] = []
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        asking(run, ledger, said).keep_up()
        size, by = cosigned(run, three)
        assert (size, said) == (ledger.size, [])
        assert by >= 2


def test_witnesses_that_are_down_then_hold_nothing_up(run: ScriptedRun, three: Three) -> None:
    before = cosigned(run, three)
    said: list[str] = []
    three.down |= {"a", "b", "c"}
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        asking(run, ledger, said).keep_up()
    assert cosigned(run, three) == before
    assert said == [
        f"witnesses: a, b, c did not cosign the ledger at size {len(run.record())}; asked again later"
    ]


def test_a_folder_set_back_is_known_by_what_witnesses_show(run: ScriptedRun, three: Three) -> None:
    size, _ = cosigned(run, three)
    run.rewrite(run.record()[: size - 1])
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger:
        ledger.append(b"another history")
        outsiders = asking(run, ledger, [])
        with pytest.raises(TrustError, match="this log's own signature shows it"):
            outsiders.cosign(ledger.size, ())
        heads = outsiders.heads()
    assert {source for source, _, _ in heads} == {"witness a", "witness b", "witness c"}
    assert all(size >= 1 and len(root) == 64 for _, size, root in heads)


def test_too_few_witnesses_are_an_error_that_says_who_and_what_to_do(run: ScriptedRun, three: Three) -> None:
    three.down |= {"a", "b"}
    too_few = pytest.raises(
        PeerError, match=r"a quorum of the witnesses expected .* got c: a: .*Run again when"
    )
    with Ledger.open(run.folder / "ledger", LOG, QuickFiles) as ledger, too_few:
        asking(run, ledger, []).cosign(ledger.size, ())


def test_a_session_that_waits_for_witnesses_has_written_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows an intent before its cosignatures could be shown to a witness, which then signs it no more."""
    scene = found(tmp_path)

    def nobody_answers(_: Parts) -> None:
        raise PeerError("a quorum of the witnesses expected, got none; run again")

    monkeypatch.setattr(running, "witness_waiting", nobody_answers)
    with scene.here():
        before = scene.record()
        with (
            pytest.raises(PeerError, match="a quorum"),
            running.open_run(scene.run, watch=lambda _: None, say=lambda _: None),
        ):
            pass
        assert scene.record() == before


def test_a_charter_without_witnesses_asks_nobody(tmp_path: Path) -> None:
    run = make_run(tmp_path / "alone")
    assert outsiders_of(run.signed.charter, None, print) is None  # type: ignore[arg-type]
