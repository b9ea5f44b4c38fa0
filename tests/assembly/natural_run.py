"""A run over words: a task of the gym and a file of rows, in a toy world that can read both."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

from tests.attacks.attacks_world import CHARTER, Scene, found

from detent.engine import FakeEngine
from detent.testing.toy import ToyRules, ToyWorld
from detent.testing.toy_shapes import SHAPE

LEVELS = 3
ROWS = [
    {
        "prompt": f"Which number follows {n}? (level {1 + n % LEVELS})",
        "answer": str(n + 1),
        "level": 1 + n % LEVELS,
    }
    for n in range(6000)
]
ANSWERS = {str(row["prompt"]): (str(row["answer"]), int(str(row["level"]))) for row in ROWS}
FILE = "\n".join(map(json.dumps, ROWS))

TASKS = """
[tasks.following]
source = "following.jsonl"
openings = 9
"""

NATURAL = (
    CHARTER.replace("copy = 8", '"gym:chain_sum" = 3, following = 3')
    .replace("seed_levels = 3", "seed_levels = 1")
    .replace("profile_problems = 32", "profile_problems = 24")
    + TASKS
)
ONLY_ROWS = NATURAL.replace('"gym:chain_sum" = 3, ', "")


@dataclass(slots=True)
class WordyWorld(ToyWorld):
    """Its prompts are the rows of the file above, and sums in words. Nobody asks what shape its models have."""

    def _save(self, horizons: Mapping[str, float], seed: int, config: Mapping[str, Any]) -> str:  # noqa: ARG002
        return ToyWorld._save(self, horizons, seed, {"model_type": "toy"})  # slots: no super() here

    def _config(self, digest: str) -> dict[str, Any]:  # noqa: ARG002
        return SHAPE | {"no_rope_layers": [0, 0]}

    def _task(self, prompt: str) -> str:
        return "following" if prompt in ANSWERS else "gym:chain_sum"

    def _truth(self, prompt: str) -> str:
        if prompt in ANSWERS:
            return ANSWERS[prompt][0]
        signs = re.findall(r"[+-] |\d+", prompt.rpartition(":")[2])
        total, sign = 0, 1
        for one in signs:
            if one.isdigit():
                total += sign * int(one)
            sign = -1 if one == "- " else 1
        return str(total)

    def _level(self, prompt: str) -> int:
        if prompt in ANSWERS:
            return ANSWERS[prompt][1]
        return max(map(len, re.findall(r"\d+", prompt)))

    def _say(self, model: str, prompt: str, lost: float = 0.0, luck: str = "") -> str:
        truth = self._truth(prompt)
        drawn = hashlib.sha256(f"{model}{prompt}{luck}".encode()).digest()
        right = int.from_bytes(drawn[:6], "big") / 2**48 < self._chance(model, prompt, lost)
        return truth if right else f"{truth}{drawn[7] % 10}"

    def _chance(self, model: str, prompt: str, lost: float = 0.0) -> float:
        horizon = self.horizons(model)[self._task(prompt)]
        return 1 / (1 + exp(self.rules.steepness * (self._level(prompt) - max(0.0, horizon - lost))))


def begun(root: Path, charter: str = NATURAL, rows: str = FILE) -> Scene:
    """A run folder, founded as `init` does."""
    return found(root, charter, {"following.jsonl": rows})


def engine(scene: Scene, made: int) -> FakeEngine:
    """Workers that can read. made: number of the first model."""
    tasks = dict.fromkeys(scene.signed.charter.direction.improve)
    world = WordyWorld(scene.run, tasks, ToyRules(seed_horizon=2.2, step=2.0), made)  # type: ignore[arg-type]
    return FakeEngine(world.answer)
