"""The commands. Each body imports what it needs, so that `detent --help` starts in a fraction of a second."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="detent",
    help="Run a model's self-improvement loop one proven step at a time, with people in charge of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The run folder.", show_default=False)]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="A steward's key; default: the one in your data folder."),
]


@app.command()
def init(
    folder: Folder,
    source: Annotated[
        str, typer.Option("--from", metavar="digits|CHARTER.toml", help="The charter to start from.")
    ] = "digits",
    key: KeyFile = None,
) -> None:
    """Make a run folder: charter, ledger, seal, and the first lease, signed by a steward."""
    from detent.assembly import create_run  # noqa: PLC0415

    made = create_run(folder, source=source, key_path=key)
    typer.echo(f"{folder}: charter '{made.name}' version {made.version} signed by {made.steward}")
    typer.echo(f"steward's key: {made.key_path}{' (new; keep a copy)' if made.key_is_new else ''}")
    typer.echo(f"first lease: {made.generations} generations. Next: detent run {folder}")


@app.command()
def run(
    folder: Folder,
    generations: Annotated[
        int | None, typer.Option("--generations", metavar="N", min=1, help="Stop after N generations.")
    ] = None,
) -> None:
    """Turn the cycle until the lease is spent, or N generations; go on where it stopped."""
    from detent.cli.running import run_loop  # noqa: PLC0415

    run_loop(folder, generations)


@app.command()
def lease(
    folder: Folder,
    generations: Annotated[int, typer.Option("--generations", metavar="N", min=1, help="How many more.")],
    key: KeyFile = None,
) -> None:
    """Grant another lease, signed by a steward."""
    from detent.assembly import grant_lease  # noqa: PLC0415

    number, left = grant_lease(folder, generations, key_path=key)
    typer.echo(f"lease {number} granted: {left} generations left. Next: detent run {folder}")


@app.command()
def status(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Show where a run stands."""
    from detent.assembly import status_of  # noqa: PLC0415
    from detent.report import status_text  # noqa: PLC0415

    document = status_of(folder)
    typer.echo(json.dumps(document, indent=2) if as_json else status_text(document))


@app.command(name="try")
def try_(
    folder: Folder,
    prompt: Annotated[str, typer.Argument(help='A prompt such as "R3142=".', show_default=False)],
) -> None:
    """Print the incumbent's answer to a prompt."""
    from detent.assembly import answer_prompt  # noqa: PLC0415

    typer.echo(answer_prompt(folder, prompt))


@app.command()
def report(folder: Folder) -> None:
    """Write the report: one HTML file that needs no network."""
    from detent.assembly import write_report  # noqa: PLC0415

    typer.echo(str(write_report(folder)))


@app.command()
def verify(folder: Folder) -> None:
    """Re-derive every hash, order, seal, gate, budget and signature on the ledger."""
    from detent.assembly import verify_run  # noqa: PLC0415
    from detent.errors import TrustError  # noqa: PLC0415

    findings = verify_run(folder)
    for line in findings.lines:
        typer.echo(line)
    if findings.faults:
        raise TrustError(f"{len(findings.faults)} of {findings.checks} checks failed: see the lines above")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Run a model's self-improvement loop one proven step at a time, with people in charge of it."""
    if show:
        from detent import __version__  # noqa: PLC0415

        typer.echo(f"detent {__version__}")
        raise typer.Exit
