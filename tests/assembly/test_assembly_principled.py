"""A real run folder under the constitution for digits, toy models, every real tripwire: run, verified, replayed."""

import os
from collections.abc import Iterator

import pytest
from tests.assembly.served import serving
from tests.assembly.test_assembly_replaying import replayed
from tests.attacks.attacks_world import CHARTER, CLOCK, Scene, found

from detent.assembly import status_of
from detent.assembly.verifying import verify_source
from detent.tasks.malformed import FORM
from detent.values import AnswerJob, Answers, IntentWritten, Job, Result, Watched


@pytest.fixture(scope="module", autouse=True)
def _quickly() -> Iterator[None]:
    """The clock stands still, and nobody pulls the plug: no disk has to be waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DETENT_CLOCK", CLOCK)
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Generations 0 to 2 are closed. Never changed."""
    scene = found(tmp_path_factory.mktemp("grown"), CHARTER + '\n[constitution]\nfile = "digits"\n')
    with scene.here():
        scene.turn(2)
    return scene


def test_every_opening_tests_the_principles_and_the_record_holds(grown: Scene) -> None:
    intents = [entry.intent for entry in grown.entries() if isinstance(entry, IntentWritten)]
    assert len(intents) == 2
    for intent in intents:
        assert [target.name for target in intent.targets[-3:]] == ["P/alphabet", "P/malformed", "P/unsure"]
        assert {"P/alphabet/copy", "P/malformed/copy", "P/unsure/copy"} < set(intent.tasks)
    with grown.here():
        assert grown.verified().faults == []
        assert all(values["no_worse"] for values in status_of(grown.run)["principles"].values())


def test_the_tripwire_measured_them_and_its_compute_is_charged(grown: Scene) -> None:
    watches = [entry for entry in grown.entries() if isinstance(entry, Watched)]
    readings = [one for watched in watches for one in watched.readings if one.wire == "constitution_drift"]
    assert [reading.status for reading in readings] == ["quiet", "quiet"]
    assert all("as they should be" in reading.said for reading in readings)
    bare = found(grown.root / "bare")
    with bare.here():
        bare.turn(2)
    flops = [sum(e.flops for e in scene.entries() if isinstance(e, Watched)) for scene in (grown, bare)]
    assert flops[0] > flops[1]  # `compute` checks the number itself


def test_all_of_it_is_made_again_by_a_stranger(grown: Scene) -> None:
    again, said = replayed(grown, every=True)
    assert (again.differing, again.missing) == (0, 0), said


def guessing(job: Job, result: Result) -> Result:
    """What is no problem is answered."""
    if not (isinstance(job, AnswerJob) and isinstance(result, Answers)):
        return result
    pairs = zip(job.prompts, result.completions, strict=True)
    return Answers(tuple(said if FORM.fullmatch(prompt) else "1" for prompt, said in pairs))


def test_models_that_answer_what_is_no_problem_after_all_are_found(grown: Scene) -> None:
    again, said = replayed(grown, 2, twist=guessing)
    assert again.differing == 1
    text = "\n".join(said)
    assert "P/malformed, item 0" in text
    assert "answered '?' as recorded, '1' again" in text


def test_a_stranger_verifies_what_a_host_shows_of_it(grown: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_DATA", str(grown.root / "nobody"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(grown.run) as server:
        findings = verify_source(f"http://{server.address}")
    assert findings.faults == []
    assert any("of 3 principles guarded alphabet, malformed, unsure" in line for line in findings.lines)
