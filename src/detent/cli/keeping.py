"""The commands by which a run's files are given to others, and deleted."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detent.cli.options import Folder

if TYPE_CHECKING:
    from detent.assembly import Plan


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


def gc(
    folder: Folder,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="KIND=RULE",
            help="Keep more than the charter says: models=all, models='last 5', data=all, ...; again for another kind.",
        ),
    ] = None,
    because: Annotated[
        str, typer.Option("--because", metavar="TEXT", help="The reason, for the record.")
    ] = "as the charter lets go",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; delete nothing.")] = False,
) -> None:
    """Delete files that the charter's [retention] lets go, and write down which."""
    from detent.assembly import collect, plan_gc  # noqa: PLC0415
    from detent.report import plain  # noqa: PLC0415

    rules = dict(_kind_and_rule(one) for one in keep or [])
    plan = plan_gc(folder, rules)
    for line in _told(plan):
        typer.echo(plain(line))
    if dry_run:
        typer.echo("nothing was deleted: --dry-run")
    elif len(plan.gone):
        done = collect(folder, rules, because)
        typer.echo(f"{len(done.gone):,} deleted, and on the ledger. See: detent verify {folder}")


def _kind_and_rule(text: str) -> tuple[str, str]:
    kind, _, rule = text.partition("=")
    return kind.strip(), rule.strip()


def _told(plan: "Plan") -> Iterator[str]:
    """What goes, and what can no longer be done then."""
    for kind, rule in plan.rule.model_dump().items():
        yield f"{kind}: {len(getattr(plan.gone, kind)):,} go, {plan.sizes[kind]:,} bytes; kept: {rule}"
    if plan.openings:
        yield f"then these openings cannot be re-run: {', '.join(map(str, plan.openings))}"
    if plan.generations:
        yield f"then no rollback goes to these generations: {', '.join(map(str, plan.generations))}"


COMMANDS = (bundle, gc)
