"""What the record names by digest, fetched and believed only when it is what was named: files and tasks' code."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from detent.audit.evidence import Case
from detent.audit.findings import Finding
from detent.audit.signatures import Charters
from detent.charter import SignedCharter
from detent.errors import TaskError, TrustError
from detent.tasks import (
    GYM,
    OPEN,
    Library,
    TaskSource,
    builtin,
    gym_digest,
    is_principle,
    see_files_apart,
)
from detent.values import Slice


def check_tasks(case: Case, charters: Charters) -> Finding:
    """The code that draws and checks problems is at hand, and is the code that was signed, under every charter.

    No two files of rows have a prompt in common.
    So is that of proxies, which labels had to please when they were made; and that of the author's own tripwires in
    the charter in force, since nothing is read again by earlier ones.
    """
    found, faults, unchecked = [], [], []
    for code in {code.said: code for code in _named_code(case, charters)}.values():
        if code.here:
            found.append(f"{code.what} {code.digest[:8]}...")
        elif why := _withheld(case, charters.signed, code.name, code.digest):
            unchecked.append(f"{code.what}, {code.without}: {why}")
        else:
            faults.append(f"{code.said} expected, got {code.got}: restore its file")
    try:
        see_files_apart(case.evidence.tasks.values())
    except TaskError as error:  # what one file seals another may have taught
        faults.append(str(error))
    return Finding("tasks", ", ".join(found) or "none", tuple(faults), tuple(unchecked))


class _Code(NamedTuple):
    """A file of code that charters name; whether it is at hand, what is in its place, what is not done without it."""

    what: str
    name: str
    digest: str
    here: bool
    got: str
    without: str

    @property
    def said(self) -> str:
        return f"{self.what}: the code with digest {self.digest}"


def _named_code(case: Case, charters: Charters) -> Iterator[_Code]:
    known = [(source.name, source.digest) for source in case.evidence.tasks.values()]
    for signed in charters.signed:
        for name in signed.charter.direction.improve:
            digest = task_digest(name, signed)
            others = " and ".join(one for other, one in known if other == name) or "none"
            without = "whose problems are not drawn and marked again"
            yield _Code(name, name, digest, (name, digest) in known, others, without)
    had = {(proxy.name, proxy.digest) for proxy in case.evidence.proxies.values()}
    for signed in charters.signed:
        for name, own in signed.charter.proxies.items():
            others = " and ".join(one for other, one in sorted(had) if other == name) or "none, or another"
            without = "which labels have to please and are not shown to again"
            yield _Code(f"proxy {name}", name, own.sha256, (name, own.sha256) in had, others, without)
    for name, wire in charters.newest.charter.tripwires.items():
        if wire.own:
            got = case.evidence.wires.get(name, "none, or another")
            yield _Code(
                f"tripwire {name}", name, wire.sha256, got == wire.sha256, got, "whose file is not here"
            )


def _withheld(case: Case, charters: Iterable[SignedCharter], name: str, digest: str) -> str:
    """Why the code of that digest is rightly not at hand; "" where it should be."""
    for signed in charters:
        charter = signed.charter
        if name.startswith(GYM) and (why := case.without(f"tasks/{name}")):
            return why
        for code in (charter.tasks.get(name), charter.proxies.get(name), charter.tripwires.get(name)):
            if (
                code is not None
                and code.source
                and code.sha256 == digest
                and (why := case.without(_path(code.source)))
            ):
                return why
    return ""


def _path(source: str) -> str:
    """Where a run folder has the file of FILE.py:NAME, or FILE.jsonl."""
    return f"tasks/{source.partition(':')[0]}"


def without_code(case: Case, signed: SignedCharter) -> str:
    """Why nothing can be drawn again under a charter, and rightly so; "" where all code is at hand, or should be."""
    lacking = [
        (name, digest)
        for name in signed.charter.direction.improve
        if _source(case, name, digest := task_digest(name, signed)) is None
    ]
    reasons = [_withheld(case, [signed], name, digest) for name, digest in lacking]
    return f"the code of {lacking[0][0]}: {reasons[0]}" if reasons and all(reasons) else ""


def task_digest(name: str, signed: SignedCharter) -> str:
    """Of an author's own task the digest that was signed, of a built-in one that of this program's.

    Of a `gym:` task both: of the library what was signed, of the bridge to it this program's.
    """
    own, gym = signed.charter.tasks, signed.charter.gym
    if gym is not None and name.startswith(GYM):
        return gym_digest(Library(gym.library, gym.sha256), gym.levels[name])
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


def believed_rows(case: Case, signed: SignedCharter) -> dict[str, TaskSource]:
    """The same of those tasks alone that are files of rows.

    Raises:
        TrustError: one is missing or another than was signed.
    """
    found = {
        name: _source(case, name, own.sha256) for name, own in signed.charter.tasks.items() if own.of_rows
    }
    for name, source in found.items():
        if source is None:
            raise TrustError(
                f"the signed rows of {name} expected, got none: which of them are left is not known"
            )
    return {name: source for name, source in found.items() if source is not None}


def _source(case: Case, name: str, digest: str) -> TaskSource | None:
    known = case.evidence.tasks.values()
    return next((source for source in known if (source.name, source.digest) == (name, digest)), None)


def on_ladder(rung: Slice) -> Slice:
    """Rows that a principle asks about stand on the ladder of the task behind it."""
    return Slice(rung.task.split("/", 2)[-1], rung.level) if is_principle(rung.task) else rung


def off_ladder(slices: Iterable[Slice], *known: SignedCharter) -> list[str]:
    """Rungs that the ladders of none of these charters have; nothing may be drawn there."""
    tops: Counter[str] = Counter()
    for signed in known:
        tops |= Counter(signed.charter.direction.improve)  # of each task the highest
    tops[OPEN] = 1  # a principle's own prompts
    strange = {one for one in slices if not 1 <= one.level <= tops[one.task]}
    return [
        f"a rung of the charter's ladders expected, got {one.task} {one.level}" for one in sorted(strange)
    ]
