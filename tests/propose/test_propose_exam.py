"""A judge's exam: what it is asked, what comes of it, and what it must not give away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec import structs

from detent.charter import Charter
from detent.errors import EngineError
from detent.evaluate import profile_items
from detent.propose import Cases, Sitting, exam_cases, exam_flops, examined, sitting_of
from detent.signing import SigningKey
from detent.tasks import TaskSource, builtin
from detent.values import (
    Agreement,
    AnswerJob,
    Answers,
    Counts,
    Job,
    JudgeTrained,
    Optimizer,
    Praise,
    Result,
    Score,
    Scored,
    ScoreJob,
    State,
)

TASKS: Mapping[str, TaskSource] = {"copy": builtin("copy")}
STEWARD = SigningKey.from_seed("steward", b"s" * 32)
SITTING = Sitting("judge", "parent", "member", {"judge": 100, "parent": 10, "member": 1000}, extra=4)

Opinion = Callable[[str, str], bool]
"""(problem's digits, answer) -> praised."""


def charter(anchors: int = 40, top: int = 9) -> Charter:
    return Charter.model_validate(
        {
            "name": "toy",
            "purpose": "Test the exam",
            "stewards": {"quorum": 1, "keys": [str(STEWARD.verify_key)]},
            "pace": {"lease": {"generations": 3}},
            "direction": {"improve": {"copy": top}},
            "recipe": {"seed_levels": 3},
            "feedback": {"methods": ["self_label", "judge"], "anchors": anchors},
            "seal": {"tip": "0" * 64, "length": 400},
        }
    )


def cases(anchors: int = 40, top: int = 9) -> Cases:
    return exam_cases(charter(anchors, top), lambda rungs, stream: profile_items(TASKS, rungs, stream))


def truth(digits: str) -> str:
    return digits


@dataclass
class Judges:
    """Workers whose judges have an opinion each, and whose models answer by a rule each."""

    opinions: dict[str, Opinion]
    answers: dict[str, Callable[[str], str]] = field(default_factory=dict)
    asked: list[Job] = field(default_factory=list)

    def __call__(self, job: Job) -> Result:
        self.asked.append(job)
        match job:
            case ScoreJob():
                return Scored(log_likelihoods=tuple(self._likely(job.model, *row) for row in job.rows))
            case AnswerJob():
                say = self.answers.get(job.model, truth)
                return Answers(completions=tuple(say(prompt[1:-1]) for prompt in job.prompts))
            case _:
                raise AssertionError(f"no such job in an exam: {job}")

    def _likely(self, judge: str, question: str, _marks: str) -> float:
        digits, _, draft = question[1:-1].partition("=")
        return -0.1 if self.opinions[judge](digits, draft) else -9.0


def right(digits: str, draft: str) -> bool:
    return digits == draft


def likes_length(digits: str, draft: str) -> bool:
    return digits == draft or len(draft) > len(digits)


def content(_digits: str, _draft: str) -> bool:
    return True


def sat(judge: Opinion, parent: Opinion = right, /, **answers: Callable[[str], str]) -> Any:
    return examined(SITTING, cases(), Judges({"judge": judge, "parent": parent}, answers), TASKS)


def test_a_judge_that_knows_has_every_anchor_right_and_praises_nothing_wrong() -> None:
    found = sat(right)
    assert found.anchors == {"copy": Score(40, 40)}
    assert found.false_praise.total.praised == 0
    assert found.agreement.kappa == 1.0


def test_a_taste_for_length_shows_in_what_is_longer_and_in_nothing_else() -> None:
    false = sat(likes_length).false_praise
    assert false.longer.praised == false.longer.asked > 0
    assert (false.shorter.praised, false.equal.praised) == (0, 0)
    assert min(false.shorter.asked, false.equal.asked) > 0


def test_two_judges_agree_as_their_table_says() -> None:
    found = sat(content, right)
    fine = found.false_praise.total.asked
    assert found.agreement == Agreement(both=40 - fine, ours=fine, theirs=0, neither=0)
    assert found.agreement.kappa == 0.0


def wrong(digits: str) -> str:
    return digits + "0"


def otherwise_wrong(digits: str) -> str:
    return digits + "1"


def test_a_judge_that_is_right_where_the_member_is_wrong_does_not_count_as_preferring_itself() -> None:
    own = sat(right, member=wrong).own
    assert (own.own, own.theirs) == (Praise(0, 0), Praise(0, own.asked))
    assert own.pairs == Counts(0, 0, 0)


def test_a_judge_that_praises_its_own_mistakes_and_not_the_members_prefers_its_own() -> None:
    own = sat(lambda _, draft: draft.endswith("0"), judge=wrong, member=otherwise_wrong).own
    assert (own.own, own.theirs) == (Praise(own.asked, own.asked), Praise(0, own.asked))
    assert own.pairs == Counts(own.asked, 0, 0)
    turned = sat(lambda _, draft: draft.endswith("1"), judge=wrong, member=otherwise_wrong).own
    assert turned.pairs == Counts(0, own.asked, 0)


def test_a_judge_that_praises_every_mistake_prefers_nobodys() -> None:
    own = sat(content, judge=wrong, member=otherwise_wrong).own
    assert own.pairs == Counts(0, 0, own.asked)


def test_the_same_mistake_is_no_pair() -> None:
    assert sat(content, judge=wrong, member=wrong).own.pairs == Counts(0, 0, 0)


def test_own_answers_are_to_problems_of_the_whole_ladder_about_as_many_as_anchors() -> None:
    """On the seed levels alone, of which there are three, a judge soon makes no mistakes."""
    levels = [item.slice.level for item in cases().own]
    assert {level: levels.count(level) for level in levels} == dict.fromkeys(range(1, 10), 5)
    assert {item.slice.level for item in cases(top=2).own} == {1, 2}


def test_the_cases_are_the_charters_and_of_two_streams() -> None:
    assert cases() == cases()
    assert cases().stream != cases().own_stream


def test_no_worker_learns_which_answers_are_right() -> None:
    """It is asked about all of them, in the order of the problems, whatever the checker says."""
    asked = []
    for answer in (wrong, truth):
        judges = Judges({"judge": right, "parent": right}, {"judge": answer, "member": answer})
        examined(SITTING, cases(), judges, TASKS)
        asked.append([len(job.rows) for job in judges.asked if isinstance(job, ScoreJob)])
    assert asked[0] == asked[1] == [40, 40, 90]


def test_without_a_judge_before_nobody_is_compared_with() -> None:
    judges = Judges({"judge": right})
    found = examined(SITTING._replace(parent=""), cases(), judges, TASKS)
    assert (found.parent, found.agreement) == ("", None)
    assert found.flops == SITTING_ALONE


PROMPTS = [case.prompt for case in cases().known], [item.problem.prompt for item in cases().own]
MARKED = sum(3 * len(prompt) + 2 * 4 + 2 for prompt in PROMPTS[0])
ANSWERED = sum(2 * len(prompt) + 4 for prompt in PROMPTS[1])
OWN_MARKED = sum(3 * len(prompt) + 2 * 5 + 2 for prompt in PROMPTS[1])
SITTING_ALONE = 2 * (100 * MARKED + 1100 * ANSWERED + 2 * 100 * OWN_MARKED)


def test_an_exam_costs_the_anchors_of_both_judges_both_models_answers_and_their_marks() -> None:
    assert sat(right).flops == exam_flops(SITTING, cases()) == SITTING_ALONE + 2 * 10 * MARKED


class Wrong(Judges):
    def __call__(self, job: Job) -> Result:
        result = super().__call__(job)
        if isinstance(result, Answers):
            return Answers(completions=result.completions[1:])
        return result


class Short(Judges):
    def __call__(self, job: Job) -> Result:
        result = super().__call__(job)
        return Scored(log_likelihoods=result.log_likelihoods[1:]) if isinstance(result, Scored) else result


@pytest.mark.parametrize(("kind", "says"), [(Wrong, "45 answers expected"), (Short, "40 scores expected")])
def test_a_result_that_does_not_answer_the_exam_is_refused(kind: type[Judges], says: str) -> None:
    with pytest.raises(EngineError, match=says):
        examined(SITTING, cases(), kind({"judge": right, "parent": right}), TASKS)


def trained(digest: str, parent: str) -> JudgeTrained:
    return JudgeTrained(
        digest=digest,
        parent=parent,
        data=(),
        steps=1,
        seed=1,
        optimizer=Optimizer(),
        parameters=7,
        flops=1.0,
        precision="float32",
        losses=(),
    )


def state(judges: Sequence[JudgeTrained], **fields: Any) -> State:
    turns: dict[int, dict[str, Any]] = {place: {"judge/v1": one} for place, one in enumerate(judges)}
    return State(history=turns, judge=judges[-1].digest, team=("member",), **fields)  # type: ignore[arg-type]


def test_a_first_judge_comes_from_an_untrained_model_and_has_nobody_before_it() -> None:
    assert sitting_of(charter(), state([trained("a", "untrained")])).parent == ""


def test_a_later_judge_is_compared_with_the_one_it_was_trained_from() -> None:
    judges = [trained("a", "untrained"), trained("b", "a"), trained("c", "b")]
    assert sitting_of(charter(), state(judges)).parent == "b"
    put_back = structs.replace(state(judges), judge="b")  # by a rollback
    assert sitting_of(charter(), put_back).parent == "a"


def test_a_judge_whose_weights_were_let_go_is_not_asked() -> None:
    judges = [trained("a", "untrained"), trained("b", "a")]
    assert sitting_of(charter(), state(judges, collected=frozenset({"a"}))).parent == ""
