"""`detent key`: stewards' keys."""

from pathlib import Path
from typing import Annotated

import typer

from detent.cli.options import Folder, KeyFiles, passphrase, say_handed

app = typer.Typer(help="Stewards' keys: make one, show its public half, replace one.", no_args_is_help=True)

OneKey = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="A key; default: the steward's.")]


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("-o", metavar="FILE", help="Where to; default: your data folder.")
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Ask for a passphrase and encrypt the file.")
    ] = False,
) -> None:
    """Make a key, and print its public half, the line that goes into a charter."""
    from detent.assembly import new_key  # noqa: PLC0415

    secret = str(typer.prompt("passphrase", hide_input=True, confirmation_prompt=True)) if encrypt else None
    public, path = new_key(name, output, secret)
    typer.echo(str(public))
    typer.echo(f"private half: {path} (keep a copy where nobody else comes)", err=True)


@app.command()
def show(key: OneKey = None) -> None:
    """Print the public half of a key."""
    from detent.assembly import verify_key_in  # noqa: PLC0415

    typer.echo(str(verify_key_in(key, passphrase)))


@app.command()
def rotate(
    folder: Folder,
    old: Annotated[Path, typer.Option("--old", metavar="FILE", help="The key to replace.")],
    new: Annotated[Path, typer.Option("--new", metavar="FILE", help="The key in its place.")],
    key: KeyFiles = None,
) -> None:
    """Replace a steward's key by an amendment, signed by both and by whoever else the quorum needs."""
    from detent.assembly import load_keys, rotate_key  # noqa: PLC0415

    first, second = load_keys([old, new], passphrase)
    others = load_keys(key, passphrase) if key else []
    say_handed(
        folder, f"{first.name} replaced by {second.name}", rotate_key(folder, first, second, keys=others)
    )


@app.command()
def enrol(
    folder: Folder,
    steward: Annotated[
        str, typer.Option("--steward", metavar="NAME", help="Whose key it will be.", show_default=False)
    ],
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role", metavar="ROLE", help="A role of theirs, and again for more, where there are roles."
        ),
    ] = None,
    instead_of: Annotated[
        str, typer.Option("--instead-of", metavar="NAME", help="The steward whose key it takes the place of.")
    ] = "",
) -> None:
    """Print a code by which somebody enrols a key that is made in their browser. It counts once, for 15 minutes."""
    from detent.assembly import new_code  # noqa: PLC0415

    code = new_code(folder, steward, roles=role or [], instead_of=instead_of)
    typer.echo(code.text)
    typer.echo(
        f"counts once, until {code.expires}, for the name {steward}, on the page /runs/{folder.resolve().name}/enrol "
        "of this machine's `detent serve`; then the quorum signs the amendment",
        err=True,
    )


@app.command(name="read-token")
def read_token(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The token file; made when there is none.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Whose it is, for the file.")] = "",
) -> None:
    """Make a token that lets somebody read at `detent serve`, and print it: the file holds its digest alone."""
    from detent.cli.options import web  # noqa: PLC0415

    typer.echo(web("settings").new_read_token(file, name))
    typer.echo(f"its digest: a line in {file}; who is to read no more loses that line", err=True)
