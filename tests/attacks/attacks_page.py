"""docs/attacks.md from the tables: `python -m tests.attacks.attacks_page` writes it."""

from pathlib import Path

from tests.attacks.attacks_table import Attack
from tests.attacks.test_attacks_plugins import FROM_A_TASK, FROM_A_TRIPWIRE
from tests.attacks.test_attacks_protocol import ATTACKS
from tests.attacks.test_attacks_unstopped import NOT_STOPPED
from tests.attacks.test_attacks_workers import FROM_A_JOB, HANDED_BACK
from tests.audit.test_audit_auditor import FORGED as HELD
from tests.audit.test_audit_caught import CAUGHT
from tests.audit.test_audit_operator import STILL
from tests.audit.test_audit_witnessed import FORGED, OTHERWISE

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"

FROM_A_PLUG_IN = {**FROM_A_TRIPWIRE, **{name: attack for name, (_, attack) in FROM_A_TASK.items()}}

HEAD = """\
# Attacks, and what becomes of them

*Written by `python -m tests.attacks.attacks_page` from the tables in `tests/attacks/`, whose keys these sentences are.*

Each of these is tried for real by `make test`, on a run folder that Detent's own functions made. Of each it is asserted
that it is refused, and by what; that the message says what was expected and what came; that it is seen where the last
column says; and that afterwards the next generation closes and `detent verify` finds nothing wrong.

A `refusal/v1`, `outcome/v1`, `watch/v1` or `request/v1` is an entry of the ledger
([kinds](architecture.md#the-ledger)). Where a ledger's bytes were changed, or a copy of the folder is at work, no entry
can say so. Then `detent verify` does, as a fault or in a note, and what was there has to be put back.
"""

PARTS = {
    "From a training job": (
        (
            "A worker behind [the confinement](confinement.md), in the middle of a training. Unconfined it could do "
            "most of the first nine; then ledger, `status` and `verify` say *unconfined*. A fork bomb and a flood are "
            "tried in a size that does no harm were they to succeed; the kernel does not hold root to its limit on "
            "processes."
        ),
        FROM_A_JOB,
    ),
    "By what a worker hands back": (
        "Whatever a worker says is held against its job, and what it made is looked at before it is used.",
        HANDED_BACK,
    ),
    "From code of a user's own": (
        "A tripwire, which attacks when it is asked to look; and a task, which waits until the gate draws from it.",
        FROM_A_PLUG_IN,
    ),
    "On the protocol": (
        "By people who may write into the run folder, who hold the ledger's key, or a steward's.",
        ATTACKS,
    ),
}

IN_WORDS = """\
## In what a model writes

An answer that tells a judge or a reviser what to say, closes the quote or imitates the template. That none forms the
mark of its fence, begins a line of the template's or changes what stands around it is held by tests
(`tests/feedback/test_feedback_templates.py`). Whether the *model* falls for it nonetheless is no yes or no: it is
[measured](benchmarks.md#attacks-on-a-judge-and-on-a-reviser), before and after, and not all of it is closed.
"""

RECORD = """\
## On the record

By whoever holds the log's key, makes every hash, signature and witness request right again, and shows the result to
somebody else. Each is tried on a copy of an honest run's record; a stranger's command finds it
([what must be caught](verifying.md#what-must-be-caught)). The last ones are tried on a run with three witnesses, whose
keys its operator has not; twenty more intents tried against them give no second seed.
"""

TAIL = """\
## What is not stopped

Without witnesses, entropy mode (a): nobody outside adds any to the seal, and nobody outside keeps the ledger. Each of
these is tried too, and works. `verify` prints every time that it could have been done
([verifying](verifying.md#what-is-not-proven)); how likely trying out candidates is to succeed stands in
[statistics](statistics.md#the-seal).
"""


WITNESSED = """\
With witnesses these are left, each with the help of one of them or at the price of an amendment, but for the last. They
are tried, and `verify` prints that they could have been done, and whose help it takes.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, (said, attacks) in PARTS.items():
        parts.append(f"## {title}\n\n{said}\n\n{_table(attacks)}\n")
    parts.append(IN_WORDS)
    parts.append(f"{RECORD}\n{_record()}\n")
    rows = [f"| {_first_up(name)} | {said.in_short} |" for name, (_, said) in NOT_STOPPED.items()]
    table = "\n".join(["| what it is | what limits it |", "| --- | --- |", *rows])
    left = "\n".join(
        [
            "| what it is | what `verify` says |",
            "| --- | --- |",
            *(f"| {name} | {words} |" for name, words in STILL.items()),
        ]
    )
    return "\n".join([*parts, f"{TAIL}\n{table}\n", f"{WITNESSED}\n{left}\n"])


def _record() -> str:
    """What a stranger finds, and with which command; of `verify` by which check."""
    found = {name: f"`{caught.by}`, {caught.forgery.check}" for name, caught in CAUGHT.items()}
    outside = {name: f"`verify`, {check}" for name, (_, check, _) in (FORGED | OTHERWISE | HELD).items()}
    rows = [f"| {_first_up(name)} | {by} |" for name, by in (found | outside).items()]
    return "\n".join(["| attack | what finds it |", "| --- | --- |", *rows])


def _table(attacks: dict[str, Attack]) -> str:
    rows = [
        f"| {_first_up(name)} | {_first_up(attack.by)} | {_seen(attack.seen)} |"
        for name, attack in attacks.items()
    ]
    return "\n".join(["| attack | what refuses it | where it is seen |", "| --- | --- | --- |", *rows])


def _seen(seen: str) -> str:
    tool, _, check = seen.partition(" ")
    if tool != "verify":
        return f"`{seen}`"
    return "`verify`, in a note" if check == "note" else f"`verify`: {check}"


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
