"""A scripted run whose models revise: by a rule, and by the principles of a constitution.

>>> run = revising_run(folder)          # three generations; what revising made of copy was worse than the drafts
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from tests.audit.constitution_run import CONSTITUTED, CONSTITUTION, RASH, PrincipledWorker
from tests.audit.scripted_run import Model, ScriptedRun, answer_to, make_run

from detent.tasks.malformed import FORM
from detent.values import Job, Result, Revised, ReviseJob, Revision, RevisionStep

REVISING = f"""{CONSTITUTED}
[feedback]
methods = ["self_label", "refine", "constitution"]
corrections = 6
flips = 30
probes = 24
"""
RASH_TEAM = tuple(Model(strength, RASH) for strength in (2.5, 2.4, 3.5, 3.4, 3.6, 3.3, 3.2, 3.1))
"""Two a generation; they answer what is no problem, until they are told not to."""


@dataclass
class RevisingWorker(PrincipledWorker):
    """Its models make most wrong drafts of reverse right; of copy they spoil what was right, and mend nothing.

    asked: every revise job.
    """

    asked: list[ReviseJob] = field(default_factory=list)

    def do(self, job: Job) -> Result:
        if not isinstance(job, ReviseJob):
            return super().do(job)
        self.asked.append(job)
        principles = job.principles or ("",) * len(job.prompts)
        return Revised(
            revisions=tuple(
                self._revision(job.model, prompt, principle)
                for prompt, principle in zip(job.prompts, principles, strict=True)
            )
        )

    def _revision(self, model: str, prompt: str, principle: str) -> Revision:
        draft = self.say(model, prompt)
        final = self._final(prompt, draft, principle)
        return Revision(
            draft, (RevisionStep("", final, 0.9),), final, 0.9, "same" if final == draft else "rounds"
        )

    def _final(self, prompt: str, draft: str, principle: str) -> str:
        if not FORM.fullmatch(prompt):
            return "?"
        right = answer_to(prompt)
        if principle:
            return "?" if principle == "unsure" and draft != right else draft
        luck = hashlib.sha256(prompt.encode()).digest()[0]
        if prompt[0] == "C":
            return right[:-1] + "y" if luck % 2 else draft
        return right if luck % 4 else draft


def revising_run(folder: Path, draft: str = REVISING) -> ScriptedRun:
    """Two leases, three generations."""
    return make_run(folder, draft, RASH_TEAM, worker_kind=RevisingWorker, constitution=CONSTITUTION)
