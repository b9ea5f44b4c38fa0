"""Witnesses as a client knows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from detent.coordinate import _http
from detent.errors import UsageError
from detent.ledger import CosignerKey

Consistency = Callable[[int, int], Sequence[bytes]]
"""The hashes that show the tree of the first size as the beginning of the tree of the second."""


@dataclass(frozen=True, slots=True)
class WitnessAt:
    """A witness: its name in the quorum, the key it cosigns with, and the URL that it lives under."""

    name: str
    key: CosignerKey
    url: str


def check(witnesses: Sequence[WitnessAt]) -> None:
    """Return when each may be asked, and none is there twice.

    Raises:
        UsageError: a URL that may not be asked, or one witness twice.
    """
    for each in witnesses:
        _http.base_url(each.url)
    # One party under two names would count twice.
    for what in ([each.name for each in witnesses], [each.key.public for each in witnesses]):
        if len(set(what)) < len(what):
            names = ", ".join(each.name for each in witnesses)
            raise UsageError(
                f"witnesses of different names and keys expected, got {names[:200]}; name each once"
            )
