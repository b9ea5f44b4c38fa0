"""Where a run can be read from: its folder, a bundle of it, or an address.

>>> with opened("run.zip") as source:
...     source.run.check()
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from detent.assembly.fetching import fetch_run, is_address
from detent.assembly.places import RunFolder
from detent.audit import unpack_bundle


@dataclass(frozen=True, slots=True)
class Source:
    """A run folder to read from. left_out: why something is rightly not in it, by its path."""

    run: RunFolder
    left_out: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def opened(source: str) -> Iterator[Source]:
    """A run folder as it is; a bundle, or what lies at an address, in a folder that is gone at the end of the block.

    Raises:
        UsageError: it is none of them.
        TrustError: bundle or host are hostile, or damaged.
        StorageError: there is no room for it.
    """
    path = Path(source)
    if not is_address(source) and not path.is_file():
        run = RunFolder(path)
        run.check()
        yield Source(run)
        return
    # What a slow host is still sending when it is given up may come after the folder is gone.
    with TemporaryDirectory(prefix="detent-", ignore_cleanup_errors=True) as place:
        folder = Path(place) / "run"
        folder.mkdir()
        left_out = fetch_run(source, folder) if is_address(source) else _unpacked(path, folder)
        run = RunFolder(folder)
        for part in (run.models, run.data, run.answers, run.tasks):  # where nothing of one came
            part.mkdir(exist_ok=True)
        yield Source(run, left_out)


def _unpacked(bundle: Path, folder: Path) -> dict[str, str]:
    left_out = {one.path: f"{one.because}, left out of the bundle" for one in unpack_bundle(bundle, folder)}
    return left_out | {"models/incumbent": "a bundle holds no links"}
