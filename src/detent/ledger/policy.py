"""Trust policies (C2SP tlog-policy): which logs one believes, and which witnesses must have cosigned.

    log example.com/run+1d6ea3a4+AfJk...
    witness lab-a lab-a.example+7a1c6a5f+BEkp...
    witness lab-b lab-b.example+0c0a95b1+BD1b... https://lab-b.example/witness
    witness lab-c lab-c.example+5d0f9d2e+BKd3...
    witness agency agency.example+8a11e70b+BCc2...
    group labs 2 lab-a lab-b lab-c
    group both all labs agency
    quorum both

    >>> policy = Policy.parse(data)
    >>> policy.satisfied(note).cosigned        # raises unless the log signed, and the quorum cosigned
    {'lab-a': 1900000000, 'lab-c': 1900000004, 'agency': 1900000002}

Names mean something inside the file alone, and are bytes: what is no UTF-8 is kept as surrogates, so that no two
names become one. A group's members are named above it and belong to no other group: the groups are trees.
"""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Self

from detent.errors import TrustError, UsageError
from detent.ledger.cosignatures import CosignerKey, verified_cosignatures
from detent.ledger.notes import Checkpoint, Note
from detent.signing import VerifyKey

MOST = 100
"""Logs, witnesses and groups of one policy, each; the specification wants 32 or more. No note has more signatures."""

LARGEST_POLICY = 1_000_000  # bytes; two hundred ML-DSA-44 keys have some 360,000
LONGEST_SHOWN = 200  # characters of a name
NOBODY = "none"
"""The quorum that asks for no cosignature."""

_SPACES = re.compile("[ \t]+")  # no other space separates: tlog-policy, "Structure"
_NO_BYTE = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_COUNT = re.compile("[1-9][0-9]{0,2}")

LogKey = VerifyKey | CosignerKey
"""A log's key: Ed25519 (type 1), or ML-DSA-44 (type 6)."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log that is believed, and where it is served, if the policy says."""

    key: LogKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness's key, and where it takes checkpoints (its submission prefix), if the policy says."""

    key: CosignerKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """`need` or more of `members`, each a witness or a group."""

    need: int
    members: tuple[str, ...]


class Satisfied(NamedTuple):
    """What a checkpoint has shown to a policy: who vouches for it. `cosigned` also has those beyond the quorum."""

    checkpoint: Checkpoint
    log: LogKey
    cosigned: dict[str, int]  # a witness's name in the policy: when it cosigned, in seconds since 1970


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom to believe. Made by `parse`: what it holds has been checked there."""

    logs: tuple[Log, ...]
    witnesses: Mapping[str, Witness]
    groups: Mapping[str, Group]  # members before the groups they are in
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a policy file. Nothing is repaired: a line that is not understood could be the one that counts.

        Raises:
            UsageError: it is not well-formed; the message names the line.
        """
        draft = _Draft()
        for number, words in _lines(data):
            try:
                draft.take(words)
            except UsageError as error:
                raise UsageError(f"policy, line {number}: {error}") from error
        if draft.quorum is None:
            raise UsageError("policy: one quorum line expected, got none; end it with `quorum NAME`")
        frozen = MappingProxyType
        return cls(tuple(draft.logs), frozen(draft.witnesses), frozen(draft.groups), draft.quorum)

    def met(self, who: AbstractSet[str]) -> bool:
        """Whether the witnesses of these names are enough. Names that the policy does not know count for nothing."""
        return self.quorum == NOBODY or self.quorum in self._fulfilled(who)

    def lacks(self, who: AbstractSet[str]) -> tuple[str, ...]:
        """A sentence for each group under the quorum that these witnesses leave short; nothing when they are enough."""
        if self.met(who):
            return ()
        if self.quorum in self.witnesses:
            return (f"a cosignature of witness {shown(self.quorum)} expected, got none",)
        have = self._fulfilled(who)
        short, found = [self.quorum], []
        while short:
            name = short.pop(0)
            group = self.groups[name]
            got = [shown(member) for member in group.members if member in have]
            found.append(
                f"{group.need} of group {shown(name)} expected, got {len(got)}"
                f"{': ' if got else ''}{', '.join(got)}"
            )
            short += [member for member in group.members if member in self.groups and member not in have]
        return tuple(found)

    def satisfied(self, note: Note) -> Satisfied:
        """Who of the policy signed and cosigned the checkpoint, once a log did and the quorum is reached.

        Times are the witnesses' word: nothing here compares them with a clock.

        Raises:
            TrustError: no log of the policy signed, the quorum is not reached (the message says which group lacks
                what), or a line that names a key of the policy does not verify.
        """
        checkpoint = Checkpoint.parse(note.text)
        signed = [log.key for log in self.logs if signed_by(note, log.key)]
        own = [key for key in signed if key.name == checkpoint.origin]  # tlog-policy, "Defining a log"
        if not own:
            known = ", ".join(shown(log.key.name) for log in self.logs) or "none, for it names no log"
            raise TrustError(
                f"a checkpoint signed by a log of the policy ({known}) expected, got one of "
                f"{shown(checkpoint.origin)}, which no key of that log in the policy signed; "
                "take the log's key from somebody you believe"
            )
        names = {witness.key: name for name, witness in self.witnesses.items()}
        found = verified_cosignatures(note, list(names))
        cosigned = {name: found[key] for key, name in names.items() if key in found}
        if not self.met(cosigned.keys()):
            raise TrustError(
                f"{'; '.join(self.lacks(cosigned.keys()))}. The policy's quorum did not cosign "
                f"{shown(checkpoint.origin)} at size {checkpoint.size}; ask for a checkpoint with more cosignatures"
            )
        return Satisfied(checkpoint, own[0], cosigned)

    def _fulfilled(self, who: AbstractSet[str]) -> set[str]:
        """The witnesses among `who`, and every group that they fulfil."""
        have = {name for name in self.witnesses if name in who}
        for name, group in self.groups.items():
            if sum(member in have for member in group.members) >= group.need:
                have.add(name)
        return have


def signed_by(note: Note, key: LogKey) -> bool:
    """Whether a line of the note names this key of a log; each that does must verify.

    Raises:
        TrustError: one does not (then none of the note is believed, as signed-note asks), or it is no checkpoint.
    """
    lines = [line for line in note.signatures if (line.name, line.key_id) == (key.name, key.id)]
    for line in lines:
        if isinstance(key, VerifyKey):
            key.verify(line.signature, note.text.encode())
        else:
            key.timestamp_of(line, Checkpoint.parse(note.text))
    return bool(lines)


def least_shared(policy: Policy) -> tuple[frozenset[str], frozenset[str]]:
    """Two sets of witnesses, each enough for the quorum, with as few in common as any two have.

    Both could approve, each another history, while only those in common lie. Exact for every policy, in time linear
    in its size: since a name is in one group at most, members of a group are chosen apart from each other, and two
    choices of k of n members share max(0, 2k - n) of them, at best those whose own two sets share least.
    """
    if policy.quorum == NOBODY:
        return frozenset(), frozenset()
    pairs = {name: (frozenset([name]), frozenset([name])) for name in policy.witnesses}
    for name, group in policy.groups.items():
        cheap = sorted(group.members, key=lambda member: len(pairs[member][0] & pairs[member][1]))
        shared = max(0, 2 * group.need - len(cheap))
        alone = group.need - shared
        both, one, other = (
            cheap[:shared],
            cheap[shared : shared + alone],
            cheap[shared + alone : shared + 2 * alone],
        )
        pairs[name] = (
            frozenset[str]().union(*(pairs[member][0] for member in both + one)),
            frozenset[str]().union(*(pairs[member][1] for member in both + other)),
        )
    return pairs[policy.quorum]


def refuse_forks(policy: Policy, liars: int) -> None:
    """Return when no two histories can both reach the quorum while at most `liars` witnesses lie.

    An honest witness cosigns one history alone. So any two sets that are enough must have more than `liars` in
    common; for k of n witnesses that is k > (n + liars) / 2.

    Raises:
        UsageError: two sets that are enough have `liars` or fewer in common; the message names them.
    """
    one, other = least_shared(policy)
    if len(one & other) <= liars:
        raise UsageError(
            f"a quorum of which any two have more than {liars} witnesses in common expected, got one that "
            f"{_names(one)} reach, and {_names(other)} too, with {len(one & other)} in common: they could approve two "
            "histories of one log; ask for more of each group"
        )


def shown(name: str) -> str:
    """A name for people: its beginning, with escapes where a terminal would not simply show it."""
    cut = name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}..."
    return cut if cut.isprintable() else ascii(cut)[1:-1]


def _names(names: AbstractSet[str]) -> str:
    return ", ".join(map(shown, sorted(names))) or "nobody"


@dataclass(slots=True)
class _Draft:
    """A policy while its lines are read."""

    logs: list[Log] = field(default_factory=list)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str | None = None
    grouped: set[str] = field(default_factory=set)  # members of some group
    publics: set[bytes] = field(default_factory=set)
    ids: set[tuple[str, bytes]] = field(default_factory=set)

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._expect(len(self.logs) < MOST, f"at most {MOST} logs", "another")
                log = Log(_log_key(vkey), *url)
                self._claim(log.key)
                self.logs.append(log)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._expect(len(self.witnesses) < MOST, f"at most {MOST} witnesses", "another")
                self._free(name)
                witness = Witness(CosignerKey.parse(vkey), *url)
                self._claim(witness.key)
                self.witnesses[name] = witness
            case ["group", name, need, *members] if members:
                self._expect(len(self.groups) < MOST, f"at most {MOST} groups", "another")
                self._free(name)
                self.groups[name] = self._group(need, members)
            case ["quorum", name]:
                self._expect(self.quorum is None, "one quorum line", "another")
                if name != NOBODY:
                    self._defined(name)
                self.quorum = name
            case _:
                raise UsageError(
                    "`log VKEY [URL]`, `witness NAME VKEY [URL]`, `group NAME all|any|K NAME...` or `quorum NAME|none` "
                    f"expected, got {' '.join(words)[:120]!r}; see C2SP tlog-policy"
                )

    def _group(self, need: str, members: list[str]) -> Group:
        for number, member in enumerate(members):
            self._defined(member)
            self._expect(
                member not in self.grouped and member not in members[:number],
                "a name that is in no group yet",
                member,
            )
        count = {"all": len(members), "any": 1}.get(need)
        if count is None:
            self._expect(_COUNT.fullmatch(need) is not None, "`all`, `any` or a number", need)
            count = int(need)
        self._expect(1 <= count <= len(members), f"1 to {len(members)} of {len(members)} members", need)
        self.grouped.update(members)
        return Group(count, tuple(members))

    def _claim(self, key: LogKey) -> None:
        """Refuse a public key that stands above under whatever name (tlog-policy: a duplicate), and a key id that does.

        Also between logs and witnesses: a log that cosigns its own checkpoints vouches for nothing.
        """
        self._expect(key.public not in self.publics, "a public key that is not in the policy yet", key.name)
        self._expect((key.name, key.id) not in self.ids, "another key name than above", key.name)
        self.publics.add(key.public)
        self.ids.add((key.name, key.id))

    def _free(self, name: str) -> None:
        taken = name == NOBODY or name in self.witnesses or name in self.groups
        self._expect(not taken, "a name that is not taken", name)

    def _defined(self, name: str) -> None:
        known = name in self.witnesses or name in self.groups
        self._expect(known, "a witness or group that an earlier line defines", name)

    def _expect(self, holds: bool, wanted: str, got: str) -> None:
        if not holds:
            raise UsageError(f"{wanted} expected, got {got[:120]!r}; correct the line")


def _lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The words of every line that is neither empty nor a comment, with the line's number from 1."""
    if len(data) > LARGEST_POLICY:
        raise UsageError(
            f"a policy of at most {LARGEST_POLICY} bytes expected, got {len(data)}; it is another file"
        )
    if data and not data.endswith(b"\n"):
        raise UsageError(
            "policy, last line: a line that ends in a newline expected, got one without; was it cut off?"
        )
    for number, line in enumerate(data.split(b"\n"), 1):
        odd = _NO_BYTE.search(line)
        if odd is not None:
            raise UsageError(
                f"policy, line {number}: no control characters but tab and newline expected, got byte "
                f"0x{odd[0].hex()}; save it with Unix line ends"
            )
        words = [word for word in _SPACES.split(line.decode("utf-8", "surrogateescape")) if word]
        if words and not words[0].startswith("#"):
            yield number, words


def _log_key(vkey: str) -> LogKey:
    try:
        key = CosignerKey.parse(vkey)
    except UsageError:
        return VerifyKey.parse(vkey)  # its message is the one that helps
    if key.algorithm != "ml-dsa-44":
        raise UsageError(
            f"a log's key of type 1 or 6 expected, got a witness's, type 4: {vkey[:120]!r}; "
            "take the log's verify key"
        )
    return key
