"""The file that says whom to notify: what it can say, and what is refused before anything is served."""

from pathlib import Path

import pytest

from detent.errors import UsageError
from detent.web.noticing import KINDS, read_notices

SECRET = "a-secret-of-thirty-two-characters"  # noqa: S105  of tests
VARIABLE = "DETENT_TEST_HOOK"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)


FILE = f"""
address = "https://detent.example.com"
lease_low = 2

[[webhook]]
name = "lab"
url = "https://hooks.example.com/x"
secret_env = "{VARIABLE}"

[[mail]]
name = "stewards"
host = "smtp.example.com"
from = "detent@example.com"
to = ["ada@example.com", "bob@example.com"]
about = ["request", "held"]
"""


def test_a_file_says_who_is_told_of_what(tmp_path: Path) -> None:
    path = tmp_path / "notify.toml"
    path.write_text(FILE)

    notices = read_notices(path)

    assert notices.webhook[0].about == KINDS
    assert notices.mail[0].sender == "detent@example.com"
    assert notices.mail[0].security == "starttls"
    assert notices.lease_low == 2


REFUSED = {
    "a secret in the file": (f'secret_env = "{VARIABLE}"', f'secret = "{SECRET}"'),
    "a variable that is not set": (VARIABLE, "DETENT_NOWHERE"),
    "a user in the address": ("https://hooks", "https://ada:pass@hooks"),
    "an address without https": ("https://hooks", "http://hooks"),
    "an address of another kind": ("https://hooks", "file://hooks"),
    "an address with a line in it": ("example.com/x", "example.com/x\\r\\nHost: other"),
    "an address with a space": ("example.com/x", "example.com/x y"),
    "an address without a host": ("https://hooks.example.com/x", "https:///x"),
    "a port that is none": ("hooks.example.com/x", "hooks.example.com:99999/x"),
    "a kind that is none": ('"held"', '"everything"'),
    "a recipient with a header in it": ("bob@example.com", "bob@example.com\\nBcc: eve@example.com"),
    "a recipient that is two": ("bob@example.com", "bob@example.com, eve@example.com"),
    "a sender with a name that holds a line": ('"detent@example.com"', '"Detent\\n <detent@example.com>"'),
    "nobody to write to": ('["ada@example.com", "bob@example.com"]', "[]"),
    "a mail server with a line in it": ("smtp.example.com", "smtp.example.com\\nQUIT"),
    "credentials in the clear": (
        'about = ["request"',
        f'security = "none"\nuser_env = "{VARIABLE}"\npassword_env = "{VARIABLE}"\nabout = ["request"',
    ),
    "a user without a password": ('about = ["request"', f'user_env = "{VARIABLE}"\nabout = ["request"'),
    "two of one name": ('"stewards"', '"lab"'),
    "a name with a line in it": ('"stewards"', '"a\\nb"'),
    "a field that there is not": ("lease_low", "lease_lowest"),
    "no end of trying": ("lease_low = 2", "retry_hours = 1e9"),
    "no TOML": ("[[mail]]", "[[mail"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_not_in_order_is_refused(name: str, tmp_path: Path) -> None:
    old, new = REFUSED[name]
    path = tmp_path / "notify.toml"
    assert old in FILE
    path.write_text(FILE.replace(old, new))

    with pytest.raises(UsageError) as refused:
        read_notices(path)

    assert "see docs/notices.md" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "pass@" not in str(refused.value)


def test_a_secret_that_is_too_short_or_no_base64_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify.toml"
    path.write_text(FILE)
    for secret in ("short", "whsec_%%%", "whsec_c2hvcnQ="):
        monkeypatch.setenv(VARIABLE, secret)
        with pytest.raises(UsageError):
            read_notices(path)
