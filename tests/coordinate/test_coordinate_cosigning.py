"""Gathering cosignatures from witnesses that answer well, badly, slowly, or not at all."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coordinate.misbehaving import (
    FORK,
    KEY,
    LOG,
    RIGHT,
    SIZE,
    STRANGER,
    Handler,
    Misbehaving,
    ask,
    dripping,
    endless,
    everybody,
    fixed,
    raw,
    redirect,
    witnesses,
)
from tests.coordinate.witness_world import LOG_KEY, NOW, ORIGIN, WITNESS_KEY, Log, say, served, serving

from detent.coordinate import Gathered, WitnessAt, base_url, gather, newest_seen
from detent.errors import TrustError, UsageError
from detent.ledger import Note, verified_cosignatures


def test_all_that_are_asked_cosign_and_stand_in_order(tmp_path: Path) -> None:
    with witnesses(tmp_path, 5) as (at, _):
        gathered = gather(str(LOG.note(8)), LOG.proof, at, everybody(5), deadline=10)
    assert gathered.met
    assert gathered.cosigned == {"w0", "w1", "w2", "w3", "w4"}
    note = Note.parse(gathered.note.encode())
    assert verified_cosignatures(note, [each.key for each in at]) == {each.key: NOW for each in at}
    assert [line.name for line in note.signatures] == [ORIGIN, *(each.key.name for each in at)]
    assert gathered.sizes == dict.fromkeys(gathered.cosigned, 8)


def test_a_growing_log_is_cosigned_again_and_again_and_again_gives_the_same_bytes(tmp_path: Path) -> None:
    with witnesses(tmp_path, 2) as (at, _):
        known: dict[str, int] = {}
        for size in (0, 1, 5, 8, 12):
            first = gather(str(LOG.note(size)), LOG.proof, at, everybody(2), deadline=10, known=known)
            again = gather(str(LOG.note(size)), LOG.proof, at, everybody(2), deadline=10)  # has forgotten all
            assert first.met
            assert again == first
            known = first.sizes


def test_cosignatures_that_the_note_has_are_not_asked_for_again(tmp_path: Path) -> None:
    with witnesses(tmp_path, 2) as (at, _):
        first = gather(str(LOG.note(8)), LOG.proof, at, everybody(2), deadline=10)
    again = gather(first.note, LOG.proof, at, everybody(2), deadline=10)  # nobody is up any more
    assert again == first


def test_a_note_with_a_wrong_cosignature_is_not_sent_to_anybody() -> None:
    line = replace(WITNESS_KEY.cosign(LOG.checkpoint(8), NOW), signature=bytes(72))
    with pytest.raises(TrustError, match="does not verify"):
        gather(
            f"{LOG.note(8)}{line}",
            LOG.proof,
            [WitnessAt("w1", KEY, "http://127.0.0.1:9")],
            everybody(1),
            deadline=1,
        )


def test_it_does_not_wait_for_more_than_enough(tmp_path: Path) -> None:
    with witnesses(tmp_path, 2) as (at, _), serving(lambda _handler, _body: time.sleep(6)) as slow:
        at.append(WitnessAt("slow", KEY, slow))
        before = time.monotonic()
        gathered = gather(str(LOG.note(8)), LOG.proof, at, lambda names: len(names) >= 2, deadline=20)
        assert time.monotonic() - before < 2.9
    assert gathered.met
    assert [reply.said for reply in gathered.replies] == ["cosigned", "cosigned", "down"]


def test_a_witness_that_comes_back_in_time_is_asked_again(tmp_path: Path) -> None:
    with witnesses(tmp_path, 1) as (at, (witness,)):
        times = iter([503, 429, 500])

        def first_down(handler: Handler, body: bytes) -> None:
            status = next(times, 0)
            if status:
                say(handler, status, b"later")
            else:
                served(witness)(handler, body)

        with serving(first_down) as url:
            gathered = gather(
                str(LOG.note(8)), LOG.proof, [replace(at[0], url=url)], everybody(1), deadline=20
            )
    assert gathered.met


def test_a_witness_whose_answer_was_lost_is_asked_from_where_it_stands(tmp_path: Path) -> None:
    with witnesses(tmp_path, 1) as (at, (witness,)):
        witness.add_checkpoint(LOG.request(0, 5), NOW)
        assert gather(str(LOG.note(8)), LOG.proof, at, everybody(1), deadline=5, known={"w0": 3}).met


CUT = f"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{RIGHT}".encode()
MANY_HEADERS = b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n"

DOWN: dict[str, Misbehaving] = {
    "an answer of 500": fixed(500, b"oops"),
    "an answer of 503 in HTML": fixed(503, b"<html><h1>Down</h1>", "text/html"),
    "an answer of 429": fixed(429, b"slow down"),
    "nothing, and the connection closed": raw(b""),
    "nothing at all": lambda _handler, _body: time.sleep(6),
    "an answer that is cut off": raw(CUT),
    "an answer that is no HTTP": raw(b"SSH-2.0-OpenSSH_9\r\n"),
    "a status line that colours terminals": raw(b"\x1b[31mHTTP/9\x07 \xff\r\n\r\n"),
    "a status that is no number": raw(b"HTTP/1.1 abc OK\r\n\r\n"),
    "a head that drips in": dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
    "one header line that drips in": dripping(b"HTTP/1.1 200 OK\r\nx: ", b"y"),
    "a body that drips in": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n", b"y"),
    "a hundred thousand provisional answers": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "an endless body": endless,
    "a body larger than any answer": fixed(200, b"x" * 70_000),
    "five hundred headers": raw(MANY_HEADERS),
    "a header of a megabyte": raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n"),
    "a chunk of a negative length": raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n"
    ),
}


@pytest.mark.parametrize("what", DOWN)
def test_down_is(what: str) -> None:
    with serving(DOWN[what]) as url:
        before = time.monotonic()
        gathered = ask(url, seconds=1)
        assert time.monotonic() - before < 3
    assert not gathered.met
    assert gathered.replies[0].said == "down"
    assert gathered.replies[0].why.isprintable()
    assert gathered.note == str(LOG.note(8))


REFUSED: dict[str, Misbehaving] = {
    "400": fixed(400, b"bad request"),
    "401": fixed(401, b"who are you"),
    "403": fixed(403, b"no such log"),
    "404": fixed(404, b"unknown log"),
    "413": fixed(413, b"too long"),
    "a redirect": lambda handler, _: redirect(handler, "https://example.com/add-checkpoint"),
    "a redirect to itself": lambda handler, _: redirect(handler, "/add-checkpoint"),
    "422 when nothing was claimed": fixed(422, b"no"),
    "200 and nothing": fixed(200, b""),
    "200 and HTML": fixed(200, b"<html><body>It works!</body></html>", "text/html"),
    "200 and bytes that are no text": fixed(200, b"\xff\xfe\x00"),
    "200 and a line without its end": fixed(200, str(RIGHT).rstrip().encode()),
    "200 and a line that does not verify": fixed(
        200, str(replace(RIGHT, signature=RIGHT.signature[:-1] + bytes([RIGHT.signature[-1] ^ 1]))).encode()
    ),
    "200 and one right line and one wrong": fixed(
        200, f"{RIGHT}{replace(RIGHT, signature=bytes(72))}".encode()
    ),
    "200 and a line by another key of its name": fixed(
        200, str(STRANGER.cosign(LOG.checkpoint(8), NOW)).encode()
    ),
    "200 and a line over another size": fixed(200, str(WITNESS_KEY.cosign(LOG.checkpoint(7), NOW)).encode()),
    "200 and a line over another history": fixed(
        200, str(WITNESS_KEY.cosign(FORK.checkpoint(8), NOW)).encode()
    ),
    "200 and a line without a time": fixed(200, str(WITNESS_KEY.cosign(LOG.checkpoint(8), 0)).encode()),
    "200 and an empty line before the signatures": fixed(200, f"\n{RIGHT}".encode()),
    "409 and no size": fixed(409, b"conflict"),
    "409 and a negative size": fixed(409, b"-1\n", SIZE),
    "409 and a size with spaces": fixed(409, b" 5\n", SIZE),
    "409 and the size that it was asked from": fixed(409, b"0\n", SIZE),
    "409 and no size that it would take": lambda handler, body: say(
        handler, 409, b"%d\n" % ((int(body.split()[1]) + 1) % 8), SIZE
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_is(what: str) -> None:
    with serving(REFUSED[what]) as url:
        gathered = ask(url)
    (reply,) = gathered.replies
    assert (reply.said, reply.line) == ("refused", None)
    assert reply.why.isprintable()
    assert gathered.note == str(LOG.note(8))


def test_right_lines_among_others_are_found() -> None:
    body = f"{STRANGER.cosign(LOG.checkpoint(8), NOW)}{RIGHT}".encode()
    with serving(fixed(200, body)) as url:
        assert ask(url).met


AHEAD: dict[str, tuple[Misbehaving, int, int]] = {
    "409 and a larger size": (fixed(409, b"9\n", SIZE), 0, 9),
    "409 and a larger size, without a type": (fixed(409, b"9"), 0, 9),
    "409 and the largest size": (fixed(409, b"9" * 19, SIZE), 0, 10**19 - 1),
    "422 from the size where it stands": (fixed(422, b"no"), 5, 5),
    "422 for the same size": (fixed(422, b"no"), 8, 8),
    "409 for the same size, as v1.0.0 had it": (fixed(409, b"8\n", SIZE), 8, 8),
    "409 for the same size, without the size": (fixed(409, b"conflict"), 8, 8),
}


@pytest.mark.parametrize("what", AHEAD)
def test_ahead_is(what: str) -> None:
    answer, known, size = AHEAD[what]
    with serving(answer) as url:
        gathered = ask(url, known=known)
    assert [(reply.said, reply.size) for reply in gathered.ahead] == [("ahead", size)]
    assert not gathered.met


def test_a_ledger_that_was_set_back_or_forked_is_found_out_by_its_witness(tmp_path: Path) -> None:
    with witnesses(tmp_path, 1) as (at, _):
        whole = gather(str(LOG.note(12)), LOG.proof, at, everybody(1), deadline=5)
        back = gather(str(LOG.note(8)), LOG.proof, at, everybody(1), deadline=5, known=whole.sizes)
        longer = Log.of(20, differs_from=10)
        fork = gather(str(longer.note()), longer.proof, at, everybody(1), deadline=5)
        same = gather(str(FORK.note(12)), FORK.proof, at, everybody(1), deadline=5)
        seen = newest_seen(ORIGIN, [LOG_KEY.verify_key], at, deadline=5)
    assert [reply.size for each in (back, fork, same) for reply in each.ahead] == [12, 12, 12]
    assert seen[0].checkpoint == LOG.checkpoint(12)
    assert seen[0].note == whole.note
    assert seen[0].timestamp == NOW


def test_nobody_asks_the_ledger_once_gather_has_returned(tmp_path: Path) -> None:
    """The ledger goes on to be written, and is not made for two threads."""
    calls: list[int] = []
    running = threading.Lock()

    def consistency(old: int, new: int) -> tuple[bytes, ...]:
        assert running.acquire(blocking=False), "one thread at a time"
        time.sleep(0.02)
        calls.append(old)
        running.release()
        return LOG.proof(old, new)

    with witnesses(tmp_path, 4) as (at, found):
        for each in found:
            each.add_checkpoint(LOG.request(0, 5), NOW)
        with serving(fixed(409, b"5\n", SIZE)) as url:
            at.append(WitnessAt("stubborn", KEY, url))
            gathered = gather(str(LOG.note(8)), consistency, at, lambda names: len(names) >= 2, deadline=5)
            after = len(calls)
            time.sleep(0.3)
    assert gathered.met
    assert len(calls) == after


def test_a_ledger_that_is_damaged_is_no_witnesss_fault(tmp_path: Path) -> None:
    def damaged(_old: int, _new: int) -> tuple[bytes, ...]:
        raise TrustError("tiles expected, got none")

    with witnesses(tmp_path, 1) as (at, (witness,)):
        witness.add_checkpoint(LOG.request(0, 5), NOW)
        with pytest.raises(TrustError, match="tiles"):
            gather(str(LOG.note(8)), damaged, at, everybody(1), deadline=5)


def test_one_witness_under_two_names_does_not_count_twice() -> None:
    here = "http://127.0.0.1:9"
    for second in (WitnessAt("w2", KEY, here), WitnessAt("w1", STRANGER.verify_key, here)):
        twice = [WitnessAt("w1", KEY, here), second]
        with pytest.raises(UsageError, match="name each once"):
            gather(str(LOG.note(8)), LOG.proof, twice, everybody(2), deadline=1)
        with pytest.raises(UsageError, match="name each once"):
            newest_seen(ORIGIN, [LOG_KEY.verify_key], twice, deadline=1)


def test_without_witnesses_the_quorum_decides() -> None:
    assert gather(str(LOG.note(8)), LOG.proof, [], lambda _: True, deadline=1) == Gathered(
        str(LOG.note(8)), (), met=True
    )
    assert not gather(str(LOG.note(8)), LOG.proof, [], lambda _: False, deadline=1).met


def test_a_port_that_nobody_listens_on_is_down() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (reply,) = ask(f"http://127.0.0.1:{taken.getsockname()[1]}", seconds=0.5).replies
    assert reply.said == "down"
    assert "refused" in reply.why


def test_a_server_without_tls_behind_https_is_down() -> None:
    with serving(fixed(200, str(RIGHT).encode())) as url:
        assert ask(url.replace("http:", "https:"), seconds=1).replies[0].said == "down"


def test_a_tls_handshake_that_drips_in_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16,384 bytes begins
                    for _i in range(100):
                        connection.sendall(b"\x02")
                        time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        before = time.monotonic()
        gathered = ask(f"https://127.0.0.1:{listening.getsockname()[1]}", seconds=1)
    assert gathered.replies[0].said == "down"
    assert time.monotonic() - before < 3
    for thread in threading.enumerate():  # nor does the thread that asked hang on
        if thread.daemon and "_call" in thread.name:
            thread.join(0.5)
            assert not thread.is_alive()


NO_URLS = {
    "a file": "file:///etc/passwd",
    "ftp": "ftp://example.com/",
    "no scheme": "witness.example.com",
    "no host": "https:///x",
    "a password": "https://a:b@example.com/",
    "a user": "https://a@example.com/",
    "a query": "https://example.com/?x",
    "a fragment": "https://example.com/#x",
    "a space": "https://example.com/ x",
    "a new line": "https://example.com/\r\nX: y",
    "a port that is none": "https://example.com:99999/",
    "letters that are not ASCII": "https://ex\u00e4mple.com/",
    "an IPv6 address that is none": "https://[::1/",
    "nothing": "",
}


@pytest.mark.parametrize("url", NO_URLS.values(), ids=NO_URLS.keys())
def test_a_url_that_may_not_be_asked_is_refused_before_anybody_is(url: str) -> None:
    with pytest.raises(UsageError, match="https://witness"):
        base_url(url)
    with pytest.raises(UsageError, match="https://witness"):
        ask(url)


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda text: f"https://{text}"))
def test_no_text_breaks_the_reading_of_urls(text: str) -> None:
    with suppress(UsageError):
        assert base_url(text).scheme in {"http", "https"}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([200, 204, 304, 400, 404, 409, 422, 500]),
            st.binary(max_size=60) | st.integers(0, 12).map(lambda size: b"%d\n" % size),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_a_witness_answers_there_is_one_reply_and_no_line_that_is_not_its_own(
    answers: list[tuple[int, bytes]],
) -> None:
    turns = iter(answers * 20)

    def any_of_them(handler: Handler, _: bytes) -> None:
        status, body = next(turns)
        say(handler, status, body)

    with serving(any_of_them) as url:
        (reply,) = ask(url, seconds=0.3).replies
    assert reply.said != "cosigned"
