"""What an exported model's folder holds beside its own files: of an adapter its base, or both as one model.

>>> with merged(store, digest, adapter, models=run.models, threads=2, near=target) as made:
...     made.fill(folder)

An adapter as it lies in a run is two files, and names its base by digest; other people's programs want a name that they
can load, a tokenizer, and often one whole model. Merging needs what trains models: a confined worker does it, in a
folder of its own, and what it leaves is taken as every model of a worker is.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from detent.assembly.storing import storing
from detent.disk import write_file
from detent.engine import LocalEngine, ModelStore, check_libraries
from detent.errors import EngineError, TrustError
from detent.report import BASE, RECORDED, Adapted
from detent.values import BuiltModel, MergeJob
from detent.values.adapters import ADAPTER_CONFIG, Adapter
from detent.values.folder import folder_digest

OF_THE_MODEL = {"config.json", "generation_config.json"}
"""Files of a base that say what it is; all others but weights are its tokenizer's and template's."""

MERGING_SECONDS = 1800.0
"""That a worker may be silent while it merges: it loads the base and writes it again, and tells nothing meanwhile."""


@dataclass(frozen=True, slots=True)
class Dressed:
    """How an export is filled. adapted: for the card, None of a whole model. config: the folder with config.json."""

    fill: Callable[[Path], None]
    config: Path
    adapted: Adapted | None = None


def as_it_is(model: Path, digest: str) -> Dressed:
    """The model's own files, and no others."""
    return Dressed(lambda folder: copied(model, folder, digest), model)


def beside_base(store: ModelStore, digest: str, adapter: Adapter, hub: tuple[str, str] | None) -> Dressed:
    """An adapter as PEFT and what reads its adapters take it, with its base's tokenizer and template.

    hub: (repository, commit) that the base came from; without one, the base lies in the folder too.
    """
    base = store.path(adapter.base)
    named = hub[0] if hub else BASE

    def fill(folder: Path) -> None:
        copied(store.path(digest), folder, digest)
        with storing(folder):
            recorded = (folder / ADAPTER_CONFIG).rename(folder / RECORDED)
            config = json.loads(recorded.read_bytes()) | {"base_model_name_or_path": named}
            config |= {"revision": hub[1]} if hub else {}
            write_file(folder / ADAPTER_CONFIG, json.dumps(config, indent=2).encode() + b"\n")
            for path in sorted(base.iterdir()):
                if path.name not in OF_THE_MODEL and "safetensors" not in path.name:
                    shutil.copyfile(path, folder / path.name, follow_symlinks=False)
        if not hub:
            (folder / BASE).mkdir()
            copied(base, folder / BASE, adapter.base)

    return Dressed(fill, base, told_of(adapter, named=named))


@contextmanager
def merged(
    store: ModelStore, digest: str, adapter: Adapter, *, models: Path, threads: int, near: Path
) -> Iterator[Dressed]:
    """An adapter and its base as one whole model; it lies in a folder beside `near` until the block ends.

    models: the store's folder, which the worker reads.

    Raises:
        UsageError: the libraries of the learning side are not installed.
        SubjectError, EngineError: it cannot be merged, or a worker died at it.
    """
    check_libraries()
    store.path(digest)
    with TemporaryDirectory(prefix=f".{near.name}.", dir=near.absolute().parent) as place:
        taken, staging, data = (Path(place) / name for name in ("models", "staging", "data"))
        for folder in (taken, data):
            folder.mkdir()
        engine = LocalEngine(
            models=models,
            data=data,
            staging=staging,
            log=Path(place) / "worker.log",
            threads=threads,
            stall_seconds=MERGING_SECONDS,
        )
        try:
            result = engine.run(MergeJob(model=digest), lambda _: None)
        finally:
            engine.close()
        if not isinstance(result, BuiltModel):
            raise EngineError(f"a merged model expected, got {type(result).__name__}; try again")
        own = ModelStore(taken)
        name = own.admit(staging / result.folder)
        made = own.path(name)
        yield Dressed(lambda folder: copied(made, folder, name), made, told_of(adapter, merged=name))


def told_of(adapter: Adapter, *, named: str = "", merged: str = "") -> Adapted:
    """An adapter for the card."""
    return Adapted(
        base=adapter.base,
        rank=adapter.r,
        alpha=adapter.lora_alpha,
        layers=adapter.target_modules,
        named=named,
        merged=merged,
    )


def copied(model: Path, folder: Path, digest: str) -> None:
    """Copy a model's files into an empty folder.

    Raises:
        TrustError: the copy has another digest.
        StorageError: the disk refuses.
    """
    with storing(folder):
        for path in sorted(model.iterdir()):
            shutil.copyfile(path, folder / path.name, follow_symlinks=False)
    if (found := folder_digest(folder)) != digest:
        raise TrustError(
            f"a copy with digest {digest} expected, got {found}; something changes {model} or the copy: "
            "check the disk, then export again"
        )
