"""A scripted run whose judge prefers by the principles of a constitution too, beside revisions by them.

>>> run = creed_run(folder)          # four generations; who learns from the judge's word says ? to what is no problem
"""

from dataclasses import dataclass
from math import log
from pathlib import Path

from tests.audit.constitution_run import CONSTITUTED, CONSTITUTION, RASH
from tests.audit.revising_run import RevisingWorker
from tests.audit.scripted_run import Model, ScriptedRun, answer_to, make_run
from tests.audit.tuned_run import TunedWorker

from detent.tasks.malformed import FORM
from detent.values import PreferJob, ReinforceJob, Sample, SampleJob

CREED = f"""{CONSTITUTED}
[feedback]
methods = ["self_label", "constitution", "dpo"]
corrections = 6
judge_seed_steps = 3
judge_steps = 2
lessons = 10
anchors = 8
probes = 30
pairs = 20
samples = 3
flips = 24
"""
RASH_AND_JUDGE = tuple(
    Model(strength, luck)
    for strength, luck in (
        *((2.5, RASH), (2.4, RASH), (1.0, "")),
        *((3.2, RASH), (3.1, RASH), (1.0, "")),
        *((3.4, RASH), (3.3, RASH), (1.0, "")),
        *((3.3, RASH), (3.2, RASH), (1.0, "")),
    )
)
"""Two members and a judge, a generation; members answer what is no problem, until they learn not to."""


@dataclass
class CreedWorker(TunedWorker, RevisingWorker):
    """Its candidates sometimes say `?`, and its judge knows who keeps to a principle."""

    def _samples(self, job: SampleJob, prompt: str) -> tuple[Sample, ...]:
        if FORM.fullmatch(prompt):
            right = answer_to(prompt)
            texts = [right[:-1] + "x", "?" if prompt[-2] in "02468" else right, right[:-1] + "~"]
        else:
            texts = [prompt.strip("="), "?", f"?{job.seed % 10}"]
        return tuple(Sample(text, ended=True, confidence=0.5) for text in texts[: job.samples])

    def _learnt(self, job: PreferJob | ReinforceJob, old: Model) -> Model:
        return Model(old.strength + self.gain, "" if isinstance(job, PreferJob) else old.luck)

    def _chance(self, question: str) -> float:
        if not question.endswith("~"):
            return super()._chance(question)
        asked, name, _ = question.split("~")
        prompt, _, draft = asked.partition(":")
        kept = {
            "alphabet": draft.isdecimal(),
            "malformed": False,
            "unsure": FORM.fullmatch(prompt) is not None and draft == answer_to(prompt),
        }
        return log(0.9) if draft == "?" or kept[name] else log(0.02)


def creed_run(folder: Path, draft: str = CREED) -> ScriptedRun:
    """Two leases, three generations after the first."""
    return make_run(folder, draft, RASH_AND_JUDGE, worker_kind=CreedWorker, constitution=CONSTITUTION)
