"""An engine of many machines: what a job needs goes to them by digest, and what is lost on the way is begun again.

    >>> engine = ClusterEngine(crew, terms, models=..., data=..., staging=..., threads=2)
    >>> engine.run_all([TrainJob(...), TrainJob(...)], watch)       # side by side, on whatever nodes have room

It knows jobs, a shared store and a crew of posts (`detent.engine._post`), and not how the crew's machines are found and
reached: `detent.engine.ray` does. A node that dies in the middle of a job costs time, and changes no result.
"""

import hashlib
import platform
import re
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import msgspec
from msgspec import Raw, UnsetType

from detent.disk import discard, storing
from detent.engine._blobs import BlobStore, SpoiltError, with_bases
from detent.engine._hands import SILENT_SECONDS, Hand, check_facts, decoded, given_up, progress_of
from detent.engine._post import Done, Facts, Failed, Order, Terms, Told, Word, encode
from detent.engine._together import Together
from detent.engine.base import Ask, Watch, believed, only_answers, raise_failure, refuse_looks
from detent.engine.crew import ClusterTerms, Crew, LostPostError
from detent.errors import DetentError, EngineError, TrustError, UsageError
from detent.values import Device, Job, JobFailure, Progress, Result
from detent.values.jobs import decode_result, encode_line

PLACE_SECONDS = 600.0
"""For so long a crew may take to find room for a first post."""

_PATIENCE = 0.5  # seconds that a crew is waited for at a time: an interrupt is seen in between
_DIGEST = re.compile(rb'"([0-9a-f]{64})"')
_OPENING = -1  # the place of what is no job of `run_all`


@dataclass(slots=True)
class _Shift:
    """Jobs by place: which wait, what came of the others, and how often each was lost."""

    waiting: deque[int]
    results: dict[int, Result] = field(default_factory=dict)
    errors: dict[int, DetentError] = field(default_factory=dict)
    losses: dict[int, int] = field(default_factory=dict)


class ClusterEngine:
    """An `Engine` of posts, each with a worker; they keep what they were given of the cluster until `close`."""

    def __init__(
        self,
        crew: Crew,
        terms: ClusterTerms,
        *,
        models: Path,
        data: Path,
        staging: Path,
        threads: int,
        device: Device = "cpu",
        stall_seconds: float = 120.0,
    ) -> None:
        """Reach for nothing yet.

        Args:
            crew: finds posts.
            terms: which cluster, and how much of it.
            models: folder of `<digest>/`; what jobs name goes to the store.
            data: folder of `<digest>.jsonl`, as well.
            staging: folder in which models arrive; made when missing.
            threads: CPU threads of each job; results depend on it.
            device: what workers compute on.
            stall_seconds: silence after which a worker is ended.
        """
        self._crew, self._terms = crew, terms
        self._models, self._data, self._staging = (path.absolute() for path in (models, data, staging))
        run = hashlib.sha256(f"{platform.node()}:{self._models}".encode()).hexdigest()[:16]
        self._told = encode(Terms(terms.store, run, threads, device, stall_seconds))
        self._hands: list[Hand] = []
        self._opening: Hand | None = None
        self._surveyed: tuple[Facts, ...] = ()
        self._open = self._closed = False

    @property
    def confined(self) -> bool:
        """As in `Engine`; true only if every node can confine its workers."""
        return all(facts.confined for facts in self._nodes())

    @property
    def unconfined_because(self) -> str:
        """As in `Engine`; node by node."""
        return "; ".join(
            dict.fromkeys(f"on {facts.node} {facts.because}" for facts in self._nodes() if not facts.confined)
        )

    @property
    def processor(self) -> str:
        """The kinds of processor of the nodes."""
        return " and ".join(sorted({facts.processor for facts in self._nodes()}))

    @property
    def width(self) -> int:
        """As in `Engine`."""
        return self._terms.width

    def run(self, job: Job, watch: Watch) -> Result:
        """As in `Engine`."""
        return self.run_all([job], watch)[0]

    def run_all(self, jobs: Sequence[Job], watch: Watch) -> list[Result]:
        """As in `Engine`. A job whose worker or node is lost is begun again, on whatever node has room."""
        refuse_looks(jobs)
        self._nodes()
        shift, together = _Shift(deque(range(len(jobs)))), Together(watch, len(jobs))
        orders = [self._order(job) for job in jobs]
        try:
            while len(shift.results) + len(shift.errors) < len(jobs):
                self._staff(shift, orders)
                for hand in self._heard():
                    self._hear(hand, shift, jobs, together)
        finally:  # an interrupt, or an error of `watch`: what is in the middle of a job cannot be given another
            for hand in [hand for hand in self._hands if hand.place is not None]:
                self._let_go(hand)
        if shift.errors:
            raise shift.errors[min(shift.errors)]
        return [shift.results[place] for place in range(len(jobs))]

    @contextmanager
    def opening(self) -> Iterator[Ask]:
        """As in `Engine`. Where its node is lost, a job is asked of another worker that has run none before."""
        if self._open:
            raise UsageError("one opening at a time expected, got a second; end the first before")
        self._nodes()
        self._open = live = True

        def ask(job: Job, watch: Watch) -> Result:
            if not live:
                raise UsageError("a job inside an opening expected, got one after its end; open another")
            order = self._order(only_answers(job))
            return self._finished(self._in_opening(order, watch), job)

        try:
            if isinstance(word := self._in_opening(None, _unwatched), Failed):
                self._raise(word)
            yield ask
        finally:
            self._open = live = False
            self._shut()

    def close(self) -> None:
        """As in `Engine`."""
        self._closed = True
        for hand in list(self._hands):
            self._let_go(hand)
        self._crew.close()

    def _nodes(self) -> tuple[Facts, ...]:
        """What each node is; they are asked once."""
        if self._closed:
            raise UsageError("an open engine expected, got a closed one; make another")
        if not self._surveyed:
            self._store = BlobStore(self._terms.store)
            self._mark = self._store.put_bytes(b"detent mark " + secrets.token_hex(16).encode())
            words = [decoded(said) for said in self._crew.survey(self._terms.store, self._mark)]
            found = tuple(word for word in words if isinstance(word, Facts))
            for facts in found:
                check_facts(facts)
            self._surveyed = found
        return self._surveyed

    def _order(self, job: Job) -> bytes:
        """The job and what it needs, which is in the store when this returns.

        Every text of the job that is a digest names a model or a data file if there is one; a prompt that looks like
        one gives a worker no more than it may see in any case.
        """
        line = encode_line(job)
        named = list(dict.fromkeys(found.decode() for found in _DIGEST.findall(line)))
        models = with_bases(named, self._models)
        data = [digest for digest in named if (self._data / f"{digest}.jsonl").is_file()]
        for digest in models:
            self._store.put_model(self._models / digest, digest)
        for digest in data:
            self._store.put_data(self._data / f"{digest}.jsonl", digest)
        return encode(Order(Raw(line), tuple(models), tuple(data)))

    def _staff(self, shift: _Shift, orders: Sequence[bytes]) -> None:
        """Give waiting jobs to whom can take one, and ask for as many posts more as there are others."""
        for hand in self._hands:
            if shift.waiting and hand.idle:
                hand.place = shift.waiting.popleft()
                hand.begin("run", orders[hand.place])
        starting = sum(hand.facts is None for hand in self._hands)
        for _ in range(min(len(shift.waiting) - starting, self.width - len(self._hands))):
            self._hire()

    def _hire(self) -> None:
        self._hands.append(Hand(self._crew.hire(self._told), self._mark))

    def _heard(self) -> list[Hand]:
        """Who has something to say, or has been silent for too long."""
        waited = [hand for hand in self._hands if hand.facts is None or hand.place is not None]
        ready = self._crew.ready([hand.line for hand in waited], _PATIENCE)
        speaking = [hand for hand in waited if any(hand.line is line for line in ready)]
        silent = [hand for hand in waited if hand not in speaking]
        for hand in silent:
            if (
                hand.facts is None
                and hand.silent > PLACE_SECONDS
                and not any(one.facts for one in self._hands)
            ):
                self._let_go(hand)
                raise EngineError(
                    f"room for a worker in the cluster within {PLACE_SECONDS:g} s expected, got none; see "
                    "`ray status`, then run again"
                )
        return speaking + [hand for hand in silent if hand.facts is not None and hand.silent > SILENT_SECONDS]

    def _hear(self, hand: Hand, shift: _Shift, jobs: Sequence[Job], together: Together) -> None:
        place = hand.place
        try:
            word = self._word(hand)
        except LostPostError as lost:
            self._lose(hand, place, shift, lost)
            return
        if place is None:
            return
        match word:
            case Told():
                together.watch(place)(progress_of(word))
            case Done() | Failed():
                hand.place = None
                try:
                    shift.results[place] = self._finished(word, jobs[place])
                except DetentError as error:
                    shift.errors[place] = error

    def _word(self, hand: Hand) -> Word:
        """The next word of a hand; what it says of its node is taken note of.

        Raises:
            LostPostError: it is gone, or the worker at it is; then it can be given something else.
        """
        if hand.facts is not None and hand.silent > SILENT_SECONDS:
            raise LostPostError(f"no word for {SILENT_SECONDS:g} s")
        word = hand.word()
        if isinstance(word, Failed) and word.lost:
            hand.place = None
            raise LostPostError(word.message)
        if isinstance(word, Facts):
            try:
                check_facts(word)
                self._check_confined(word)
            except DetentError:
                self._let_go(hand)
                raise
            hand.facts = word
        return word

    def _check_confined(self, facts: Facts) -> None:
        if not facts.confined and all(known.confined for known in self._surveyed):
            raise EngineError(
                f"a node that confines its workers expected, as those of this session, got {facts.node}, which joined "
                f"later: {facts.because}; install bubblewrap there, or take it out of the cluster"
            )

    def _lose(self, hand: Hand, place: int | None, shift: _Shift, lost: LostPostError) -> None:
        if hand.place is not None or hand.facts is None:
            self._let_go(hand)
        # A post that did not come to be is a loss of whatever waits first.
        index = place if place is not None else min(shift.waiting, default=None)
        if index is None:
            return
        shift.losses[index] = shift.losses.get(index, 0) + 1
        if shift.losses[index] > self._terms.retries:
            shift.errors[index] = given_up(shift.losses[index], hand, lost)
            if index in shift.waiting:
                shift.waiting.remove(index)
        elif place is not None:
            shift.waiting.appendleft(place)

    def _finished(self, word: Done | Failed, job: Job) -> Result:
        """The result that a node's last word brings, believed as little as a local worker's; its model in staging."""
        if isinstance(word, Failed):
            self._raise(word)
        if isinstance(word.result, UnsetType):
            raise EngineError("a result expected from a node, got none; install one version everywhere")
        try:
            said = decode_result(bytes(word.result))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EngineError(f"a result line expected from a node, got {error}; run again") from error
        if isinstance(said, Progress):
            raise EngineError("a result expected from a node, got progress; run again")
        result = believed(job, said)
        if folder := getattr(result, "folder", ""):
            with storing(self._staging):
                self._staging.mkdir(parents=True, exist_ok=True)
            discard(self._staging / folder)
            with _trusting():
                self._store.fetch_folder(word.made, self._staging / folder)
        return result

    def _raise(self, word: Failed) -> NoReturn:
        if word.spoilt:
            with _trusting():
                self._store.look_at(word.spoilt)  # a node's word alone does not make the record untrue
        raise_failure(JobFailure(error=word.error, message=word.message))

    def _in_opening(self, order: bytes | None, watch: Watch) -> Done | Failed:
        """Give the opening a job, if there is one; it is opened where it is not, and anew when it is lost."""
        losses = 0
        while True:
            hand = self._opening
            try:
                if hand is None:
                    hand = self._free()
                    if isinstance(word := self._converse(hand, "open", (), _unwatched), Failed):
                        return word
                    self._opening = hand
                return Done() if order is None else self._converse(hand, "ask", (order,), watch)
            except LostPostError as lost:
                self._opening = None
                losses += 1
                if losses > self._terms.retries:
                    raise given_up(losses, hand, lost) from lost

    def _free(self) -> Hand:
        """A post that can be given something."""
        while True:
            for hand in self._hands:
                if hand.idle:
                    return hand
            if not self._hands:
                self._hire()
            for hand in self._heard():
                if (lost := self._see_to(hand)) is not None:
                    raise lost

    def _see_to(self, hand: Hand) -> LostPostError | None:
        """Hear a post that begins; how it was lost, if it was."""
        try:
            self._word(hand)
        except LostPostError as lost:
            self._let_go(hand)
            return lost
        return None

    def _converse(self, hand: Hand, method: str, given: tuple[bytes, ...], watch: Watch) -> Done | Failed:
        """The last word in answer to what is asked of a post, which is gone when there is none."""
        hand.place = _OPENING
        hand.begin(method, *given)
        try:
            while True:
                for heard in self._heard():
                    if heard is not hand:
                        self._see_to(heard)
                        continue
                    word = self._word(hand)
                    if isinstance(word, Told):
                        watch(progress_of(word))
                    elif isinstance(word, Done | Failed):
                        hand.place = None
                        return word
        finally:
            if hand.place is not None:
                self._let_go(hand)

    def _shut(self) -> None:
        hand, self._opening = self._opening, None
        if hand is None:
            return
        try:
            self._converse(hand, "shut", (), _unwatched)
        except (LostPostError, DetentError):
            self._let_go(hand)

    def _let_go(self, hand: Hand) -> None:
        """End a post now; its worker ends with it."""
        if self._opening is hand:
            self._opening = None
        if hand in self._hands:
            self._hands.remove(hand)
            self._crew.let_go(hand.line)


@contextmanager
def _trusting() -> Iterator[None]:
    """Stops the world: what is in the store is what lineage on the ledger names."""
    try:
        yield
    except SpoiltError as error:
        raise TrustError(str(error)) from error


def _unwatched(_: Progress) -> None:
    """Nobody is told."""
