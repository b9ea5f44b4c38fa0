"""Tasks of the library reasoning-gym: `gym:chain_sum` is its task chain_sum, its curriculum the ladder.

    [direction]
    improve = { "gym:chain_sum" = 5 }

Library and bridge run where a user's own task runs, in a process without keys (`user_code.py`); this process imports
neither. The charter pins the library: its version, and a SHA-256 over all its files. How levels, seeds and answers map:
`_gym_bridge.py`.
"""

from collections.abc import Sequence
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import NamedTuple

from detent.errors import TrustError, UsageError
from detent.tasks._rules import text_flaw
from detent.tasks.plugin import PluginSource
from detent.tasks.user_code import CodeAddress, Limits, UserCode
from detent.values import sha256_hex

GYM = "gym:"
LIBRARY = "reasoning-gym"
BRIDGE = "_gym_bridge.py"

PATIENCE = Limits(seconds=120.0, memory=4 << 30)
"""The library imports numpy, sympy and more, which takes seconds and some 2 GiB of address space."""


class Library(NamedTuple):
    """An installed library, or a pinned one. sha256: hex, over its files (`library_digest`)."""

    version: str
    sha256: str


Levels = tuple[int, ...]
"""The library's global levels, from 0, that a task's levels 1, 2, 3, ... stand for."""


class GymSource(PluginSource):
    """A `TaskSource` over one task of the library."""

    _flaw = staticmethod(text_flaw)

    def __init__(
        self, name: str, library: Library, levels: Levels, command_prefix: Sequence[str], limits: Limits
    ) -> None:
        """name: with `gym:`."""
        # On one line with the file's first, so that a fault's line is the file's.
        text = f"TASK = {name.removeprefix(GYM)!r}; LEVELS = {levels!r}; " + _bridge().decode()
        code = UserCode("gym", name, CodeAddress(BRIDGE, "Gym"), text.encode())
        super().__init__(code, command_prefix, limits)
        self._pin = library, levels

    @property
    def digest(self) -> str:
        """As `gym_digest`."""
        return gym_digest(*self._pin)


def gym_source(
    name: str,
    library: Library,
    levels: Levels,
    *,
    command_prefix: Sequence[str] = (),
    limits: Limits | None = None,
) -> GymSource:
    """The task `name` (with `gym:`), drawn at those levels by that library and no other.

    Raises:
        UsageError: no such library is installed.
        TrustError: another version of it is, or other files.
    """
    got = installed_library()
    if got != library:
        # Stops the world: another library draws other problems, and nothing on the ledger would mean what it says.
        what = f"{LIBRARY} {library.version}" + (
            "" if got.version != library.version else " as it was signed"
        )
        raise TrustError(
            f"task {name}: {what}, SHA-256 {library.sha256[:12]}... over its files, expected, got {got.version}, "
            f"{got.sha256[:12]}...; pip install {LIBRARY}=={library.version}"
        )
    return GymSource(name, library, levels, command_prefix, limits or PATIENCE)


def installed_library() -> Library:
    """The library that is installed; its files are read, none is run.

    Raises:
        UsageError: none is.
    """
    try:
        found = metadata.distribution(LIBRARY)
    except metadata.PackageNotFoundError as error:
        raise UsageError(
            f"the library {LIBRARY}, which draws the problems of {GYM} tasks, expected, got none; "
            "pip install 'detent[gym]'"
        ) from error
    return Library(found.version, library_digest(Path(str(found.locate_file("reasoning_gym")))))


@cache
def library_digest(folder: Path) -> str:
    """SHA-256 (hex) of what `sha256sum` prints of every file in the package's folder, sorted by name.

    What Python compiled from them is left out. Anyone can check it:
    `cd site-packages && find reasoning_gym -type f ! -name '*.pyc' | LC_ALL=C sort | xargs sha256sum | sha256sum`.
    """
    files = sorted(
        path.relative_to(folder.parent).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )
    listing = "".join(f"{sha256_hex((folder.parent / name).read_bytes())}  {name}\n" for name in files)
    return sha256_hex(listing.encode())


def gym_digest(library: Library, levels: Levels) -> str:
    """SHA-256 (hex) of all that draws and checks a `gym:` task: library and levels as pinned, bridge, random stream."""
    folder = resources.files(__package__)
    own = "".join(
        f"{sha256_hex(folder.joinpath(file).read_bytes())}  {file}\n" for file in (BRIDGE, "rng.py")
    )
    return sha256_hex(f"{library.sha256}  {LIBRARY} {library.version} {levels}\n{own}".encode())


@cache
def _bridge() -> bytes:
    return resources.files(__package__).joinpath(BRIDGE).read_bytes()
