"""Who sits a judge's exam, and what is asked in it; the same cases in every generation."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from detent.charter import Charter, Feedback, JudgeForm
from detent.evaluate import ladder_rungs, public_stream
from detent.propose.lessons import Anchor, Draw, anchor_cases
from detent.values import Item, JudgeTrained, Optimizer, Room, State, server_named


def judge_of(feedback: Feedback, state: State) -> str:
    """The digest of the model that judges in the turn in progress; "" for none; "server:NAME" for one behind a server.

    One that was taught, or came along; or the model in force, which is another only once a turn has ended.
    """
    if feedback.judge_server:
        return feedback.judge_source if state.incumbent else ""  # generation 0 has nothing to be judged
    return state.incumbent if feedback.judge_source == "incumbent" else state.judge


def judge_size(judge: str, sizes: Mapping[str, int]) -> int:
    """Parameters of a judge; 0 of one behind a server: nobody knows them, and it is not this run that computes."""
    return 0 if server_named(judge) else sizes[judge]


def given_judge(digest: str, parameters: int, optimizer: Optimizer) -> JudgeTrained:
    """The entry of a judge that came along: from itself, by no training."""
    return JudgeTrained(
        digest=digest,
        parent=digest,
        data=(),
        steps=0,
        seed=0,
        optimizer=optimizer,
        parameters=parameters,
        flops=0.0,
        precision="",
        losses=(),
    )


class Cases(NamedTuple):
    """What every judge of a charter is asked: anchors, problems to be answered, and the stream of either."""

    stream: bytes
    anchors: dict[str, list[Anchor]]
    own_stream: bytes
    own: Sequence[Item]

    @property
    def known(self) -> list[Anchor]:
        """All anchors, in their order."""
        return [case for some in self.anchors.values() for case in some]


class Sitting(NamedTuple):
    """Who is asked. parent: the judge before, "" for none. member: first of the team. sizes: parameters by digest.

    compares: whether the judge is asked in words, and compares; its member is another model than itself, "" for none.
    judge_form: in which wording.
    """

    judge: str
    parent: str
    member: str
    sizes: Mapping[str, int]
    extra: Room
    compares: bool = False
    judge_form: JudgeForm = "plain"


def exam_cases(charter: Charter, draw: Draw) -> Cases:
    """The anchors, and about as many problems a task for answers of its own, spread over its whole ladder.

    Not on the seed levels alone: mistakes tell a taste for its own answers, and there a judge soon makes none.
    """
    stream, anchors = anchor_cases(charter, draw)
    own_stream = public_stream(charter.run.seed, "own answers of the judge", 0)
    tops = dict(charter.direction.improve)
    each = -(-charter.feedback.anchors // max(tops.values()))
    return Cases(stream, anchors, own_stream, draw(ladder_rungs(tops, each), own_stream))


def sitting_of(charter: Charter, state: State) -> Sitting:
    """The judge in force, the one that it was trained from, and the first model that it works for."""
    if charter.feedback.compares:
        judge = judge_of(charter.feedback, state)
        other = next((member for member in state.team if member != judge), "")
        sizes = {**state.sizes, judge: 0} if server_named(judge) else state.sizes
        form = charter.feedback.judge_form
        return Sitting(judge, "", other, sizes, charter.subject.room, compares=True, judge_form=form)
    return Sitting(state.judge, _parent(state), next(iter(state.team), ""), state.sizes, charter.subject.room)


def _parent(state: State) -> str:
    """A first judge comes from an untrained model, which judges nothing; the weights of another may be gone by rule."""
    turns = reversed([*state.history.values(), state.slots])
    trained = (slots.get("judge/v1") for slots in turns)
    mine = next((one for one in trained if isinstance(one, JudgeTrained) and one.digest == state.judge), None)
    known = mine is not None and mine.parent in state.sizes and mine.parent not in state.collected
    return mine.parent if mine is not None and known else ""
