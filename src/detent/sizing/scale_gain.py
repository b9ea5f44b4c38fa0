"""What several candidates bring: the true gain of the one that is chosen, of N that nobody can tell apart before.

    >>> screened = Screened(spread=0.025, problems=640)
    >>> round(100 * (single_stage(4, screened) - screened.mean), 1)  # points that choosing adds
    2.3

True gains are taken as N independent draws of a normal distribution, mean m and standard deviation s. The open problems
show each with an error: all candidates answer the same n problems, so that what makes a problem hard for all cancels,
and of a share q on which two of them differ an error of variance q / 2n is left for each. Chosen is the one that looks
best. In one stage its expected gain is m + s r E(N), E(N) the expected largest of N standard normal draws (David and
Nagaraja 2003, ch. 3), and r = s / sqrt(s^2 + q / 2n) the correlation of what is seen with what is true.

In rungs (Jamieson and Talwalkar, arXiv 1502.07943) a candidate is seen early. What it has gained after a share f of its
steps is taken as Brownian, so that it correlates with its whole gain as sqrt(f); each rung's error is its own. One of
the N is the plan as it is, which always stands; of the others the better half is left. It has no formula here and is
drawn at random, the same draws for all N: `halved` takes what looks best at the last rung; `beyond_chance` takes it
only where it is above the plan by more than chance allows, as `detent.propose.halving` does, whose standard error is
sqrt(q / n) where two models that differ on a share q are right independently of each other, and more otherwise.

Misleads where a part of the spread is luck of a training: what is chosen is trained anew, and that part of what
choosing adds is lost; where a rung asks the problems of the one before, as Detent's do, and repeats a part of its
error; where gains are not independent (proposals of one rule are alike, then N is worth less), where they are skewed,
or where what learns fast early ends low. It says nothing of candidates that harm: those the gate stops, at no gain.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from math import sqrt
from random import Random
from statistics import NormalDist

from msgspec import Struct

from detent.errors import UsageError
from detent.propose.halving import rung_sizes, z_of

DISCORDANCE = 0.2
"""Share of problems on which two candidates differ in being right; as the gate's forecast takes it."""

DRAWS = 2000
"""Times that rungs are simulated: of a spread of 2.5 points, an error of .06 of one."""

NODES = 4001
"""Where the integral is taken."""

STANDARD = NormalDist()
EDGE = 9.0  # standard deviations beyond which nothing lies


class Screened(Struct, frozen=True):
    """What candidates are like, and how well they are seen.

    mean, spread: of true gains, a share of the ladder: .048 and .025 as docs/scale.md derives them from measured runs.
    problems: that each rung asks of a candidate. discordance: share of them on which two candidates differ.
    """

    mean: float = 0.048
    spread: float = 0.025
    problems: int = 640
    discordance: float = DISCORDANCE

    @property
    def error(self) -> float:
        """Standard deviation of what is seen of a candidate beside what is true."""
        return sqrt(self.discordance / (2 * self.problems))


@cache
def expected_largest(number: int) -> float:
    """Of so many standard normal draws: 0 of one, .56 of two, 1.03 of four, 2.51 of a hundred.

    The integral of x N phi(x) Phi(x)^(N-1), by the trapezoidal rule.

    Raises:
        UsageError: none to choose from.
    """
    if number < 1:
        raise UsageError(f"1 candidate or more expected, got {number}; ask for one")
    width = 2 * EDGE / (NODES - 1)
    total = 0.0
    for node in range(NODES):
        x = -EDGE + node * width
        total += x * number * STANDARD.pdf(x) * STANDARD.cdf(x) ** (number - 1)
    return total * width


def single_stage(number: int, screened: Screened) -> float:
    """The expected true gain of the one of so many that looks best, when all are trained in full."""
    seen = sqrt(screened.spread**2 + screened.error**2)
    if not seen:
        return screened.mean
    return screened.mean + screened.spread**2 / seen * expected_largest(number)


def halved(
    numbers: Sequence[int], screened: Screened, rungs: Sequence[float], draws: int = DRAWS
) -> list[float]:
    """The same with rungs, for each of these numbers of candidates; one rung of 1.0 is `single_stage`.

    Args:
        numbers: of candidates.
        screened: what they are like.
        rungs: shares of all steps after which the better half is left; at the last the best is chosen.
        draws: how often candidates are drawn.

    Raises:
        UsageError: shares that do not rise from above 0 to 1.
    """
    return _averaged(numbers, screened, _edges(rungs), draws, lambda _: 0.0)


def _edges(rungs: Sequence[float]) -> list[float]:
    edges = [0.0, *rungs]
    if not rungs or any(low >= high for low, high in pairwise(edges)) or edges[-1] > 1:
        raise UsageError(
            f"rising shares of all steps in (0, 1] expected as rungs, got {list(rungs)}; sort them"
        )
    return edges


def beyond_chance(
    numbers: Sequence[int], screened: Screened, rungs: Sequence[float], draws: int = DRAWS
) -> list[float]:
    """The same where the plan as it is goes on unless another is above it by more than chance: as Detent chooses."""
    of_two = sqrt(2) * screened.error
    return _averaged(
        numbers,
        screened,
        _edges(rungs),
        draws,
        lambda number: of_two * z_of(number - 1) if number > 1 else 0.0,
    )


def _averaged(
    numbers: Sequence[int],
    screened: Screened,
    edges: Sequence[float],
    draws: int,
    ahead: Callable[[int], float],
) -> list[float]:
    """Mean gains; ahead: by how much another must look better than the plan, of so many."""
    totals = [0.0] * len(numbers)
    for draw in range(draws):
        whole, looks = _drawn(Random(draw), max(numbers), screened, edges)  # noqa: S311  no secret
        for place, number in enumerate(numbers):
            totals[place] += whole[_chosen(number, looks, ahead(number))]
    return [total / draws for total in totals]


def _drawn(
    chance: Random, number: int, screened: Screened, edges: Sequence[float]
) -> tuple[list[float], list[list[float]]]:
    """Whole gains, and what each rung shows of every candidate."""
    whole, looks = [], []
    for _ in range(number):
        gained, seen = 0.0, []
        for low, high in pairwise(edges):
            gained += chance.gauss(screened.mean * (high - low), screened.spread * sqrt(high - low))
            seen.append(gained + chance.gauss(0.0, screened.error))
        left = 1.0 - edges[-1]
        gained += chance.gauss(screened.mean * left, screened.spread * sqrt(left))
        whole.append(gained)
        looks.append(seen)
    return whole, looks


def _chosen(number: int, looks: Sequence[Sequence[float]], ahead: float) -> int:
    """Number 0 is the plan as it is, which always stands, and goes on unless another looks better by so much."""
    sizes, changes = rung_sizes(number, len(looks[0])), list(range(1, number))
    for rung, most in enumerate(sizes[1:]):
        best_first = sorted((-looks[one][rung], one) for one in changes)
        changes = [one for _, one in best_first[:most]]
    best = max(changes, key=lambda one: looks[one][-1], default=0)
    return best if looks[best][-1] > looks[0][-1] + ahead else 0
