"""The commands. Each body imports what it needs, so that `detent --help` starts in a fraction of a second."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from detent.cli import (
    auditors,
    charters,
    exporting,
    founding,
    keeping,
    keys,
    ledgers,
    looking,
    people,
    proofs,
    serving,
    witnesses,
)
from detent.cli.options import Folder, KeyFiles, Source, passphrase, say_handed

NO_LONGER_THERE = 16
"""How `replay` ends where nothing differs, and not everything is there to be asked again; and `verify`, where nothing
is wrong, and what verdicts rest on is not all there to be checked."""

app = typer.Typer(
    name="detent",
    help="Run a model's self-improvement loop one proven step at a time, with people in charge of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.command()(founding.init)


@app.command()
def run(
    folder: Folder,
    generations: Annotated[
        int | None, typer.Option("--generations", metavar="N", min=1, help="Stop after N generations.")
    ] = None,
) -> None:
    """Turn the cycle until the lease is spent, or N generations; go on where it stopped."""
    from detent.cli.running import run_and_show  # noqa: PLC0415

    run_and_show(folder, generations)


@app.command()
def lease(
    folder: Folder,
    generations: Annotated[int, typer.Option("--generations", metavar="N", min=1, help="How many more.")],
    hours: Annotated[
        float | None,
        typer.Option("--hours", metavar="H", help="For so long; default: the most the charter allows."),
    ] = None,
    petaflop: Annotated[
        float | None,
        typer.Option("--petaflop", metavar="F", help="So much compute, in 1e15; default: the same."),
    ] = None,
    key: KeyFiles = None,
) -> None:
    """Grant another lease, signed by stewards. It is spent, and it expires by itself."""
    from detent.assembly import grant_lease, load_keys  # noqa: PLC0415

    opened = load_keys(key or [], passphrase)
    handed = grant_lease(folder, generations, hours=hours, petaflop=petaflop, keys=opened)
    say_handed(folder, f"lease of {generations} generations", handed)
    if handed.entry is not None:
        typer.echo(f"Next: detent run {folder}")


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
    revise: Annotated[
        bool, typer.Option("--revise", help="Let it criticise and revise its answer, and print every step.")
    ] = False,
    principle: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Revise by this principle of the constitution.", show_default=False
        ),
    ] = "",
) -> None:
    """Print the incumbent's answer to a prompt."""
    from detent.assembly import answer_prompt, revise_prompt  # noqa: PLC0415
    from detent.report import revision_text  # noqa: PLC0415

    if revise or principle:
        typer.echo(revision_text(revise_prompt(folder, prompt, principle)))
    else:
        typer.echo(answer_prompt(folder, prompt))


@app.command()
def report(folder: Folder) -> None:
    """Write the report: one HTML file that needs no network."""
    from detent.assembly import write_report  # noqa: PLC0415

    typer.echo(str(write_report(folder, partial(typer.echo, err=True))))


@app.command()
def verify(
    source: Source, entry: proofs.Second = None, policy: proofs.PolicyFile = None, split: proofs.Split = False
) -> None:
    """Re-derive every hash, order, seal, gate, budget and signature on the ledger; or check a proof of one entry."""
    if proofs.are_files(source, entry, policy, split=split):
        proofs.verify_files(Path(source), entry, policy, split=split)
        return
    from detent.assembly import verify_source  # noqa: PLC0415
    from detent.errors import TrustError  # noqa: PLC0415

    findings = verify_source(source)
    for line in findings.lines:
        typer.echo(line)
    if findings.faults:
        raise TrustError(f"{len(findings.faults)} of {findings.checks} checks failed: see the lines above")
    if findings.undecided:
        raise typer.Exit(NO_LONGER_THERE)


@app.command()
def replay(
    source: Source,
    generation: Annotated[
        int | None,
        typer.Option(
            "--generation", metavar="G", min=0, help="Which one; default: the one whose model is in force."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every closed generation.")] = False,
) -> None:
    """Ask the models of a generation again, and compare everything that follows with the record."""
    from detent.assembly import replay_run  # noqa: PLC0415
    from detent.errors import TrustError, UsageError  # noqa: PLC0415

    if every and generation is not None:
        raise UsageError("--generation or --all expected, got both; leave one out")
    replayed = replay_run(source, generation, every=every, say=typer.echo)
    if replayed.differing:
        raise TrustError(
            f"{replayed.differing} things made again differ from the record: see the lines above"
        )
    if replayed.missing:
        raise typer.Exit(NO_LONGER_THERE)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Run a model's self-improvement loop one proven step at a time, with people in charge of it."""
    if show:
        from detent import __version__  # noqa: PLC0415

        typer.echo(f"detent {__version__}")
        raise typer.Exit


app.command()(serving.serve)
app.command()(looking.inspect)
app.command(name="inspect-task")(exporting.inspect_task)
app.command(name="sign-model")(proofs.sign_model)
for command in (*keeping.COMMANDS, *exporting.COMMANDS, *founding.COMMANDS, proofs.prove, *people.COMMANDS):
    app.command()(command)
app.add_typer(charters.app, name="charter")
app.add_typer(keys.app, name="key")
app.add_typer(witnesses.app, name="witness")
app.add_typer(auditors.app, name="auditor")
app.add_typer(ledgers.app, name="ledger")
