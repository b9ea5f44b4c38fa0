"""A scripted run whose judge is the model in force, asked in words which of two answers is better.

>>> run = make_run(folder, COMPARED, trained=TRAINED, worker_kind=ComparingWorker)
"""

from dataclasses import dataclass

from tests.audit.creed_run import CREED, RASH_AND_JUDGE, CreedWorker
from tests.audit.scripted_run import Model, answer_to
from tests.audit.tuned_run import TUNED, TunedWorker

from detent.values import Contest, Job, Judged, JudgeJob, Result, Ruling
from detent.values.feedback import verdict_of

COMPARED = TUNED.replace('"grpo"]\n', '"grpo"]\njudge_source = "incumbent"\nforms = "words"\n')
GIVEN = COMPARED.replace('"incumbent"', '"judges/wise"')
"""By a model that comes along."""
TRAINED = [Model(strength) for strength in (2.5, 2.4, 3.2, 3.1, 3.4, 3.3, 3.3, 3.2)]
"""Two members a generation, and nobody beside them."""


@dataclass
class ComparingWorker(TunedWorker):
    """It knows right from wrong; of two wrong answers it takes the one that stands first."""

    def do(self, job: Job) -> Result:
        if not isinstance(job, JudgeJob):
            return super().do(job)
        odds = [self._odds(pair) for pair in job.pairs]
        return Judged(rulings=tuple(Ruling(verdict_of(one, job.margin), one) for one in odds))

    def _odds(self, pair: Contest) -> tuple[float, float]:
        truth = answer_to(pair.prompt)
        side = 3.0 * ((pair.first == truth) - (pair.second == truth))
        return (side, side + 1.0) if side > 0 else (side - 1.0, side) if side else (2.0, -2.0)


@dataclass
class ComparingByPrinciple(ComparingWorker, CreedWorker):
    """Told a principle, it prefers what says `?`."""

    def _odds(self, pair: Contest) -> tuple[float, float]:
        if not pair.principle:
            return super()._odds(pair)
        side = 3.0 * ((pair.first == "?") - (pair.second == "?"))
        return side, side


CREED_IN_WORDS = CREED.replace('"dpo"]\n', '"dpo"]\njudge_source = "incumbent"\nforms = "words"\n')
RASH_TEAM = tuple(model for place, model in enumerate(RASH_AND_JUDGE) if place % 3 != 2)
