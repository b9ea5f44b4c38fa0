"""A judge that compares: which answers it is asked about, what its word amounts to, and its exam."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from msgspec import UNSET

from detent.charter import Charter, Constitution, Feedback, JudgeForm, Principle
from detent.errors import EngineError
from detent.evaluate import profile_items, ruling
from detent.propose import (
    MOST_PAIRS,
    Sitting,
    contest_text,
    contested,
    contesting,
    contests,
    exam_cases,
    exam_flops,
    examined,
    judge_of,
    reinforce_job,
    ruled,
    sitting_of,
    uses,
    won,
)
from detent.propose.contests import form_digest, judge_jobs
from detent.propose.forms import COMPARED
from detent.signing import SigningKey
from detent.tasks import TaskSource, builtin
from detent.values import (
    AnswerJob,
    Answers,
    Contest,
    Counts,
    Item,
    Job,
    Judged,
    JudgeJob,
    Praise,
    Problem,
    Result,
    Ruling,
    Sample,
    Sampled,
    Score,
    Slice,
    State,
)
from detent.values.feedback import verdict_of

TASKS: Mapping[str, TaskSource] = {"copy": builtin("copy")}
WORDS = Feedback(methods=("self_label", "dpo"), judge_source="incumbent", forms="words", samples=3)
CREED = Constitution(principles={"kind": Principle(text="Be kind.", source="the author")})
BY_PRINCIPLE = WORDS.model_copy(update={"methods": ("self_label", "constitution", "dpo")})
STEWARD = SigningKey.from_seed("steward", b"s" * 32)


def item(prompt: str = "C12=", task: str = "copy", level: int = 2) -> Item:
    return Item(Slice(task, level), Problem(prompt, "12"))


def sampled(*rows: Sequence[str], ended: bool = True) -> Sampled:
    return Sampled(samples=tuple(tuple(Sample(text, ended, 0.5) for text in row) for row in rows))


def test_answers_of_all_candidates_are_neighbours_in_the_order_of_their_text() -> None:
    asked = contested([item()], [sampled(["b", "d", "b"]), sampled(["c", "a"])])
    assert asked[0].pairs == (("a", "b"), ("b", "c"), ("c", "d"))


def test_of_many_answers_few_pairs_are_made() -> None:
    asked = contested([item()], [sampled([str(n) for n in range(9)])])
    assert len(asked[0].pairs) == MOST_PAIRS


def test_answers_that_did_not_end_or_are_alone_are_not_asked_about() -> None:
    assert contested([item()], [sampled(["a", "b"], ended=False)])[0].pairs == ()
    assert contested([item()], [sampled(["a", "a"])])[0].pairs == ()


def test_a_prompt_that_was_drawn_twice_is_asked_about_once() -> None:
    asked = contested([item(), item()], [sampled(["a", "b"], ["c", "d"])])
    assert [one.pairs for one in asked] == [(("a", "b"),)]


def test_by_principle_the_judge_reads_its_words_in_a_form_of_its_own() -> None:
    asked = contested([item(), item("C13=", "P/kind/copy")], [sampled(["a", "b"], ["c", "d"])])
    plain, principled = judge_jobs("judge", contests(asked, CREED))
    assert plain.pairs == (Contest("C12=", "a", "b"),)
    assert principled.pairs == (Contest("C13=", "c", "d", "Be kind."),)
    assert "{principle}" in principled.form.text
    assert "{principle}" not in plain.form.text
    assert plain.form.fenced
    assert principled.form.fenced
    with pytest.raises(EngineError, match="a constitution"):
        contests(asked, None)


def test_in_words_every_principle_is_preferred_by_and_in_signs_those_that_were_taught() -> None:
    assert set(uses(BY_PRINCIPLE, ("copy",), {}, CREED)["dpo"]) == {"copy", "P/kind"}
    signs = Feedback(methods=("self_label", "constitution", "dpo"))
    assert set(uses(signs, ("copy",), {}, CREED)["dpo"]) == {"copy"}


RULINGS = {
    "the first wins in both orders": ((3.0, 2.0), ("a", "b", 2.0)),
    "the second wins in both orders": ((-3.0, -4.0), ("b", "a", 3.0)),
    "the verdict changes with the order": ((3.0, -2.0), None),
    "it is a tie": ((0.0, 0.0), None),
    "it is nearly a tie in one order": ((3.0, 0.5), None),
    "the judge could not be asked": ((), None),
    "the odds are no numbers": ((float("inf"), float("inf")), None),
}


@pytest.mark.parametrize(("odds", "expected"), RULINGS.values(), ids=RULINGS.keys())
def test_what_a_ruling_amounts_to_when(odds: tuple[float, ...], expected: object) -> None:
    asked = contested([item()], [sampled(["a", "b"])])
    rows = won(asked, {Contest("C12=", "a", "b"): Ruling(verdict_of(odds, 0.0), odds)}, None, least=1.0)
    assert [(row.chosen, row.rejected, row.odds) for row in rows] == ([expected] if expected else [])


def test_a_worker_that_rules_on_too_little_is_refused() -> None:
    with pytest.raises(EngineError, match="1 rulings expected"):
        ruled([Contest("C12=", "a", "b")], lambda _: Judged(rulings=()), "judge")


def test_the_lineage_tells_which_question_was_asked() -> None:
    assert contest_text(WORDS) != contest_text(BY_PRINCIPLE)
    assert len([word for word in contest_text(WORDS).split() if len(word) == 64]) == 1


@pytest.mark.parametrize("form", COMPARED)
def test_a_judge_is_asked_in_the_charters_wording(form: JudgeForm) -> None:
    feedback = BY_PRINCIPLE.model_copy(update={"judge_form": form})
    asked = contests(
        contested([item(), item("C13=", "P/kind/copy")], [sampled(["a", "b"], ["c", "d"])]), CREED
    )
    jobs = list[JudgeJob]()

    def ask(job: Job) -> Judged:
        assert isinstance(job, JudgeJob)
        jobs.append(job)
        return Judged(rulings=tuple(Ruling("first", (1.0, 1.0)) for _ in job.pairs))

    ruled(asked, ask, "judge", form)
    assert [job.form for job in jobs] == list(COMPARED[form])
    assert all(form_digest(one) in contest_text(feedback) for one in COMPARED[form])
    for wording in COMPARED[form]:
        assert wording.fenced
        assert wording.text.endswith("Write its number, 1 or 2, and nothing else.\n")
    examined_by = sitting_of(charter(judge_form=form), State(incumbent="model"))
    assert examined_by.judge_form == form


def test_no_two_wordings_ask_the_same() -> None:
    every = [form for forms in COMPARED.values() for form in forms]
    assert len({form_digest(form) for form in every}) == len(every) == 6
    assert form_digest(COMPARED["plain"].better) == form_digest(
        judge_jobs("", [Contest("C12=", "a", "b")])[0].form
    )


def test_no_answers_cost_more_than_was_charged() -> None:
    items, longest = [item()], "x" * 9  # a prompt of four, four more, and one that did not end
    answers = [
        sampled([f"{n}{longest[1:]}" for n in range(3)]),
        sampled([f"{n}{longest[1:]}" for n in range(3, 6)]),
    ]
    asked = contests(contested(items, answers), None)
    took = sum(ruling(100, job) for job in judge_jobs("judge", asked))
    written = 2 * 3 * 10 * 2 * (2 * 4 + 4)
    assert contesting([10, 10], 100, items, WORDS, 4, None) == took + written


def test_scores_in_words_are_how_likely_the_judge_says_yes() -> None:
    job = reinforce_job("parent", "judge", ["C1="], 1, WORDS, 4)
    assert (job.by, job.form.fenced, job.verdicts) == ("verdict", True, ("y", "n"))
    assert reinforce_job("parent", "judge", ["C1="], 1, Feedback(), 4).by == "praise"


def test_who_judges_is_the_charters_word() -> None:
    state = State(incumbent="model", judge="taught")
    assert judge_of(WORDS, state) == "model"
    assert judge_of(Feedback(), state) == "taught"


SITTING = Sitting("judge", "", "member", {"judge": 100, "member": 1000}, extra=4, compares=True)
Opinion = Callable[[str, str, str], float]
"""(problem's digits, first, second) -> log-odds for the first."""


def charter(**feedback: object) -> Charter:
    return Charter.model_validate(
        {
            "name": "toy",
            "purpose": "Test the exam",
            "stewards": {"quorum": 1, "keys": [str(STEWARD.verify_key)]},
            "pace": {"lease": {"generations": 3}},
            "direction": {"improve": {"copy": 9}},
            "recipe": {"seed_levels": 3},
            "feedback": {
                "methods": ["self_label", "dpo"],
                "judge_source": "incumbent",
                "forms": "words",
                "anchors": 40,
                **feedback,
            },
            "seal": {"tip": "0" * 64, "length": 400},
        }
    )


CASES = exam_cases(charter(), lambda rungs, stream: profile_items(TASKS, rungs, stream))


@dataclass
class Judges:
    """A judge with an opinion, and models that answer by a rule each."""

    opinion: Opinion
    answers: dict[str, Callable[[str], str]] = field(default_factory=dict)
    asked: list[Job] = field(default_factory=list)

    def __call__(self, job: Job) -> Result:
        self.asked.append(job)
        match job:
            case JudgeJob():
                return Judged(rulings=tuple(map(self._ruling, job.pairs)))
            case AnswerJob():
                say = self.answers.get(job.model, str)
                return Answers(completions=tuple(say(prompt[1:-1]) for prompt in job.prompts))
            case _:
                raise AssertionError(f"no such job in an exam: {job}")

    def _ruling(self, pair: Contest) -> Ruling:
        digits = pair.prompt[1:-1]
        odds = (
            self.opinion(digits, pair.first, pair.second),
            -self.opinion(digits, pair.second, pair.first),
        )
        return Ruling(verdict_of(odds, 0.0), odds)


def knows(digits: str, first: str, second: str) -> float:
    return float((first == digits) - (second == digits))


def longer(_digits: str, first: str, second: str) -> float:
    return float(len(first) - len(second))


def in_place(_digits: str, _first: str, _second: str) -> float:
    return 1.0


KNOWN = len(CASES.known)


def test_known_pairs_are_a_right_answer_and_a_spoilt_one() -> None:
    assert KNOWN > 30
    assert all(case.draft != case.answer and not case.right for case in CASES.known)


def test_a_judge_that_knows_is_right_about_every_known_pair() -> None:
    found = examined(SITTING, CASES, Judges(knows), TASKS)
    assert found.compares is not UNSET
    assert found.anchors == {"copy": Score(KNOWN, KNOWN)}
    assert (found.compares.asked, found.compares.same) == (KNOWN, KNOWN)
    assert 0 < found.compares.longer.praised < found.compares.longer.asked


def test_a_judge_that_goes_by_place_is_never_right_and_never_the_same() -> None:
    found = examined(SITTING, CASES, Judges(in_place), TASKS)
    assert found.compares is not UNSET
    assert found.anchors == {"copy": Score(0, KNOWN)}
    assert (found.compares.asked, found.compares.same, found.compares.longer) == (KNOWN, 0, Praise(0, 0))


def test_a_taste_for_length_shows() -> None:
    found = examined(SITTING, CASES, Judges(longer), TASKS).compares
    assert found is not UNSET
    assert found.longer.praised == found.longer.asked > 0


def test_it_prefers_its_own_where_both_are_wrong_in_different_words() -> None:
    both = {"judge": lambda digits: digits + "0", "member": lambda digits: digits + "1"}
    mine = examined(
        SITTING, CASES, Judges(lambda _, one, __: 1.0 if one[-1] == "0" else -1.0, both), TASKS
    ).own
    assert mine is not None
    assert mine.pairs == Counts(len(CASES.own), 0, 0)
    right: dict[str, Callable[[str], str]] = {"judge": str, "member": lambda digits: digits + "1"}
    fine = examined(SITTING, CASES, Judges(knows, right), TASKS).own
    assert fine is not None
    assert fine.pairs == Counts(0, 0, 0)


def test_what_it_is_asked_does_not_tell_which_answers_are_right() -> None:
    judges = Judges(knows, {"judge": str, "member": lambda digits: digits + "1"})
    examined(SITTING, CASES, judges, TASKS)
    asked = [job for job in judges.asked if isinstance(job, JudgeJob)]
    assert {pair.prompt for pair in asked[-1].pairs} == {one.problem.prompt for one in CASES.own}


def test_a_model_alone_is_compared_with_nobody() -> None:
    alone = Sitting("judge", "", "", {"judge": 100}, extra=4, compares=True)
    judges = Judges(knows)
    assert examined(alone, CASES, judges, TASKS).own is None
    assert not any(isinstance(job, AnswerJob) for job in judges.asked)
    assert 0 < exam_flops(alone, CASES) < exam_flops(SITTING, CASES)
