"""Nothing that a terminal obeys comes out of a message: a worker's words may be among it."""

import pytest

from detent.cli import app, main
from detent.cli.running import Display
from detent.errors import CharterError, DetentError, EngineError, StorageError

CLEARED = "\x1b[40A\x1b[Jverified: nothing is wrong\x1b[8m\n\u202efine"

SEEN = "\\x1b[40A\\x1b[Jverified: nothing is wrong\\x1b[8m \\u202efine"


def said_by_main(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str]:
    def fails() -> None:
        raise error

    monkeypatch.setattr(app, "app", fails)
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize("kind", [EngineError, StorageError])
def test_what_a_worker_says_is_one_line_on_the_terminal_and_no_command_to_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: type[DetentError]
) -> None:
    said = said_by_main(kind(f"a model expected, got {CLEARED}"), monkeypatch, capsys)
    assert said == (kind.exit_code, f"detent: a model expected, got {SEEN}\n")


def test_the_faults_of_a_charter_are_a_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_by_main(CharterError("one\x1b[2J\ntwo"), monkeypatch, capsys)
    assert said == (3, "detent: one\\x1b[2J\ntwo\n")


def test_a_disks_refusal_names_a_file_whatever_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = said_by_main(OSError(28, "No space left on device", "a\x1b[2J"), monkeypatch, capsys)
    assert code == 9
    assert "\x1b" not in said


def test_a_line_of_a_run_is_no_command_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Display() as display:
        display.say(f"refused: {CLEARED}")
    assert capsys.readouterr().out == f"refused: {SEEN}\n"
