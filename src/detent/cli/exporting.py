"""Models on their way out, with their cards, and in, from a hub; a run's numbers on their way to trackers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detent.cli.options import Folder
from detent.errors import UsageError

if TYPE_CHECKING:
    from detent.assembly.exporting import Wanted


def export(  # noqa: PLR0917  typer takes options as parameters
    folder: Folder,
    generation: Annotated[
        int, typer.Argument(metavar="G", min=0, help="The generation whose model it is.", show_default=False)
    ],
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="A new folder for it.", show_default=False)
    ],
    never_promoted: Annotated[
        bool,
        typer.Option(
            "--never-promoted", help="Export a model that never was in force too; its card says so."
        ),
    ] = False,
    merged: Annotated[
        bool, typer.Option("--merged", help="Of a run of adapters: adapter and base as one whole model.")
    ] = False,
    adapter: Annotated[
        bool,
        typer.Option("--adapter", help="The adapter, which is what a run of adapters exports without it."),
    ] = False,
) -> None:
    """Write a generation's model as a Hugging Face folder, with a model card filled in from the ledger."""
    from detent.assembly import export_model  # noqa: PLC0415

    if merged and adapter:
        raise UsageError("--merged or --adapter expected, got both; leave one out")
    form: Wanted = "merged" if merged else "adapter" if adapter else "as trained"
    made = export_model(folder, generation, to, unpromoted=never_promoted, form=form)
    said = "" if made.promoted else "; it was never promoted, as its card says"
    kind = {"whole": "model", "adapter": "adapter", "merged": "whole model merged from the adapter"}[
        made.form
    ]
    typer.echo(f"{to}: {kind} {made.digest[:12]} of generation {generation}, {made.size:,} bytes{said}")


def fetch(
    repo: Annotated[str, typer.Argument(metavar="ORG/MODEL", help="A model on a hub.", show_default=False)],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="A new folder for it; without one it goes to your data folder, where charters find ORG/MODEL.",
        ),
    ] = None,
    revision: Annotated[
        str, typer.Option("--revision", metavar="REV", help="A branch, a tag or a commit.")
    ] = "main",
) -> None:
    """Fetch one commit of a model from a hub: weights as safetensors, config and tokenizer, never code."""
    from detent.assembly import fetch_model  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    made = fetch_model(repo, to, revision)
    at, digest = made.note.revision, made.note.digest[:12]
    typer.echo(f"{made.folder}: {repo} at {at}, {made.size:,} bytes, digest {digest}")
    if made.left:
        typer.echo(plain(f"left on the hub, since a run takes no such files: {', '.join(made.left)}"))
    typer.echo(f"Next: detent init DIR --subject {to or repo} --tasks NAME=TOP,...")


def track(
    folder: Folder,
    to: Annotated[
        str,
        typer.Option("--to", metavar="TRACKER", help="tensorboard, mlflow or wandb.", show_default=False),
    ],
) -> None:
    """Show a run's numbers, generation by generation, in a tracker: all of them, read off the ledger."""
    from detent.assembly import track as write  # noqa: PLC0415

    many = write(folder, to)
    typer.echo(f"{many} generations in {to}")


def inspect_task(
    folder: Folder,
    generation: Annotated[
        int, typer.Argument(metavar="G", min=0, help="The generation whose model it is.", show_default=False)
    ],
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK", help="An Inspect task: file.py@name, or package/name.", show_default=False
        ),
    ],
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="Samples at the most; 0: all.")
    ] = 0,
    arg: Annotated[
        list[str] | None,
        typer.Option("--arg", metavar="NAME=VALUE", help="An argument of the task, and again for more."),
    ] = None,
) -> None:
    """Run an Inspect AI task on a generation's model, and write its log's digest and totals on the ledger."""
    from detent.assembly import inspect_task as run_task  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    pairs = [one.partition("=") for one in arg or []]
    if wrong := [name for name, sign, _ in pairs if not (name and sign)]:
        raise UsageError(f"--arg NAME=VALUE expected, got {wrong[0]!r}; correct it")
    made = run_task(folder, generation, task, limit=limit, arguments={n: value for n, _, value in pairs})
    scores = ", ".join(f"{name} {value:.4g}" for name, value in made.entry.scores.items()) or "no scores"
    typer.echo(plain(f"{made.entry.task}: {made.entry.samples} samples, {scores}"))
    typer.echo(f"on the ledger, where it steers nothing; the log: {made.log}")


COMMANDS = (export, fetch, track)
