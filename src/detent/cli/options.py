"""Arguments and options that several commands share, and what they say of things handed in."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detent.assembly import Handed

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The run folder.", show_default=False)]
Source = Annotated[
    str,
    typer.Argument(
        metavar="DIR|RUN.zip|URL", help="A run folder, a bundle, or an address.", show_default=False
    ),
]
KeyFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="A steward's key, and again for more; default: the one in your data folder.",
    ),
]
Because = Annotated[
    str, typer.Option("--because", metavar="TEXT", help="The reason, for the record.", show_default=False)
]


def passphrase() -> str:
    """Ask for the passphrase of a key that is encrypted."""
    return str(typer.prompt("passphrase of the key", hide_input=True))


def say_handed(folder: Path, what: str, handed: "Handed") -> None:
    """Whether it stands on the ledger, or for what it waits."""
    from detent.report import plain  # noqa: PLC0415

    for sentence in handed.moved:
        typer.echo(plain(sentence))
    if handed.entry is not None:
        typer.echo(f"{what}: on the ledger, {handed.entry.at}. See: detent status {folder}")
        return
    typer.echo(f"{what}: handed in as {handed.path}; {plain(handed.waits)}")
    if "signature" in handed.waits:
        typer.echo(
            f"another steward signs it with: detent charter sign {folder} {handed.path.stem[:12]} --key FILE"
        )


def web(module: str) -> ModuleType:
    """A module of the dashboard.

    Raises:
        UsageError: its libraries are not installed.
    """
    from detent.errors import UsageError  # noqa: PLC0415

    try:
        return import_module(f"detent.web.{module}")
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} expected, got no such package; pip install 'detent[web]'") from error
