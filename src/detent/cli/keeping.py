"""The commands by which a run's files are given to others."""

from pathlib import Path
from typing import Annotated

import typer

from detent.cli.options import Folder


def bundle(
    folder: Folder,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RUN.zip", help="The file to write.", show_default=False)
    ],
    with_models: Annotated[
        str,
        typer.Option(
            "--with-models",
            metavar="WHICH",
            help="Whose weights: first (generation 0's), last (those in force), first,last, all or none.",
        ),
    ] = "first,last",
    redact: Annotated[
        list[str] | None,
        typer.Option(
            "--redact", metavar="data|answers", help="Digests in place of contents; again for the other."
        ),
    ] = None,
) -> None:
    """Write everything that a stranger needs to check a run into one file."""
    from detent.assembly import make_bundle  # noqa: PLC0415

    made = make_bundle(folder, output, models=with_models, redact=redact or [])
    typer.echo(f"{made.path}: {made.entries:,} entries and {made.files:,} files, {made.size:,} bytes")
    if made.left_out:
        typer.echo(
            f"left out, by digest and size: {len(made.left_out):,}. Check it with: detent verify {made.path}"
        )


COMMANDS = (bundle,)
