"""Who may be served what, as the options of `detent serve` say it: what does not fit is refused before it listens."""

import stat
from pathlib import Path
from typing import Any

import pytest

from detent.errors import UsageError
from detent.web.settings import LOCAL, digest_of, new_read_token, read_tokens, settings_for


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / name for name in ("cert.pem", "key.pem", "tokens")}
    found["cert.pem"].write_text("a certificate")
    found["key.pem"].write_text("a key")
    new_read_token(found["tokens"], "ada")
    return found


def test_this_machine_alone_needs_nothing(tmp_path: Path) -> None:
    for listen in ("127.0.0.1:8734", "[::1]:8734", "localhost:0", "127.8.8.8:1"):
        found = settings_for(listen)
        assert found.names >= LOCAL
        assert not found.readers
    assert not list(tmp_path.iterdir())


OPEN: dict[str, tuple[str, dict[str, Any]]] = {
    "other machines without TLS": ("--tls-cert", {"token_file": "tokens"}),
    "other machines without a token": ("--read-token-file", {"certificate": "cert.pem", "key": "key.pem"}),
    "a certificate without its key": ("--tls-key", {"certificate": "cert.pem", "token_file": "tokens"}),
    "every address under no name": (
        "--public-name",
        {"listen": "0.0.0.0:1", "certificate": "cert.pem", "key": "key.pem", "token_file": "tokens"},
    ),
    "every address of version 6 under no name": (
        "--public-name",
        {"listen": "[::]:1", "certificate": "cert.pem", "key": "key.pem", "token_file": "tokens"},
    ),
    "a certificate that is not there": ("PEM", {"certificate": "nothing", "key": "key.pem"}),
    "a name that is none": (
        "host's name",
        {"public_names": ["*"], "certificate": "cert.pem", "key": "key.pem"},
    ),
    "a place to listen that is none": ("HOST:PORT", {"listen": "8734"}),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_would_be_open_to_others_is_refused(case: str, files: dict[str, Path], tmp_path: Path) -> None:
    said, options = OPEN[case]
    options = (
        {"listen": "10.0.0.1:8734", "token_file": "tokens"} | options if "name" in case else dict(options)
    )
    listen = str(options.pop("listen", "10.0.0.1:8734"))
    paths = {
        key: files.get(value, tmp_path / "nothing")
        for key, value in options.items()
        if isinstance(value, str)
    }
    with pytest.raises(UsageError, match=said):
        settings_for(listen, **options | paths)


def test_other_machines_are_answered_by_the_name_that_is_said(files: dict[str, Path]) -> None:
    found = settings_for(
        "0.0.0.0:8734",
        certificate=files["cert.pem"],
        key=files["key.pem"],
        token_file=files["tokens"],
        public_names=["Detent.example.com"],
    )
    assert found.names == {"detent.example.com"}
    assert found.scheme == "https"
    assert len(found.readers) == 1


def test_a_token_is_printed_once_and_its_digest_kept(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    first, second = new_read_token(file, "ada\nsha256:"), new_read_token(file, "")
    assert first != second
    assert len(first) > 40
    assert read_tokens(file) == (digest_of(first), digest_of(second))
    assert first not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


TOKEN_FILES = {
    "readable by others": (0o644, None),
    "writable by its group": (0o620, None),
    "of lines that are no digests": (0o600, "detent-read-in-the-open\n"),
    "of nothing": (0o600, "# nobody\n\n"),
    "of bytes that are no text": (0o600, "\udcff"),
}


@pytest.mark.parametrize("case", TOKEN_FILES)
def test_a_token_file_is_refused_that_is(case: str, tmp_path: Path) -> None:
    mode, text = TOKEN_FILES[case]
    file = tmp_path / "tokens"
    new_read_token(file, "ada")
    if text is not None:
        file.write_bytes(text.encode(errors="surrogateescape"))
    file.chmod(mode)
    with pytest.raises(UsageError, match="expected"):
        read_tokens(file)
    with pytest.raises(UsageError):
        new_read_token(file, "bob")


def test_a_link_in_the_place_of_a_token_file_is_not_followed(tmp_path: Path) -> None:
    link = tmp_path / "tokens"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="expected"):
        new_read_token(link, "ada")
    assert not (tmp_path / "elsewhere").exists()
