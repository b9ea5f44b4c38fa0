"""`init` and `estimate`: a run folder from a charter, and what it will cost, said before anything starts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detent.cli.options import Folder, KeyFiles, passphrase
from detent.errors import UsageError

if TYPE_CHECKING:
    from detent.assembly import Drafted


def init(  # noqa: PLR0917  typer takes options as parameters
    folder: Folder,
    source: Annotated[
        str, typer.Option("--from", metavar="digits|CHARTER.toml", help="The charter to start from.")
    ] = "digits",
    subject: Annotated[
        str,
        typer.Option(
            metavar="FOLDER|ORG/MODEL",
            help="Write a charter for this model, which may be a fetched one, instead; needs --tasks.",
            show_default=False,
        ),
    ] = "",
    tasks: Annotated[
        str,
        typer.Option(
            metavar="NAME=TOP,...",
            help="Write a charter for these tasks and the tops of their ladders instead.",
            show_default=False,
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the charter and what it will cost; make nothing.")
    ] = False,
    key: KeyFiles = None,
) -> None:
    """Make a run folder: charter, ledger, seal, and the first lease, signed by its stewards."""
    from detent.assembly import create_run  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    drafted = _drafted(source, subject, tasks)
    if dry_run:
        _say_only(source, drafted)
        return
    made = create_run(
        folder,
        source=source,
        drafted=(drafted.text, drafted.home) if drafted else None,
        key_paths=key or [],
        passphrase=passphrase,
    )
    typer.echo(f"{folder}: charter '{made.name}' version {made.version} signed by {', '.join(made.stewards)}")
    paths = ", ".join(map(str, made.key_paths))
    typer.echo(f"steward's key: {paths}{' (new; keep a copy)' if made.key_is_new else ''}")
    if made.recovery_path:
        typer.echo(
            f"recovery key: {made.recovery_path} (move it off this machine: it replaces a steward's lost key)"
        )
    for sentence in made.servers:
        typer.echo(plain(sentence))
    if drafted:
        _say(drafted)
    typer.echo(
        f"first lease: {made.generations} generations within {made.hours:g} hours. Next: detent run {folder}"
    )


def estimate(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR|CHARTER.toml", help="A run folder, or a charter.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Say what a generation will cost on this machine, in time, memory and tokens, and what closed ones took."""
    from detent.assembly import estimate_of  # noqa: PLC0415
    from detent.sizing import estimate_lines  # noqa: PLC0415

    found = estimate_of(source)
    typer.echo(json.dumps(found.document(), indent=2) if as_json else "\n".join(estimate_lines(found)))


def _drafted(source: str, subject: str, tasks: str) -> "Drafted | None":
    """A charter written for what was asked; None where one is there already."""
    if not subject and not tasks:
        return None
    if source != "digits" or not tasks:
        raise UsageError(
            "--tasks expected, with --subject or without, and no --from, got another choice; leave --from out, or "
            "write the model and tasks into that charter"
        )
    from detent.assembly import draft_for  # noqa: PLC0415

    return draft_for(subject or "built", tasks, Path())


def _say_only(source: str, drafted: "Drafted | None") -> None:
    if drafted:
        typer.echo(drafted.text)
        _say(drafted)
        return
    from detent.assembly.estimating import estimate_source  # noqa: PLC0415
    from detent.sizing import estimate_lines  # noqa: PLC0415

    typer.echo("\n".join(estimate_lines(estimate_source(source))))


def _say(drafted: "Drafted") -> None:
    from detent.sizing import estimate_lines  # noqa: PLC0415

    typer.echo("\n".join(estimate_lines(drafted.estimate)))


COMMANDS = (estimate,)
