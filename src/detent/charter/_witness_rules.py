"""[witnesses] and [auditor].

A policy that can be read, and that no two histories reach; entropy, and a chain, that nobody here can choose.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from detent.charter._faults import Fault, shown
from detent.charter.catalogue import Catalogue
from detent.charter.sections import Seal, Witnesses
from detent.errors import UsageError
from detent.ledger import Policy, refuse_forks
from detent.signing import VerifyKey


def witness_faults(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """What is wrong with the table, if there is one."""
    terms = sections["witnesses"]
    if terms is None:
        return
    try:
        policy = Policy.parse(terms.policy.encode())
        refuse_forks(policy, terms.faulty)
    except UsageError as error:
        yield Fault(("witnesses", "policy"), str(error))
        return
    yield from _policy_faults(policy)
    yield from _sealing_faults(terms, policy)
    yield from _beacon_faults(terms)


def _policy_faults(policy: Policy) -> Iterator[Fault]:
    if policy.logs:
        yield Fault(
            ("witnesses", "policy"), "no log lines expected, since the log is this run's own; remove them"
        )
    yield from _twins(policy)
    for name, witness in policy.witnesses.items():
        if not witness.url.startswith(("http://", "https://")):
            yield Fault(
                ("witnesses", "policy"),
                f"a URL beginning with http:// or https:// for witness {shown(name)} expected, "
                f"got {shown(witness.url)}; it is asked there",
            )


def _twins(policy: Policy) -> Iterator[Fault]:
    """One party counts once, also where it has an Ed25519 and an ML-DSA-44 key, or a new key beside the old."""
    seen: dict[str, str] = {}
    for name, witness in policy.witnesses.items():
        for what in ("key name " + witness.key.name, "URL " + witness.url.rstrip("/")):
            first = seen.setdefault(what, name)
            if first != name:
                yield Fault(
                    ("witnesses", "policy"),
                    f"one key and one URL a witness expected, got the {shown(what)} of {shown(first)} for "
                    f"{shown(name)} too; it would count twice: name one of them",
                )


def _sealing_faults(terms: Witnesses, policy: Policy) -> Iterator[Fault]:
    for place, name in enumerate(terms.sealing):
        if name not in policy.witnesses or name in terms.sealing[:place]:
            yield Fault(
                ("witnesses", "sealing", place),
                f"each of {', '.join(policy.witnesses)} once at most expected, got {shown(name)}",
            )
    if terms.entropy != "witnesses":
        if terms.sealing:
            yield Fault(
                ("witnesses", "sealing"),
                f'nothing expected beside entropy = "{terms.entropy}"; remove this',
            )
        return
    for name in terms.sealing or tuple(policy.witnesses):
        witness = policy.witnesses.get(name)
        if witness is not None and witness.key.algorithm != "ed25519":
            yield Fault(
                ("witnesses", "entropy"),
                f"Ed25519 keys of the witnesses that add entropy expected, got an {witness.key.algorithm} key of "
                f"{shown(name)}, whose signatures are other bytes each time; name others in witnesses.sealing",
            )


def _beacon_faults(terms: Witnesses) -> Iterator[Fault]:
    wanted = terms.entropy == "beacon"
    if wanted != (terms.beacon is not None):
        yield Fault(
            ("witnesses", "beacon"),
            f'{"a beacon" if wanted else "no beacon"} expected with entropy = "{terms.entropy}", '
            f"got {'none' if wanted else 'one'}; {'add' if wanted else 'remove'} [witnesses.beacon]",
        )


def auditor_faults(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """What is wrong with [auditor], if there is one; with [seal] too, where that is there."""
    terms = sections["auditor"]
    if terms is None:
        return
    if sections["witnesses"] is None:
        yield Fault(
            ("auditor",),
            "[witnesses] beside an auditor expected, got none: a link is released for an intent that they cosigned",
        )
    try:
        VerifyKey.parse(terms.key)
    except UsageError as error:
        yield Fault(("auditor", "key"), str(error))
    seal: Seal | None = sections.get("seal")
    for key in ("tip", "length"):
        if seal is not None and getattr(seal, key) != getattr(terms, key):
            yield Fault(
                ("seal", key),
                f"{shown(getattr(terms, key))} expected, as auditor.{key} says, got {shown(getattr(seal, key))}; "
                "`init` fills it in",
            )
