"""A record of a few megabytes takes no gigabytes and no hours of whoever checks it, and nothing in it stops the check.

Each attack is written by who holds the log's key, and verified in a process that may not have more memory than that.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from tests.audit.scripted_run import DRAFT, SECRET, ScriptedRun, sign

from detent.audit import drawing, verify
from detent.errors import TaskError, TrustError
from detent.evaluate import Chain, check_reveal
from detent.signing import canonical
from detent.tasks import Ask, builtin
from detent.values import (
    CharterSigned,
    Decided,
    Enclosed,
    Entry,
    IntentWritten,
    LeaseGranted,
    OutcomeWritten,
    Problem,
    Refused,
    SubjectBuilt,
    entry_document,
    sha256_hex,
)

MEMORY = 700 << 20
"""Bytes of a process that verifies one of these records; idle it has some 60 MiB, and libraries reserve more."""

SECONDS = 120.0

VERIFYING = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
from pathlib import Path
from msgspec import structs
from tests.audit.scripted_run import DRAFT, SECRET, ScriptedRun, sign
from detent.audit import drawing, verify
for line in verify(ScriptedRun(Path(sys.argv[1]), sign(DRAFT)).evidence()).lines:
    print(line)
"""


def written(entry: Entry) -> bytes:
    return canonical(entry_document(entry))


def after(run: ScriptedRun) -> dict[str, object]:
    """The stamps of an entry at the end of the run."""
    entries = run.entries()
    return {"at": entries[-1].at, "generation": max(entry.generation for entry in entries) + 1}


def enclosed(run: ScriptedRun, content: bytes) -> bytes:
    """What stands on the ledger for a file beside it."""
    (run.folder / "answers" / sha256_hex(content)).write_bytes(content)
    return written(Enclosed(sha256=sha256_hex(content), size=len(content), **after(run)))  # type: ignore[arg-type]


def verified_apart(run: ScriptedRun) -> str:
    """What a process without more memory says of the run."""
    done = subprocess.run(
        [sys.executable, "-c", VERIFYING.format(memory=MEMORY), str(run.folder)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def one_file_many_times(run: ScriptedRun) -> list[bytes]:
    large = Refused(what="a lease", digest="d" * 64, because="x" * (7 << 20), **after(run))  # type: ignore[arg-type]
    return [enclosed(run, written(large))] * 200


def files_of_empty_objects(run: ScriptedRun) -> list[bytes]:
    (made,) = [json.loads(data) for data in run.record() if b'"source":"seed"' in data]
    return [
        enclosed(
            run,
            canonical(made | after(run) | {"counts": {f"{n:x}": {} for n in range(some, some + 600_000)}}),
        )
        for some in range(4)
    ]


def leases_without_number(run: ScriptedRun) -> list[bytes]:
    at = after(run)
    return [
        written(
            LeaseGranted(
                number=number,
                generations=1,
                expires="2027-01-01T00:00:00Z",
                petaflop=1.0,
                envelope="",
                **at,  # type: ignore[arg-type]
            )
        )
        for number in range(3, 20_000)
    ]


EXHAUSTING: dict[str, tuple[Callable[[ScriptedRun], list[bytes]], str]] = {
    "names one large file hundreds of times": (one_file_many_times, "400 MiB expected, got more"),
    "has files of millions of empty objects": (files_of_empty_objects, "400 MiB expected, got more"),
    "grants leases without number": (leases_without_number, "400 MiB expected, got more"),
    "names a file that is larger than an entry may be": (
        lambda run: [enclosed(run, b" " * (9 << 20))],
        "an enclosed entry of 65536 to 8388608 bytes expected",
    ),
}


@pytest.mark.parametrize("attack", EXHAUSTING)
def test_verification_takes_a_bounded_amount_of_memory_of_a_record_that(
    attack: str, run: ScriptedRun
) -> None:
    make, told = EXHAUSTING[attack]
    run.rewrite([*run.record(), *make(run)])
    said = verified_apart(run)
    assert told in said


def test_five_thousand_generations_cost_what_they_have_in_them_and_not_its_square(run: ScriptedRun) -> None:
    at, last = after(run), [entry for entry in run.entries() if isinstance(entry, Decided)][-1]
    grant = LeaseGranted(
        number=3,
        generations=5_000,
        expires="2027-01-01T00:00:00Z",
        petaflop=1.0,
        envelope="",
        **at,  # type: ignore[arg-type]
    )
    first = int(str(at["generation"]))
    same = {
        "decision": "discard",
        "incumbent": last.incumbent,
        "team": last.team,
        "candidate": "",
        "because": "-",
    }
    closed = [
        written(Decided(**same, at=last.at, generation=first + number))  # type: ignore[arg-type]
        for number in range(5_000)
    ]
    run.rewrite([*run.record(), written(grant), *closed])
    said = verified_apart(run)
    assert "400 MiB" not in said
    assert f"{first + 5_000:,} closed generations" in said


def test_a_charter_that_asks_for_millions_of_problems_does_not_have_them_drawn(run: ScriptedRun) -> None:
    """Of a first generation: its true answers, a hundred levels of each task, and a profile of as many."""
    asked = DRAFT.replace("copy = 4, reverse = 4", "copy = 100, reverse = 100")
    asked = asked.replace("profile_problems = 32", "profile_problems = 100000")
    signed = sign(
        asked.replace("seed_levels = 2\nseed_problems = 20", "seed_levels = 100\nseed_problems = 100000")
    )
    (run.folder / "charter.toml").write_text(signed.text)
    (run.folder / "charter.dsse").write_text(signed.envelope)
    first = [
        entry for entry in run.entries() if entry.generation == 0 and not isinstance(entry, LeaseGranted)
    ]
    charter = CharterSigned(version=1, digest=signed.digest, envelope=signed.envelope, at=first[0].at)
    run.rewrite([charter, *first[1:]])
    said = verified_apart(run)
    assert said.count("at most 500,000 problems to be drawn again expected, got 20,000,000") >= 2
    assert "could not be finished" not in said


def test_all_problems_of_a_check_together_have_a_number_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MOST", 100)
    drawn, tasks = drawing.Drawing(), {"copy": builtin("copy")}
    assert [len(drawn.items(tasks, {"copy": {1: 40}}, bytes(32))) for _ in range(2)] == [40, 40]
    with pytest.raises(TrustError, match="at most 20 problems to be drawn again expected, got 40"):
        drawn.items(tasks, {"copy": {1: 40}}, bytes(32))


class Broken:
    """A task's code that was signed, and breaks when somebody else asks it."""

    name, digest = builtin("copy").name, builtin("copy").digest

    def problems(self, asks: Sequence[Ask]) -> list[Problem]:
        raise TaskError(f"a problem expected of {len(asks)}, got none")

    def right(self, pairs: Sequence[tuple[Problem, str]]) -> list[bool]:
        raise TaskError(f"a mark expected of {len(pairs)}, got none")

    def space(self, level: int) -> float | None:
        return float(level)

    def close(self) -> None:
        """Nothing runs."""


def test_a_task_that_breaks_when_a_stranger_draws_from_it_leaves_no_check_that_looks_made(
    run: ScriptedRun,
) -> None:
    evidence = replace(run.evidence(), tasks={"copy": Broken(), "reverse": builtin("reverse")})
    assert [finding.check for finding in verify(evidence).faults] == ["answers", "compute", "data"]


ODD_NAMES = ("a" * 300, "a\0b", "../charter.toml", "/etc/passwd", ".", "")


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize(
    ("kind", "within", "field"), [("outcome/v1", "outcome", "answers"), ("data/v1", "", "digest")]
)
def test_a_file_whose_name_is_no_digest_is_a_fault_and_no_more(
    run: ScriptedRun, kind: str, within: str, field: str, name: str
) -> None:
    record = [json.loads(data) for data in run.record()]
    entry = next(document for document in record if document["kind"] == kind)
    (entry[within] if within else entry)[field] = name
    run.rewrite([canonical(document) for document in record])
    findings = verify(run.evidence())
    assert findings.faults
    assert not any("could not be finished" in line for line in findings.lines)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_enclosed_entry_whose_file_has_no_name_is_a_fault_and_no_more(run: ScriptedRun, name: str) -> None:
    run.rewrite([*run.record(), written(Enclosed(sha256=name, size=70_000, **after(run)))])  # type: ignore[arg-type]
    assert [finding.check for finding in verify(run.evidence()).faults] == ["entries"]


def renamed_weakness(document: dict[str, object]) -> None:
    document["diagnosis"]["weaknesses"][0]["task"] = "esrever"  # type: ignore[index]


def no_ladder(document: dict[str, object]) -> None:
    document["profile"]["scores"]["copy"] = []  # type: ignore[index]


def nothing_asked(document: dict[str, object]) -> None:
    document["profile"]["scores"]["copy"][0] = [0, 0]  # type: ignore[index]


def a_level_that_is_none(document: dict[str, object]) -> None:
    counts = document["counts"]["copy"]  # type: ignore[index]
    counts["sort"] = counts.pop("3")


ODD: dict[str, tuple[str, Callable[[dict[str, object]], None]]] = {
    "a diagnosis names a task that there is not": ("diagnosis/v1", renamed_weakness),
    "a profile has no level": ("profile/v1", no_ladder),
    "a profile asked nothing at a level": ("profile/v1", nothing_asked),
    "labels are counted at a level that is no number": ("data/v1", a_level_that_is_none),
}


@pytest.mark.parametrize("what", ODD)
def test_every_check_is_finished_and_says_what_is_wrong_where(what: str, run: ScriptedRun) -> None:
    kind, change = ODD[what]
    record = [json.loads(data) for data in run.record()]
    tried = 0
    for place, document in enumerate(record):
        if document["kind"] != kind:
            continue
        changed = json.loads(json.dumps(document))
        try:
            change(changed)
        except (KeyError, IndexError):
            continue  # of seed data, or of a turn with nothing to do
        tried += 1
        run.rewrite([canonical(changed if at == place else one) for at, one in enumerate(record)])
        findings = verify(run.evidence())
        assert findings.faults
        assert not any("could not be finished" in line for line in findings.lines)
    assert tried


def a_pipe(place: Path) -> None:
    os.mkfifo(place)


def a_device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def a_folder(place: Path) -> None:
    place.mkdir()


def a_circle(place: Path) -> None:
    place.symlink_to(place.name)


@pytest.mark.parametrize("put", [a_pipe, a_device, a_folder, a_circle])
@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("ledger/checkpoint", "ledger"),
        ("ledger/cosigned", "ledger"),
        ("data/*.jsonl", "data"),
        ("answers/*", "answers"),
        ("models/*/model.safetensors", "models"),
        ("models/*/config.json", "models"),
    ],
)
def test_nothing_but_a_file_is_read_where_a_file_should_be(
    run: ScriptedRun, name: str, check: str, put: Callable[[Path], None]
) -> None:
    place = min(run.folder.glob(name), default=run.folder / name)
    place.unlink(missing_ok=True)
    put(place)
    findings = verify(run.evidence())
    assert [finding.check for finding in findings.faults] == [check]
    assert not any("could not be finished" in line for line in findings.lines)


@pytest.mark.parametrize("put", [a_pipe, a_device, a_folder, a_circle])
@pytest.mark.parametrize("name", ["log.vkey", "charter.toml"])
def test_so_it_is_with_what_lies_at_the_top_of_a_run_folder(
    run: ScriptedRun, name: str, put: Callable[[Path], None]
) -> None:
    (run.folder / name).unlink(missing_ok=True)
    put(run.folder / name)
    done = subprocess.run(
        [sys.executable, "-c", "from detent.cli import main; main()", "verify", str(run.folder)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (TrustError.exit_code, False)


def test_a_header_of_weights_that_is_as_large_as_the_file_is_not_read(run: ScriptedRun) -> None:
    trained = next(entry.digest for entry in run.entries() if isinstance(entry, SubjectBuilt))
    weights = run.folder / "models" / trained / "model.safetensors"
    with weights.open("wb") as file:
        file.write((1 << 30).to_bytes(8, "little"))
        file.truncate(1 << 30)  # takes no room on the disk
    said = verified_apart(run)
    assert "a header of 1,073,741,816 bytes" in said
    assert "could not be finished" not in said


def test_links_of_the_seal_are_hashed_once_each_and_wrong_ones_only_so_often(
    run: ScriptedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening after opening, each with the chain's next link, and then each with none."""
    hashed: list[int] = []

    def counting(reveal: bytes, k: int, tip: bytes) -> None:
        hashed.append(k)
        check_reveal(reveal, k, tip)

    monkeypatch.setattr("detent.audit.openings.check_reveal", counting)
    entries, chain = run.entries(), Chain(SECRET, 100)
    intent = next(entry for entry in entries if isinstance(entry, IntentWritten))
    outcome = next(entry for entry in entries if isinstance(entry, OutcomeWritten))

    def opened(k: int, reveal: bytes) -> list[Entry]:
        revealed = structs.replace(outcome.outcome, k=k, reveal=reveal.hex())
        return [
            structs.replace(intent, intent=structs.replace(intent.intent, k=k)),
            structs.replace(outcome, outcome=revealed),
        ]

    right = [each for k in range(1, 51) for each in opened(k, chain.reveal(k))]
    wrong = [each for k in range(51, 101) for each in opened(k, bytes(32))]
    run.rewrite([*entries[:2], *right, *wrong])
    (seal,) = [finding for finding in verify(run.evidence()).made if finding.check == "seal"]
    assert hashed[:50] == [1] * 50
    assert (len(hashed), len(seal.faults)) == (71, 21)
