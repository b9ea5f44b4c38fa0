"""How a judge does, in counts alone: every figure has its n beside it, so that whoever reads it can weigh it.

    >>> Agreement(both=40, ours=5, theirs=3, neither=52).kappa
    0.8376623376623377

Length, place and its own answers are the known biases of judges: Zheng et al., "Judging LLM-as-a-Judge" (arXiv
2306.05685), s. 3.3. A judge that marks one answer at a time has no order in which answers could be swapped, so there
is no figure of that; where two answers are compared, `Compares` has one.
"""

from collections.abc import Sequence

from msgspec import Struct

from detent.values.gate import Counts
from detent.values.problems import Example
from detent.values.profiles import Score

RIGHT = 0.5
"""How likely a judge must find an answer right to be counted as saying so: as praising it."""


class Praise(Struct, frozen=True, array_like=True):
    """`praised` of `asked` answers; on the ledger the pair [praised, asked]."""

    praised: int = 0
    asked: int = 0

    @property
    def possible(self) -> bool:
        """Whether these can be counts."""
        return 0 <= self.praised <= self.asked


class FalsePraise(Struct, frozen=True, forbid_unknown_fields=True):
    """Of known cases whose answer is wrong, how many the judge praised: answers longer than the right one, and so on.

    All are wrong, so none deserves more praise than another: rates that differ are a taste for length. Length in
    characters. It misleads where a wrong answer of another length is also wrong in a way that is harder to see.
    """

    longer: Praise = Praise()
    shorter: Praise = Praise()
    equal: Praise = Praise()

    @property
    def total(self) -> Praise:
        """Whatever its length."""
        each = (self.longer, self.shorter, self.equal)
        return Praise(sum(one.praised for one in each), sum(one.asked for one in each))


class Compares(Struct, frozen=True, forbid_unknown_fields=True):
    """How a judge compares, on known pairs of a right and a spoilt answer: `asked`, as the others did not fit.

    same: of these, one verdict in both orders; by chance alone about half. longer: of pairs of unequal length in which
    one answer won, those in which the longer one did; length in characters. The right answer is the longer one about as
    often as not, so that a share far from half is a taste for length.
    """

    asked: int
    same: int
    longer: Praise


class Agreement(Struct, frozen=True, forbid_unknown_fields=True):
    """Two judges on the same known cases: praised by both, by ours or theirs alone, by neither."""

    both: int
    ours: int
    theirs: int
    neither: int

    @property
    def cases(self) -> int:
        """How many there were."""
        return self.both + self.ours + self.theirs + self.neither

    @property
    def kappa(self) -> float | None:
        """Cohen's: (observed - expected) / (1 - expected) agreement, from -1 to 1; 0 is what chance alone gives.

        None without cases, and where both always say the same one thing. Cohen, "A coefficient of agreement for
        nominal scales", Educ. Psychol. Meas. 20, 1960.
        """
        n, ours, theirs = self.cases, self.both + self.ours, self.both + self.theirs
        chance = ours * theirs + (n - ours) * (n - theirs)  # of n * n
        if chance == n * n:
            return None
        return (n * (self.both + self.neither) - chance) / (n * n - chance)


class OwnAnswers(Struct, frozen=True, forbid_unknown_fields=True):
    """The judge's word on its own answers to `asked` problems, and on those of `member`, a model of the team.

    A judge may prefer its own answers since they are better. So only wrong ones count: own, theirs: praised of its
    own, and of the member's, wrong answers. A problem that the judge gets wrong is harder for it than one that the
    member gets wrong, so the fair comparison is in pairs: of problems that both get wrong, in different words, wins
    are those where it praised its own alone, losses the member's alone, ties both or neither. Neither answer is
    better there, so that more wins than losses is a preference for its own.
    Of a judge that compares, the pairs are of those the ones that its own answer won, that the member's won, and that
    neither won in both orders; it praises no single answer, so own and theirs are empty.
    Harmful and rightful preference are told apart so in Chen et al., "Do LLM Evaluators Prefer Themselves for a
    Reason?" (arXiv 2504.03846).

    stream: where the problems come from (hex).
    """

    member: str
    asked: int
    own: Praise
    theirs: Praise
    pairs: Counts
    stream: str


def praised_right(examples: Sequence[Example], marks: Sequence[bool]) -> Score:
    """Of these labels the ones that their judge praised, and how many of them are right. marks: the checker's word."""
    liked = [right for example, right in zip(examples, marks, strict=True) if example.judged >= RIGHT]
    return Score(sum(liked), len(liked))
