"""`fetch`: one commit of a model, without code or pickles, and what is noted of it; against a hub on this machine."""

import json
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.assembly.fake_hub import COMMIT, Hub, serving
from tests.attacks.attacks_world import ADA, BOB, CHARTER, CY, Scene

from detent.assembly import create_run, downloading, fetch_model
from detent.assembly.downloading import note_of, note_path
from detent.assembly.estimating import draft_for, estimate_draft
from detent.assembly.given import given_folder
from detent.assembly.tasks import catalogue
from detent.audit.findings import Finding
from detent.charter import parse_draft
from detent.errors import DetentError, PeerError, SubjectError, TrustError, UsageError
from detent.subject.build import Sizes, build_model, build_tokenizer, save
from detent.values import (
    Entry,
    GivenAs,
    ModelFetched,
    ModelGiven,
    SessionStarted,
    State,
    SubjectBuilt,
    fold,
)
from detent.values.folder import folder_digest


def weights(numbers: int = 3) -> bytes:
    header = json.dumps(
        {"w": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4 * numbers]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4 * numbers)


CONFIG = b'{"architectures": ["LlamaForCausalLM"]}'


def files(**more: bytes) -> dict[str, bytes]:
    return {
        "config.json": CONFIG,
        "model.safetensors": weights(),
        "tokenizer.json": b"{}",
        "README.md": b"# hello",
        "pytorch_model.bin": b"\x80\x04",
        "modeling_evil.py": b"raise SystemExit",
        "onnx/model.onnx": b"x",
    } | more


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub(files())) as one:
        monkeypatch.setenv("HF_ENDPOINT", one.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield one


def test_weights_config_and_tokenizer_come_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    made = fetch_model("org/model", tmp_path / "m")
    assert {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()} == {
        "config.json": CONFIG,
        "model.safetensors": weights(),
        "tokenizer.json": b"{}",
    }
    assert made.left == ("README.md", "modeling_evil.py", "onnx/model.onnx", "pytorch_model.bin")
    assert not [path for path in hub.asked if path.endswith((".py", ".bin", ".onnx"))]


def test_the_note_beside_it_names_the_commit_and_is_not_in_the_digest(hub: Hub, tmp_path: Path) -> None:
    assert hub.url
    made = fetch_model("org/model", tmp_path / "m", "v1.0")
    assert json.loads(note_path(tmp_path / "m").read_text()) == {
        "repo": "org/model",
        "revision": COMMIT,
        "digest": folder_digest(tmp_path / "m"),
    }
    assert note_of(tmp_path / "m") == made.note


def test_files_are_asked_for_by_commit_and_never_by_branch(hub: Hub, tmp_path: Path) -> None:
    fetch_model("org/model", tmp_path / "m")
    resolved = [path for path in hub.asked if "/resolve/" in path]
    assert resolved
    assert all(f"/resolve/{COMMIT}/" in path for path in resolved)


def test_a_folder_that_was_changed_after_is_not_what_was_fetched(hub: Hub, tmp_path: Path) -> None:
    assert hub.url
    fetch_model("org/model", tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text("{}")
    with pytest.raises(TrustError, match="as it was fetched"):
        note_of(tmp_path / "m")


def test_a_folder_of_ones_own_has_no_note(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert note_of(tmp_path / "m") is None


NOTES = {
    "no JSON": "{",
    "no note": "{}",
    "more than a note": json.dumps({"repo": "a/b", "revision": COMMIT, "digest": "d", "x": 1}),
    "a name that is none": json.dumps({"repo": "../b", "revision": COMMIT, "digest": "d"}),
    "a branch in place of a commit": json.dumps({"repo": "a/b", "revision": "main", "digest": "d"}),
    "brackets without end": "[" * 100_000,
}


@pytest.mark.parametrize("case", NOTES)
def test_a_note_that_nobody_can_believe_is_refused(case: str, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("{}")
    note_path(tmp_path / "m").write_text(NOTES[case])
    with pytest.raises(TrustError):
        note_of(tmp_path / "m")


def without(hub: Hub, name: str) -> None:
    del hub.files[name]


HOSTILE: dict[str, tuple[Callable[[Hub], object], type[DetentError]]] = {
    "pickled weights alone": (lambda hub: without(hub, "model.safetensors"), SubjectError),
    "no config": (lambda hub: without(hub, "config.json"), SubjectError),
    "a config that asks for code": (
        lambda hub: hub.files.update({"config.json": b'{"auto_map": {"AutoModel": "modeling_evil.M"}}'}),
        SubjectError,
    ),
    "a config that is no JSON": (lambda hub: hub.files.update({"config.json": b"{"}), SubjectError),
    "a pickle under a name of weights": (
        lambda hub: hub.files.update({"model.safetensors": b"\x80\x04" + b"x" * 40}),
        SubjectError,
    ),
    "other bytes than announced": (lambda hub: hub.sent.update({"tokenizer.json": b"{ }"}), TrustError),
    "a file that is not there": (lambda hub: hub.announced.update({"more.json": 5}), DetentError),
    "more than any run takes": (
        lambda hub: hub.announced.update({"model.safetensors": 1 << 40}),
        SubjectError,
    ),
    "a commit that is none": (lambda hub: setattr(hub, "commit", "../../etc"), PeerError),
}


SILENT = {
    "it says nothing of the model": ("GET", "/api/models/org/model"),
    "it says nothing of a file": ("HEAD", "/org/model/resolve/"),
    "it sends no file": ("GET", "/org/model/resolve/"),
}


@pytest.mark.long
@pytest.mark.parametrize("case", SILENT)
def test_a_hub_that_never_answers_is_an_error_in_time_and_leaves_nothing_behind(
    case: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "TIMEOUT", 1.0)
    monkeypatch.setattr(downloading, "SILENCE", 10.0)
    hub.silent = (SILENT[case],)
    began = time.monotonic()
    with pytest.raises(PeerError, match="org/model"):
        fetch_model("org/model", tmp_path / "m")
    assert time.monotonic() - began < 50
    assert hub.asked
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hub_that_misleads_leaves_nothing_behind(case: str, hub: Hub, tmp_path: Path) -> None:
    spoil, error = HOSTILE[case]
    spoil(hub)
    with pytest.raises(error):
        fetch_model("org/model", tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "repo", ["model", "a/b/c", "../x", "org/..", "org/mo del", "", "-x/y", "org/model?x"]
)
def test_a_name_that_is_none_is_not_asked_for(repo: str, hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ORG/MODEL"):
        fetch_model(repo, tmp_path / "m")
    assert hub.asked == []


def test_offline_nothing_is_asked(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE"):
        fetch_model("org/model", tmp_path / "m")
    assert hub.asked == []


def test_a_hub_that_is_not_there_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(PeerError, match="expected from the hub"):
        fetch_model("org/model", tmp_path / "m")


def test_what_is_there_already_stays(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(UsageError, match="a new folder"):
        fetch_model("org/model", tmp_path / "m")
    assert hub.asked == []


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder."""
    monkeypatch.setenv("DETENT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_without_a_folder_it_goes_where_charters_find_it_by_name(
    hub: Hub, data: Path, tmp_path: Path
) -> None:
    assert hub.url
    made = fetch_model("org/model")
    assert made.folder == data / "models" / "org" / "model" / COMMIT
    assert given_folder("org/model", tmp_path) == made.folder
    assert given_folder(f"org/model@{COMMIT[:7]}", tmp_path) == made.folder
    assert note_of(made.folder) == made.note


def test_a_commit_that_is_here_is_not_fetched_again(
    hub: Hub, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data
    made = fetch_model("org/model")
    hub.asked.clear()
    assert fetch_model("org/model").note == made.note
    assert not [path for path in hub.asked if "/resolve/" in path]
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch_model("org/model", revision=COMMIT).folder == made.folder
    assert hub.asked == []


def test_a_commit_that_is_here_and_was_changed_is_not_taken_for_fetched(hub: Hub, data: Path) -> None:
    assert data
    (fetch_model("org/model").folder / "config.json").write_text("{}")
    assert hub.url
    with pytest.raises(TrustError, match="as it was fetched"):
        fetch_model("org/model")


def test_a_folder_beside_the_charter_comes_before_what_was_fetched(
    hub: Hub, data: Path, tmp_path: Path
) -> None:
    assert hub.url
    assert data
    fetch_model("org/model")
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert given_folder("org/model", tmp_path) == tmp_path / "org" / "model"


def test_of_two_commits_the_charter_says_which(hub: Hub, data: Path, tmp_path: Path) -> None:
    assert data
    one = fetch_model("org/model")
    hub.commit = "f00d" + "1" * 36
    two = fetch_model("org/model")
    with pytest.raises(UsageError, match=r"got 2 \(c0ffee000000, f00d11111111\); write which"):
        given_folder("org/model", tmp_path)
    assert given_folder("org/model@c0ffee", tmp_path) == one.folder
    assert given_folder("org/model@f00d", tmp_path) == two.folder


MISSING = {
    "a name of a hub": ("org/model", "got none; run: detent fetch org/model$"),
    "a commit of it": ("org/model@abc123", "run: detent fetch org/model --revision abc123$"),
    "a path": ("models/in/here", "correct the path"),
    "a name that leads elsewhere": ("../model", "correct the path"),
    "a name without its commit": ("org/model@", "correct the path"),
    "one that was fetched in part": ("org/part", "run: detent fetch org/part$"),
}


@pytest.mark.parametrize("case", MISSING)
def test_a_model_that_is_not_here_is_said_to_be_and_never_downloaded(
    case: str, hub: Hub, data: Path, tmp_path: Path
) -> None:
    source, said = MISSING[case]
    (data / "models" / "org" / "part" / COMMIT).mkdir(parents=True)
    with pytest.raises(UsageError, match=said):
        given_folder(source, tmp_path)
    scene = Scene(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "charter.toml").write_text(GIVEN.replace('"given"', f'"{source}"'))
    with pytest.raises(UsageError, match="expected, got none"):
        create_run(scene.run, source=str(tmp_path / "home" / "charter.toml"))
    assert hub.asked == []


def given(home: Path) -> Path:
    """A charter that names a model folder beside it."""
    model = home / "given"
    save(build_model(Sizes(hidden=32, intermediate=32, layers=1, heads=2), seed=1), build_tokenizer(), model)
    return model


def noted(model: Path) -> str:
    digest = folder_digest(model)
    note_path(model).write_text(json.dumps({"repo": "org/model", "revision": COMMIT, "digest": digest}))
    return digest


GIVEN = CHARTER.replace("[recipe]", '[subject]\nsource = "given"\n\n[recipe]')


def test_init_writes_where_the_model_came_from_before_anything_else_is_done(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    digest = noted(given(tmp_path / "home"))
    scene = Scene(tmp_path)
    (tmp_path / "home" / "charter.toml").write_text(GIVEN)
    keys = [tmp_path / "home" / f"{key.name}.pem" for key in (ADA, BOB, CY)]
    for key, path in zip((ADA, BOB, CY), keys, strict=True):
        key.save(path)
    with scene.here():
        create_run(scene.run, source=str(tmp_path / "home" / "charter.toml"), key_paths=keys)
        (fetched,) = [entry for entry in scene.entries() if isinstance(entry, ModelFetched)]
        assert (fetched.repo, fetched.revision, fetched.digest) == ("org/model", COMMIT, digest)
        assert folder_digest(scene.folder.subject) == digest
        assert not scene.verified().faults
        (tmp_path / "home" / "given" / "more.json").write_text("{}")
        with pytest.raises(TrustError, match="as it was fetched"):
            create_run(tmp_path / "other", source=str(tmp_path / "home" / "charter.toml"), key_paths=keys)
    assert not (tmp_path / "other").exists()


def in_hub(hub: Hub, folder: Path) -> None:
    hub.files.clear()
    hub.files.update({path.name: path.read_bytes() for path in given(folder).iterdir()})


NAMED_CHARTERS = {
    "as the subject": (GIVEN.replace('"given"', '"org/model"'), "subject"),
    "as the judge": (
        CHARTER
        + '\n[feedback]\nmethods = ["self_label", "dpo"]\njudge_source = "org/model"\nforms = "words"\n',
        "judge",
    ),
}


@pytest.mark.parametrize("case", NAMED_CHARTERS)
def test_a_charter_may_name_what_was_fetched_and_its_commit_stands_on_the_ledger(
    case: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, part = NAMED_CHARTERS[case]
    (tmp_path / "home").mkdir()
    in_hub(hub, tmp_path / "away")
    (tmp_path / "home" / "charter.toml").write_text(text)
    keys = [tmp_path / "home" / f"{key.name}.pem" for key in (ADA, BOB, CY)]
    for key, path in zip((ADA, BOB, CY), keys, strict=True):
        key.save(path)
    scene = Scene(tmp_path)
    with scene.here():
        made = fetch_model("org/model")
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        hub.asked.clear()
        create_run(scene.run, source=str(tmp_path / "home" / "charter.toml"), key_paths=keys)
        (fetched,) = [entry for entry in scene.entries() if isinstance(entry, ModelFetched)]
        assert (fetched.repo, fetched.revision, fetched.digest) == ("org/model", COMMIT, made.note.digest)
        assert folder_digest(scene.run / part) == made.note.digest
        assert not scene.verified().faults
    assert hub.asked == []


def test_a_charter_is_written_for_what_was_fetched_by_its_name(
    hub: Hub, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data
    in_hub(hub, tmp_path / "away")
    fetch_model("org/model")
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    made = draft_for("org/model", "copy=3", tmp_path)
    read = parse_draft(made.text, catalogue())
    assert (read.name, read.subject.source) == ("model", "org/model")
    assert estimate_draft(read, tmp_path).plan.shape == made.estimate.plan.shape
    assert hub.asked == []


def founded(root: Path, charter: str, template: str = "") -> Scene:
    """A run that begins with the folder home/given, which has this chat template."""
    (root / "home").mkdir(parents=True)
    model = given(root / "home")
    if template:
        (model / "chat_template.jinja").write_text(template)
        (model / "toy.json").write_text(
            '{"horizons": {"copy": 1.0}}'
        )  # by which a simulated worker trains it
    noted(model)
    scene = Scene(root)
    (root / "home" / "charter.toml").write_text(charter)
    keys = [root / "home" / f"{key.name}.pem" for key in (ADA, BOB, CY)]
    for key, path in zip((ADA, BOB, CY), keys, strict=True):
        key.save(path)
    with scene.here():
        create_run(scene.run, source=str(root / "home" / "charter.toml"), key_paths=keys)
    return scene


def test_the_first_lease_is_signed_in_sight_of_the_model_that_is_given(tmp_path: Path) -> None:
    scene = founded(tmp_path, GIVEN)
    with scene.here():
        kinds = [entry.kind for entry in scene.entries()]
        assert kinds == ["charter/v1", "given/v1", "fetched/v1", "lease/v1"]
        (one,) = [entry for entry in scene.entries() if isinstance(entry, ModelGiven)]
        assert (one.given_as, one.digest) == ("subject", folder_digest(scene.folder.subject))


def test_a_model_that_is_put_in_the_given_one_s_place_is_not_begun_with(tmp_path: Path) -> None:
    scene = founded(tmp_path, GIVEN)
    weights = scene.folder.subject / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with scene.here(), pytest.raises(TrustError, match="the subject that was given, digest"):
        scene.turn()
    with scene.here():
        assert not [entry for entry in scene.entries() if isinstance(entry, SubjectBuilt)]


@pytest.mark.parametrize("given_as", ["subject", "judge"])
def test_a_run_made_from_another_model_than_was_given_is_noticed(
    given_as: GivenAs, told: Scene, tmp_path: Path
) -> None:
    scene = told.copy(tmp_path / "machine")
    with scene.here():
        entries = scene.entries()
        place = next(n for n, one in enumerate(entries) if isinstance(one, SessionStarted))
        parent = next(one.parent for one in entries if isinstance(one, SubjectBuilt))
        for digest, faulty in ((parent, False), ("f" * 64, given_as == "subject")):
            one = ModelGiven(given_as=given_as, digest=digest, at=entries[place - 1].at)
            found = read_case(scene, [*entries[:place], one, *entries[place:]])
            assert [part.check for part in found if part.faults and part.check == "outside"] == (
                ["outside"] if faulty else []
            )


def test_a_fetched_model_whose_template_the_run_s_copy_lacks_is_no_fault(tmp_path: Path) -> None:
    never = GIVEN.replace('source = "given"', 'source = "given"\nchat = "never"')
    scene = founded(tmp_path, never, "{{ messages[0].content }}")
    with scene.here():
        scene.turn()
        fetched = next(entry for entry in scene.entries() if isinstance(entry, ModelFetched))
        assert fetched.digest == folder_digest(tmp_path / "home" / "given")
        assert fetched.digest != folder_digest(scene.folder.subject)
        assert [entry.parent for entry in scene.entries() if isinstance(entry, SubjectBuilt)]
        assert not [one for one in scene.verified().faults if one.check == "outside"]


def test_a_run_made_from_another_model_than_was_fetched_is_noticed(told: Scene, tmp_path: Path) -> None:
    scene = told.copy(tmp_path / "machine")
    with scene.here():
        entries = scene.entries()
        place = next(n for n, one in enumerate(entries) if isinstance(one, SessionStarted))
        parent = next(one.parent for one in entries if isinstance(one, SubjectBuilt))
        first = entries[place - 1]
        for digest, faults in ((parent, []), ("f" * 64, ["outside"])):
            fetched = ModelFetched(repo="org/model", revision=COMMIT, digest=digest, at=first.at)
            changed = [*entries[:place], fetched, *entries[place:]]
            case = read_case(scene, changed)
            assert [one.check for one in case if one.faults and one.check == "outside"] == faults


@pytest.mark.parametrize("chat", ["auto", "never"])
def test_a_copy_without_its_chat_template_is_another_folder_and_said_to_be_unchecked(
    chat: str, told: Scene, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    noted(given(tmp_path / "home"))
    (tmp_path / "home" / "charter.toml").write_text(
        GIVEN.replace('source = "given"', f'source = "given"\nchat = "{chat}"')
    )
    keys = [tmp_path / "home" / f"{key.name}.pem" for key in (ADA, BOB, CY)]
    for key, path in zip((ADA, BOB, CY), keys, strict=True):
        key.save(path)
    scene = Scene(tmp_path)
    with scene.here():
        create_run(scene.run, source=str(tmp_path / "home" / "charter.toml"), key_paths=keys)
        kinds = (SessionStarted, SubjectBuilt)
        others = [next(one for one in told.entries() if isinstance(one, kind)) for kind in kinds]
        entries = [
            one for one in scene.entries() if not isinstance(one, ModelGiven)
        ]  # which has its own test
        (outside,) = [one for one in read_case(scene, [*entries, *others]) if one.check == "outside"]
    assert (len(outside.faults), len(outside.unchecked)) == ((1, 0) if chat == "auto" else (0, 1))


def read_case(scene: Scene, entries: Sequence[Entry]) -> Sequence[Finding]:
    """What `verify` finds of a ledger with these entries; openings after a change have other seeds."""
    scene.rewrite(entries)
    return scene.verified().made


def test_where_a_model_came_from_is_not_written_once_it_is_used() -> None:
    state = State(
        session=SessionStarted(
            software={}, seed=1, threads=1, confined=True, unconfined_because="", evaluator=""
        )
    )
    with pytest.raises(TrustError, match="before the first session"):
        fold([ModelFetched(repo="org/model", revision=COMMIT, digest="d" * 64)], state)
