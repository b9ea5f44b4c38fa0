"""What the gate is asked and what it answers.

An `Intent` fixes everything about a test before the seal opens; an `Outcome` holds the counts from which
anyone recomputes the verdict.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from detent.values.problems import Slice

Verdict = Literal["better", "not_better", "undecided", "void"]
"""better: every test passed, of a smaller candidate too. not_better: one test showed the opposite. undecided: items
ran out. void: the opening could not be completed; it counts as undecided and its error budget is spent."""

Objective = Literal["better", "better_or_smaller"]
"""What a charter promotes. better: a candidate that is superior where the incumbent is weak, and no worse elsewhere.
better_or_smaller: likewise one with fewer parameters that is no worse anywhere."""


Entropy = Literal["none", "witnesses", "beacon"]
"""What outsiders add to an opening's seed. none: nothing. witnesses: the bytes of their cosignatures of the ledger
as it is once the intent stands. beacon: a round of a public randomness beacon that is not out yet by then."""


class Round(Struct, frozen=True, forbid_unknown_fields=True):
    """A round of a drand beacon. chain: its hash, in hex. at: when the round comes out (UTC, RFC 3339)."""

    chain: str
    number: int
    at: str


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """One test of an opening: which question, on which rungs, with which limit.

    kind superiority:      E[candidate - incumbent] > 0, D in {-1, 0, 1}
    kind non_inferiority:  E[candidate - incumbent] > -margin
    kind floor:            E[candidate right] > floor, x in {0, 1}
    weights: one a slice, positive, summing to 1; items are drawn i.i.d. from them.
    limit: most items the test may use.
    against: "anchor" where the candidate is compared with the intent's anchor and not with the incumbent.
    """

    name: str
    kind: Literal["superiority", "non_inferiority", "floor"]
    slices: tuple[Slice, ...]
    weights: tuple[float, ...]
    bound: float
    limit: int
    against: Literal["anchor"] | UnsetType = UNSET


class Intent(Struct, frozen=True, forbid_unknown_fields=True):
    """Opening k, frozen: written durably before anything is derived from the seal.

    bound of a target: 0 for superiority, the margin for non-inferiority, the floor for floors.
    tasks: digest of each task's source. evaluator: digest of the evaluating code.
    entropy: what outsiders add before anybody can know the problems. witnesses: verify keys of those that add it, in
        the order in which they count. round: of the beacon.
    objective: "smaller" where the candidate has fewer parameters, and is asked to be as good; else it must be better.
    anchor: the model that was last promoted as better, where that is not the incumbent: what has been proven since, by
        smaller ones that each may cost a margin, is not measured from one to the next.
    """

    k: int
    alpha: float
    candidate: str
    incumbent: str
    charter_version: int
    charter: str
    targets: tuple[Target, ...]
    tasks: dict[str, str]
    evaluator: str
    entropy: Entropy = "none"
    witnesses: tuple[str, ...] = ()
    round: Round | None = None
    objective: Literal["smaller"] | UnsetType = UNSET
    anchor: str | UnsetType = UNSET

    @property
    def smaller(self) -> bool:
        """Whether the candidate is asked to be as good with fewer parameters, and not to be better."""
        return self.objective is not UNSET

    @property
    def models(self) -> tuple[str, ...]:
        """All that answer in the opening: candidate, incumbent, and the anchor where there is one."""
        found = (self.candidate, self.incumbent)
        return found if self.anchor is UNSET else (*found, self.anchor)

    def rival(self, target: Target) -> str:
        """The model that the candidate is compared with in a test."""
        return self.incumbent if target.against is UNSET or self.anchor is UNSET else self.anchor


class Counts(Struct, frozen=True, forbid_unknown_fields=True):
    """wins: candidate alone right (floor: right). losses: only the incumbent (floor: wrong). ties: same."""

    wins: int
    losses: int
    ties: int

    @property
    def items(self) -> int:
        """Items used."""
        return self.wins + self.losses + self.ties


class TestResult(Struct, frozen=True, forbid_unknown_fields=True):
    """One target's counts at the moment it stopped. `log_e` is the natural log of the e-value.

    passed: log_e >= ln(1/alpha).
    trace: (items, log_e) a few times on the way, for the report; nothing is decided from it.
    """

    __test__ = False  # pytest: not a test class

    name: str
    counts: Counts
    log_e: float
    passed: bool
    trace: tuple[tuple[int, float], ...] = ()


class Gain(Struct, frozen=True, forbid_unknown_fields=True):
    """Gain on the first target, from the confidence sequence, not from the mean where the test stopped.

    That is the superiority target; of a smaller candidate the first task's whole ladder.

    low, high: 95 % confidence sequence at the stopping time. items: used for it.
    """

    low: float
    high: float
    items: int


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """Opening k, closed: exactly one follows each intent.

    reveal: s_k in hex; "" of a void one whose link its auditor had not released.
    answers: digest of the file that lists every item and both answers, empty when void.
    """

    k: int
    verdict: Verdict
    results: tuple[TestResult, ...]
    gain: Gain | None
    reveal: str
    because: str
    answers: str = ""
