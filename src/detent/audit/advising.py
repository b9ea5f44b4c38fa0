"""What a language model proposed: the changes that were tried follow from what its server said, which is on record.

Its question is computed again from the record, its answer is read again, and the places are dealt again. What rules and
a search proposed is taken from the entry: their part of it is not asked about here. Where the incumbent's files are not
at hand, which edits its shape can take is not known, and less is checked: that nothing is named as the model's that it
did not say.
"""

from collections.abc import Iterable, Iterator

from detent.audit.evidence import Case
from detent.audit.servers import kept_rows
from detent.audit.steps import Step
from detent.charter import SignedCharter
from detent.engine import parameters_after, shape_of
from detent.propose import (
    BY_PROPOSERS,
    About,
    Source,
    answer_in,
    consulting,
    dealt,
    is_unheard,
    known_of,
    proposals_in,
    turns,
)
from detent.values import Change, Declined, Diagnosed, Suggested
from detent.values.serving import Kept, Wrote

ASKED = "asked/v1/proposals"


def advised_faults(case: Case, step: Step, entry: Suggested, signed: SignedCharter) -> Iterator[str]:
    """The model's part of what was suggested is what it said, as far as the charter allows it."""
    charter, before = signed.charter, step.before
    if "model" not in charter.explore.proposers:
        return  # that nothing is the model's then is checked with all other proposers
    rows = kept_rows(case, step, "proposals") if ASKED in before.slots else []
    if rows is None:
        return  # `servers` says that the file is not at hand
    about = _about(case, step, signed)
    if about is None and "architecture" in charter.constraints.changes:
        yield from _strange(rows, entry)
        return
    order = turns(before, charter, step.stream(signed, BY_PROPOSERS))
    sources = {name: _recorded(entry.changes, name) for name in charter.explore.proposers}
    sources["model"] = _said(step, entry, signed, rows, about)
    changes, declined = dealt(order, sources, charter)
    if tuple(changes) != entry.changes:
        yield (
            f"the {len(changes)} changes that follow from what the server said expected, got {len(entry.changes)}"
            if len(changes) != len(entry.changes)
            else "the changes that follow from what the server said expected, in order, got others"
        )
    mine = [one for one in entry.declined if one.by == "model"]
    if [one for one in declined if one.by == "model"] != mine:
        yield "what was declined of what the server said, and why, expected, got something else"


def _said(
    step: Step, entry: Suggested, signed: SignedCharter, rows: list[Kept], about: About | None
) -> Source:
    """What it proposes, by the record; where it was not asked in vain, one sentence says so."""
    diagnosed = step.before.slots.get("diagnosis/v1")
    if not isinstance(diagnosed, Diagnosed):
        return
    if not rows:
        yield from [one for one in entry.declined if is_unheard(one)][:1]
        return
    known = known_of(signed.charter, step.before, diagnosed.diagnosis, about.shape if about else None)
    job = consulting(known, signed.charter.explore.server)
    yield from proposals_in(answer_in(rows, job), about)


def _strange(rows: Iterable[Kept], entry: Suggested) -> Iterator[str]:
    """Changes under the model's name that it did not say."""
    said: list[Change | Declined] = []
    for row in rows:
        if isinstance(row, Wrote):
            said += proposals_in(row.text, None)
    for change in entry.changes:
        if change.by == "model" and change not in said:
            yield f"a change that the server proposed expected, got {change.said}"


def _about(case: Case, step: Step, signed: SignedCharter) -> About | None:
    """The incumbent, where its files are at hand and its shape may be changed."""
    folder = case.evidence.models / step.before.incumbent
    if "architecture" not in signed.charter.constraints.changes or not folder.is_dir():
        return None
    return About(
        shape=shape_of(folder),
        parameters=lambda edit: parameters_after(folder, edit),
        most=signed.charter.constraints.max_parameters,
    )


def _recorded(changes: Iterable[Change], name: str) -> Source:
    yield from (change for change in changes if change.by == name)
