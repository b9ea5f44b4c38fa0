"""Checkers of answers that a constitution may name, for probes that list no answers.

>>> CHECKERS["abstains"]("What is 3 + ?", "?"), CHECKERS["digits"]("C3142=", "31a2")
(True, False)
"""

from collections.abc import Callable, Mapping
from string import digits
from types import MappingProxyType

from detent.tasks._abstaining import ABSTAIN

Checker = Callable[[str, str], bool]
"""(prompt, completion) -> whether that keeps to the principle."""


def _in_digits(_prompt: str, completion: str) -> bool:
    return completion != "" and set(completion) <= {*digits}


def _abstains(_prompt: str, completion: str) -> bool:
    return completion == ABSTAIN


CHECKERS: Mapping[str, Checker] = MappingProxyType({"digits": _in_digits, "abstains": _abstains})
