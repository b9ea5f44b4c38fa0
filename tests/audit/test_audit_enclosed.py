"""An entry that is too large for a ledger lies beside it, and is believed as far as its hash reaches."""

from collections.abc import Callable

import pytest
from tests.audit.scripted_run import ScriptedRun

from detent.audit import verify
from detent.signing import canonical
from detent.values import Enclosed, Refused, entry_document, sha256_hex


def large(run: ScriptedRun) -> bytes:
    """A refusal of 100,000 characters, at the end of the run."""
    last = run.entries()[-1]
    at, generation = last.at, max(entry.generation for entry in run.entries()) + 1
    refusal = Refused(what="a lease", digest="d" * 64, because="x" * 100_000, at=at, generation=generation)
    return canonical(entry_document(refusal))


def enclose(run: ScriptedRun, content: bytes, **stub: object) -> None:
    said = {"sha256": sha256_hex(content), "size": len(content)} | stub
    last = run.entries()[-1]
    (run.folder / "answers" / sha256_hex(content)).write_bytes(content)
    entry = Enclosed(at=last.at, generation=last.generation, **said)  # type: ignore[arg-type]
    run.rewrite([*run.record(), canonical(entry_document(entry))])


def test_an_enclosed_entry_counts_like_any_other(run: ScriptedRun) -> None:
    enclose(run, large(run))
    findings = verify(run.evidence())
    assert not findings.faults
    assert any("x" * 100 in line for line in findings.lines)  # as a refusal, which a note tells


def gone(run: ScriptedRun) -> None:
    enclose(run, large(run))
    (run.folder / "answers" / sha256_hex(large(run))).unlink()


def changed(run: ScriptedRun) -> None:
    enclose(run, large(run))
    (run.folder / "answers" / sha256_hex(large(run))).write_bytes(large(run).replace(b"xx", b"yy", 1))


def loose(run: ScriptedRun) -> None:
    content = large(run)
    (run.folder / "answers" / sha256_hex(content)).write_bytes(content)
    last = run.entries()[-1]
    stub = canonical(
        entry_document(
            Enclosed(at=last.at, generation=last.generation, sha256=sha256_hex(content), size=len(content))
        )
    )
    run.rewrite([*run.record(), stub.replace(b":", b": ", 1)])


def nested(run: ScriptedRun) -> None:
    inner = canonical(entry_document(Enclosed(at="", generation=0, sha256="0" * 64, size=1)))
    enclose(run, inner)


FORGED: dict[str, Callable[[ScriptedRun], object]] = {
    "its file is gone": gone,
    "its file was changed": changed,
    "it has another size than the ledger says": lambda run: enclose(run, large(run), size=7),
    "it names a file outside of the folder": lambda run: enclose(run, large(run), sha256="../charter.toml"),
    "what stands on the ledger is not canonical": loose,
    "it encloses another": nested,
    "it encloses something else": lambda run: enclose(run, b"\x00\xff"),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_an_enclosed_entry_is_a_fault_when(run: ScriptedRun, forge: Callable[[ScriptedRun], object]) -> None:
    forge(run)
    findings = verify(run.evidence())
    assert {finding.check for finding in findings.faults} & {"entries", "order"}
    assert not any("could not be finished" in line for line in findings.lines)
