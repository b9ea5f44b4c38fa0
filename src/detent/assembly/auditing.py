"""An auditor of somebody else's run: the chain of its seal is made and kept here, and links of it are given out."""

import secrets
import shutil
import tomllib
from pathlib import Path

from detent.assembly import places
from detent.assembly.listening import Say, http_server, place_to_listen
from detent.assembly.proving import policy_in
from detent.assembly.storing import storing
from detent.assembly.watermark import Watermarked, read_mark
from detent.charter import Auditor as Terms
from detent.coordinate import Auditor, base_url
from detent.disk import sync_folder
from detent.errors import TrustError, UsageError
from detent.evaluate import new_chain, open_chain
from detent.ledger import Ledger
from detent.signing import Passphrase, SigningKey

TERMS, SECRET, KEY, RELEASES = "auditor.toml", "seal.secret", "auditor.pem", "releases"

_TERMS = """\
[auditor]  # holds the seal's chain, and releases one link for each cosigned intent
url = "{url}"
key = "{key}"
tip = "{tip}"
length = {length}
"""


def new_auditor(folder: Path, name: str, url: str, passphrase: str | None = None) -> str:
    """Make a chain, a key and an empty log of what is given out, in a new folder; returns the charter's table.

    Raises:
        UsageError: the folder exists, the name is none that a key can have, or the URL none that can be asked.
        StorageError: the disk refuses; no folder is left.
    """
    base_url(url)
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"a folder that does not exist yet expected, got {folder}; name another")
    key = SigningKey.create(name)
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        with storing(folder):
            draft.mkdir(mode=0o700)
            chain = new_chain(draft / SECRET)
            key.save(draft / KEY, passphrase)
            text = _TERMS.format(url=url, key=key.verify_key, tip=chain.tip.hex(), length=chain.length)
            (draft / TERMS).write_text(text, "utf-8")
            mark = _mark(chain.tip.hex())
            with Ledger.create(draft / RELEASES, key, key.name) as log:
                Watermarked(log, mark)
            draft.rename(folder)
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return text


def serve_auditor(listen: str, *, folder: Path, policy: Path, ask: Passphrase, say: Say) -> None:
    """Give out links at `listen` (HOST:PORT), until SIGINT or SIGTERM.

    Args:
        listen: HOST:PORT.
        folder: that `new_auditor` made.
        policy: file with the run's log, its witnesses and a quorum of them (C2SP tlog-policy).
        ask: for the key's passphrase.
        say: takes sentences for who runs it.

    Raises:
        UsageError: an address, a folder or a policy is none; or what `detent[serve]` installs is missing.
        BusyError: another process serves it.
        TrustError: the folder was damaged or set back.
        SealError: the chain's secret is missing, or another's.
        StorageError: the disk refuses, or the address is taken.
    """
    server, address = http_server(), place_to_listen(listen)
    terms, believed = _terms(folder), policy_in(policy)
    key = SigningKey.load(folder / KEY, ask)
    if str(key.verify_key) != terms.key:
        raise TrustError(
            f"the key {terms.key} expected in {folder / KEY}, got {key.verify_key}; restore the folder from its copy"
        )
    chain = open_chain(folder / SECRET, terms.length, bytes.fromhex(terms.tip))
    mark = _mark(terms.tip)
    if read_mark(mark) is None:
        raise TrustError(
            f"a mark expected at {mark}, got none: whether {folder} is its newest copy cannot be told, and from an "
            "older one links would be given out a second time. Bring the mark along when you move the folder"
        )
    with Ledger.open(folder / RELEASES, key) as log:
        auditor = Auditor(key, chain, believed, _watermarked(log, mark, folder), say)
        say(f"auditing as {key.verify_key}; {auditor.last} of {terms.length} links are out")
        server.serve(server.auditor_service(auditor), *address, say)


def _watermarked(log: Ledger, mark: Path, folder: Path) -> Watermarked:
    try:
        return Watermarked(log, mark)
    except TrustError as error:
        raise TrustError(
            f"the newest copy of {folder} expected, got an older one or another: {mark} says so. From it links would "
            "be given out a second time: restore the newest copy, or have the run's people begin another run"
        ) from error


def _terms(folder: Path) -> Terms:
    path = folder / TERMS
    try:
        return Terms.model_validate(tomllib.loads(path.read_text("utf-8")).get("auditor"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the folder of an auditor expected, got {folder}, whose {TERMS} is none or missing; restore it, or make "
            f"one with: detent auditor new"
        ) from error


def _mark(tip: str) -> Path:
    mark = places.auditor_mark_path(tip)
    with storing(mark.parent):
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return mark
