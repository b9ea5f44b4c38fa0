"""E-mail of an occasion: plain text, one an occasion, over TLS or STARTTLS, or to a server on this machine.

Its Message-ID is made from the ledger's entry, so that a second copy, if one is ever sent, is seen to be one.
"""

import ipaddress
import re
import smtplib
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from detent.errors import PeerError
from detent.values.text import one_line
from detent.web.noticing import Mail, from_environment
from detent.web.webhooks import DEADLINE_SECONDS, SILENCE_SECONDS, cause, deadline

LONGEST_SUBJECT = 150


def message(mail: Mail, name: str, title: str, lines: tuple[str, ...]) -> EmailMessage:
    """The e-mail. `title` and `lines` may hold anything: no header begins in them, and no markup is read."""
    made = EmailMessage(policy=SMTP)
    # An encoded word would be decoded by the library, and what is in it (a new line, a Bcc) written as it is.
    made["Subject"] = one_line(title, LONGEST_SUBJECT).replace("=?", "= ?")
    made["From"] = Address(addr_spec=mail.sender)
    made["To"] = tuple(Address(addr_spec=one) for one in mail.to)
    made["Message-ID"] = f"<{re.sub('[^a-z0-9_]', '', name)}@{mail.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
    made.set_content("\n".join(one_line(line, 1_000) for line in lines) + "\n", subtype="plain", cte="base64")
    return made


def send(mail: Mail, made: EmailMessage) -> None:
    """Return when the server took it for one recipient or more.

    Raises:
        PeerError: it did not, or would not be spoken to under TLS.
    """
    try:
        _send(mail, made)
    except PeerError:
        raise
    except smtplib.SMTPResponseException as error:
        raise PeerError(
            f"a server that takes mail expected, got {type(error).__name__} {error.smtp_code}"
        ) from error
    except Exception as error:  # whatever a stranger's server makes of the protocol, it did not take it
        raise PeerError(f"a server that takes mail expected, got {cause(error)}") from error


def _send(mail: Mail, made: EmailMessage) -> None:
    context = ssl.create_default_context()
    server = _server(mail, context)
    try:
        with deadline(server, DEADLINE_SECONDS):
            server.connect(mail.host, mail.port)
            server.ehlo()
            if mail.security == "starttls":
                server.starttls(context=context)  # raises where the server has none: nothing is sent in clear
                server.ehlo()
            if mail.user_env:
                server.login(from_environment(mail.user_env), from_environment(mail.password_env))
            server.send_message(made)
    finally:
        server.close()


def _server(mail: Mail, context: ssl.SSLContext) -> smtplib.SMTP:
    if mail.security == "none" and not all(ipaddress.ip_address(one).is_loopback for one in _addresses(mail)):
        raise PeerError(
            'a server on this machine expected for security = "none", got another: use starttls or tls'
        )
    made = (
        smtplib.SMTP_SSL(timeout=SILENCE_SECONDS, context=context)
        if mail.security == "tls"
        else smtplib.SMTP(timeout=SILENCE_SECONDS)
    )
    made._host = mail.host  # type: ignore[attr-defined]  # noqa: SLF001  by which smtplib checks the certificate
    return made


def _addresses(mail: Mail) -> list[str]:
    found = socket.getaddrinfo(mail.host, mail.port, type=socket.SOCK_STREAM)
    return [str(one[4][0]).partition("%")[0] for one in found]
