"""An auditor: what it is asked, what it gives out, what it keeps back; and the client that asks it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.audit.scripted_run import QuickFiles
from tests.coordinate.test_coordinate_entropy import INTENT
from tests.coordinate.witness_world import LOG_KEY, NOW, ORIGIN, WITNESS_KEY, say, serving

from detent.coordinate import Asked, Auditor, HeadAt, believed_release, digest_of, fetch_release
from detent.errors import PeerError, StorageError, TrustError, UsageError
from detent.evaluate import Chain
from detent.ledger import (
    LARGEST_ENTRY,
    Checkpoint,
    CosigningKey,
    Ledger,
    Note,
    Policy,
    ProofFile,
    leaf_hash,
    sign_note,
)
from detent.ledger._merkle import tree_root
from detent.ledger.proofs import inclusion_path
from detent.signing import SigningKey, canonical
from detent.values import Intent, IntentWritten, Refused, entry_document, stub_of

CHAIN = Chain(b"\x07" * 32, 10)
KEY = SigningKey.create("audit.example")
POLICY = Policy.parse(
    f"log {LOG_KEY.verify_key}\nwitness w {WITNESS_KEY.verify_key} http://127.0.0.1:1\nquorum w\n".encode()
)
STRANGER = CosigningKey.create("witness.example.com/w1")


def intent_bytes(k: int = 1, **fields: object) -> bytes:
    intent: Intent = structs.replace(INTENT, k=k, **fields)
    written = IntentWritten(intent=intent, at="2026-01-01T00:00:00Z", generation=1)
    return canonical(entry_document(written))


def question(
    entry: bytes,
    *,
    before: int = 5,
    after: int = 0,
    leaf: bytes | None = None,
    cosigners: Sequence[CosigningKey] = (WITNESS_KEY,),
    log: SigningKey = LOG_KEY,
    at: int = NOW,
) -> ProofFile:
    """That an entry stands in a log after so many others, cosigned; and before so many more."""
    leaves = [leaf_hash(b"%d" % number) for number in range(before)]
    leaves += [leaf or leaf_hash(entry), *(leaf_hash(b"later %d" % number) for number in range(after))]
    checkpoint = Checkpoint(log.name, len(leaves), tree_root(leaves))
    note = sign_note(checkpoint.text(), log)
    note = Note(note.text, (*note.signatures, *(key.cosign(checkpoint, at) for key in cosigners)))
    path = inclusion_path(
        before,
        len(leaves),
        lambda height, index: tree_root(leaves[index << height : index + 1 << height]),
    )
    return ProofFile(before, tuple(path), str(note), entry)


def asked(proof: ProofFile, k: int = 1, leaf: bytes | None = None) -> Asked:
    checkpoint = Checkpoint.parse(Note.parse(proof.checkpoint.encode()).text)
    head = HeadAt(checkpoint.origin, checkpoint.size, checkpoint.root)
    return Asked(CHAIN.tip, k, head, leaf or leaf_hash(proof.extra), digest_of(proof.checkpoint))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.create(tmp_path / "releases", KEY, KEY.name, QuickFiles) as log:
        yield log


def auditor_of(log: Ledger) -> Auditor:
    return Auditor(KEY, CHAIN, POLICY, log, lambda _: None)


def test_a_cosigned_intent_gets_its_link_on_the_auditors_word_and_the_same_bytes_again(log: Ledger) -> None:
    auditor, proof = auditor_of(log), question(intent_bytes())
    first = auditor.release(str(proof).encode())
    assert first.status == 200
    assert believed_release(first.body.decode(), KEY.verify_key, asked(proof)) == CHAIN.reveal(1)
    assert auditor.release(str(proof).encode()) == first
    assert auditor_of(log).release(str(proof).encode()) == first  # started again
    assert log.size == 1


def test_no_other_intent_gets_a_link_that_is_out_nor_one_before_it(log: Ledger) -> None:
    auditor = auditor_of(log)
    assert auditor.release(str(question(intent_bytes(3))).encode()).status == 200
    for other in (
        question(intent_bytes(3, candidate="another")),
        question(intent_bytes(3), before=6),  # the same intent after another past: other problems
        question(intent_bytes(3), at=NOW + 1),  # the same again, but for a witness that signed a second time
        question(intent_bytes(1)),
        question(intent_bytes(2)),
    ):
        for each in (auditor, auditor_of(log)):
            answer = each.release(str(other).encode())
            assert (answer.status, CHAIN.reveal(3).hex().encode() in answer.body) == (409, False)
    assert auditor.release(str(question(intent_bytes(4))).encode()).status == 200
    assert (auditor.last, log.size) == (4, 2)


def _no_proof() -> bytes:
    return b"c2sp.org/tlog-proof@v1\nindex x\n"


def _another_entry() -> bytes:
    return canonical(
        entry_document(Refused(what="w", digest="d", because="b", at="2026-01-01T00:00:00Z", generation=1))
    )


REFUSED: dict[str, tuple[bytes, int, bytes]] = {
    "nothing": (b"", 400, b"a tlog-proof with"),
    "no proof": (_no_proof(), 400, b"a tlog-proof with"),
    "a proof without the entry": (str(replace(question(intent_bytes()), extra=b"")).encode(), 400, b"entry"),
    "another kind of entry": (str(question(_another_entry())).encode(), 400, b"refusal/v1"),
    "junk in the entry's place": (str(question(b'{"kind":' * 500)).encode(), 400, b"entry"),
    "an opening that the chain does not have": (str(question(intent_bytes(11))).encode(), 400, b"1 to 10"),
    "opening 0": (str(question(intent_bytes(0))).encode(), 400, b"1 to 10"),
    "an intent that nobody cosigned": (str(question(intent_bytes(), cosigners=())).encode(), 403, b"w"),
    "an intent that a stranger cosigned in a witness's name": (
        str(question(intent_bytes(), cosigners=(STRANGER,))).encode(),
        403,
        b"w",
    ),
    "another log": (
        str(question(intent_bytes(), log=SigningKey.create("example.com/other"))).encode(),
        403,
        b"log",
    ),
    "a stranger in the log's name": (
        str(question(intent_bytes(), log=SigningKey.create(ORIGIN))).encode(),
        403,
        b"log",
    ),
    "an intent that is not in the tree": (
        str(question(intent_bytes(), leaf=leaf_hash(b"another"))).encode(),
        403,
        b"root",
    ),
    "an intent after which the run went on": (
        str(question(intent_bytes(), after=1)).encode(),
        400,
        b"as the last of 7 entries",
    ),
}


@pytest.mark.parametrize(("body", "status", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_no_link_is_given_for(log: Ledger, body: bytes, status: int, says: bytes) -> None:
    auditor = auditor_of(log)
    answer = auditor.release(body)
    assert answer.status == status, answer
    assert says in answer.body
    assert (auditor.last, log.size) == (0, 0)


RIGHT = str(question(intent_bytes())).encode()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_changed_in_a_question_gets_no_link_for_anything_else(data: st.DataObject) -> None:
    """Changed bytes are refused, or say the very same; nothing raises."""
    place = data.draw(st.integers(0, len(RIGHT) - 1))
    changed = RIGHT[:place] + data.draw(st.binary(max_size=2)) + RIGHT[place + data.draw(st.integers(0, 2)) :]
    auditor = Auditor(KEY, CHAIN, POLICY, InMemory(), lambda _: None)
    answer = auditor.release(changed)
    if answer.status == 200:
        believed_release(answer.body.decode(), KEY.verify_key, asked(question(intent_bytes())))
    else:
        assert answer.status in {400, 403}


class InMemory:
    def __init__(self) -> None:
        self.written: list[bytes] = []

    def append(self, entry: bytes) -> int:
        self.written.append(entry)
        return len(self.written) - 1

    def entries(self, start: int = 0) -> list[bytes]:
        return self.written[start:]


class Refusing(InMemory):
    def append(self, entry: bytes) -> int:
        super().append(entry)  # whether it is there is not known
        raise StorageError("a file expected at /a/path, got: no space left on device")


def test_while_the_disk_refuses_nothing_is_out_and_no_path_is_told() -> None:
    log = Refusing()
    said: list[str] = []
    auditor = Auditor(KEY, CHAIN, POLICY, log, said.append)
    for _ in range(2):
        answer = auditor.release(RIGHT)
        assert answer.status == 500
        assert b"/a/path" not in answer.body
        assert CHAIN.reveal(1).hex().encode() not in answer.body
    assert "/a/path" in said[0]
    other = auditor.release(str(question(intent_bytes(candidate="another"))).encode())
    assert other.status == 500
    again = Auditor(KEY, CHAIN, POLICY, log, said.append)
    assert again.release(RIGHT).status == 200  # it was written after all, and is for this intent
    assert again.release(str(question(intent_bytes(candidate="another"))).encode()).status == 409


def test_an_intent_too_large_for_a_ledger_is_proven_by_what_stands_there_in_its_place(log: Ledger) -> None:
    entry = intent_bytes(tasks={f"task {number}": "0" * 64 for number in range(900)})
    assert LARGEST_ENTRY < len(entry) < 100_000
    leaf = leaf_hash(canonical(entry_document(stub_of(entry))))
    proof = question(entry, leaf=leaf)
    answer = auditor_of(log).release(str(proof).encode())
    assert answer.status == 200
    assert believed_release(answer.body.decode(), KEY.verify_key, asked(proof, leaf=leaf)) == CHAIN.reveal(1)


POLICIES = {
    "no log": f"witness w {WITNESS_KEY.verify_key} http://127.0.0.1:1\nquorum w\n",
    "no witness": f"log {LOG_KEY.verify_key}\nquorum none\n",
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_a_policy_has_to_name(policy: str) -> None:
    with pytest.raises(UsageError, match="`log` line and a quorum of witnesses expected"):
        Auditor(KEY, CHAIN, Policy.parse(policy.encode()), InMemory(), lambda _: None)


def test_a_log_of_another_chain_is_not_taken(log: Ledger) -> None:
    auditor_of(log).release(RIGHT)
    with pytest.raises(TrustError, match="links of the chain"):
        Auditor(KEY, Chain(b"\x08" * 32, 10), POLICY, log, lambda _: None)


def fetched(answers: Sequence[tuple[int, bytes]], *, deadline: float = 5) -> tuple[str, int]:
    """What the client makes of these answers, one after the other and the last for ever; and how often it asked."""
    given, times = list(answers), 0

    def answer(handler: object, _: bytes) -> None:
        nonlocal times
        times += 1
        say(handler, *(given.pop(0) if len(given) > 1 else given[0]))  # type: ignore[arg-type]

    proof = question(intent_bytes())
    with serving(answer) as url:
        return fetch_release(url, KEY.verify_key, asked(proof), proof, deadline=deadline), times


def test_an_auditor_that_listens_and_never_answers_is_an_error_in_time() -> None:
    proof = question(intent_bytes())
    began = time.monotonic()
    with (
        serving(lambda _handler, _body: time.sleep(3)) as url,
        pytest.raises(PeerError, match="got none"),
    ):
        fetch_release(url, KEY.verify_key, asked(proof), proof, deadline=0.5)
    assert time.monotonic() - began < 30


def released(k: int = 1, **fields: object) -> bytes:
    log = InMemory()
    return (
        Auditor(KEY, CHAIN, POLICY, log, lambda _: None)
        .release(str(question(intent_bytes(k, **fields))).encode())
        .body
    )


def test_an_auditor_that_is_down_is_asked_again() -> None:
    note, times = fetched([(503, b"down"), (429, b"busy"), (200, released())])
    assert believed_release(note, KEY.verify_key, asked(question(intent_bytes()))) == CHAIN.reveal(1)
    assert times == 3


def _told(error: type[Exception], match: str, *answers: tuple[int, bytes]) -> Callable[[], None]:
    def told() -> None:
        with pytest.raises(error, match=match):
            fetched(answers, deadline=0.5)

    return told


ANSWERS = {
    "it is down all the time": _told(PeerError, "got none: got HTTP 500", (500, b"no")),
    "it refuses": _told(PeerError, "HTTP 403 'no quorum'", (403, b"no quorum")),
    "it has released the link for another": _told(TrustError, "set back, or forked", (409, b"out")),
    "it answers with junk": _told(PeerError, "got no such thing", (200, b"\x00\xff")),
    "it answers with another link": _told(PeerError, "for another intent", (200, released(2))),
    "it answers for another intent": _told(PeerError, "for another intent", (200, released(candidate="x"))),
    "it answers with too much": _told(PeerError, "at most", (200, b"x" * 100_000)),
    "its answer would move a terminal": _told(PeerError, r"HTTP 404 '\[31mred'", (404, b"\x1b\x07[31mred")),
}


@pytest.mark.parametrize("told", ANSWERS.values(), ids=ANSWERS.keys())
def test_the_client_says_what_is_wrong_where(told: Callable[[], None]) -> None:
    started = time.monotonic()
    told()
    assert time.monotonic() - started < 5
