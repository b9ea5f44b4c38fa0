"""A charter to set points by."""

import pytest

from detent.charter import Charter
from detent.signing import SigningKey


@pytest.fixture
def charter() -> Charter:
    """A small one."""
    return Charter.model_validate(
        {
            "name": "toy",
            "purpose": "Test the search",
            "stewards": {"quorum": 1, "keys": [str(SigningKey.from_seed("ada", b"a" * 32).verify_key)]},
            "pace": {"lease": {"generations": 3}},
            "direction": {"improve": {"copy": 9}},
            "seal": {"tip": "0" * 64, "length": 400},
        }
    )
