"""A scripted run whose candidates are taught further by a judge's word.

>>> run = make_run(folder, TUNED, trained=TRAINED, worker_kind=TunedWorker)          # by preferences, then by scores
"""

from dataclasses import dataclass
from math import log

from tests.audit.scripted_run import DRAFT, Model, ScriptedWorker, answer_to

from detent.values import (
    Job,
    PreferJob,
    ReinforceJob,
    Result,
    Sample,
    Sampled,
    SampleJob,
    Scored,
    ScoreJob,
    TrainedModel,
)

TUNED = f"""{DRAFT}[feedback]
methods = ["self_label", "dpo", "grpo"]
judge_seed_steps = 3
judge_steps = 2
lessons = 10
anchors = 8
pairs = 20
samples = 3
flips = 15
"""
TRAINED = [Model(strength) for strength in (2.5, 2.4, 1.0, 3.2, 3.1, 1.0, 3.4, 3.3, 1.0, 3.3, 3.2, 1.0)]
"""Two members and a judge, a generation."""

GAIN = 0.1
"""Of strength, by each method."""


@dataclass
class TunedWorker(ScriptedWorker):
    """Its judge knows right from wrong; whoever learns from that gets better."""

    gain: float = GAIN

    def do(self, job: Job) -> Result:
        match job:
            case SampleJob():
                return Sampled(samples=tuple(self._samples(job, prompt) for prompt in job.prompts))
            case ScoreJob():
                return Scored(log_likelihoods=tuple(self._chance(question) for question, _ in job.rows))
            case PreferJob(parent=parent, seed=seed) | ReinforceJob(parent=parent, seed=seed):
                folder = self._write_as(seed, self._learnt(job, self._model(parent)))
                return TrainedModel(
                    folder=folder, parameters=1000, losses=(0.7, 0.5), flops=1e9, change={"w": 0.1}
                )
            case _:
                return super().do(job)

    def _learnt(self, job: PreferJob | ReinforceJob, old: Model) -> Model:  # noqa: ARG002  whoever inherits asks
        return Model(old.strength + self.gain, old.luck)

    def _chance(self, question: str) -> float:
        problem, _, draft = question[:-1].partition("=")
        return log(0.9) if draft == answer_to(problem + "=") else log(0.02)

    def _samples(self, job: SampleJob, prompt: str) -> tuple[Sample, ...]:
        right = answer_to(prompt)
        texts = [
            right if (job.seed + number) % 2 else right[:-1] + "xyz"[number] for number in range(job.samples)
        ]
        return tuple(Sample(text, ended=True, confidence=0.5) for text in texts)

    def _write_as(self, seed: int, model: Model) -> str:
        """The same job makes the same model, by whomever it is done."""
        count, self.names = self.names, iter([seed])
        name = self._write(model)
        self.names = count
        return name
