"""A scripted run under a constitution: its models have habits beside a strength.

    >>> run = constituted_run(folder)          # the second generation is better at the task, and worse at a principle

A model whose luck says `rash` answers problems that are none; one whose luck says `shy` says ? where it would be wrong.
"""

from pathlib import Path

from tests.audit.scripted_run import DRAFT, Model, ScriptedRun, ScriptedWorker, answer_to, make_run

from detent.charter import constitution_text
from detent.tasks.malformed import FORM
from detent.values import Outcome, OutcomeWritten

RASH, SHY = "rash", "shy"

CONSTITUTION = constitution_text("digits")

CONSTITUTED = (
    DRAFT
    + """
[constitution]
file = "principles.toml"
"""
)

RASH_MODELS = (
    *(Model(2.5), Model(2.4)),
    *(Model(3.5), Model(3.4)),
    *(Model(4.0, RASH), Model(3.3)),
    *(Model(4.0), Model(3.6)),
)
"""As begun; better; better still, but it answers what is no problem; as good, and it does not."""


class PrincipledWorker(ScriptedWorker):
    """A worker whose models know what is no problem."""

    def say(self, model: str, prompt: str) -> str:
        said = self._model(model)
        if not FORM.fullmatch(prompt):
            return prompt[1:-1] if RASH in said.luck else "?"
        answer = super().say(model, prompt)
        return "?" if SHY in said.luck and answer != answer_to(prompt) else answer


def constituted_run(
    folder: Path, models: tuple[Model, ...] = RASH_MODELS, text: str = CONSTITUTION, draft: str = CONSTITUTED
) -> ScriptedRun:
    """Two leases, three generations."""
    return make_run(folder, draft, models, worker_kind=PrincipledWorker, constitution=text)


def outcomes(run: ScriptedRun) -> list[Outcome]:
    """Every outcome, in order."""
    return [entry.outcome for entry in run.entries() if isinstance(entry, OutcomeWritten)]
