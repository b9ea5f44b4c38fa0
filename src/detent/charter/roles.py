"""Who may do what: each act takes so many signers of each role, and a standing says who signed and who is missing.

    >>> rule = rule_for(charter, "approve")             # approve = { approver = 2, safety = 1 }
    >>> str(judge(charter, rule, ["bob"]))              # bob is an approver
    'signed by 1/2 approvers and 0/1 safety; a valid signature is missing from cy'

One person counts once for each part of a rule, however many keys' names or roles they have: two approvers, one of
them safety, are two people. Pure: it sees names, and never a signature.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from detent.charter.document import Charter
from detent.charter.stewards import Role, Signer

Act = Literal["lease", "approve", "resume", "rollback", "lift", "charter", "stop"]
"""lease: grant autonomy. approve: say yes to a question. resume: end a pause. rollback: put an earlier generation
back. lift: end a halt. charter: sign a charter or an amendment. stop: pause, halt, or say no to a question."""

PEOPLE: Mapping[Signer, str] = {
    "steward": "stewards",
    "operator": "operators",
    "approver": "approvers",
    "safety": "safety",
    "auditor": "auditors",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """So many signers of each role; "steward" is anyone.

    >>> str(Rule({"approver": 2, "safety": 1}))
    '2 approvers and 1 safety'
    """

    needs: Mapping[Signer, int]

    def with_approvers(self, least: int) -> "Rule":
        """The same rule, and at least so many approvers."""
        if least <= self.needs.get("approver", 0):
            return self
        return Rule({**self.needs, "approver": least})

    def __str__(self) -> str:
        return " and ".join(f"{number} {PEOPLE[signer]}" for signer, number in self.needs.items())


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a rule is met.

    signed: names of the stewards who signed. holders: for each part of the rule, who counts for it.
    """

    rule: Rule
    signed: tuple[str, ...]
    holders: Mapping[Signer, tuple[str, ...]]

    @property
    def met(self) -> bool:
        """Whether enough have signed."""
        return not self.missing

    @property
    def begun(self) -> bool:
        """Whether anybody has signed who counts for a part of the rule."""
        return any(self._count(signer) for signer in self.rule.needs)

    @property
    def missing(self) -> Mapping[Signer, int]:
        """How many more signers each part of the rule needs, without the parts that need none."""
        return {
            signer: number - self._count(signer)
            for signer, number in self.rule.needs.items()
            if number > self._count(signer)
        }

    @property
    def unsigned(self) -> tuple[str, ...]:
        """Who has not signed and would count for a part that is not met."""
        wanted = dict.fromkeys(name for signer in self.missing for name in self.holders[signer])
        return tuple(name for name in wanted if name not in self.signed)

    def _count(self, signer: Signer) -> int:
        return len(set(self.holders[signer]) & set(self.signed))

    def __str__(self) -> str:
        parts = [
            f"{self._count(signer)}/{number} {PEOPLE[signer]}" for signer, number in self.rule.needs.items()
        ]
        said = f"signed by {' and '.join(parts)}"
        return said if self.met else f"{said}; a valid signature is missing from {', '.join(self.unsigned)}"


def rule_for(charter: Charter, act: Act) -> Rule:
    """What `act` takes under the charter."""
    stewards = charter.stewards
    quorum: Rule = Rule({"steward": stewards.quorum})
    match act:
        case "stop":  # anyone may stop: a rule that made stopping hard would be no safety
            return Rule({"steward": 1})
        case "charter" | "lift":
            return quorum
        case _:
            needs: Mapping[Signer, int] = getattr(stewards.rules, act)
            return Rule(needs) if needs else quorum


def roles_of(charter: Charter, key_name: str) -> frozenset[Role]:
    """The roles of the steward whose key has that name; none for a name that is no steward's."""
    roles: tuple[Role, ...] = get_args(Role)
    return frozenset(role for role in roles if key_name in charter.stewards.holders(role))


def judge(charter: Charter, rule: Rule, signed: Iterable[str]) -> Standing:
    """How far the stewards with these names meet the rule; other names are passed over."""
    names = set(signed)
    stewards = charter.stewards
    return Standing(
        rule,
        tuple(name for name in stewards.holders("steward") if name in names),
        {signer: stewards.holders(signer) for signer in rule.needs},
    )
