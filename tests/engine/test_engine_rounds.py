"""Jobs go side by side, as many as the engine is wide, and none is left to be done alone."""

import pytest

from detent.engine.local import rounds

CASES = {
    "nothing to do": (0, 2, []),
    "one job": (1, 2, [(0, 1)]),
    "as many as there is room for": (2, 2, [(0, 2)]),
    "a judge beside a team of two": (3, 2, [(0, 3)]),
    "two rounds": (4, 2, [(0, 2), (2, 4)]),
    "two rounds and one more": (5, 2, [(0, 2), (2, 5)]),
    "two left over, who are not alone": (5, 3, [(0, 3), (3, 5)]),
    "room for one: each alone": (3, 1, [(0, 1), (1, 2), (2, 3)]),
}


@pytest.mark.parametrize("case", CASES)
def test_rounds(case: str) -> None:
    count, width, expected = CASES[case]
    assert rounds(count, width) == expected
