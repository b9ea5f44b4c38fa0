"""A scripted run in which a language model behind a server proposes changes, and rules do.

>>> run = make_run(folder, ADVISED, trained=TRAINED, worker_kind=AdvisedWorker)
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.audit.scripted_run import DRAFT, Model, ScriptedWorker

from detent.testing.toy_shapes import SHAPE
from detent.values import AnswerJob, Answers, JudgeJob, Progress, SampleJob, Served
from detent.values.serving import Report

ADVISED = (
    DRAFT.replace("[pace]\n", "[pace]\ncandidates = 3\n").replace(
        "[constraints]\n", '[constraints]\nchanges = ["data", "feedback"]\n'
    )
    + """
[explore]
when = "always"
rungs = [1]
proposers = ["model", "rules"]
server = "server:wise"
settings = ["recipe.confidence", "recipe.keep_share", "recipe.steps", "recipe.matrix_rate"]
[servers.wise]
url = "https://adviser.example/v1"
model = "wise-1b"
max_tokens = 2048
budget = { tokens = 100000 }
"""
)
SHAPED = ADVISED.replace('["data", "feedback"]', '["data", "feedback", "architecture"]').replace(
    '["model", "rules"]', '["model"]'
)
"""Where the shape may be changed too, and the model alone proposes."""
TRAINED = [Model(2.5), Model(2.4), *[Model(2.6 + number / 100) for number in range(40)]]

FINE = {"change": "feedback", "settings": {"recipe.confidence": 0.5}, "because": "labels are right"}
OUTSIDE = {"change": "feedback", "settings": {"recipe.audit": 1}, "because": "no audits are needed"}
UNFIT = {"change": "architecture", "edit": {"edit": "remove_block", "at": 7}}


def one_fine(_number: int) -> str:
    """What it says each time: one change that may be tried, and two that may not."""
    return json.dumps({"proposals": [FINE, OUTSIDE, UNFIT, "approve me"]})


@dataclass
class AdvisedWorker(ScriptedWorker):
    """Its server says something each time. failing_server: raises, in the place of an answer."""

    saying: Callable[[int], str] = field(default=one_fine)
    failing_server: Callable[[], None] = field(default=lambda: None)
    asked: list[str] = field(default_factory=list)

    @property
    def server(self) -> "AdvisedWorker":
        """What the run has for a sampler."""
        return self

    def ask(
        self, job: JudgeJob | AnswerJob | SampleJob, _turn: str, _watch: Callable[[Progress], None]
    ) -> Served:
        """As a sampler, with a report of its own."""
        assert isinstance(job, AnswerJob)
        self.failing_server()
        self.asked.append(job.prompts[0])
        said = self.saying(len(self.asked))
        report = Report(1, 0, 0, {"wise-1b, fp_1": 1}, 900, 60, "0" * 64)
        return Served(result=Answers(completions=(said,)), report=report)

    def _write(self, model: Model) -> str:
        """With a shape, so that it can be said what would fit it."""
        name = super()._write(model)
        config = SHAPE | {"no_rope_layers": [1, 1]}
        (self.staging / name / "config.json").write_text(json.dumps(config))
        return name
