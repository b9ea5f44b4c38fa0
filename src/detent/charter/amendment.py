"""Amendments: how a charter becomes the next one, without anybody losing their say on the way.

    >>> text = amend_text(old, edited, catalogue)          # what is to be signed: version + 1, nothing forbidden
    >>> new = check_amendment(old, endorse(text, keys), catalogue)

The quorum of the charter in force signs, and so does the quorum of the new one: nobody is replaced without the first,
nobody is bound without the second (compare root rotation in The Update Framework 1.0, section 5.3). A recovery key
stands in for the first quorum only, and signs nothing else.
"""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from detent.charter._editing import expect, put, with_added, with_strings, with_version
from detent.charter._faults import Fault, refuse, shown
from detent.charter._lines import Path, key_lines
from detent.charter.catalogue import Catalogue
from detent.charter.named_files import ConstitutionFile
from detent.charter.reading import parse_charter
from detent.charter.roles import Standing, rule_for
from detent.charter.signed import CHARTER_TYPE, SignedCharter, claimed, standing, verified
from detent.errors import CharterError, TrustError, UsageError
from detent.signing import VerifyKey, signers_of
from detent.values import sha256_hex

PAST: dict[str, tuple[str, ...]] = {
    "seal": ("tip", "length", "ml_dsa"),
    "subject": ("source", "layers", "hidden", "intermediate", "heads", "lora", "chat"),
    "recipe": ("team", "seed_levels", "seed_problems", "seed_steps"),
    "direction": ("improve",),
    "run": ("post_quantum",),
    "gym": ("library", "sha256", "levels"),
    "auditor": ("key", "tip", "length"),
}
"""Section = keys that no amendment changes: the seal is committed to, the rest made the first models.

An auditor's address may change; that there is one, and who, may not: its chain is the seal's.
"""

LAYOUT = (
    "`version` and `purpose` at the beginning of a line, and keys and names as plain strings, expected, got another "
    "layout; write them so, or change version, keys and names by hand"
)


@dataclass(frozen=True, slots=True)
class AmendmentStanding:
    """How far an amendment is signed: by the stewards in force, and by those it names.

    recovered: the recovery key in force signed, which stands in for the stewards in force.
    """

    old: Standing
    new: Standing
    recovered: bool

    @property
    def met(self) -> bool:
        """Whether enough have signed."""
        return (self.recovered or self.old.met) and self.new.met

    def __str__(self) -> str:
        before = "signed by the recovery key" if self.recovered else str(self.old)
        return f"by the stewards in force {before}; by the new ones {self.new}"


def amend_text(old: SignedCharter, text: str, catalogue: Catalogue, file: str = "charter.toml") -> str:
    """The text to sign, of an amendment as its author edited the charter: with the next version, comments kept.

    Raises:
        CharterError: everything that is wrong with it, or that no amendment may change, a line each; or nothing is.
    """
    given, following = parse_charter(text, catalogue, file).version, old.charter.version + 1
    if given not in (old.charter.version, following):
        refuse([_version_fault(following, given)], key_lines(text), file)
    amended = _with_version(text, following, file)
    if amended == _with_version(old.text, following, file):
        raise CharterError(f"{file}: a change expected, got the charter in force; edit it, then amend")
    new = SignedCharter(parse_charter(amended, catalogue, file), amended, sha256_hex(amended.encode()), "")
    _check_follows(old, new, file)
    return amended


def amendment_standing(old: SignedCharter, new: SignedCharter) -> AmendmentStanding:
    """Who signed an amendment: `new` may be `claimed` only, or signed in part."""
    rules = [rule_for(each.charter, "charter") for each in (old, new)]
    recovery = [old.recovery] if old.recovery else []
    return AmendmentStanding(
        standing(new.envelope, CHARTER_TYPE, old, rules[0]),
        standing(new.envelope, CHARTER_TYPE, new, rules[1]),
        recovered=bool(signers_of(new.envelope, CHARTER_TYPE, recovery)),
    )


def claimed_amendment(
    old: SignedCharter, envelope: str, catalogue: Catalogue, file: str = "charter.dsse"
) -> SignedCharter:
    """The charter in an envelope, in order and fit to follow `old`, with no signature looked at.

    Raises:
        CharterError: it is not in order, is not the next version, or changes what no amendment may.
        TrustError: it is no charter's envelope.
    """
    new = claimed(envelope, catalogue, file)
    _check_follows(old, new, file)
    return new


def check_amendment(
    old: SignedCharter, envelope: str, catalogue: Catalogue, file: str = "charter.dsse"
) -> SignedCharter:
    """The charter in force after `old`.

    Raises:
        CharterError: it is not in order, is not the next version, or changes what no amendment may.
        TrustError: it is no charter's envelope, or too few signed it, of the old stewards or of the new.
    """
    new = claimed_amendment(old, envelope, catalogue, file)
    found = amendment_standing(old, new)
    if not found.met:
        raise TrustError(
            f"{file}: an amendment signed by {found.old.rule} in force and {found.new.rule} of its own expected, "
            f"got one {found}; have the missing stewards sign it"
        )
    return new


def succession(envelopes: Sequence[str], catalogue: Catalogue) -> tuple[SignedCharter, ...]:
    """Every charter of a run, the first one and its amendments in order, each rightly following the one before.

    Raises:
        TrustError: there is none, or one is not signed as it must be.
        CharterError: one is not in order, or changes what it may not.
    """
    if not envelopes:
        raise TrustError("at least a first charter expected, got none; restore the ledger from a copy")
    first = verified(envelopes[0], catalogue, "charter 1")
    if first.charter.version != 1:
        raise TrustError(
            f"version 1 as the first charter expected, got {first.charter.version}; find the charters before it"
        )
    charters = [first]
    for number, envelope in enumerate(envelopes[1:], start=2):
        charters.append(check_amendment(charters[-1], envelope, catalogue, f"charter {number}"))
    return tuple(charters)


def rotate(text: str, old: VerifyKey, new: VerifyKey, file: str = "charter.toml") -> str:
    """The text with one key of [stewards] replaced, its name in the roles too, and the next version; comments kept.

    Raises:
        UsageError: the text does not name the old key.
        CharterError: its layout does not let it be changed line by line.
    """
    document = tomllib.loads(text)
    stewards = document["stewards"]
    changes: dict[Path, tuple[str, str]] = {}
    for place, key in _listed(stewards):
        if key == str(old):
            changes["stewards", *place] = (key, str(new))
    if not changes:
        raise UsageError(f"a key that the charter names expected, got {old}; see [stewards] in {file}")
    for role, names in stewards.get("roles", {}).items():
        for index, name in enumerate(names):
            if name == old.name:
                changes["stewards", "roles", role, index] = (name, new.name)
    for path, (_, value) in changes.items():
        put(document, path, value)
    version = document.get("version", 1) + 1
    rotated = with_version(with_strings(text, changes), version)
    expect(rotated, document | {"version": version}, file, LAYOUT)
    return rotated


def with_steward(text: str, new: VerifyKey, roles: Sequence[str] = (), file: str = "charter.toml") -> str:
    """The text with one more key in [stewards], its name in these roles, and the next version; comments kept.

    The quorum and every rule stay as they are. A role that nobody has yet takes an edited text.

    Raises:
        UsageError: roles for a charter without roles, in which every steward has every role.
        CharterError: its layout does not let it be changed line by line.
    """
    document = tomllib.loads(text)
    stewards = document["stewards"]
    if roles and "roles" not in stewards:
        raise UsageError(
            f"no roles for a charter without [stewards.roles] expected, got {', '.join(roles)}; leave them out: "
            "every steward has every role there"
        )
    lists: list[tuple[Path, list[str], str]] = [(("keys",), stewards["keys"], str(new))]
    lists += [(("roles", role), stewards["roles"].get(role, []), new.name) for role in dict.fromkeys(roles)]
    additions: dict[Path, tuple[str, str]] = {}
    for place, there, value in lists:
        if there:
            additions["stewards", *place, len(there) - 1] = (there[-1], value)
        put(document, ("stewards", *place), [*there, value])
    version = document.get("version", 1) + 1
    changed = with_version(with_added(text, additions), version)
    expect(changed, document | {"version": version}, file, LAYOUT)
    return changed


def _check_follows(old: SignedCharter, new: SignedCharter, file: str) -> None:
    faults = tuple(_follow_faults(old, new))
    if faults:
        refuse(faults, key_lines(new.text), file)


def _follow_faults(old: SignedCharter, new: SignedCharter) -> Iterator[Fault]:
    following = old.charter.version + 1
    if new.charter.version != following:
        yield _version_fault(following, new.charter.version)
    for section, keys in PAST.items():
        before, after = getattr(old.charter, section), getattr(new.charter, section)
        for key in keys:
            was, now = getattr(before, key, None), getattr(after, key, None)
            if was != now:
                yield Fault(
                    (section, key),
                    f"{'nothing' if was is None else shown(was)} expected, as in the charter in force, got "
                    f"{'nothing' if now is None else shown(now)}; the run began with it: start another to change it",
                )
    if old.charter.tasks != new.charter.tasks:
        yield Fault(
            ("tasks",),
            "the tasks' files of the charter in force expected, got others; problems that were drawn by them could "
            "not be drawn again: start another run to change them",
        )
    yield from _swapped(old.charter.constitution, new.charter.constitution)
    was, now = old.charter.feedback, new.charter.feedback
    if now.judge_given and was.judge_source != now.judge_source:
        yield Fault(
            ("feedback", "judge_source"),
            f'"taught", "incumbent" or what is in force, {shown(was.judge_source)}, expected, got '
            f"{shown(now.judge_source)}; a model folder is copied when a run begins: start another to bring one in",
        )
    for index, steward in enumerate(new.stewards):
        if old.recovery is not None and steward.public == old.recovery.public:
            yield Fault(
                ("stewards", "keys", index),
                "a key that is not the recovery key in force expected, got that; one signature would count twice",
            )


def _swapped(old: ConstitutionFile | None, new: ConstitutionFile | None) -> Iterator[Fault]:
    """Old openings are checked by the files of their own charter: another text has another name."""
    before, after = (each.pinned if each is not None else {} for each in (old, new))
    for name, digest in after.items():
        if before.get(name, digest) != digest:
            yield Fault(
                ("constitution",),
                f"another name for what is no longer the file {shown(name)} of the charter in force expected, got the "
                "same; leave that file as it is, and give the changed one a name of its own",
            )


def _version_fault(wanted: int, got: int) -> Fault:
    return Fault(("version",), f"{wanted}, the one after the charter in force, expected, got {got}")


def _with_version(text: str, version: int, file: str) -> str:
    changed = with_version(text, version)
    expect(changed, tomllib.loads(text) | {"version": version}, file, LAYOUT)
    return changed


def _listed(stewards: dict[str, Any]) -> Iterator[tuple[Path, object]]:
    """Every verify key under [stewards], with its place there."""
    yield from ((("keys", index), key) for index, key in enumerate(stewards.get("keys", [])))
    yield ("recovery",), stewards.get("recovery")
