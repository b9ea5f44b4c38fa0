"""`detent charter`: look at a charter, check a draft, sign what waits for signatures, amend."""

from pathlib import Path
from typing import Annotated

import typer

from detent.cli.options import Folder, KeyFiles, passphrase, say_handed

app = typer.Typer(
    help="The charter: who decides, how fast, in what direction, within what constraints.",
    no_args_is_help=True,
)


@app.command()
def show(folder: Folder) -> None:
    """Print the charter in force, as it was signed."""
    from detent.assembly import charter_of  # noqa: PLC0415

    signed = charter_of(folder)
    typer.echo(signed.text.rstrip("\n"))
    names = ", ".join(key.name for key in signed.stewards)
    typer.echo(f"# version {signed.charter.version}, digest {signed.digest}, stewards {names}", err=True)


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A draft, or a complete charter.", show_default=False)
    ],
) -> None:
    """Say everything that is wrong with a charter or a draft, or that nothing is."""
    from detent.assembly import check_draft  # noqa: PLC0415

    found = check_draft(file)
    typer.echo(f"{file}: '{found.name}' version {found.version} is in order")


@app.command()
def sign(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE", help="The run folder, or a file with an envelope.", show_default=False
        ),
    ],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The beginning of the file's name in its inbox.")
    ] = "",
    key: KeyFiles = None,
) -> None:
    """Add your signature to what waits for signatures: an amendment, a lease, an order, an answer.

    In a run folder it takes effect when enough have signed; what is signed is printed first. A file is rewritten in
    place, to be handed on.
    """
    from detent.assembly import load_keys, sign_file, sign_waiting  # noqa: PLC0415

    keys = load_keys(key or [], passphrase)
    if folder.is_dir():
        say_handed(folder, "signed", sign_waiting(folder, name, keys, typer.echo))
    else:
        envelope = sign_file(folder, keys)
        folder.write_text(envelope, encoding="utf-8")
        typer.echo(f"{folder}: signed by {', '.join(each.name for each in keys)}")


@app.command()
def amend(
    folder: Folder,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The charter as it is to be.", show_default=False)
    ],
    key: KeyFiles = None,
) -> None:
    """Put another charter in force: signed by the old quorum and the new one. Leases end with the old charter."""
    from detent.assembly import amend_charter, load_keys  # noqa: PLC0415

    say_handed(folder, "amendment", amend_charter(folder, file, keys=load_keys(key or [], passphrase)))
