"""A world to hold openings in: real tasks, and models whose skill on each level is known.

A model answers a prompt right exactly when a number that depends on the prompt alone, uniform in [0, 1), is
below its skill there. Two models then disagree as little as their skills allow. `noise` gives a model numbers
of its own, so that it disagrees with others more.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from detent.evaluate import Rules, alpha, evaluator_digest, targets
from detent.tasks import BuiltinSource, builtin
from detent.values import Intent, Profile, Score, Target

INITIALS = {"C": "copy", "R": "reverse", "S": "sort"}
TASKS: dict[str, BuiltinSource] = {name: builtin(name) for name in INITIALS.values()}
BUDGET = 0.05
INCUMBENT = "a" * 64
CANDIDATE = "b" * 64

Skill = Callable[[str, int], float]


class Model(Struct, frozen=True):
    """Share right by task and level."""

    skill: Skill
    noise: str = ""

    def completion(self, prompt: str) -> str:
        """The answer, or a wrong one."""
        task = INITIALS[prompt[0]]
        digest = hashlib.sha256((self.noise + prompt).encode()).digest()
        uniform = int.from_bytes(digest[:7], "big") / 256**7
        return answer_to(task, prompt) if uniform < self.skill(task, len(prompt) - 2) else "no"


class World:
    """Models by digest; counts what each was asked."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self.models = models
        self.asked = dict.fromkeys(models, 0)

    def answer(self, digest: str, prompts: Sequence[str]) -> list[str]:
        """What the model says."""
        self.asked[digest] += len(prompts)
        return [self.models[digest].completion(prompt) for prompt in prompts]


def answer_to(task: str, prompt: str) -> str:
    """The right answer."""
    digits = prompt[1:-1]
    return {"copy": digits, "reverse": digits[::-1], "sort": "".join(sorted(digits))}[task]


def falling(start: float, slope: float = 0.0) -> Skill:
    """Skill 1 up to level 4, then `start`, falling by `slope` a level."""
    return lambda _task, level: 1.0 if level <= 4 else max(0.0, start - slope * (level - 5))


def flat_profile(top: int = 8, frontier: int = 5) -> Profile:
    """All tasks right below the frontier, half right from there on."""
    scores = tuple(Score(64 if level < frontier else 32, 64) for level in range(1, top + 1))
    return Profile(INCUMBENT, dict.fromkeys(TASKS, scores))


def intent(k: int = 1, of: tuple[Target, ...] | None = None, rules: Rules | None = None) -> Intent:
    """Opening k on the default targets, or on these."""
    mastered = {task: {1, 2, 3, 4} for task in TASKS}
    return Intent(
        k=k,
        alpha=alpha(k, BUDGET),
        candidate=CANDIDATE,
        incumbent=INCUMBENT,
        charter_version=1,
        charter="c" * 64,
        targets=of or targets(flat_profile(), mastered, k, BUDGET, rules),
        tasks={name: task.digest for name, task in TASKS.items()},
        evaluator=evaluator_digest(),
    )


def silent(_name: str, _done: int, _limit: int) -> None:
    """Watches nothing."""
