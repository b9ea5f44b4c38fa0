"""`detent prove`, `detent sign-model`, and what `detent verify` says of files that stand on their own."""

from pathlib import Path
from typing import Annotated

import typer

from detent.cli.options import Folder, passphrase
from detent.errors import UsageError

SPLIT = 17
"""Exit code: a split view is proven."""

Second = Annotated[
    Path | None,
    typer.Argument(metavar="ENTRY", help="With a proof: the entry's bytes.", show_default=False),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="POLICY", help="With a proof: whom you believe, a tlog-policy file."),
]
Split = Annotated[
    bool, typer.Option("--split", help="Two checkpoints in place of DIR and ENTRY: who signed both?")
]


def prove(
    folder: Folder,
    which: Annotated[
        str,
        typer.Argument(
            metavar="INDEX|decision:G",
            help="An entry, or the decision that closed generation G.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("-o", metavar="FILE.tlog-proof", help="Where the proof goes.")],
    entry: Annotated[
        Path | None, typer.Option("--entry", metavar="FILE", help="Where the entry's bytes go.")
    ] = None,
    receipt: Annotated[
        Path | None,
        typer.Option(
            "--receipt", metavar="FILE.cbor", help="Where a COSE receipt goes too; needs the log's key."
        ),
    ] = None,
) -> None:
    """Write a proof that one entry is on the ledger, for somebody who has nothing else of the run."""
    from detent.assembly import prove as prove_entry  # noqa: PLC0415

    made = prove_entry(folder, which, output, entry=entry, receipt=receipt)
    who = ", ".join(made.cosigners) or "nobody"
    typer.echo(
        f"{output}: entry {made.index} ({made.kind}) of {made.size}; cosigned by {_plain(who)}. Check it with: "
        f"detent verify {output} {entry or 'ENTRY'} --policy POLICY"
    )


def sign_model(
    folder: Folder,
    generation: Annotated[
        int,
        typer.Argument(
            metavar="G", min=0, help="The model in force when generation G closed.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("-o", metavar="FILE", help="Where the signature goes.")],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="FILE", help="An elliptic-curve key; default: one in your data folder."
        ),
    ] = None,
) -> None:
    """Sign a model's folder in the format of OpenSSF Model Signing, for people who check models that way."""
    from detent.assembly import sign_model as sign_folder  # noqa: PLC0415

    made = sign_folder(folder, generation, output, key=key, ask=passphrase)
    if made.key_is_new:
        typer.echo("a new key for exports was made; keep a copy", err=True)
    typer.echo(
        f"{output}: signs {made.model}. Check it with: model_signing verify key {made.model} --signature {output} "
        f"--public_key {made.public}"
    )


def are_files(first: str, second: Path | None, policy: Path | None, *, split: bool) -> bool:
    """Whether `verify` was given files that stand on their own, and not a run."""
    return split or second is not None or policy is not None or first.endswith(".tlog-proof")


def verify_files(first: Path, second: Path | None, policy: Path | None, *, split: bool) -> None:
    """A proof and its entry, or two checkpoints, under a policy: print what they show."""
    if second is None or policy is None:
        words = "--split A B" if split else "FILE.tlog-proof ENTRY"
        raise UsageError(
            f"two files and a policy expected, got fewer; use: detent verify {words} --policy POLICY, where POLICY "
            "says whose keys you believe (docs/verifying.md)"
        )
    if split:
        _say_split(first, second, policy)
        return
    from detent.assembly import shown_by  # noqa: PLC0415

    for sentence in shown_by(first, second, policy):
        typer.echo(_plain(sentence))


def _say_split(first: Path, second: Path, policy: Path) -> None:
    from detent.assembly import split_shown_by  # noqa: PLC0415

    found = split_shown_by(first, second, policy)
    if found is None:
        typer.echo("no split: both checkpoints have the same root")
        return
    for sentence in found.sentences:
        typer.echo(_plain(sentence))
    typer.echo("the proof, for whoever has these keys:\n")
    for line in str(found).splitlines():
        typer.echo(_plain(line))
    raise typer.Exit(SPLIT)


def _plain(text: str) -> str:
    from detent.report import plain  # noqa: PLC0415

    return plain(text)
