"""Only a steward's signature grants: an entry on the ledger that says so does not."""

import pytest

from detent.charter import Catalogue, SignedCharter, complete, endorse, grant, verified
from detent.errors import DetentError
from detent.evaluate import least_first_limit
from detent.oversight import check_grants
from detent.signing import SigningKey
from detent.tasks import BUILTINS
from detent.values import LeaseGranted

STEWARD, STRANGER = (SigningKey.from_seed(name, name.encode().ljust(32)) for name in ("ada", "eve"))

DRAFT = """\
name = "leases"
purpose = "Grant them"
[stewards]
quorum = 1
[pace]
lease = { generations = 3 }
[direction]
improve = { copy = 12 }
"""


def signed_charter(tip: str = "0" * 64) -> SignedCharter:
    catalogue = Catalogue(tasks=tuple(BUILTINS), least_limit=least_first_limit)
    text = complete(DRAFT, [str(STEWARD.verify_key)], tip, 100, {})
    return verified(endorse(text, [STEWARD]), catalogue)


CHARTER, OTHER = signed_charter(), signed_charter("1" * 64)

FORGED = {
    "nobody signed it": LeaseGranted(number=1, generations=3, envelope=""),
    "a stranger signed it": LeaseGranted(number=1, generations=3, envelope=grant(CHARTER, 1, 3, [STRANGER])),
    "its entry says more than was signed": LeaseGranted(
        number=1, generations=1000, envelope=grant(CHARTER, 1, 3, [STEWARD])
    ),
    "its envelope is that of another lease": LeaseGranted(
        number=2, generations=3, envelope=grant(CHARTER, 1, 3, [STEWARD])
    ),
    "it was granted under another charter": LeaseGranted(
        number=1, generations=3, envelope=grant(OTHER, 1, 3, [STEWARD])
    ),
}


def test_leases_that_a_steward_signed_are_believed() -> None:
    leases = [
        LeaseGranted(number=number, generations=3, envelope=grant(CHARTER, number, 3, [STEWARD]))
        for number in (1, 2)
    ]
    check_grants(leases, CHARTER)


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_lease_is_not_believed(forgery: str) -> None:
    with pytest.raises(DetentError, match="expected"):
        check_grants([FORGED[forgery]], CHARTER)
