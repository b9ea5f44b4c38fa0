"""The witness: what it answers to whom, and that it never signs what does not continue what it signed."""

import base64
import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.coordinate.witness_world import LOG_KEY, NOW, ORIGIN, WITNESS_KEY, Log, times_in, witness_in

from detent.coordinate import LogKey, Witness, read_log_key
from detent.coordinate._request import LARGEST_REQUEST, Request
from detent.errors import UsageError
from detent.ledger import Checkpoint, CosigningKey, Ledger, Note, Signature, sign_note, verified_cosignatures
from detent.ledger.notes import LARGEST_NOTE
from detent.signing import SigningKey
from detent.values import sha256_hex

LOG = Log.of(12)
FORK = Log.of(12, differs_from=3)
OTHER = Log.of(12)
OTHER.key = SigningKey.create("example.com/other")
IMPOSTOR = Log.of(12)
IMPOSTOR.key = SigningKey.create(ORIGIN)
CHECKPOINT = LOG.note(8)
LINE = CHECKPOINT.signatures[0]


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """One that stands at size 5."""
    made = witness_in(tmp_path)
    assert made.add_checkpoint(LOG.request(0, 5), NOW).status == 200
    return made


def with_note(note: Note | str, old: int = 5, size: int = 8) -> bytes:
    head = bytes(Request(old, LOG.proof(old, size), CHECKPOINT, LOG.checkpoint(8))).partition(b"\n\n")[0]
    return head + b"\n\n" + str(note).encode()


def spoiled(line: Signature) -> Signature:
    return replace(line, signature=bytes(64))


def resized(size: str) -> Note:
    lines = LOG.checkpoint(8).text().split("\n")
    return sign_note("\n".join([lines[0], size, *lines[2:]]), LOG_KEY)


EMPTY = Log.of(0)
PROOF = LOG.proof(5, 8)
REFUSED: dict[str, tuple[int, bytes]] = {
    "nothing at all": (400, b""),
    "no old size": (400, LOG.request(5, 8).partition(b"\n")[2]),
    "an old size with a leading zero": (400, LOG.request(5, 8).replace(b"old 5", b"old 05", 1)),
    "a negative old size": (400, LOG.request(5, 8).replace(b"old 5", b"old -5", 1)),
    "an old size with a sign": (400, LOG.request(5, 8).replace(b"old 5", b"old +5", 1)),
    "an old size of twenty digits": (400, LOG.request(5, 8).replace(b"old 5", b"old " + b"9" * 20, 1)),
    "an old size in other digits": (400, LOG.request(5, 8).replace(b"old 5", "old \u0665".encode(), 1)),
    "two spaces before the old size": (400, LOG.request(5, 8).replace(b"old 5", b"old  5", 1)),
    "lines that end as on Windows": (400, LOG.request(5, 8).replace(b"\n", b"\r\n")),
    "64 hashes": (400, LOG.request(5, 8, proof=[bytes(32)] * 64)),
    "a hash of 31 bytes": (400, LOG.request(5, 8, proof=[bytes(31)])),
    "a hash that is no base64": (400, LOG.request(5, 8).replace(b"\n", b"\n!!!!\n", 1)),
    "a hash in base64 of another alphabet": (
        400,
        LOG.request(5, 8).replace(b"\n", b"\n" + base64.urlsafe_b64encode(b"\xff" * 32) + b"\n", 1),
    ),
    "a hash whose last bits are not zero": (
        400,
        LOG.request(5, 8).replace(b"\n", b"\n" + b"A" * 42 + b"B=\n", 1),
    ),
    "no checkpoint": (400, b"old 5\n\n"),
    "a checkpoint without signatures": (400, with_note(CHECKPOINT.text)),
    "a checkpoint of two lines": (400, with_note(sign_note(f"{ORIGIN}\n8\n", LOG_KEY))),
    "a checkpoint with an extension line": (400, with_note(sign_note(CHECKPOINT.text + "more\n", LOG_KEY))),
    "a size with a leading zero": (400, with_note(resized("08"))),
    "a negative size": (400, with_note(resized("-8"))),
    "a root of 31 bytes": (
        400,
        with_note(sign_note(Checkpoint(ORIGIN, 8, bytes(31)).text(), LOG_KEY)),
    ),
    "a request that is too large": (400, LOG.request(5, 8) + b"x" * LARGEST_REQUEST),
    "a note that is too large": (400, b"old 5\n\n" + b"x" * LARGEST_NOTE),
    "bytes that are no text": (400, b"old 5\n\n\xff\xfe\n\n\xff"),
    "a log that is not witnessed here": (404, OTHER.request(5, 8)),
    "a log with this one's name and another key": (403, IMPOSTOR.request(5, 8)),
    "a signature by nobody known": (403, with_note(Note(CHECKPOINT.text, IMPOSTOR.note(8).signatures))),
    "a signature that does not verify": (403, with_note(Note(CHECKPOINT.text, (spoiled(LINE),)))),
    "a right signature, then a wrong one": (403, with_note(Note(CHECKPOINT.text, (LINE, spoiled(LINE))))),
    "a wrong signature, then a right one": (403, with_note(Note(CHECKPOINT.text, (spoiled(LINE), LINE)))),
    "the signature of another checkpoint": (
        403,
        with_note(Note(CHECKPOINT.text, LOG.note(9).signatures)),
    ),
    "the witness's own cosignature in place of the log's": (
        403,
        with_note(Note(CHECKPOINT.text, (WITNESS_KEY.cosign(LOG.checkpoint(8), NOW),))),
    ),
    "an old size above the checkpoint's": (400, LOG.request(9, 8, proof=[])),
    "an old size above the checkpoint's, which is the witness's": (400, LOG.request(5, 4, proof=[])),
    "a proof with a hash too few": (422, LOG.request(5, 8, proof=PROOF[:-1])),
    "a proof with a hash too many": (422, LOG.request(5, 8, proof=[*PROOF, bytes(32)])),
    "a proof with another hash": (422, LOG.request(5, 8, proof=[bytes(32), *PROOF[1:]])),
    "a proof in another order": (422, LOG.request(5, 8, proof=PROOF[::-1])),
    "no proof": (422, LOG.request(5, 8, proof=[])),
    "another history": (422, FORK.request(5, 8)),
    "another root at the same size": (422, FORK.request(5, 5)),
    "the same checkpoint with a proof": (422, LOG.request(5, 5, proof=[bytes(32)])),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_its_status_and_without_a_signature(witness: Witness, what: str) -> None:
    status, body = REFUSED[what]
    before = witness.checkpoint(sha256_hex(ORIGIN.encode())).body
    answer = witness.add_checkpoint(body, NOW + 1)
    assert answer.status == status
    assert answer.content_type == "text/plain; charset=utf-8"
    assert "—".encode() not in answer.body
    assert witness.checkpoint(sha256_hex(ORIGIN.encode())).body == before


@pytest.mark.parametrize("old", [0, 4, 6, 8])
def test_whoever_names_another_old_size_is_told_the_size(witness: Witness, old: int) -> None:
    assert witness.add_checkpoint(LOG.request(old, 8), NOW) == (409, "text/x.tlog.size", b"5\n")


def test_it_cosigns_a_log_that_only_grows(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    at = 0
    for size in (1, 2, 3, 7, 8, 12):
        answer = witness.add_checkpoint(LOG.request(at, size), NOW + size)
        assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
        assert times_in(answer.body, LOG.checkpoint(size)) == NOW + size
        at = size


def test_it_cosigns_the_checkpoints_of_a_real_ledger(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    with Ledger.create(tmp_path / "ledger", LOG_KEY, ORIGIN) as ledger:
        at = 0
        for size in (0, 1, 300):
            ledger.extend([b"entry"] * (size - ledger.size))
            note = Note.parse(ledger.checkpoint.encode())
            checkpoint = Checkpoint.parse(note.text)
            request = Request(at, ledger.consistency_proof(at), note, checkpoint)
            answer = witness.add_checkpoint(bytes(request), NOW)
            assert times_in(answer.body, checkpoint) == NOW
            at = size


def test_the_empty_tree_is_cosigned_as_such_and_with_no_other_root(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    wrong = sign_note(Checkpoint(ORIGIN, 0, bytes(32)).text(), LOG_KEY)
    assert witness.add_checkpoint(b"old 0\n\n" + str(wrong).encode(), NOW).status == 422
    assert witness.add_checkpoint(EMPTY.request(0, proof=[bytes(32)]), NOW).status == 422
    first = witness.add_checkpoint(EMPTY.request(0), NOW)
    assert times_in(first.body, EMPTY.checkpoint()) == NOW
    assert witness.add_checkpoint(EMPTY.request(0), NOW + 9) == first
    assert witness.add_checkpoint(b"old 0\n\n" + str(wrong).encode(), NOW).status == 422
    assert witness.add_checkpoint(LOG.request(0, 3, proof=[bytes(32)]), NOW).status == 422
    assert witness.add_checkpoint(LOG.request(0, 3), NOW).status == 200


def test_signatures_by_others_are_passed_over(witness: Witness) -> None:
    others = tuple(SigningKey.create(f"someone-{i}").sign(b"x") for i in range(20))
    noise = tuple(Signature(f"someone-{i}", b"abcd", blob) for i, blob in enumerate(others))
    answer = witness.add_checkpoint(with_note(Note(CHECKPOINT.text, (*noise, LINE))), NOW)
    assert times_in(answer.body, LOG.checkpoint(8)) == NOW


def test_two_logs_do_not_see_each_other(tmp_path: Path) -> None:
    witness = witness_in(tmp_path, logs=[LOG_KEY, OTHER.key])
    assert witness.add_checkpoint(LOG.request(0, 5), NOW).status == 200
    assert witness.add_checkpoint(OTHER.request(0, 9), NOW).status == 200
    assert witness.add_checkpoint(OTHER.request(5, 12), NOW).body == b"9\n"
    assert witness.add_checkpoint(LOG.request(5, 12), NOW).status == 200


def test_a_log_may_sign_with_any_of_its_keys_or_all(tmp_path: Path) -> None:
    second, later = SigningKey.create(ORIGIN), CosigningKey.create(ORIGIN, "ml-dsa-44")
    keys: list[LogKey] = [LOG_KEY.verify_key, second.verify_key, later.verify_key]
    witness = Witness.open([WITNESS_KEY], keys, tmp_path / "state", tmp_path / "mark")
    text = LOG.checkpoint(5).text()
    lines = (
        *sign_note(text, second).signatures,
        later.cosign(LOG.checkpoint(5), 0),
        *LOG.note(5).signatures,
    )
    assert witness.add_checkpoint(b"old 0\n\n" + str(Note(text, lines[1:2])).encode(), NOW).status == 200
    shown = Note.parse(witness.checkpoint(sha256_hex(ORIGIN.encode())).body)
    assert shown.signatures[:-1] == lines[1:2]
    wrong = Note(text, (lines[0], replace(lines[1], signature=bytes(2428))))
    assert witness.add_checkpoint(b"old 5\n\n" + str(wrong).encode(), NOW).status == 403


def test_a_second_key_signs_a_second_line_and_the_first_is_deterministic(tmp_path: Path) -> None:
    quantum = CosigningKey.create(WITNESS_KEY.name, "ml-dsa-44")
    witness = witness_in(tmp_path, WITNESS_KEY, quantum)
    answer = witness.add_checkpoint(LOG.request(0, 5), NOW)
    note = Note.parse(f"{LOG.checkpoint(5).text()}\n".encode() + answer.body)
    both = [WITNESS_KEY.verify_key, quantum.verify_key]
    assert verified_cosignatures(note, both) == dict.fromkeys(both, NOW)
    assert note.signatures[0] == WITNESS_KEY.cosign(LOG.checkpoint(5), NOW)
    assert witness.add_checkpoint(LOG.request(5, 5), NOW + 7) == answer


def test_monitors_see_the_newest_checkpoint_with_both_signatures(witness: Witness) -> None:
    path = sha256_hex(ORIGIN.encode())
    given = witness.add_checkpoint(LOG.request(5, 8), NOW + 3)
    shown = witness.checkpoint(path)
    assert (shown.status, shown.content_type) == (200, "text/plain; charset=utf-8")
    assert shown.body == str(CHECKPOINT).encode() + given.body
    assert witness.checkpoint(sha256_hex(b"example.com/other")).status == 404
    assert witness.checkpoint("").status == 404


def test_a_log_that_was_never_cosigned_is_not_shown(tmp_path: Path) -> None:
    assert witness_in(tmp_path).checkpoint(sha256_hex(ORIGIN.encode())).status == 404


def test_a_clock_that_goes_back_gives_no_earlier_time(witness: Witness, tmp_path: Path) -> None:
    answer = witness.add_checkpoint(LOG.request(5, 8), NOW - 1_000)
    assert times_in(answer.body, LOG.checkpoint(8)) == NOW
    witness.close()
    again = witness_in(tmp_path)
    answer = again.add_checkpoint(LOG.request(8, 12), NOW - 1_000)
    assert times_in(answer.body, LOG.checkpoint(12)) == NOW


@pytest.mark.parametrize("now", [0, -1, 2**63])
def test_a_clock_without_a_time_signs_nothing(tmp_path: Path, now: int) -> None:
    witness = witness_in(tmp_path)
    assert witness.add_checkpoint(LOG.request(0, 5), now).status == 500
    assert witness.add_checkpoint(LOG.request(0, 5), NOW).status == 200


def test_a_thousand_requests_for_one_size_give_one_cosignature(tmp_path: Path) -> None:
    """The operator grinds: the same size again and again, from each old size, in threads, after restarts."""
    witness = witness_in(tmp_path)
    seen: set[bytes] = set()
    assert witness.add_checkpoint(LOG.request(0, 5), NOW).status == 200

    def grind(seed: int) -> None:
        chance = Random(seed)  # noqa: S311  chooses requests
        for i in range(120):
            log = FORK if chance.random() < 0.1 else LOG
            answer = witness.add_checkpoint(
                log.request(chance.choice([5, 5, 8, 8, 0, 7]), 8), NOW + seed * 100 + i
            )
            if answer.status == 200:
                seen.add(answer.body)

    for generation in range(3):
        threads = [Thread(target=grind, args=(generation * 3 + i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        witness.close()
        witness = witness_in(tmp_path)
    assert len(seen) == 1


def test_two_clients_with_different_sizes_at_once_never_set_it_back(tmp_path: Path) -> None:
    """The race of tlog-witness, "add-checkpoint": both are consistent with 5, one is larger."""
    for round_ in range(30):
        folder = tmp_path / str(round_)
        folder.mkdir()
        witness = witness_in(folder)
        witness.add_checkpoint(LOG.request(0, 5), NOW)
        answers: dict[int, int] = {}

        def ask(size: int, witness: Witness = witness, answers: dict[int, int] = answers) -> None:
            answers[size] = witness.add_checkpoint(LOG.request(5, size), NOW).status

        threads = [Thread(target=ask, args=(size,)) for size in (8, 12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers.values()) == [200, 409]
        winner = max(size for size, status in answers.items() if status == 200)
        assert witness.add_checkpoint(LOG.request(0, 12), NOW).body == b"%d\n" % winner


def test_requests_answered_together_are_answered_as_one_after_the_other(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    bodies = [LOG.request(0, 5), LOG.request(0, 8), LOG.request(5, 8), LOG.request(5, 5), FORK.request(8, 12)]
    assert [answer.status for answer in witness.add_checkpoints(bodies, NOW)] == [200, 409, 200, 409, 422]


SCRIPT = st.lists(
    st.tuples(st.sampled_from(["log", "fork"]), st.integers(0, 12), st.integers(0, 12)), max_size=25
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCRIPT)
def test_whatever_is_asked_in_whatever_order_all_that_is_signed_is_one_growing_history(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[str, int, int]]
) -> None:
    witness = witness_in(tmp_path_factory.mktemp("witness"))
    signed: list[Checkpoint] = []
    lines: dict[int, bytes] = {}
    for which, old, size in script:
        log = LOG if which == "log" else FORK
        answer = witness.add_checkpoint(log.request(old, size, proof=log.proof(min(old, size), size)), NOW)
        if answer.status == 200:
            signed.append(log.checkpoint(size))
            assert lines.setdefault(size, answer.body) == answer.body
    sizes = [checkpoint.size for checkpoint in signed]
    assert sizes == sorted(sizes)
    assert any(all(one == log.checkpoint(one.size) for one in signed) for log in (LOG, FORK))


GOOD = LOG.request(5, 8)
CHANGED: dict[str, Callable[[bytes, int, int], bytes]] = {
    "a byte exchanged": lambda body, at, byte: body[:at] + bytes([byte]) + body[at + 1 :],
    "a byte put in": lambda body, at, byte: body[:at] + bytes([byte]) + body[at:],
    "a byte taken out": lambda body, at, _: body[:at] + body[at + 1 :],
    "the end cut off": lambda body, at, _: body[:at],
}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(CHANGED)), st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_no_changed_request_gets_a_signature(
    tmp_path_factory: pytest.TempPathFactory, way: str, at: int, byte: int
) -> None:
    body = CHANGED[way](GOOD, at, byte)
    if body == GOOD:
        return
    answer = standing(tmp_path_factory).add_checkpoint(body, NOW)
    assert answer.status in {400, 403, 404, 409, 422}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.binary(max_size=100).map(lambda data: b"old 5\n" + data))
def test_no_garbage_gets_a_signature_or_breaks_it(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    assert standing(tmp_path_factory).add_checkpoint(body, NOW).status == 400


_STANDING: list[Witness] = []


def standing(folders: pytest.TempPathFactory) -> Witness:
    """One witness at size 5 for all examples: none of them may move it."""
    if not _STANDING:
        _STANDING.append(witness_in(folders.mktemp("standing")))
        _STANDING[0].add_checkpoint(LOG.request(0, 5), NOW)
    return _STANDING[0]


def test_keys_that_are_no_witness_are_refused(tmp_path: Path) -> None:
    quantum, second = CosigningKey.create("w", "ml-dsa-44"), CosigningKey.create("w2")
    for keys in ([], [quantum], [WITNESS_KEY, second], [quantum, WITNESS_KEY]):
        with pytest.raises(UsageError, match="one Ed25519 key is one witness"):
            Witness.open(keys, [LOG_KEY.verify_key], tmp_path / "state", tmp_path / "mark")
    with pytest.raises(UsageError, match="--log"):
        Witness.open([WITNESS_KEY], [], tmp_path / "state", tmp_path / "mark")
    long = SigningKey.create("x" * 300)
    with pytest.raises(UsageError, match="255 bytes"):
        Witness.open([WITNESS_KEY, quantum], [long.verify_key], tmp_path / "state", tmp_path / "mark")
    assert list(tmp_path.iterdir()) == []


def test_a_logs_key_is_of_type_1_or_6() -> None:
    quantum = CosigningKey.create(ORIGIN, "ml-dsa-44").verify_key
    assert read_log_key(str(LOG_KEY.verify_key)) == LOG_KEY.verify_key
    assert read_log_key(str(quantum)) == quantum
    for text in ("", "x", str(WITNESS_KEY.verify_key)):
        with pytest.raises(UsageError, match="expected, got"):
            read_log_key(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_a_logs_key(text: str) -> None:
    with contextlib.suppress(UsageError):
        read_log_key(text)
