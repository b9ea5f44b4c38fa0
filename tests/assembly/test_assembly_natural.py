"""A run over a task of the gym and a file of rows: it turns, verifies, and keeps sealed rows from training."""

from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.assembly.natural_run import FILE, NATURAL, ONLY_ROWS, ROWS, begun, engine
from tests.attacks.attacks_world import ADA, Scene

from detent.assembly import fetching, grant_lease, make_bundle, verify_source
from detent.audit import bundle
from detent.engine import DataStore
from detent.errors import CharterError, TaskError, TrustError, UsageError
from detent.evaluate import decode_rows
from detent.tasks import Shares, deal, gym, installed_library
from detent.tasks.rows import LARGEST
from detent.values import DataMade, IntentWritten, OutcomeWritten

SHARES = Shares(0.5, 0.1, 9)


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Three generations, both kinds of tasks."""
    if find_spec("reasoning_gym") is None:
        pytest.skip("the extra detent[gym] is not installed")
    scene = begun(tmp_path_factory.mktemp("natural"))
    with scene.here():
        scene.turn(3, engine(scene, 1000))
        scene.answered()
    return scene


def test_the_signed_charter_pins_library_levels_and_rows(turned: Scene) -> None:
    charter = turned.signed.charter
    assert charter.gym is not None
    assert (charter.gym.library, charter.gym.sha256) == installed_library()
    assert charter.gym.levels == {"gym:chain_sum": (0, 1, 2)}
    assert len(charter.tasks["following"].sha256) == 64


def test_the_run_opens_its_seal_and_verifies_clean(turned: Scene) -> None:
    assert any(isinstance(entry, OutcomeWritten) for entry in turned.entries())
    with turned.here():
        assert turned.verified().faults == []


def test_what_was_taught_labelled_and_sealed_are_rows_dealt_for_that(turned: Scene) -> None:
    prompts = {str(row["prompt"]) for row in ROWS}
    data = DataStore(turned.folder.data, turned.folder.answers)
    taught = {
        example.prompt
        for entry in turned.entries()
        if isinstance(entry, DataMade)
        for example in data.read(entry.digest)
        if example.task == "following"
    }
    assert taught
    assert taught <= prompts
    assert {deal(prompt, SHARES) for prompt in taught} == {"taught"}
    for outcome in [entry.outcome for entry in turned.entries() if isinstance(entry, OutcomeWritten)]:
        rows = [row for row in decode_rows(data.read_bytes(outcome.answers)) if row.slice.task == "following"]
        assert rows
        assert {deal(row.prompt, SHARES) for row in rows} == {f"opening {outcome.k}"}
        for name in {row.target for row in rows}:
            asked = [row.prompt for row in rows if row.target == name]
            assert len(set(asked)) == len(asked)


def test_limits_in_intents_are_those_that_the_rows_allow(turned: Scene) -> None:
    (intent, *_) = [entry.intent for entry in turned.entries() if isinstance(entry, IntentWritten)]
    limits = {target.name: target.limit for target in intent.targets}
    assert limits["L/gym:chain_sum"] == 200
    assert 100 < limits["L/following"] <= 200


def test_another_library_is_an_error_and_no_other_problems(
    turned: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = installed_library()
    monkeypatch.setattr(gym, "installed_library", lambda: gym.Library("0.1.99", real.sha256))
    with turned.here(), pytest.raises(TrustError, match=r"reasoning-gym 0\.1\.25, .* expected, got 0\.1\.99"):
        turned.turn(1, engine(turned, 9000))


def test_where_the_library_is_missing_verify_says_what_it_did_not_check(
    turned: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> gym.Library:
        raise UsageError("the library reasoning-gym expected, got none; pip install 'detent[gym]'")

    monkeypatch.setattr(gym, "installed_library", none)
    with turned.here():
        found = turned.verified()
    assert found.faults == []
    assert any("pip install 'detent[gym]'" in said for finding in found.made for said in finding.unchecked)


def test_rows_changed_after_signing_stop_the_run(turned: Scene, tmp_path: Path) -> None:
    scene = turned.copy(tmp_path)
    (scene.folder.tasks / "following.jsonl").write_text(FILE + '\n{"prompt": "new?", "answer": "yes"}')
    with scene.here(), pytest.raises(TrustError, match="restore the file"):
        scene.turn(1, engine(scene, 9000))
    with scene.here():
        assert scene.verified().faults != []


def test_a_file_of_rows_may_travel_whole_in_a_bundle_and_from_a_host() -> None:
    assert bundle._most("tasks/following.jsonl") >= LARGEST
    assert fetching.LARGE >= LARGEST


def test_a_bundle_of_the_run_verifies(turned: Scene, tmp_path: Path) -> None:
    with turned.here():
        make_bundle(turned.run, tmp_path / "run.zip")
        assert verify_source(str(tmp_path / "run.zip")).faults == []


REFUSED: dict[str, tuple[str, str, type[Exception], str]] = {
    "a task that the gym does not have": (
        NATURAL.replace("gym:chain_sum", "gym:chain_sums"),
        FILE,
        CharterError,
        'a task of reasoning-gym behind gym: expected, got "chain_sums"; did you mean gym:chain_sum',
    ),
    "a level above the curriculum's": (
        NATURAL.replace('chain_sum" = 3', 'chain_sum" = 99'),
        FILE,
        CharterError,
        "a top level of at most 11 expected, the task's highest, got 99",
    ),
    "a task of the gym without answers": (
        NATURAL.replace("gym:chain_sum", "gym:rush_hour"),
        FILE,
        CharterError,
        "its entries have no answer of their own that could be matched",
    ),
    "a [gym] of the author's": (
        NATURAL + '[gym]\nlibrary = "0.1.25"\n',
        FILE,
        CharterError,
        "nothing expected in a draft: `init` fills it in; remove it",
    ),
    "fewer openings than the lease has generations": (
        ONLY_ROWS.replace("openings = 9", "openings = 8"),
        FILE,
        CharterError,
        "at least pace.lease.generations = 9 expected, since each generation may open the seal",
    ),
    "no rows left to be taught": (
        ONLY_ROWS + "sealed = 0.9\n",
        FILE,
        CharterError,
        "sealed and shown below 1 together expected, so that rows are left to be taught, got 1",
    ),
    "shares beside a task in code": (
        ONLY_ROWS.replace("following.jsonl", "following.py:Following"),
        FILE,
        CharterError,
        "nothing expected beside a task in code, got 9",
    ),
    "a file outside of the charter's folder": (
        ONLY_ROWS.replace("following.jsonl", "../following.jsonl"),
        FILE,
        CharterError,
        '"FILE.py:Class" or "FILE.jsonl" beside the charter expected',
    ),
    "a level without rows": (
        ONLY_ROWS.replace("following = 3", "following = 4"),
        FILE,
        TaskError,
        "rows of level 4 for what is taught expected, got none",
    ),
    "too few rows for its openings": (
        ONLY_ROWS,
        "\n".join(FILE.split("\n")[:300]),
        TaskError,
        "start another run with more rows, fewer openings, or more sealed",
    ),
    "words for a model that is made here and cannot spell them": (
        ONLY_ROWS,
        FILE + '\n{"prompt": "Où?\\nLà?", "answer": "1"}',
        CharterError,
        "prompts of one line in printable ASCII expected, as a model made here can spell",
    ),
    "a prompt in two files": (
        ONLY_ROWS.replace("following = 3", "following = 3, again = 3")
        + '[tasks.again]\nsource = "following.jsonl"\nopenings = 9\n',
        FILE,
        TaskError,
        "a prompt in one file alone expected",
    ),
    "a question twice, in other letters": (
        ONLY_ROWS,
        FILE + '\n{"prompt": "\uff37hich number follows 0? (level\u00a01)", "answer": "1"}',
        TaskError,
        "each question once expected",
    ),
    "the same prompt twice": (
        ONLY_ROWS,
        FILE + "\n" + FILE.split("\n")[0],
        TaskError,
        "following.jsonl:6001: each prompt",
    ),
}


def test_a_run_that_was_begun_with_a_prompt_in_two_files_does_not_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a program that does not look, its operator's own: what one file seals the other teaches."""
    monkeypatch.setattr("detent.assembly.founding.see_questions_once", lambda _: None)
    charter = ONLY_ROWS.replace("following = 3", "following = 3, again = 3")
    shares = '[tasks.again]\nsource = "following.jsonl"\nsealed = 0.8\nopenings = 9\n'
    scene = begun(tmp_path, charter + shares)
    with scene.here():
        (finding,) = scene.verified().faults
    assert "a prompt in one file alone expected" in " ".join(finding.faults)


@pytest.mark.parametrize("what", REFUSED)
def test_no_run_begins_with(what: str, tmp_path: Path) -> None:
    charter, rows, kind, says = REFUSED[what]
    with pytest.raises(kind) as caught:
        begun(tmp_path, charter, rows)
    assert says in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_no_run_begins_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(
        UsageError, match=r"the library reasoning-gym, .* expected, got none; pip install 'detent\[gym\]'"
    ):
        begun(tmp_path)


def turn_on(scene: Scene) -> None:
    """Turn as long as people let it."""
    for session in range(1, 8):
        scene.turn(1, engine(scene, 1000 * session))
        scene.answered()
        grant_lease(scene.run, 1, keys=[ADA])


def test_a_run_whose_rows_are_spent_stops_before_it_makes_another_generation(tmp_path: Path) -> None:
    charter = ONLY_ROWS.replace("openings = 9", "openings = 1").replace("generations = 9", "generations = 1")
    scene = begun(tmp_path, charter, "\n".join(FILE.split("\n")[:1500]))
    with scene.here():
        with pytest.raises(
            TaskError, match=r"task following: sealed rows for at least \d+ items .* in opening 2 expected"
        ):
            turn_on(scene)
        assert scene.state().openings == 1
        closed = scene.state().generation
        kinds = {type(entry).__name__ for entry in scene.entries() if entry.generation == closed}
        assert "DataMade" not in kinds
        assert "IntentWritten" not in kinds
        assert scene.verified().faults == []
