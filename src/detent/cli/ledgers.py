"""`detent ledger`: publish a ledger, check a ledger wherever it lies."""

from typing import Annotated

import typer

from detent.cli.options import Folder

app = typer.Typer(help="The ledger itself: publish it, check every file of it.", no_args_is_help=True)


@app.command()
def serve(
    folder: Folder,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where; port 0 for any free one.")
    ] = "127.0.0.1:8000",
) -> None:
    """Publish a run over HTTP, read only: its log as a C2SP tlog-tiles log, and what `verify` reads but models.

    Secrets are not in a run folder; its inbox and the workers' output are not shown. Ends with Ctrl-C.
    """
    from detent.assembly import serve_log  # noqa: PLC0415

    with serve_log(folder, listen) as server:
        typer.echo(f"{folder}: http://{server.address}/checkpoint and /tile/..., until Ctrl-C")
        server.serve_forever()


@app.command()
def fsck(
    place: Annotated[
        str,
        typer.Argument(
            metavar="DIR|URL",
            help="A run folder, a log's folder, or the http(s) address below which a log is published.",
            show_default=False,
        ),
    ],
    log: Annotated[
        str,
        typer.Option(
            "--log",
            metavar="VKEY",
            help="The log's verify key; default: the log.vkey beside it.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Derive a log again from its entries, and hold every file and the signature against that.

    It has code of its own, so that a mistake of the writer's is not repeated, and believes nothing that it reads.
    """
    from detent.assembly import check_log  # noqa: PLC0415
    from detent.errors import TrustError  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    checked = check_log(place, log)
    for line in (*checked.sentences, *(f"fault: {fault}" for fault in checked.faults)):
        typer.echo(plain(line))
    if checked.faults:
        raise TrustError(
            f"a sound log expected at {place}, got {len(checked.faults)} faults: see the lines above"
        )
