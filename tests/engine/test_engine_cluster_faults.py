"""What goes wrong on a cluster ends in a clear error, or in the result that there would have been."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.engine.cluster_worlds import Site, made
from tests.engine.stand_ins import StandInPost
from tests.engine.threads_crew import ThreadCrew, switch_off

from detent.engine import ClusterEngine, ModelStore
from detent.engine._post import Done, Facts, Failed, decode_word, encode
from detent.engine.ray import RayCrew
from detent.errors import DetentError, EngineError, StorageError, TrustError, UsageError
from detent.testing.models import write_model
from detent.values import AnswerJob, Answers, BuildJob, BuiltModel, Progress
from detent.values.jobs import encode_line


class Bench(NamedTuple):
    """A cluster of threads, and what to ask of it."""

    site: Site
    crew: ThreadCrew
    engine: ClusterEngine

    def ask(self, *prompts: str) -> Answers:
        result = self.engine.run(AnswerJob(model=self.site.model, prompts=prompts), _quiet)
        assert isinstance(result, Answers)
        return result

    def lie(self, about: type[Any], lie: Callable[[Any], Any]) -> None:
        """From now on a node's words of one kind are others."""

        def said(word: bytes) -> bytes:
            told = decode_word(word)
            return encode(lie(told)) if isinstance(told, about) else word

        self.crew.lie = self.crew.lie_of_nodes = said


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    site = made(tmp_path, monkeypatch)
    crew = ThreadCrew(StandInPost)
    engine = site.engine(crew)
    yield Bench(site, crew, engine)
    engine.close()


def put_other_bytes(bench: Bench) -> None:
    """Under the names of the model's files, as long as they were; and no node has a copy any more."""
    bench.ask("C1=")
    bench.engine.close()
    shutil.rmtree(bench.site.root / "cache")
    for blob in (bench.site.store / "blobs").iterdir():
        blob.write_bytes(blob.read_bytes()[::-1])


def empty_the_store(bench: Bench) -> None:
    bench.crew.on_hire = lambda _: shutil.rmtree(bench.site.store / "blobs", ignore_errors=True)


def let_a_node_join_that_confines_nothing(bench: Bench) -> None:
    """After the session said of all nodes that they do."""
    bench.crew.lie_of_nodes = bench.crew.lie = lambda word: word
    bench.lie(Facts, lambda facts: msgspec.structs.replace(facts, confined=True, because=""))
    assert bench.engine.confined
    bench.lie(Facts, lambda facts: msgspec.structs.replace(facts, confined=False, because="no bubblewrap"))


class Fault(NamedTuple):
    """What to break, what to ask then, and what is said of it."""

    breaks: Callable[[Bench], object]
    kind: type[DetentError]
    words: str
    prompt: str = "C1="


FAULTS = {
    "the store is not there": Fault(
        lambda bench: shutil.rmtree(bench.site.store), StorageError, "a folder that every node sees expected"
    ),
    "a node cannot see the store": Fault(
        lambda bench: bench.lie(
            Facts, lambda facts: msgspec.structs.replace(facts, fault="nothing is there")
        ),
        StorageError,
        "a node that can be worked on expected, got .*: nothing is there",
    ),
    "the store is emptied while a run uses it": Fault(empty_the_store, StorageError, "was it emptied"),
    "the store holds other bytes under a digest": Fault(
        put_other_bytes, TrustError, "find out who writes there, remove the file"
    ),
    "a node has another version of a library": Fault(
        lambda bench: bench.lie(
            Facts,
            lambda facts: msgspec.structs.replace(facts, software={**facts.software, "torch": "0.4"}),
        ),
        EngineError,
        "the same versions on all nodes expected.*torch 0.4 there",
    ),
    "a node joins that confines nothing, in a session that is confined": Fault(
        let_a_node_join_that_confines_nothing, EngineError, "a node that confines its workers expected"
    ),
    "a node says something that is no word": Fault(
        lambda bench: bench.lie(Done, lambda _: ["done"]), EngineError, "a word expected from a node"
    ),
    "a node says that it is done, and not what came of it": Fault(
        lambda bench: bench.lie(Done, lambda _: Done()),
        EngineError,
        "a result expected from a node, got none",
    ),
    "a node gives another kind of result": Fault(
        lambda bench: bench.lie(
            Done, lambda _: Done(result=msgspec.Raw(b'{"type":"labels","kept":[],"offered":{}}'))
        ),
        EngineError,
        "the kind of result that AnswerJob has expected",
    ),
    "a node gives progress for a result": Fault(
        lambda bench: bench.lie(
            Done,
            lambda _: Done(result=msgspec.Raw(encode_line(Progress(phase="answer", done=1, total=1)))),
        ),
        EngineError,
        "got progress",
    ),
    "a node says that the record is at fault": Fault(
        lambda bench: bench.lie(Done, lambda _: Failed(error="TrustError", message="the ledger is wrong")),
        EngineError,
        "the ledger is wrong",
    ),
    "a node says that the store is spoilt, and it is not": Fault(
        lambda bench: bench.lie(
            Done, lambda _: Failed(error="StorageError", message="spoilt here", spoilt=bench.site.model)
        ),
        StorageError,
        "spoilt here",
    ),
    "a worker gives another kind of result": Fault(
        lambda _: None, EngineError, "the kind of result that AnswerJob has expected", prompt="!kind"
    ),
    "a worker answers too few prompts": Fault(
        lambda _: None, EngineError, "1 completions expected", prompt="!few"
    ),
    "a worker says nothing for too long, each time": Fault(
        lambda _: None, EngineError, r"lost 4 times, the last time on .*got silence", prompt="!stall"
    ),
    "a worker dies of the job each time": Fault(
        lambda _: None, EngineError, r"lost 4 times, the last time on .*SIGKILL", prompt="!die"
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_clearly(bench: Bench, fault: str) -> None:
    breaks, kind, words, prompt = FAULTS[fault]
    breaks(bench)
    engine = bench.engine if not bench.engine._closed else bench.site.engine(bench.crew)
    with pytest.raises(kind, match=words) as error:
        engine.run(AnswerJob(model=bench.site.model, prompts=(prompt,)), _quiet)
    engine.close()
    assert isinstance(error.value, TrustError) == (kind is TrustError)


def test_a_cluster_is_confined_only_if_every_node_is(bench: Bench) -> None:
    said = iter([(True, ""), (False, "bubblewrap (bwrap) is not installed")])

    def one_of_two(facts: Facts) -> Facts:
        confined, because = next(said)
        return msgspec.structs.replace(facts, node=f"node-{confined}", confined=confined, because=because)

    bench.lie(Facts, one_of_two)
    assert not bench.engine.confined
    assert bench.engine.unconfined_because == "on node-False bubblewrap (bwrap) is not installed"


def test_a_session_names_the_processors_of_all_nodes(bench: Bench) -> None:
    kinds = iter(["new", "old"])
    bench.lie(Facts, lambda facts: msgspec.structs.replace(facts, processor=next(kinds)))
    assert bench.engine.processor == "new and old"


def switch_off_who_speaks(bench: Bench) -> None:
    """The node of the one job that is done."""
    switch_off(next(line for line in bench.crew.lines if not line.cut.is_set()))


def silence_who_speaks(bench: Bench) -> None:
    """A node that is cut off: what it says arrives nowhere."""
    bench.crew.lines[0].said = SimpleQueue()


LOSSES: dict[str, Callable[[Bench], None]] = {
    "its node is switched off": switch_off_who_speaks,
    "its node is cut off, and only falls silent": silence_who_speaks,
}


@pytest.mark.parametrize("opened", [False, True], ids=["in the middle of a job", "in an opening"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_job_is_begun_again_when(
    bench: Bench, loss: str, opened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detent.engine._post.BEAT_SECONDS", 0.2)
    monkeypatch.setattr("detent.engine.cluster.SILENT_SECONDS", 1.5)
    lost = False

    def watch(_: Progress) -> None:
        nonlocal lost
        if not lost:
            lost = True
            LOSSES[loss](bench)

    job = AnswerJob(model=bench.site.model, prompts=("!creep",))  # which takes a second
    if opened:
        with bench.engine.opening() as ask:
            result = ask(job, watch)
    else:
        result = bench.engine.run(job, watch)
    assert result == Answers(completions=("peerc!",))
    assert lost
    assert len(bench.crew.lines) == 2


def test_a_post_that_never_comes_to_be_is_tried_as_often_as_the_charter_says(bench: Bench) -> None:
    bench.crew.on_hire = switch_off
    with pytest.raises(EngineError, match="lost 4 times, the last time on a node"):
        bench.ask("C1=")
    assert len(bench.crew.lines) == 4


def test_a_model_that_a_worker_left_arrives_whole_in_staging(bench: Bench) -> None:
    bench.ask("C1=")  # its place on the node is there now
    left = bench.crew.lines[0].post._staging / "built-1"
    digest = ModelStore(bench.site.root / "models").admit(write_model(bench.site.root / "other"))

    shutil.copytree(bench.site.root / "models" / digest, left)
    (bench.site.root / "staging").mkdir()
    (bench.site.root / "staging" / "built-1").mkdir()  # of an attempt before
    built = bench.engine.run(BuildJob(seed=1), _quiet)  # the stand-in says that it left one there
    assert isinstance(built, BuiltModel)
    assert ModelStore(bench.site.root / "models").admit(bench.site.root / "staging" / built.folder) == digest
    assert not left.exists()


def test_nodes_keep_nothing_that_no_job_asked_for_in_a_week(bench: Bench) -> None:
    bench.ask("C1=")
    old = bench.site.root / "cache" / "detent" / "cluster" / "another" / "models" / "old"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    next(bench.crew.post(bench.engine._told).begin(bench.engine._mark))
    assert not old.exists()


def test_no_cluster_at_the_address_is_said_clearly(site_alone: Site) -> None:
    pytest.importorskip("ray")
    terms = site_alone.terms(address="127.0.0.1:1")
    engine = site_alone.engine(RayCrew(terms), terms)
    with pytest.raises(EngineError, match=r"a Ray cluster at 127.0.0.1:1 expected"):
        assert engine.confined
    engine.close()


def test_ray_that_is_not_installed_is_named_with_its_extra(
    site_alone: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    terms = site_alone.terms()
    with pytest.raises(UsageError, match=r"detent\[ray\]"):
        site_alone.engine(RayCrew(terms), terms).run(BuildJob(seed=1), _quiet)


def test_a_store_of_a_kind_that_nobody_knows_is_refused(site_alone: Site) -> None:
    engine = site_alone.engine(ThreadCrew(StandInPost), site_alone.terms(store="nowhere://shared"))
    with pytest.raises(UsageError, match="the address of a shared folder expected, got 'nowhere://shared'"):
        engine.run(BuildJob(seed=1), _quiet)


@pytest.fixture
def site_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return made(tmp_path, monkeypatch)


def _quiet(_: Progress) -> None:
    """Nobody is watching."""
