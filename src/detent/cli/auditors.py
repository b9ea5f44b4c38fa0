"""`detent auditor`: hold the seal of somebody else's run."""

from pathlib import Path
from typing import Annotated

import typer

from detent.cli.options import passphrase

app = typer.Typer(
    help="Hold the seal of somebody else's run: make its chain, and give out one link for each cosigned intent.",
    no_args_is_help=True,
)

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The auditor's folder, one for each run.", show_default=False)
]


@app.command()
def new(
    folder: Folder,
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="NAME",
            help="The auditor's name, such as audit.example.com.",
            show_default=False,
        ),
    ],
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Where the run reaches it.", show_default=False)
    ],
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Ask for a passphrase and encrypt the key.")
    ] = False,
) -> None:
    """Make a seal's chain and a key, and print the lines that go into the run's charter."""
    from detent.assembly import new_auditor  # noqa: PLC0415

    secret = str(typer.prompt("passphrase", hide_input=True, confirmation_prompt=True)) if encrypt else None
    typer.echo(new_auditor(folder, name, url, secret), nl=False)
    typer.echo(f"the chain's secret and the key: in {folder} (keep it where nobody else comes)", err=True)


@app.command()
def serve(
    folder: Folder,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen.", show_default=False)
    ],
    policy: Annotated[
        Path,
        typer.Option(
            "--policy",
            metavar="FILE",
            help="A tlog-policy: the run's log, its witnesses, and how many of them have to have cosigned.",
            show_default=False,
        ),
    ],
) -> None:
    """Give out links over HTTP, until it is interrupted."""
    from detent.assembly import serve_auditor  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    serve_auditor(
        listen,
        folder=folder,
        policy=policy,
        ask=passphrase,
        say=lambda line: typer.echo(plain(line), err=True),
    )
