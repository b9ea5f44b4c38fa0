"""The shared store: nothing in it is believed for its name, and a node's copy no longer than it is whole."""

import json
from pathlib import Path

import pytest
from tests.engine.cluster_worlds import Site, made

from detent.engine._blobs import BlobStore, SpoiltError, with_bases
from detent.engine.store import MOST_FILES
from detent.errors import StorageError, SubjectError, TrustError
from detent.values.folder import DOMAIN, folder_digest, folder_listing


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return made(tmp_path)


@pytest.fixture
def store(site: Site) -> BlobStore:
    return BlobStore(f"file://{site.store}")


def other(site: Site) -> BlobStore:
    """The same store as another machine sees it."""
    return BlobStore(f"file://{site.store}")


def test_a_model_arrives_with_the_digest_that_it_left_with(
    site: Site, store: BlobStore, tmp_path: Path
) -> None:
    assert store.put_model(site.root / "models" / site.model, site.model) == site.model
    (tmp_path / "node").mkdir()
    assert folder_digest(other(site).fetch_model(site.model, tmp_path / "node")) == site.model
    assert [path.name for path in (tmp_path / "node").iterdir()] == [site.model]


def test_what_two_models_share_is_there_once(site: Site, store: BlobStore) -> None:
    folder = site.root / "models" / site.model
    store.put_model(folder, site.model)
    before = len(list((site.store / "blobs").iterdir()))
    (folder / "config.json").write_text("{}")
    store.put_model(folder)
    assert len(list((site.store / "blobs").iterdir())) == before + 2  # that file, and the list


def test_a_node_s_copy_that_was_damaged_is_fetched_anew(site: Site, store: BlobStore, tmp_path: Path) -> None:
    store.put_model(site.root / "models" / site.model, site.model)
    node = tmp_path / "node"
    node.mkdir()
    copy = other(site).fetch_model(site.model, node)
    (copy / "config.json").write_text("{}")
    assert folder_digest(other(site).fetch_model(site.model, node)) == site.model


def test_what_is_emptied_is_put_there_again(site: Site, store: BlobStore) -> None:
    model = site.root / "models" / site.model
    store.put_model(model, site.model)
    for blob in (site.store / "blobs").iterdir():
        blob.unlink()
    store.put_model(model, site.model)
    assert len(list((site.store / "blobs").iterdir())) == len(folder_listing(model)) + 1


def test_a_model_that_was_changed_here_does_not_leave(site: Site, store: BlobStore) -> None:
    (site.root / "models" / site.model / "config.json").write_text("{}")
    with pytest.raises(TrustError, match="restore the folder from a copy"):
        store.put_model(site.root / "models" / site.model, site.model)


def test_what_could_run_code_does_not_leave(site: Site, store: BlobStore) -> None:
    folder = site.root / "models" / site.model
    (folder / "modeling.py").write_text("")
    with pytest.raises(SubjectError, match=r"modeling\.py"):
        store.put_model(folder)


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
LISTS = {
    "another beginning": b"[]",
    "no JSON": DOMAIN + b"x",
    "no list": DOMAIN + b"3",
    "nested without end": DOMAIN + b"[" * 100_000,
    "a name that leads out": DOMAIN + json.dumps([["../config.json", 0, EMPTY]]).encode(),
    "a name in a folder": DOMAIN + json.dumps([["a/config.json", 0, EMPTY]]).encode(),
    "a name that could run code": DOMAIN + json.dumps([["modeling.py", 0, EMPTY]]).encode(),
    "a digest that leads out": DOMAIN + json.dumps([["config.json", 0, "../../x"]]).encode(),
    "a size below nothing": DOMAIN + json.dumps([["config.json", -1, EMPTY]]).encode(),
    "a size that is a text": DOMAIN + json.dumps([["config.json", "0", EMPTY]]).encode(),
    "a size that is not the file's": DOMAIN + json.dumps([["config.json", 7, EMPTY]]).encode(),
    "more files than a model has": DOMAIN
    + json.dumps([[f"{n}.json", 0, EMPTY] for n in range(MOST_FILES + 1)]).encode(),
}


@pytest.mark.parametrize("what", LISTS)
def test_a_list_of_a_model_s_files_is_not_believed_with(
    what: str, site: Site, store: BlobStore, tmp_path: Path
) -> None:
    store.put_bytes(b"")
    digest = store.put_bytes(LISTS[what])
    (tmp_path / "node").mkdir()
    with pytest.raises(SpoiltError):
        other(site).fetch_model(digest, tmp_path / "node")
    assert list((tmp_path / "node").iterdir()) == []


def test_a_model_larger_than_any_may_be_is_not_fetched(site: Site, store: BlobStore, tmp_path: Path) -> None:
    store.put_model(site.root / "models" / site.model, site.model)
    with pytest.raises(SpoiltError, match="at most"):
        BlobStore(f"file://{site.store}", most_bytes=1).fetch_folder(site.model, tmp_path / "node")


def test_what_the_store_has_not_is_said_so(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="was it emptied"):
        store.fetch("1" * 64, tmp_path / "file")


def test_an_adapter_s_base_goes_before_it(tmp_path: Path) -> None:
    base, adapter = "1" * 64, "2" * 64
    for name in (base, adapter):
        (tmp_path / name).mkdir()
    (tmp_path / adapter / "adapter_model.safetensors").write_bytes(b"")
    (tmp_path / adapter / "adapter_config.json").write_text(
        json.dumps(
            {
                "base_model_name_or_path": base,
                "r": 1,
                "lora_alpha": 1.0,
                "lora_dropout": 0.0,
                "target_modules": ["q_proj"],
                "peft_type": "LORA",
                "task_type": "CAUSAL_LM",
                "bias": "none",
                "inference_mode": True,
            }
        )
    )
    assert with_bases([adapter, "3" * 64, "../../x"], tmp_path) == [base, adapter]
