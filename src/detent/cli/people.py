"""The commands by which people steer a run: stop it, let it go on, answer what it asks."""

from pathlib import Path
from typing import Annotated

import typer

from detent.cli.options import Because, Folder, KeyFiles, passphrase, say_handed

Number = Annotated[
    int, typer.Argument(metavar="REQUEST", help="The request's number.", min=1, show_default=False)
]


def pause(folder: Folder, because: Because, key: KeyFiles = None) -> None:
    """Let no generation begin; the one in progress is closed first. Any steward may."""
    _order(folder, "pause", because, key)


def halt(folder: Folder, because: Because, key: KeyFiles = None) -> None:
    """Stop at once, in the middle of what it does. Any steward may; only a quorum lets it go on."""
    _order(folder, "halt", because, key)


def resume(folder: Folder, because: Because, key: KeyFiles = None) -> None:
    """Let a paused run go on, or lift a halt."""
    _order(folder, "resume", because, key)


def rollback(
    folder: Folder,
    to: Annotated[int, typer.Option("--to", metavar="G", min=0, help="The generation to go back to.")],
    because: Because,
    key: KeyFiles = None,
) -> None:
    """Put the models of an earlier generation back in force, bit for bit; says what is undone."""
    from detent.assembly import undone_by  # noqa: PLC0415

    typer.echo(undone_by(folder, to))
    _order(folder, "rollback", because, key, to)


def requests(folder: Folder) -> None:
    """List what the run has asked people, and what was answered."""
    from detent.assembly import requests_of  # noqa: PLC0415
    from detent.report import request_line  # noqa: PLC0415

    every = requests_of(folder)
    for asked in every:
        typer.echo(request_line(asked.request, asked.answer))
    if not every:
        typer.echo("nobody was asked anything")


def show(folder: Folder, number: Number) -> None:
    """Show one request: why you are asked, what changed, the evidence, and what nobody checked."""
    from detent.assembly import request_text  # noqa: PLC0415

    typer.echo(request_text(folder, number))


def approve(folder: Folder, number: Number, because: Because, key: KeyFiles = None) -> None:
    """Say yes to a request."""
    _answer(folder, number, "approve", because, key)


def deny(folder: Folder, number: Number, because: Because, key: KeyFiles = None) -> None:
    """Say no to a request. Any steward may, after a yes too, until the generation is decided."""
    _answer(folder, number, "deny", because, key)


def _order(folder: Path, command: str, because: str, keys: list[Path] | None, to: int | None = None) -> None:
    from detent.assembly import give_order, load_keys  # noqa: PLC0415

    opened = load_keys(keys or [], passphrase)
    handed = give_order(folder, command, because, to=to, keys=opened)  # type: ignore[arg-type]
    say_handed(folder, command, handed)


def _answer(folder: Path, number: int, verdict: str, because: str, keys: list[Path] | None) -> None:
    from detent.assembly import give_answer, load_keys  # noqa: PLC0415

    opened = load_keys(keys or [], passphrase)
    handed = give_answer(folder, number, verdict, because, keys=opened)  # type: ignore[arg-type]
    say_handed(folder, f"{verdict} request {number}", handed)


COMMANDS = (pause, resume, halt, rollback, requests, show, approve, deny)
