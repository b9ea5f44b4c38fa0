"""`detent serve`: watch and decide in the browser."""

from pathlib import Path
from typing import Annotated

import typer


def serve(  # noqa: PLR0917  options
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Run folders.", show_default=False)],
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where; port 0 for any free one.")
    ] = "127.0.0.1:8734",
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert", metavar="FILE", help="Certificate with its chain, PEM.", show_default=False
        ),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key, PEM.", show_default=False)
    ] = None,
    read_token_file: Annotated[
        Path | None,
        typer.Option(
            "--read-token-file",
            metavar="FILE",
            help="Tokens that let somebody read: detent key read-token makes one.",
            show_default=False,
        ),
    ] = None,
    public_name: Annotated[
        list[str] | None,
        typer.Option(
            "--public-name",
            metavar="HOST",
            help="A name by which people ask for this server, and again for more.",
            show_default=False,
        ),
    ] = None,
    notify: Annotated[
        Path | None,
        typer.Option(
            "--notify",
            metavar="FILE",
            help="Whom to tell, by webhook or e-mail, that they are needed: docs/notices.md.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve runs as pages that are live, as JSON and as metrics, until Ctrl-C.

    It only reads. What people decide is signed in their browsers with their own keys, and handed in as by `approve`.
    Other machines are answered over TLS alone, and read with a token.
    """
    from detent.cli.options import web  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    app, settings = web("app"), web("settings")
    chosen = settings.settings_for(
        listen,
        certificate=tls_cert,
        key=tls_key,
        token_file=read_token_file,
        public_names=public_name or [],
    )
    app.serve_folders(folders, chosen, lambda line: typer.echo(plain(line), err=True), notify)
