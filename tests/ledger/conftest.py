"""One key and one place for every ledger test."""

from pathlib import Path

import pytest

from detent.signing import SigningKey


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.from_seed("example.com/run", bytes(range(32)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"
