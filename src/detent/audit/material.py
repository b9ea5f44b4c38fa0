"""What the record names by digest, fetched and believed only when it is what was named: files and tasks' code."""

from collections import Counter
from collections.abc import Iterable

from detent.audit.evidence import Case
from detent.audit.findings import Finding
from detent.audit.signatures import Charters
from detent.charter import SignedCharter
from detent.errors import TrustError
from detent.tasks import TaskSource, builtin
from detent.values import Slice


def check_tasks(case: Case, charters: Charters) -> Finding:
    """The code that draws and checks problems is at hand, and is the code that was signed, under every charter.

    So is that of proxies, which labels had to please when they were made; and that of the author's own tripwires in
    the charter in force, since nothing is read again by earlier ones.
    """
    wanted = {
        (name, task_digest(name, signed)): None
        for signed in charters.signed
        for name in signed.charter.direction.improve
    }
    found, faults = [], []
    for name, digest in wanted:
        if _source(case, name, digest) is not None:
            found.append(f"{name} {digest[:8]}...")
        else:
            others = [source.digest for source in case.evidence.tasks.values() if source.name == name]
            got = " and ".join(others) or "none"
            faults.append(f"{name}: the code with digest {digest} expected, got {got}: restore its file")
    had = {(proxy.name, proxy.digest) for proxy in case.evidence.proxies.values()}
    named = {
        (name, own.sha256): None for signed in charters.signed for name, own in signed.charter.proxies.items()
    }
    for name, digest in named:
        if (name, digest) in had:
            found.append(f"proxy {name} {digest[:8]}...")
        else:
            others = [known for other, known in sorted(had) if other == name]
            got = " and ".join(others) or "none, or another"
            faults.append(
                f"proxy {name}: the code with digest {digest} expected, got {got}: restore its file"
            )
    for name, wire in charters.newest.charter.tripwires.items():
        if wire.own and case.evidence.wires.get(name) == wire.sha256:
            found.append(f"tripwire {name} {wire.sha256[:8]}...")
        elif wire.own:
            got = case.evidence.wires.get(name, "none, or another")
            faults.append(
                f"tripwire {name}: the code with digest {wire.sha256} expected, got {got}: restore its file"
            )
    return Finding("tasks", ", ".join(found) or "none", tuple(faults))


def task_digest(name: str, signed: SignedCharter) -> str:
    """Of an author's own task the digest that was signed, of a built-in one that of this program's."""
    own = signed.charter.tasks
    return own[name].sha256 if name in own else builtin(name).digest


def believed_tasks(case: Case, signed: SignedCharter) -> dict[str, TaskSource]:
    """The improved tasks' sources, in the charter's order.

    Raises:
        TrustError: one is missing or another than was signed; then nothing can be drawn again.
    """
    believed = {}
    for name in signed.charter.direction.improve:
        source = _source(case, name, task_digest(name, signed))
        if source is None:
            raise TrustError(f"the signed code of {name} expected, got none: problems are not drawn again")
        believed[name] = source
    return believed


def _source(case: Case, name: str, digest: str) -> TaskSource | None:
    known = case.evidence.tasks.values()
    return next((source for source in known if (source.name, source.digest) == (name, digest)), None)


def off_ladder(slices: Iterable[Slice], *known: SignedCharter) -> list[str]:
    """Rungs that the ladders of none of these charters have; nothing may be drawn there."""
    tops: Counter[str] = Counter()
    for signed in known:
        tops |= Counter(signed.charter.direction.improve)  # of each task the highest
    strange = {one for one in slices if not 1 <= one.level <= tops[one.task]}
    return [
        f"a rung of the charter's ladders expected, got {one.task} {one.level}" for one in sorted(strange)
    ]
