"""`detent inspect`: what changed inside a generation's model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detent.cli.options import Folder
from detent.errors import UsageError

if TYPE_CHECKING:
    from detent.values.inside import Section


def inspect(  # noqa: PLR0917  typer takes options as parameters
    folder: Folder,
    generation: Annotated[
        int, typer.Argument(metavar="G", min=0, help="The generation whose model it is.", show_default=False)
    ],
    against: Annotated[
        int | None,
        typer.Option(
            "--against",
            metavar="H",
            min=0,
            help="Beside the model in force after generation H; default: the one it had to beat.",
        ),
    ] = None,
    sections: Annotated[
        str,
        typer.Option("--sections", metavar="NAME,...", help="Which; default: all nine.", show_default=False),
    ] = "",
    control: Annotated[
        bool,
        typer.Option("--control", help="Also train it again with another seed, and say what that one shows."),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="A new file for a page with every picture."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Look inside a generation's model: what changed in its layers, weights, heads and words, in sentences."""
    from detent.assembly import check_new, look_document, look_inside, look_lines, write_look  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    asked = _sections(sections)
    if html is not None:
        check_new(html)
    looked = look_inside(folder, generation, against, asked, control, _say)
    if html is not None:
        write_look(looked, html)
    if as_json:
        typer.echo(json.dumps(look_document(looked), indent=2))
        return
    for line in look_lines(looked):
        typer.echo(plain(line))
    if html is not None:
        typer.echo(f"page        {html}")


def _say(line: str) -> None:
    """Beside what is printed for programs."""
    from detent.report import plain  # noqa: PLC0415

    typer.echo(plain(line), err=True)


def _sections(named: str) -> "tuple[Section, ...]":
    from detent.values.inside import ALWAYS, DEEPER  # noqa: PLC0415

    every = (*ALWAYS, *DEEPER)
    asked = [name.strip() for name in named.split(",") if name.strip()]
    if wrong := [name for name in asked if name not in every]:
        raise UsageError(f"sections out of {', '.join(every)} expected, got {wrong[0]!r}; correct --sections")
    return tuple(name for name in every if not asked or name in asked)
