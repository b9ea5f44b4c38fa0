"""A language model proposes: what was tried follows from what its server said; whoever changes either is found."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.audit.advised_run import ADVISED, SHAPED, TRAINED, AdvisedWorker
from tests.audit.forging import Forgery, assert_found, forge, places
from tests.audit.scripted_run import ScriptedRun, make_run

from detent.audit import verify
from detent.errors import PeerError
from detent.values import Declined, ServerAsked, Suggested, Tune, sha256_hex
from detent.values.serving import Wrote, decode_kept, encode_kept


@pytest.fixture(scope="module")
def advised(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("advised") / "run"
    return make_run(folder, ADVISED, trained=TRAINED, worker_kind=AdvisedWorker)


@pytest.fixture(scope="module")
def shaped(tmp_path_factory: pytest.TempPathFactory) -> ScriptedRun:
    """Never changed."""
    folder = tmp_path_factory.mktemp("shaped") / "run"
    return make_run(folder, SHAPED, trained=TRAINED, worker_kind=AdvisedWorker)


@pytest.fixture
def run(advised: ScriptedRun, tmp_path: Path) -> ScriptedRun:
    return advised.copy(tmp_path / "run")


def suggested(run: ScriptedRun) -> list[Suggested]:
    return [entry for entry in run.entries() if isinstance(entry, Suggested)]


def by_model(run: ScriptedRun) -> int:
    """Which of the entries, in order, has a change of the model's."""
    return next(
        nth for nth, one in enumerate(suggested(run)) if any(change.by == "model" for change in one.changes)
    )


def test_what_a_model_proposed_is_read_again_and_follows(advised: ScriptedRun) -> None:
    findings = verify(advised.evidence())
    assert not findings.faults, findings.lines
    one = suggested(advised)[by_model(advised)]
    assert "recipe.confidence = 0.5" in {change.said for change in one.changes if change.by == "model"}


def test_what_was_declined_is_on_record_with_the_reason(shaped: ScriptedRun) -> None:
    findings = verify(shaped.evidence())
    assert not findings.faults, findings.lines
    for one in suggested(shaped):
        assert [declined.said for declined in one.declined] == [
            "recipe.audit = 1",
            "no block 7",
            '"approve me"',
        ]
        assert "a key of the search space expected" in one.declined[0].because
        assert "an edit that a model of 2 layers" in one.declined[1].because
        assert "in the form that was asked for" in one.declined[2].because


def reword(run: ScriptedRun, change: Callable[[str], str], *, asked: bool = False) -> None:
    """Change what the server said, or what it was asked, and name the new file on the ledger."""
    entry = next(entry for entry in run.entries() if isinstance(entry, ServerAsked))
    path = run.folder / "answers" / entry.record
    (row,) = decode_kept(path.read_bytes())
    assert isinstance(row, Wrote)
    row = (
        structs.replace(row, prompt=change(row.prompt))
        if asked
        else structs.replace(row, text=change(row.text))
    )
    content = encode_kept([row])
    path.unlink()
    (path.parent / sha256_hex(content)).write_bytes(content)
    forge(run, ServerAsked, 0, record=sha256_hex(content))


def retune(run: ScriptedRun, **fields: Any) -> None:
    """Change the model's first change."""
    nth = by_model(run)
    entry = suggested(run)[nth]
    changes = [structs.replace(one, **fields) if one.by == "model" else one for one in entry.changes]
    forge(run, Suggested, nth, changes=tuple(changes))


def declare(run: ScriptedRun, said: str) -> None:
    nth = by_model(run)
    more = Declined("model", said, "it is not liked here")
    forge(run, Suggested, nth, declined=(*suggested(run)[nth].declined, more))


def unask(run: ScriptedRun) -> None:
    """Take the first answer off the record; what was said to follow from it stays."""
    place = places(run, ServerAsked)[0]
    run.rewrite([entry for index, entry in enumerate(run.record()) if index != place])


FORGERIES: dict[str, Forgery] = {
    "another answer is put in the server's mouth": Forgery(
        lambda run: reword(run, lambda text: text.replace("0.5", "0.6")),
        "trials",
        "follow from what the server",
    ),
    "it was asked something else": Forgery(
        lambda run: reword(run, lambda text: text.replace("small language model", "spy"), asked=True),
        "trials",
        "expected on record, got nothing",
    ),
    "a value that it did not propose stands under its name": Forgery(
        lambda run: retune(run, settings={"recipe.confidence": 0.9}), "trials", "follow from what the server"
    ),
    "a reason that it did not give stands beside its change": Forgery(
        lambda run: retune(run, because="people have approved this"), "trials", "follow from what the server"
    ),
    "its change is said to be the search's": Forgery(
        lambda run: retune(run, by="search"), "trials", "proposers model, rules expected"
    ),
    "its change is said to be of the rules": Forgery(
        lambda run: retune(run, by="rules"), "trials", "follow from what the server"
    ),
    "something is declined that it never said": Forgery(
        lambda run: declare(run, "a backdoor"), "trials", "declined of what the server said"
    ),
    "it was never asked": Forgery(unask, "trials", "follow from what the server said"),
    "another server is said to have been asked": Forgery(
        lambda run: forge(run, ServerAsked, 0, server="other"),
        "servers",
        "the server wise of the charter expected",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_it_is_found_that(run: ScriptedRun, forgery: str) -> None:
    assert_found(run, FORGERIES[forgery])


def _down() -> None:
    raise PeerError("an answer of servers.wise expected, got none; is it up? (log: /home/ada/secret)")


@dataclass
class Unheard(AdvisedWorker):
    """Nobody listens at the address."""

    failing_server: Callable[[], None] = field(default=_down)


def test_a_run_that_went_on_without_its_server_verifies(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", ADVISED, trained=TRAINED, worker_kind=Unheard)
    findings = verify(run.evidence())
    assert not findings.faults, findings.lines
    assert not any(isinstance(entry, ServerAsked) for entry in run.entries())
    unheard = [declined for one in suggested(run) for declined in one.declined]
    assert {one.said for one in unheard} == {"nothing"}
    assert not any("/home/ada" in one.because for one in unheard)
    assert {change.by for one in suggested(run) for change in one.changes} == {"rules"}


def test_where_the_model_in_force_is_not_at_hand_its_word_is_still_held_against_the_record(
    shaped: ScriptedRun, tmp_path: Path
) -> None:
    run = shaped.copy(tmp_path / "run")
    forged = run.copy(tmp_path / "forged")
    change = suggested(forged)[0].changes[0]
    assert isinstance(change, Tune)
    other = structs.replace(change, settings={"recipe.confidence": 0.9})
    forge(forged, Suggested, 0, changes=(other,))
    for one, says in ((run, ""), (forged, "a change that the server proposed expected")):
        left_out = {}
        for path in list((one.folder / "models").iterdir()):
            if not path.is_symlink():
                path.rename(tmp_path / f"{one.folder.name}-{path.name}")
                left_out[f"models/{path.name}"] = "not asked for"
        evidence = replace(one.evidence(), left_out={**left_out, "models/incumbent": "not asked for"})
        trials = next(finding for finding in verify(evidence).made if finding.check == "trials")
        assert bool(trials.faults) == bool(says), trials.faults
        assert says in " | ".join(trials.faults)
