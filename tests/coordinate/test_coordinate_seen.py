"""What witnesses show of a log: what is believed of it, and what it proves."""

import re
from pathlib import Path

import pytest
from tests.coordinate.misbehaving import (
    FORK,
    KEY,
    LOG,
    RIGHT,
    SIZE,
    Handler,
    Misbehaving,
    ask,
    dripping,
    fixed,
    redirect,
    witnesses,
)
from tests.coordinate.witness_world import LOG_KEY, NOW, ORIGIN, WITNESS_KEY, Log, say, serving

from detent.coordinate import WitnessAt, contradicting, newest_seen
from detent.ledger import Note, sign_note
from detent.signing import SigningKey

CONTRADICTED: dict[str, tuple[Log, int, bool]] = {
    "the same ledger": (LOG, 8, False),
    "the same ledger, grown": (LOG, 12, False),
    "a ledger that was set back": (LOG, 7, True),
    "a ledger that was set back to nothing": (LOG, 0, True),
    "a fork of the same size": (FORK, 8, True),
    "a fork that has grown further": (FORK, 12, True),
}


@pytest.mark.parametrize("what", CONTRADICTED)
def test_what_a_witness_shows_proves_that_this_is_not_the_ledger_it_saw(tmp_path: Path, what: str) -> None:
    log, size, contradicted = CONTRADICTED[what]
    keys = [LOG_KEY.verify_key]
    with witnesses(tmp_path, 2) as (at, (witness, _)):
        witness.add_checkpoint(LOG.request(0, 8), NOW)
        found = contradicting(str(log.note(size)), log.proof, keys, at, deadline=5)
    assert [one.checkpoint for one in found] == [LOG.checkpoint(8)] * contradicted


def test_a_witness_that_only_says_it_is_ahead_proves_nothing() -> None:
    liar = Log.of(20)
    made_up = Note(liar.checkpoint().text(), (WITNESS_KEY.cosign(liar.checkpoint(), NOW),))

    def lies(handler: Handler, _: bytes) -> None:
        if handler.command == "POST":
            say(handler, 409, b"20\n", SIZE)
        else:
            say(handler, 200, str(made_up).encode())

    with serving(lies) as url:
        at = [WitnessAt("w1", KEY, url)]
        assert ask(url).ahead
        assert contradicting(str(LOG.note(8)), LOG.proof, [LOG_KEY.verify_key], at, deadline=5) == ()


OTHER = SigningKey.create("example.com/other")
COSIGNED = f"{LOG.note(8)}{RIGHT}"
UNSEEN: dict[str, Misbehaving] = {
    "none": fixed(404, b"never"),
    "HTML": fixed(200, b"<html>"),
    "nothing": fixed(200, b""),
    "one that the log did not sign": fixed(
        200, str(Note(LOG.checkpoint(9).text(), (WITNESS_KEY.cosign(LOG.checkpoint(9), NOW),))).encode()
    ),
    "one with a wrong signature of the log's": fixed(
        200,
        str(
            Note(
                LOG.checkpoint(9).text(),
                (*LOG.note(8).signatures, WITNESS_KEY.cosign(LOG.checkpoint(9), NOW)),
            )
        ).encode(),
    ),
    "one that it did not cosign": fixed(200, str(LOG.note(8)).encode()),
    "one of another log": fixed(
        200, str(sign_note(LOG.checkpoint(8).text().replace("run", "other"), OTHER)).encode()
    ),
    "one that is larger than any": fixed(200, COSIGNED.encode() + b"x" * 200_000),
    "a redirect": lambda handler, _: redirect(handler, "https://example.com/x"),
    "one that takes for ever": dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
}


@pytest.mark.parametrize("what", UNSEEN)
def test_a_witness_shows_no_head_when_it_shows(what: str) -> None:
    with serving(UNSEEN[what]) as url:
        (seen,) = newest_seen(ORIGIN, [LOG_KEY.verify_key], [WitnessAt("w1", KEY, url)], deadline=1)
    assert seen.checkpoint is None
    assert re.search(r"expected.*, got", seen.why)
