import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detent.engine import DataStore, ModelStore
from detent.errors import DetentError, StorageError, SubjectError, TrustError
from detent.testing.models import write_model
from detent.values import Example, sha256_hex
from detent.values.folder import folder_digest

EXAMPLES = [Example("copy", 2, "C12=", "12"), Example("copy", 3, "C345=", "345", 0.75, 0.5)]


@pytest.fixture
def models(tmp_path: Path) -> ModelStore:
    (tmp_path / "models").mkdir()
    return ModelStore(tmp_path / "models")


@pytest.fixture
def data(tmp_path: Path) -> DataStore:
    for name in ("data", "answers"):
        (tmp_path / name).mkdir()
    return DataStore(tmp_path / "data", tmp_path / "answers")


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_admitted_model_lies_under_its_digest_and_staging_is_empty(
    models: ModelStore, tmp_path: Path
) -> None:
    staged = write_model(tmp_path / "staged", b"weights")
    expected = folder_digest(staged)
    assert models.admit(staged) == expected
    assert models.path(expected) == tmp_path / "models" / expected
    assert listing(models.path(expected)) == ["config.json", "model.safetensors"]
    assert not staged.exists()


def test_a_model_hides_its_size_behind_no_negative_shape(models: ModelStore, tmp_path: Path) -> None:
    staged = write_model(tmp_path / "staged", b"weights")
    header = b'{"x":{"dtype":"U8","shape":[-6],"data_offsets":[0,0]}}'
    (staged / "zz.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    digest = models.admit(staged)
    with pytest.raises(SubjectError, match="a tensor whose shape and dtype give the bytes it has expected"):
        models.parameters(digest)


def test_the_same_model_twice_is_one_model(models: ModelStore, tmp_path: Path) -> None:
    first = models.admit(write_model(tmp_path / "a", b"weights"))
    assert models.admit(write_model(tmp_path / "b", b"weights")) == first
    assert listing(tmp_path / "models") == [first]


def test_admitting_a_model_again_repairs_a_damaged_one(models: ModelStore, tmp_path: Path) -> None:
    digest = models.admit(write_model(tmp_path / "a", b"weights"))
    (tmp_path / "models" / digest / "model.safetensors").write_bytes(b"")
    assert models.admit(write_model(tmp_path / "b", b"weights")) == digest
    assert ModelStore(tmp_path / "models").path(digest)


def test_a_worker_that_holds_its_file_open_cannot_change_the_admitted_model(
    models: ModelStore, tmp_path: Path
) -> None:
    staged = write_model(tmp_path / "staged", b"weights")
    with (staged / "model.safetensors").open("r+b") as held:
        digest = models.admit(staged)
        held.write(b"changed!")
    assert ModelStore(tmp_path / "models").path(digest)


def linked(target: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "vocab.txt").symlink_to(target)


def pickled(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"\x80\x04.")


def disguised(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"PK\x03\x04" + b"\0" * 100)


def sparse(folder: Path) -> None:
    os.truncate(folder / "config.json", 1 << 40)


def many(folder: Path) -> None:
    for number in range(300):
        (folder / f"more-{number}.json").touch()


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


STAGED: dict[str, Callable[[Path], object]] = {
    "a pickle beside the weights": pickled("optimizer.pt"),
    "weights of the old kind": pickled("pytorch_model.bin"),
    "Python code": pickled("modeling.py"),
    "a hidden file": pickled(".hidden.json"),
    "a file of no known kind": pickled("README.md"),
    "a name with a line break": pickled("a\n.json"),
    "a pickle under a safetensors name": pickled("more.safetensors"),
    "a zip under the weights' name": disguised,
    "a link to a secret": linked("/etc/passwd"),
    "a link to nothing": linked("nowhere"),
    "a folder in it": lambda folder: (folder / "more.json").mkdir(),
    "a pipe": lambda folder: os.mkfifo(folder / "more.json"),
    "a file that would fill the disk": sparse,
    "hundreds of files": many,
    "no weights": without("model.safetensors"),
    "no configuration": without("config.json"),
}


@pytest.mark.parametrize("staged", STAGED)
def test_a_folder_that_is_no_plain_model_is_refused_and_nothing_is_left(staged: str, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    folder = write_model(tmp_path / "staged", b"weights")
    STAGED[staged](folder)
    with pytest.raises(SubjectError, match="expected"):
        ModelStore(tmp_path / "models", most_bytes=1 << 20).admit(folder)
    assert listing(tmp_path / "models") == []


def test_a_link_in_place_of_the_folder_is_refused(models: ModelStore, tmp_path: Path) -> None:
    real = write_model(tmp_path / "real")
    (tmp_path / "staged").symlink_to(real)
    with pytest.raises(SubjectError, match="a folder with a model expected"):
        models.admit(tmp_path / "staged")
    assert real.exists()


def test_a_folder_that_is_gone_is_refused(models: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(SubjectError):
        models.admit(tmp_path / "nowhere")


def test_changed_weights_are_not_given_out(models: ModelStore, tmp_path: Path) -> None:
    digest = models.admit(write_model(tmp_path / "staged", b"weights"))
    with (tmp_path / "models" / digest / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"S")
    found = folder_digest(tmp_path / "models" / digest)
    with pytest.raises(TrustError, match=f"{digest} expected, got {found}"):
        ModelStore(tmp_path / "models").path(digest)


def test_an_added_file_is_a_change(models: ModelStore, tmp_path: Path) -> None:
    digest = models.admit(write_model(tmp_path / "staged", b"weights"))
    (tmp_path / "models" / digest / "pytorch_model.bin").touch()
    with pytest.raises(TrustError):
        ModelStore(tmp_path / "models").path(digest)


@pytest.mark.parametrize("name", ["../secret", "", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_digest_is_no_path(models: ModelStore, data: DataStore, name: str) -> None:
    for read in (models.path, data.path, data.read_bytes):
        with pytest.raises(TrustError, match="64 lower-case hex digits"):
            read(name)


def test_a_missing_model_is_named(models: ModelStore) -> None:
    with pytest.raises(SubjectError, match="0" * 64):
        models.path("0" * 64)


def test_the_incumbent_is_a_link_that_moves_as_a_whole(models: ModelStore, tmp_path: Path) -> None:
    link = tmp_path / "models" / "incumbent"
    for content in (b"first", b"second", b"second"):
        digest = models.admit(write_model(tmp_path / "staged", content))
        models.set_incumbent(digest)
        assert link.readlink() == Path(digest)
        assert folder_digest(link) == digest


def test_only_a_whole_model_becomes_the_incumbent(models: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(SubjectError):
        models.set_incumbent("0" * 64)
    assert listing(tmp_path / "models") == []


def test_data_comes_back_as_it_was_put(data: DataStore, tmp_path: Path) -> None:
    digest = data.put(EXAMPLES)
    assert data.read(digest) == EXAMPLES
    assert data.path(digest) == tmp_path / "data" / f"{digest}.jsonl"
    assert sha256_hex(data.path(digest).read_bytes()) == digest
    assert data.put(EXAMPLES) == digest
    assert listing(tmp_path / "data") == [f"{digest}.jsonl"]


def test_no_examples_are_a_file_too(data: DataStore) -> None:
    assert data.read(data.put([])) == []


def test_other_bytes_lie_where_workers_do_not_look(data: DataStore, tmp_path: Path) -> None:
    digest = data.put_bytes(b"items and both answers")
    assert data.read_bytes(digest) == b"items and both answers"
    assert listing(tmp_path / "data") == []


def test_changed_data_is_not_read(data: DataStore) -> None:
    digest = data.put(EXAMPLES)
    data.path(digest).write_bytes(b"{}\n")
    for read in (data.path, data.read):
        with pytest.raises(TrustError, match="restore"):
            read(digest)
    assert data.put(EXAMPLES) == digest
    assert data.read(digest) == EXAMPLES


def test_missing_data_is_named(data: DataStore) -> None:
    with pytest.raises(StorageError, match="0" * 64):
        data.read("0" * 64)


STEPS = (
    "os.fsync",
    "pathlib.Path.rename",
    "pathlib.Path.replace",
    "pathlib.Path.mkdir",
    "pathlib.Path.symlink_to",
)


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, step: str, number: int) -> Iterator[list[int]]:
    """From the `number`-th `step` on the disk is full; yields how often it was met."""
    owner, _, name = step.rpartition(".")
    real = {"os": os, "pathlib.Path": Path}[owner].__dict__[name]
    met: list[int] = []

    def fails(*args: object, **kwargs: object) -> object:
        met.append(1)
        if len(met) >= number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(step, fails)
        yield met


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_at_any_step_leaves_the_whole_or_nothing_and_the_next_try_works(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store(staged: Path) -> str:
        digest = ModelStore(tmp_path / "models").admit(staged)
        ModelStore(tmp_path / "models").set_incumbent(digest)
        return DataStore(tmp_path / "data", tmp_path / "answers").put(EXAMPLES)

    for number in range(1, 20):
        for name in ("models", "data", "answers"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
            (tmp_path / name).mkdir()
        staged = write_model(tmp_path / f"staged-{number}")
        with full_disk(monkeypatch, step, number) as met:
            try:
                store(staged)
            except DetentError as error:
                assert isinstance(error, StorageError)  # noqa: PT017
            else:
                assert len(met) < number
                return
        for name in ("models", "data"):
            for left in listing(tmp_path / name):
                whole(tmp_path / name / left)
        assert store(staged if staged.exists() else write_model(staged))
    pytest.fail("the disk was never full enough")


def whole(path: Path) -> None:
    """Everything under its final name is complete."""
    if path.name == "incumbent":
        assert path.is_dir()
    elif path.suffix == ".jsonl":
        assert sha256_hex(path.read_bytes()) == path.stem
    else:
        assert folder_digest(path) == path.name


def folder_at(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("keep me")


THERE: dict[str, Callable[[Path], object]] = {
    "a folder": folder_at,
    "a file": lambda path: path.write_text("keep me"),
}


@pytest.mark.parametrize("what", THERE)
def test_the_incumbents_link_moves_aside_what_is_no_link(
    models: ModelStore, tmp_path: Path, what: str
) -> None:
    digest = models.admit(write_model(tmp_path / "staged", b"weights"))
    link = tmp_path / "models" / "incumbent"
    (tmp_path / "models" / "incumbent.moved-aside-1").write_text("an earlier one")
    THERE[what](link)
    aside = models.set_incumbent(digest)
    assert aside == tmp_path / "models" / "incumbent.moved-aside-2"
    assert ((aside / "mine") if aside.is_dir() else aside).read_text() == "keep me"
    assert link.readlink() == Path(digest)
    assert models.set_incumbent(digest) is None


def stored(folder: Path) -> tuple[ModelStore, str]:
    """A store with one model in it."""
    (folder / "models").mkdir()
    store = ModelStore(folder / "models")
    digest = store.admit(write_model(folder / "staged", b"1234"))
    store.set_incumbent(digest)
    return store, digest


def test_contents_are_the_digests_of_what_lies_there_now(tmp_path: Path) -> None:
    store, digest = stored(tmp_path)
    (tmp_path / "models" / "README").write_text("no weights")
    shutil.copytree(tmp_path / "models" / digest, tmp_path / "models" / "copy")
    assert store.contents() == {digest: digest, "copy": digest}


def changed(models: Path, digest: str) -> None:
    (models / digest / "model.safetensors").write_bytes(b"other")


def linked_beside(models: Path, digest: str) -> None:
    (models / ("e" * 64)).symlink_to(digest)


def linked_inside(models: Path, digest: str) -> None:
    (models / digest / "more.safetensors").symlink_to("model.safetensors")


def loose(models: Path, _: str) -> None:
    (models / "weights.pt").write_bytes(b"weights")


def renamed(models: Path, digest: str) -> None:
    (models / digest).rename(models / ("f" * 64))


CONTENTS: dict[str, tuple[Callable[[Path, str], None], str]] = {
    "a model's weights were changed": (changed, "under another's name"),
    "a link stands among the models": (linked_beside, "a link"),
    "a link stands in a model": (linked_inside, "no model folder"),
    "weights lie there without a folder": (loose, "no model folder"),
    "a model lies under another's name": (renamed, "under another's name"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_say_what_is_wrong_when(tmp_path: Path, name: str) -> None:
    change, said = CONTENTS[name]
    store, digest = stored(tmp_path)
    change(tmp_path / "models", digest)
    assert any(said in found for found in store.contents().values())


@pytest.mark.parametrize("shape", [[-4999001], [2.0], [True], ["2"], None], ids=str)
def test_a_shape_that_no_tensor_has_makes_no_model_smaller(tmp_path: Path, shape: object) -> None:
    (tmp_path / "models").mkdir()
    store = ModelStore(tmp_path / "models")
    staged = write_model(tmp_path / "staged", b"1234")
    header = json.dumps({"x": {"dtype": "U8", "shape": shape, "data_offsets": [0, 0]}}).encode()
    (staged / "zz.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(SubjectError, match="expected"):
        store.parameters(store.admit(staged))
