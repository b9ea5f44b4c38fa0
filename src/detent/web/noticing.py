"""Who is told of what, and how: the file of `detent serve --notify FILE`.

    >>> read_notices(Path("notify.toml")).webhook[0].name
    'lab'

    address = "https://detent.example.com"          # of this server as people reach it, for links
    lease_low = 1                                   # so many generations left are nearly none

    [[webhook]]
    name = "lab"
    url = "https://hooks.example.com/detent"
    secret_env = "HOOK_SECRET"                      # the variable that has the secret, never the secret

    [[mail]]
    name = "stewards"
    host = "smtp.example.com"
    from = "detent@example.com"
    to = ["ada@example.com"]
    about = ["request", "held"]

Secrets come from the environment alone, so that the file can be shown to anyone.
"""

import base64
import binascii
import os
import re
import tomllib
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Struct, field

from detent.errors import UsageError

Kind = Literal["request", "held", "tripwire", "lease_low", "lease_spent"]
"""request: a person is asked. held: the run is paused or halted. tripwire: one fired that pauses or halts.
lease_low: few generations are left. lease_spent: none are, or the lease expired."""

KINDS: tuple[Kind, ...] = get_args(Kind)
Security = Literal["starttls", "tls", "none"]
"""starttls: encrypted after a greeting. tls: from the first byte. none: to this machine alone."""

LEAST_SECRET = 24
"""Bytes; Standard Webhooks asks for 24 to 64."""

HIGHEST_PORT = 65_535

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9a-f:.]{2,45}")


class Webhook(Struct, frozen=True, forbid_unknown_fields=True):
    """A POST of JSON. allow_private: it may be on this machine or in a private network, and without https there."""

    name: str
    url: str
    secret_env: str
    about: tuple[Kind, ...] = KINDS
    allow_private: bool = False


class Mail(Struct, frozen=True, forbid_unknown_fields=True):
    """One e-mail an occasion, of plain text. user_env, password_env: variables, "" where the server asks for none."""

    name: str
    host: str
    sender: str = field(name="from")
    to: tuple[str, ...]
    port: int = 587
    security: Security = "starttls"
    user_env: str = ""
    password_env: str = ""
    about: tuple[Kind, ...] = KINDS


class Notices(Struct, frozen=True, forbid_unknown_fields=True):
    """address: of the server, for links, "" for none. retry_hours: so long is tried what does not arrive."""

    address: str = ""
    lease_low: int = 1
    retry_hours: float = 72.0
    webhook: tuple[Webhook, ...] = ()
    mail: tuple[Mail, ...] = ()


def read_notices(path: Path) -> Notices:
    """Read the file, and check all of it that can be checked without a network.

    Raises:
        UsageError: it is not in order, or a variable that it names is not set.
    """
    try:
        notices = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Notices)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise UsageError(
            f"a file that says whom to notify expected in {path}, got: {error}; see docs/notices.md"
        ) from error
    check(notices)
    return notices


def check(notices: Notices) -> None:
    """Return when everything in it can be used.

    Raises:
        UsageError: something cannot.
    """
    names = [*(one.name for one in notices.webhook), *(one.name for one in notices.mail)]
    _expect(bool(names), "a [[webhook]] or a [[mail]]", "neither")
    _expect(all(_NAME.fullmatch(name) for name in names), "names of letters and digits", repr(names)[:200])
    _expect(len(set(names)) == len(names), "a name for each that no other has", repr(names)[:200])
    _expect(0 < notices.retry_hours <= 24 * 14, "retry_hours of at most 336", str(notices.retry_hours))
    _expect(notices.lease_low >= 0, "lease_low of 0 or more", str(notices.lease_low))
    if notices.address:
        parts(notices.address)
    for webhook in notices.webhook:
        _check_webhook(webhook)
    for mail in notices.mail:
        _check_mail(mail)


def parts(url: str) -> SplitResult:
    """The parts of an address without anything secret in it.

    Raises:
        UsageError: it is not of http or https, or has a user or a fragment.
    """
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError as error:
        raise _refusal(
            "an address such as https://example.com/hook", f"one that is none ({error})"
        ) from error
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    whole = (
        found.scheme in ("http", "https") and _HOST.fullmatch(found.hostname or "") is not None and port != 0
    )
    if not plain or not whole or found.username is not None or found.fragment:
        raise _refusal("an address such as https://example.com/hook, without a user in it", "another")
    return found


def secret_of(webhook: Webhook) -> bytes:
    """The key of its signatures: what stands after whsec_ in base64, as Standard Webhooks has it, or else the bytes.

    Raises:
        UsageError: the variable is not set, or too short.
    """
    text = from_environment(webhook.secret_env)
    try:
        key = base64.b64decode(text[6:], validate=True) if text.startswith("whsec_") else text.encode()
    except binascii.Error as error:
        raise _refusal(f"base64 after whsec_ in {webhook.secret_env}", "something else") from error
    _expect(
        len(key) >= LEAST_SECRET,
        f"a secret of {LEAST_SECRET} bytes or more in {webhook.secret_env}",
        f"{len(key)}",
    )
    return key


def from_environment(name: str) -> str:
    """The value of a variable.

    Raises:
        UsageError: it is not set.
    """
    value = os.environ.get(name, "")
    _expect(bool(value), f"the variable {name} with a secret in it", "none")
    return value


def _check_webhook(webhook: Webhook) -> None:
    found = parts(webhook.url)
    if found.scheme != "https" and not webhook.allow_private:
        raise _refusal(f"https for the webhook {webhook.name}", "http, which allow_private alone lets be")
    secret_of(webhook)


def _check_mail(mail: Mail) -> None:
    addresses = (mail.sender, *mail.to)
    _expect(bool(mail.to), f"somebody under `to` of the mail {mail.name}", "nobody")
    _expect(
        all(map(_MAILBOX.fullmatch, addresses)), "addresses such as ada@example.com", repr(addresses)[:200]
    )
    _expect(_HOST.fullmatch(mail.host) is not None, "the name of a mail server", repr(mail.host)[:100])
    _expect(0 < mail.port <= HIGHEST_PORT, "a port from 1 to 65535", str(mail.port))
    _expect(bool(mail.user_env) == bool(mail.password_env), "user_env and password_env, or neither", "one")
    if mail.user_env:
        _expect(mail.security != "none", "credentials over tls or starttls alone", 'security = "none"')
        from_environment(mail.user_env)
        from_environment(mail.password_env)


def _expect(holds: bool, wanted: str, got: str) -> None:
    if not holds:
        raise _refusal(wanted, got)


def _refusal(wanted: str, got: str) -> UsageError:
    return UsageError(f"{wanted} expected in what to notify, got {got}; see docs/notices.md")
