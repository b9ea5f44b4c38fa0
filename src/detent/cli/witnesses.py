"""`detent witness`: co-sign other people's ledgers."""

from pathlib import Path
from typing import Annotated

import typer

from detent.cli.options import passphrase

app = typer.Typer(help="Co-sign other people's ledgers: make a key for it, and serve.", no_args_is_help=True)


@app.command()
def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The witness's name, such as witness.example.com/w1.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("-o", metavar="FILE", help="Where to.", show_default=False)],
    algorithm: Annotated[
        str, typer.Option("--algorithm", metavar="ALGORITHM", help="ed25519 or ml-dsa-44.")
    ] = "ed25519",
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Ask for a passphrase and encrypt the file.")
    ] = False,
) -> None:
    """Make a witness's key, and print its public half, the line that goes into a charter."""
    from detent.assembly import new_witness_key  # noqa: PLC0415

    secret = str(typer.prompt("passphrase", hide_input=True, confirmation_prompt=True)) if encrypt else None
    typer.echo(str(new_witness_key(name, output, algorithm, secret)))
    typer.echo(f"private half: {output} (keep it where nobody else comes)", err=True)


@app.command()
def serve(
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen.", show_default=False)
    ],
    state: Annotated[
        Path, typer.Option("--state", metavar="FILE", help="What it remembers.", show_default=False)
    ],
    key: Annotated[
        list[Path],
        typer.Option(
            "--key",
            metavar="FILE",
            help="Its Ed25519 key, and again for an ML-DSA-44 key beside it.",
            show_default=False,
        ),
    ],
    log: Annotated[
        list[str],
        typer.Option(
            "--log",
            metavar="VKEY",
            help="The verify key of a log, and again for more: a run's log.vkey.",
            show_default=False,
        ),
    ],
) -> None:
    """Serve a witness over HTTP, until it is interrupted."""
    from detent.assembly import serve_witness  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    serve_witness(
        listen,
        state=state,
        key_paths=key,
        logs=log,
        ask=passphrase,
        say=lambda line: typer.echo(plain(line), err=True),
    )
