"""Models on their way out, with their cards, and in, from a hub."""

from pathlib import Path
from typing import Annotated

import typer

from detent.cli.options import Folder


def export(
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
) -> None:
    """Write a generation's model as a Hugging Face folder, with a model card filled in from the ledger."""
    from detent.assembly import export_model  # noqa: PLC0415

    made = export_model(folder, generation, to, unpromoted=never_promoted)
    said = "" if made.promoted else "; it was never promoted, as its card says"
    typer.echo(f"{to}: model {made.digest[:12]} of generation {generation}, {made.size:,} bytes{said}")


def fetch(
    repo: Annotated[str, typer.Argument(metavar="ORG/MODEL", help="A model on a hub.", show_default=False)],
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="A new folder for it.", show_default=False)
    ],
    revision: Annotated[
        str, typer.Option("--revision", metavar="REV", help="A branch, a tag or a commit.")
    ] = "main",
) -> None:
    """Fetch one commit of a model from a hub: weights as safetensors, config and tokenizer, never code."""
    from detent.assembly import fetch_model  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    made = fetch_model(repo, to, revision)
    typer.echo(f"{to}: {repo} at {made.note.revision}, {made.size:,} bytes, digest {made.note.digest[:12]}")
    if made.left:
        typer.echo(plain(f"left on the hub, since a run takes no such files: {', '.join(made.left)}"))
    typer.echo(f"Next: detent init DIR --subject {to} --tasks NAME=TOP,...")


COMMANDS = (export, fetch)
