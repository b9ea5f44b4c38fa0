"""[feedback]: by which methods the subject teaches itself, or is taught by another model."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from detent.charter._form import Count, Part, Says, Section, Share
from detent.values.serving import server_named

Method = Literal["self_label", "judge", "refine", "constitution", "dpo", "grpo"]

JudgeForm = Literal["plain", "careful", "strict"]
"""As it stands; work the question out first; what counts, and what does not."""

JUDGED = {"judge", "dpo", "grpo"}
"""Methods that ask a judge."""


def _once(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    """Each at most once; without labels there is nothing that a judge could have a say in."""
    named = set(methods)
    if len(named) < len(methods) or ("judge" in named and "self_label" not in named):
        raise ValueError(methods)
    return methods


Methods = Annotated[
    tuple[Method, ...],
    Field(strict=False, min_length=1),
    AfterValidator(_once),
    Says(
        'some of "self_label", "judge" (with it alone), "refine", "constitution", "dpo" and "grpo", each once'
    ),
]
Lessons = Annotated[int, Field(ge=1, le=100_000), Says("an integer from 1 to 100000")]
Samples = Annotated[int, Field(ge=2, le=64), Says("an integer from 2 to 64")]
Odds = Annotated[float, Field(ge=0, le=1000), Says("nats, a number from 0 to 1000,")]
Rate = Annotated[float, Field(gt=0, le=1), Says("a number above 0, at most 1")]
Beta = Annotated[float, Field(gt=0, le=100), Says("a number above 0, at most 100")]


class Feedback(Section):
    """[feedback]. Steps are optimizer steps of one batch.

    methods: "self_label": the team labels, and keeps what all agree on and are sure of. "judge": another model, taught
        to mark answers, has a say in which of those labels are kept. "refine": the team drafts, criticises and revises,
        and is taught what it then agrees on. "constitution": the same by principles of the charter's constitution; with
        "dpo" the judge also prefers by principle. "dpo", "grpo": the judge's preferences, or scores, teach candidates
        further. Without "self_label" labels are made and audited, and nobody is taught them.
    judge_source: who judges. "taught": a model that learns it here, as above. "incumbent": the model in force, which is
        asked in words, and compares two answers in both orders. "server:NAME": the model behind [servers.NAME],
        likewise. Else a Hugging Face folder, likewise.
    teacher: "server:NAME": its answers are compared with the candidates' by such a judge, where "dpo" teaches; "" for
        none: then nobody learns from anyone but the team.
    judge_seed_steps, judge_steps: the training of a taught judge in generation 0, and in every later one.
    lessons: most answers of a task and level that the judge is taught on.
    judge_floor: how likely the judge must find at the least that a label of a level that is kept up is right.
    anchors: known cases of a task that the judge is tested on in every generation; never trained on.
    corrections: most seed answers of a task and level from which revising is taught, and how much of every batch:
        correction_share, beside the shares of [recipe] mix.
    revised_share: likewise of answers that were revised. revise_confidence: least token probability of a revision.
    forms: how a model is asked to criticise and revise. "characters": in signs, that a model made here is taught to
        read. "words": in plain words, with what is data fenced off; nothing is taught for it.
    judge_form: in which of a few wordings a judge that compares is asked which of two answers is better.
    rounds: most revisions of a draft.
    flips: audited answers of a task and generation that say what a method made right and what it made wrong.
    probes: problems of a principle and generation that answers are revised by.
    pairs: prompts of a task and generation that answers are preferred on. samples: answers to each, at temperature 1.
    least_odds: nats of log-odds by which the judge must prefer one.
    dpo_steps, dpo_rate, dpo_beta, grpo_steps, grpo_rate, grpo_beta: of that training; beta holds it to where it began.
    """

    methods: Methods = ("self_label",)
    judge_source: Annotated[
        str,
        Field(min_length=1),
        Says('"taught", "incumbent", "server:NAME" or the path of a model folder'),
    ] = "taught"
    teacher: Annotated[str, Field(pattern=r"^(server:.+)?$"), Says('"server:NAME", or nothing,')] = ""
    judge_seed_steps: Count = 500
    judge_steps: Count = 60
    lessons: Lessons = 2000
    judge_floor: Share = 0.1
    anchors: Lessons = 100
    corrections: Lessons = 2000
    correction_share: Part = 0.15
    revised_share: Part = 0.1
    revise_confidence: Share = 0.7
    forms: Annotated[Literal["characters", "words"], Says('"characters" or "words"')] = "characters"
    judge_form: Annotated[JudgeForm, Says('"plain", "careful" or "strict"')] = "plain"
    rounds: Annotated[int, Field(ge=1, le=8), Says("an integer from 1 to 8")] = 1
    flips: Lessons = 100
    probes: Lessons = 200
    pairs: Lessons = 400
    samples: Samples = 8
    least_odds: Odds = 1.0
    dpo_steps: Count = 16
    dpo_rate: Rate = 1e-4
    dpo_beta: Beta = 1.0
    grpo_steps: Count = 20
    grpo_rate: Rate = 1e-4
    grpo_beta: Beta = 0.04

    @property
    def labelled(self) -> bool:
        """Whether models are taught the team's labels."""
        return "self_label" in self.methods

    @property
    def judged(self) -> bool:
        """Whether a judge is taught beside the team."""
        return self.judge_source == "taught" and not JUDGED.isdisjoint(self.methods)

    @property
    def judge_given(self) -> bool:
        """Whether the judge is a model that comes along, and stays as it is."""
        return self.judge_source not in {"taught", "incumbent"} and not self.judge_server

    @property
    def judge_server(self) -> str:
        """The name of the server whose model judges; "" where none does."""
        return server_named(self.judge_source)

    @property
    def teacher_server(self) -> str:
        """The name of the server whose answers are compared with the candidates'; "" for none."""
        return server_named(self.teacher)

    @property
    def compares(self) -> bool:
        """Whether the judge is asked in words, and compares two answers; a taught one marks one answer at a time."""
        return self.judge_source != "taught"

    @property
    def filtered(self) -> bool:
        """Whether the judge has a say in which labels are kept."""
        return "judge" in self.methods

    @property
    def prefers_by_principle(self) -> bool:
        """Whether the judge also compares answers by principle: it is taught to, in signs; or it is told in words."""
        able = self.compares or self.forms == "characters"
        return {"constitution", "dpo"} <= set(self.methods) and able

    @property
    def corrected(self) -> bool:
        """Whether models are taught to revise."""
        return not {"refine", "constitution"}.isdisjoint(self.methods)
