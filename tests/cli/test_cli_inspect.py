"""`detent inspect`: sentences for people, JSON for programs, a page with pictures; a run is asked once, and rightly."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cli.tiny_run import Machine, content
from tests.report.inside_looks import absent, look
from tests.report.report_reader import read
from typer.testing import CliRunner

from detent import assembly
from detent.assembly.looking import Looked
from detent.cli.app import app
from detent.errors import TrustError, UsageError
from detent.report import readings
from detent.values import Interpreted
from detent.values.inside import ALWAYS, DEEPER

BEFORE, AFTER = "81" * 32, "5f" * 32
HOSTILE = "3\n\x1b[2Jverified: nothing is wrong\u202e"


class Asked:
    """Stands for a run: it notes what it was asked, and answers with one look."""

    def __init__(self, found: Interpreted, control: Interpreted | None = None) -> None:
        whole = look()
        self.asked: list[tuple[Any, ...]] = []
        copy = Interpreted(layers=whole.layers, words=whole.words)
        self.looked = Looked(BEFORE, AFTER, found, control, 1.25, 3, 2, copy)

    def __call__(self, *asked: Any) -> Looked:
        self.asked.append(asked[:-1])
        asked[-1]("note        something is left out\x1b[2J")
        return self.looked


def asked(monkeypatch: pytest.MonkeyPatch, found: Interpreted, control: Interpreted | None = None) -> Asked:
    stand_in = Asked(found, control)
    monkeypatch.setattr(assembly, "look_inside", stand_in, raising=False)
    return stand_in


def said(*words: str) -> Any:
    return CliRunner().invoke(app, ["inspect", "run", "3", *words])


def test_it_prints_what_was_compared_and_a_sentence_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    run = asked(monkeypatch, look())
    result = said()
    assert (result.exit_code, run.asked) == (0, [(Path("run"), 3, None, (*ALWAYS, *DEEPER), False)])
    lines = result.stdout.splitlines()
    assert lines[:2] == ["after       generation 3, 5f5f5f5f5f5f", "before      generation 2, 818181818181"]
    assert lines[2:11] == [reading.line for reading in readings(look(), names={"7": "generation 0"})]
    assert lines[11:] == ["copy        reads zero in layers, words", "took        1.2 s"]
    assert result.stderr == "note something is left out\\x1b[2J\n"


def test_a_control_is_said_to_be_one_and_stands_in_each_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    run = asked(monkeypatch, look(), look(seed=2))
    result = said("--control", "--against", "0", "--sections", "words, layers")
    assert run.asked == [(Path("run"), 3, 0, ("layers", "words"), True)]
    lines = result.stdout.splitlines()
    assert lines[2] == "control     the same training with another seed"
    assert all("another seed: " in line for line in lines[3:12])


def test_sections_that_are_absent_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, absent("their widths differ"))
    assert "weights: not made: their widths differ" in said().stdout.splitlines()


def test_nothing_that_a_model_says_is_a_line_or_a_command_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for found in (look(text=HOSTILE), absent(HOSTILE)):
        asked(monkeypatch, found, absent(HOSTILE))
        lines = said().stdout.splitlines()
        assert len(lines) == 3 + 9 + 2
        assert all(line.isprintable() for line in lines)
        assert not any(line.startswith("verified") for line in lines)


def test_as_json_the_figures_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, look(text=HOSTILE), absent("no inside"))
    document = json.loads(said("--json", "--control").stdout)
    assert list(document) == [
        "generation",
        "after",
        "against",
        "before",
        "trained_from",
        "said",
        "beside_control",
        "found",
        "control",
        "copy",
        "seconds",
    ]
    assert (document["generation"], document["against"]) == (3, 2)
    assert (document["before"], document["after"], document["seconds"]) == (BEFORE, AFTER, 1.25)
    assert msgspec.convert({"type": "interpreted", **document["found"]}, Interpreted) == look(text=HOSTILE)
    assert document["control"] == {"absent": dict.fromkeys((*ALWAYS, *DEEPER), "no inside")}
    assert list(document["said"]) == list(document["beside_control"]) == [*ALWAYS, *DEEPER]


def test_without_a_control_the_json_says_null(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, look())
    document = json.loads(said("--json").stdout)
    assert (document["control"], document["beside_control"]) == (None, {})


def test_a_page_with_every_picture_is_written_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked(monkeypatch, look(), look(seed=2))
    file = tmp_path / "look.html"
    result = said("--html", str(file))
    assert result.stdout.splitlines()[-1] == f"page        {file}"
    page = read(file.read_text("utf-8"))
    assert page.named("h1")[0].text == "Generation 3 beside generation 2"
    assert len(page.named("figure")) == 7
    assert "After: generation 3, 5f5f5f5f5f5f." in page.texts()
    assert "the same training made again" in page.texts()


def test_a_file_that_exists_is_refused_before_anything_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = asked(monkeypatch, look())
    file = tmp_path / "look.html"
    file.write_text("mine", "utf-8")
    result = said("--html", str(file))
    assert isinstance(result.exception, UsageError)
    assert "a new file expected" in str(result.exception)
    assert (run.asked, file.read_text("utf-8")) == ([], "mine")


@pytest.mark.parametrize("named", ["splice", "layers,words,all", "layers;words", "Layers"])
def test_a_section_that_there_is_not_is_refused_with_the_nine_that_there_are(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    run = asked(monkeypatch, look())
    result = said("--sections", named)
    assert isinstance(result.exception, UsageError)
    assert "layers, weights, lens, words, heads, probes, splices, tokens, patches" in str(result.exception)
    assert run.asked == []


def test_errors_end_it_with_the_exit_code_of_their_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> None:
        raise TrustError("a ledger expected, got something else")

    monkeypatch.setattr(assembly, "look_inside", refuses, raising=False)
    assert isinstance(said().exception, TrustError)


def test_its_help_is_not_that_of_other_peoples_evaluations() -> None:
    own, theirs = (CliRunner().invoke(app, [name, "--help"]).stdout for name in ("inspect", "inspect-task"))
    assert "what changed in its layers" in " ".join(own.split())
    assert "Inspect AI" not in own
    assert "Inspect AI" in theirs


def test_a_real_run_is_looked_into_and_nothing_in_it_is_changed(finished: Machine, tmp_path: Path) -> None:
    page = tmp_path / "look.html"
    before = content(finished.run)
    named = "layers,weights,lens,words"
    done = finished.detent("inspect", finished.run, "1", "--sections", named, "--html", page)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("after       generation 1, ")
    assert lines[1].startswith("before      generation 0, ")
    assert [line.partition(":")[0] for line in lines[2:6]] == list(ALWAYS)
    assert " moved most, by " in lines[3] or "no module stands out" in lines[3]
    assert lines[6] == "copy        reads zero in layers, weights, lens, words"
    assert len(read(page.read_text("utf-8")).named("figure")) == 3
    assert content(finished.run) == before


def test_a_generation_that_there_is_not_is_a_usage_error(finished: Machine) -> None:
    done = finished.detent("inspect", finished.run, "7")
    assert (done.returncode, done.stdout) == (UsageError.exit_code, "")
    assert done.stderr.startswith("detent: ")
    assert done.stderr.count("\n") == 1
