"""The constitution of each charter, believed only when it is the file that was pinned; and what its principles ask.

>>> constitution_of(case, signed).guarded
{'alphabet': Principle(...), ...}
"""

from collections.abc import Iterable
from typing import NamedTuple

from detent.audit.evidence import Case
from detent.audit.findings import Finding
from detent.audit.signatures import Charters
from detent.charter import Constitution, SignedCharter, parse_constitution
from detent.errors import DetentError, TrustError
from detent.oversight import guards_of
from detent.tasks import OPEN, TaskSource, probes_digest, source_name
from detent.values import Slice, sha256_hex


def check_principles(case: Case, charters: Charters) -> Finding:
    """The constitutions are at hand, as they were pinned, with the code that asks their principles."""
    found, faults = [], []
    for signed in charters.signed:
        pinned = signed.charter.constitution
        if pinned is None:
            continue
        try:
            constitution = constitution_of(case, signed)
            believed_principles(case, signed)
        except DetentError as error:
            faults.append(f"charter {signed.charter.version}: {error}")
            continue
        if constitution is not None:
            named, total = ", ".join(constitution.guarded) or "none", len(constitution.principles)
            found.append(f"{pinned.path} {pinned.sha256[:8]}...: of {total} principles guarded {named}")
    detail = "; ".join(dict.fromkeys(found)) or "the charter names no constitution"
    return Finding("principles", detail, tuple(dict.fromkeys(faults)))


def constitution_of(case: Case, signed: SignedCharter) -> Constitution | None:
    """The constitution that a charter names; None where it names none.

    Raises:
        TrustError: it is missing, or is another than was pinned.
        CharterError: it is none.
    """
    pinned = signed.charter.constitution
    if pinned is None:
        return None
    for text in case.evidence.constitutions:
        if sha256_hex(text.encode()) == pinned.sha256:
            return parse_constitution(text, case.evidence.catalogue, pinned.path)
    raise TrustError(
        f"the constitution {pinned.path} with SHA-256 {pinned.sha256} expected, as signed, got none, or another: "
        "restore its file; what its principles ask cannot be drawn again"
    )


def unguarded(case: Case) -> list[str]:
    """Names of the principles in force that nothing measures; none where the constitution cannot be had."""
    if case.charters is None:
        return []
    try:
        constitution = constitution_of(case, case.charters.newest)
    except DetentError:
        return []
    principles = constitution.principles if constitution is not None else {}
    return [name for name, each in principles.items() if not each.guarded]


def principle_digests(case: Case, signed: SignedCharter) -> dict[str, str]:
    """Digests of what asks principles, guarded or taught, by the sources' names. Raises as `constitution_of`."""
    constitution, pinned = constitution_of(case, signed), signed.charter.constitution
    if constitution is None or pinned is None:
        return {}
    unpinned = sorted(set(constitution.files) - set(pinned.files))
    if unpinned:
        raise TrustError(
            f"SHA-256 of all files of {pinned.path} expected in the charter, got none of {unpinned}"
        )
    guarded = constitution.guarded
    return {
        one.task: probes_digest(guarded[guard.name].probes, guarded[guard.name].checker, pinned.files)
        for guard in guards_of(signed.charter, constitution)
        for one in guard.slices
    } | {
        source_name(name, OPEN): probes_digest(each.prompts, each.checker, pinned.files)
        for name, each in constitution.principles.items()
        if each.prompts
    }


def believed_principles(case: Case, signed: SignedCharter) -> dict[str, TaskSource]:
    """The sources of principles' probes and prompts, by their names.

    Raises:
        TrustError: one is missing or another than was signed; then nothing can be drawn again.
        CharterError: as `constitution_of`.
    """
    known = {(source.name, source.digest): source for source in case.evidence.tasks.values()}
    believed = {}
    for name, digest in principle_digests(case, signed).items():
        if (name, digest) not in known:
            raise TrustError(
                f"the signed probes of {name} with digest {digest} expected, got none, or others: restore their files"
            )
        believed[name] = known[name, digest]
    return believed


class Creed(NamedTuple):
    """A constitution, and what asks its principles."""

    constitution: Constitution | None
    principles: dict[str, TaskSource]


def creed_of(case: Case, signed: SignedCharter) -> Creed:
    """What a charter's judge prefers by, beside rightness; nothing where its methods do not say so.

    Raises as `believed_principles`.
    """
    if not signed.charter.feedback.prefers_by_principle:
        return Creed(None, {})
    return Creed(constitution_of(case, signed), believed_principles(case, signed))


def off_guard(slices: Iterable[Slice], case: Case, *known: SignedCharter) -> list[str]:
    """Slices of principles that none of these charters' constitutions has; nothing may be drawn there."""
    allowed = {
        one
        for signed in known
        for guard in guards_of(signed.charter, constitution_of(case, signed))
        for one in guard.slices
    }
    return [
        f"a principle of the charter's constitution expected, got {one.task} {one.level}"
        for one in sorted(set(slices) - allowed)
    ]
