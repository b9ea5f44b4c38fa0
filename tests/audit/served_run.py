"""A scripted run whose judge is the model behind a server.

>>> run = make_run(folder, SERVED, trained=TRAINED, worker_kind=ServedWorker)
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.audit.compared_run import COMPARED, ComparingWorker
from tests.audit.scripted_run import answer_to

from detent.values import (
    AnswerJob,
    Answers,
    Job,
    Judged,
    JudgeJob,
    Progress,
    Result,
    Sampled,
    SampleJob,
    Served,
)
from detent.values.serving import Report

SERVED = (
    COMPARED.replace('"dpo", "grpo"', '"dpo"').replace('"incumbent"', '"server:wise"')
    + """
[servers.wise]
url = "https://judge.example/v1"
model = "wise-1b"
key_env = "WISE_KEY"
budget = { tokens = 100000, money = 1.0, price_in = 2.0, price_out = 4.0 }
"""
)
A_QUESTION = (50, 1)
"""Tokens read and written."""


@dataclass
class ServedWorker(ComparingWorker):
    """Of pairs in which both are wrong it abstains. failing_server: what is raised in the place of an answer."""

    failing_server: Callable[[], None] = field(default=lambda: None)
    turns: list[str] = field(default_factory=list)

    @property
    def server(self) -> "ServedWorker":
        """What the run has for a sampler."""
        return self

    def ask(
        self, job: JudgeJob | AnswerJob | SampleJob, turn: str, _watch: Callable[[Progress], None]
    ) -> Served:
        """As a sampler, with a report of its own."""
        self.turns.append(turn)
        self.failing_server()
        result = self.do(job)
        assert isinstance(result, Judged | Answers | Sampled)
        if isinstance(result, Sampled):
            return Served(result=result, report=self._report(sum(map(len, result.samples))))
        if isinstance(result, Answers):
            return Served(result=result, report=self._report(len(dict.fromkeys(job.prompts))))  # type: ignore[union-attr]
        unfit = sum(not ruling.odds for ruling in result.rulings)
        return Served(result=result, report=self._report(2 * len(result.rulings), 2 * unfit))

    def _report(self, asked: int, abstained: int = 0) -> Report:
        read, written = A_QUESTION
        names = {"wise-1b, fp_1": asked} if asked else {}
        return Report(asked, 0, abstained, names, asked * read, asked * written, "0" * 64)

    def do(self, job: Job) -> Result:
        if isinstance(job, JudgeJob):
            assert job.model == "server:wise", "nobody else judges"
        return super().do(job)

    def say(self, model: str, prompt: str) -> str:
        right = answer_to(prompt)
        return right[:-1] + "z" if model == "server:wise" else super().say(model, prompt)


TAUGHT_TOO = SERVED.replace(
    'methods = ["self_label", "dpo"]', 'methods = ["self_label", "dpo"]\nteacher = "server:wise"'
)
"""The same server answers too, and its answers are compared with the candidates'."""
