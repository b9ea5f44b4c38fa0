"""[stewards]: every key another person's, every name in a role somebody's, and no rule that nobody can meet."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from detent.charter._faults import Fault, shown
from detent.charter.catalogue import Catalogue
from detent.charter.stewards import DraftStewards, Role, Rules, Signer


def steward_faults(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """What is wrong with keys, roles and rules."""
    stewards: DraftStewards = sections["stewards"]
    if stewards.keys and stewards.quorum > len(stewards.keys):
        yield Fault(
            ("stewards", "quorum"),
            f"at most {len(stewards.keys)} expected, the number of keys, got {stewards.quorum}",
        )
    yield from _same_keys(stewards)
    yield from _role_names(stewards)
    for act in Rules.model_fields:
        for signer, wanted in getattr(stewards.rules, act).items():
            yield from _unmeetable(("stewards", "rules", act, signer), stewards, signer, wanted)


def threshold_faults(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """Thresholds that nothing can reach, or that nobody can answer for."""
    for index, threshold in enumerate(sections["direction"].threshold):
        place = ("direction", "threshold", index)
        if threshold.task not in sections["direction"].improve:
            yield Fault(
                (*place, "task"), f"a task that direction.improve names expected, got {shown(threshold.task)}"
            )
        yield from _unmeetable((*place, "quorum"), sections["stewards"], "approver", threshold.quorum)


def _same_keys(stewards: DraftStewards) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    listed = [(("stewards", "keys", index), key) for index, key in enumerate(stewards.keys)]
    for place, key in [*listed, (("stewards", "recovery"), stewards.recovery)]:
        name, _, rest = key.partition("+")
        public = rest.partition("+")[2]
        for value in (name, public) if key else ():
            if value in seen:
                wanted = "a key of another steward" if len(place) > 2 else "a key of no steward"  # noqa: PLR2004
                yield Fault(place, f"{wanted} expected, got {shown(seen[value])} again")
                break
            seen[value] = name


def _role_names(stewards: DraftStewards) -> Iterator[Fault]:
    names = stewards.holders("steward")
    if stewards.roles is not None and not stewards.roles.approver:
        yield Fault(
            ("stewards", "roles", "approver"),
            "at least one steward's name expected, got none; without an approver no question can be answered yes",
        )
    for role in get_args(Role) if stewards.roles is not None else ():
        held = getattr(stewards.roles, role)
        for index, name in enumerate(held):
            place = ("stewards", "roles", role, index)
            if names and name not in names:
                yield Fault(place, f"one of {', '.join(names)}, the stewards, expected, got {shown(name)}")
            elif name in held[:index]:
                yield Fault(place, f"another name expected, got {shown(name)} again")


def _unmeetable(
    place: tuple[str | int, ...], stewards: DraftStewards, signer: Signer, wanted: int
) -> Iterator[Fault]:
    """A draft without keys and without roles does not say yet how many there are."""
    if not stewards.keys and (stewards.roles is None or signer == "steward"):
        return
    there = len(set(stewards.holders(signer)))
    if wanted > there:
        who = "stewards" if signer == "steward" else f"stewards with the role {signer}"
        yield Fault(place, f"at most {there} expected, the number of {who}, got {wanted}")
