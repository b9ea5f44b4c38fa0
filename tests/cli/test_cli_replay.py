"""A real run replayed by a stranger: to the last digit, without keys, and what an edited record says about itself."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs
from tests.audit.replaying import fitted
from tests.cli.tiny_run import Machine, content, entries

from detent.evaluate import Row, decode_rows, encode_rows
from detent.ledger import Ledger
from detent.signing import SigningKey, canonical
from detent.values import OutcomeWritten, entry_document, sha256_hex


def a_stranger(machine: Machine, folder: Path) -> Machine:
    """Somebody who was given the run folder, and has no key and no secret."""
    shutil.copytree(machine.run, folder / "run", symlinks=True)
    return Machine(folder)


def test_a_real_run_is_equal_to_the_last_digit_and_nothing_is_written(
    finished: Machine, tmp_path: Path
) -> None:
    stranger = a_stranger(finished, tmp_path)
    before = content(stranger.run)
    done = stranger.detent("replay", stranger.run, "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    checks = re.findall(r"^(\w+) +equal: ", done.stdout, re.MULTILINE)
    assert {"labels", "visible", "opening", "alarms", "decision"} <= set(checks)
    assert checks.count("decision") == 2
    assert "all must be equal" in done.stdout
    assert "WRONG" not in done.stdout
    assert content(stranger.run) == before
    assert not stranger.data.exists()


def otherwise_wrong(rows: Sequence[Row]) -> tuple[Row, list[Row]]:
    """One wrong answer becomes another wrong one: no mark, no count and no gain changes."""
    place = next(i for i, row in enumerate(rows) if not row.candidate_right)
    changed = structs.replace(rows[place], candidate=rows[place].candidate + "?")
    return rows[place], [*rows[:place], changed, *rows[place + 1 :]]


def edit_an_answer(machine: Machine) -> Row:
    """What the holder of the log's key can do: another answer, every hash, stream, count and signature right."""
    answers = machine.run / "answers"
    record = entries(machine.run)
    place = max(i for i, entry in enumerate(record) if isinstance(entry, OutcomeWritten))
    entry = record[place]
    assert isinstance(entry, OutcomeWritten)
    row, rows = otherwise_wrong(decode_rows((answers / entry.outcome.answers).read_bytes()))
    (answers / entry.outcome.answers).unlink()
    (answers / sha256_hex(encode_rows(rows))).write_bytes(encode_rows(rows))
    record[place] = structs.replace(
        entry, outcome=structs.replace(entry.outcome, answers=sha256_hex(encode_rows(rows)))
    )
    key = SigningKey.load(machine.secrets / "log.pem")
    shutil.rmtree(machine.run / "ledger")
    with Ledger.create(machine.run / "ledger", key, key.name) as ledger:
        for one in record:
            ledger.append(canonical(entry_document(fitted(one, ledger))))
    return row


@pytest.mark.long
def test_an_edited_answer_that_verify_cannot_see_is_found_with_its_place(
    finished: Machine, tmp_path: Path
) -> None:
    operator = finished.copy(tmp_path / "operator")
    row = edit_an_answer(operator)
    operator.forget()
    stranger = a_stranger(operator, tmp_path / "stranger")
    assert stranger.detent("verify", stranger.run).returncode == 0
    done = stranger.detent("replay", stranger.run, "--generation", "1")
    assert done.returncode == 4, done.stdout + done.stderr
    said = (
        f"- {row.target}, item {row.index}, {row.prompt!r}: the candidate answered {row.candidate + '?'!r} as "
        f"recorded, {row.candidate!r} again"
    )
    assert said in done.stdout
    assert "differ from the record" in done.stderr
