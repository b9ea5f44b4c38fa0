"""What the charter's tests share: a catalogue, a small draft, and the charter made of it."""

from collections.abc import Sequence

from detent.charter import Catalogue, complete
from detent.charter.catalogue import Kind
from detent.signing import SigningKey

TIP = "5e" * 32

DRAFT = """\
name = "small"
purpose = "For tests"

[stewards]
quorum = 1  # one is enough here

[pace]
lease = { generations = 8 }

[direction]
improve = { copy = 9, reverse = 9 }
"""


def least_limit(kind: Kind, bound: float, last_k: int, error_budget: float) -> int:
    """A gate simpler than the real one: what a test needs grows as its bound shrinks."""
    assert last_k >= 1
    assert 0 < error_budget < 1
    return {"superiority": 100, "non_inferiority": round(10 / (bound or 1)), "floor": 150}[kind]


CATALOGUE = Catalogue(frozenset({"copy", "reverse", "sort"}), least_limit)

ADA, BOB, EVE = (SigningKey.from_seed(name, name.encode().ljust(32)) for name in ("ada", "bob", "eve"))


def charter_text(draft: str = DRAFT, keys: Sequence[SigningKey] = (ADA,)) -> str:
    """The complete charter of a draft without tasks of its own."""
    return complete(draft, [str(key.verify_key) for key in keys], TIP, 1000, {})
