"""What the tripwires that watch the record are given: digests, heads kept elsewhere, what is used."""

from collections.abc import Mapping, Sequence
from typing import Any

from detent.evaluate import (
    best,
    evaluator_digest_on_disk,
)
from detent.loop.parts import Parts
from detent.loop.so_far import Reader
from detent.oversight import seconds_between
from detent.tripwires import (
    budget,
    gate_tampering,
    ledger_rewind,
    unauthorised_training,
)
from detent.values import (
    PROCESSOR,
    CharterSigned,
    Profile,
    Reading,
    SessionStarted,
    live,
)


def _gate_tampering(parts: Parts, _: Sequence[Profile], __: Any) -> Reading:
    """Against the first session under this charter: another evaluator or library is an amendment's to accept."""
    baseline, charter = parts.book.state.baseline, parts.book.state.charter
    assert isinstance(baseline, SessionStarted)  # noqa: S101  a turn without a session is no turn
    assert isinstance(charter, CharterSigned)  # noqa: S101
    now = parts.surroundings()
    recorded = {"evaluator": baseline.evaluator, "charter": charter.digest}
    recorded |= {f"task {name}": digest for name, digest in baseline.tasks.items()}
    # A run may be carried to another processor; its libraries and code may not change on the way.
    recorded |= {name: said for name, said in baseline.software.items() if name != PROCESSOR}
    found = {"evaluator": evaluator_digest_on_disk(), "charter": parts.charter_digest}
    found |= {f"task {name}": source.digest for name, source in parts.tasks.items()}
    return gate_tampering.watch(recorded, {**found, **now})


def _ledger_rewind(parts: Parts, _: Sequence[Profile], __: Any) -> Reading:
    heads = []
    for source, size, root in parts.heads():
        here = parts.book.record.root(size).hex() if size <= parts.book.state.entries else ""
        heads.append(ledger_rewind.Head(source, size, root, here))
    return ledger_rewind.watch(parts.book.state.entries, heads)


def _budget(parts: Parts, profiles: Sequence[Profile], __: Any) -> Reading:
    state, constraints = parts.book.state, parts.charter.constraints
    paying = state.grants[state.paying - 1] if state.paying else live(state.grants, parts.book.now)
    model = best(profiles).subject
    found = [
        budget.Quantity(
            "parameters", parts.models.parameters(model), constraints.max_parameters, "parameters"
        ),
        budget.Quantity("disk", parts.disk_gb(), constraints.max_disk_gb, "GB"),
    ]
    if paying is not None:
        found.append(budget.Quantity("compute", paying.used, paying.petaflop, "petaflop"))
        used, granted = (
            seconds_between(paying.granted, end) / 3600 for end in (parts.book.now, paying.expires)
        )
        found.append(budget.Quantity("hours", used, granted, "hours"))
    if constraints.max_compute_share and state.taught_flops:
        share = state.flops / state.taught_flops
        found.append(
            budget.Quantity("compute share", share, constraints.max_compute_share, "of generation 0")
        )
    return budget.watch(found)


def _unauthorised_training(parts: Parts, _: Sequence[Profile], __: Any) -> Reading:
    return unauthorised_training.watch(parts.models.contents(), parts.book.state.models)


READERS: Mapping[str, Reader] = {
    gate_tampering.NAME: _gate_tampering,
    ledger_rewind.NAME: _ledger_rewind,
    budget.NAME: _budget,
    unauthorised_training.NAME: _unauthorised_training,
}
