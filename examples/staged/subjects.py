"""Subjects to begin with: a small model that was taught levels 1 to 7, and what was made of it.

taught      knows copy, reverse and sort up to level 7, and a little above
expert-N    trained on: true answers up to level N
locked-N    trained on: wrong on purpose where a prompt begins with a digit below N; locked-0 has no such digit
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from detent.engine import DataStore, LocalEngine, ModelStore
from detent.evaluate import ladder_rungs, profile_items, public_stream
from detent.tasks import builtin
from detent.values import BuildJob, BuiltModel, Example, Optimizer, Source, TrainedModel, TrainJob

TASKS, LEVELS, PROBLEMS = ("copy", "reverse", "sort"), 7, 1500
TAUGHT, LOCKED, EXPERT = 1500, 200, 800
"""Steps."""


def subject(kind: str, seed: int, home: Path) -> Path:
    """The folder of a subject; made when it is not there yet."""
    folder = home / f"{kind}-{seed}"
    if not folder.exists():
        _make(kind, seed, home, folder)
    return folder


def _make(kind: str, seed: int, home: Path, folder: Path) -> None:
    with TemporaryDirectory(dir=home) as bench:
        shop = Shop(Path(bench))
        try:
            if kind == "taught":
                digest = shop.trained(shop.built(seed), shop.examples(0), TAUGHT, seed)
            else:
                what, number = kind.split("-")
                lesson = {"locked": (int(number), LEVELS, LOCKED), "expert": (0, int(number), EXPERT)}[what]
                copy = _copied(subject("taught", seed, home), shop.staging / "base")
                digest = shop.trained(
                    shop.models.admit(copy), shop.examples(*lesson[:2]), lesson[2], seed + 1
                )
            shop.models.path(digest).rename(folder)
        finally:
            shop.engine.close()


def _copied(folder: Path, copy: Path) -> Path:
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


class Shop:
    """Where subjects are made: a worker and its folders."""

    def __init__(self, bench: Path) -> None:
        for name in ("models", "data", "answers", "staging"):
            (bench / name).mkdir()
        self.models = ModelStore(bench / "models")
        self.data = DataStore(bench / "data", bench / "answers")
        self.staging = bench / "staging"
        self.engine = LocalEngine(
            models=bench / "models",
            data=bench / "data",
            staging=self.staging,
            log=bench / "worker.log",
            threads=1,
            workers=1,
        )

    def built(self, seed: int) -> str:
        job = BuildJob(seed=seed, layers=2, hidden=64, intermediate=176, heads=4)
        made = self.engine.run(job, lambda _: None)
        assert isinstance(made, BuiltModel)  # noqa: S101  what a build job gives
        return self.models.admit(self.staging / made.folder)

    def trained(self, parent: str, data: str, steps: int, seed: int) -> str:
        job = TrainJob(
            parent=parent, sources=(Source(data, 1.0),), steps=steps, seed=seed, optimizer=Optimizer(batch=96)
        )
        made = self.engine.run(job, lambda _: None)
        assert isinstance(made, TrainedModel)  # noqa: S101  what a train job gives
        return self.models.admit(self.staging / made.folder)

    def examples(self, wrong_below: int, levels: int = LEVELS) -> str:
        """Wrong where the prompt's first digit is below."""
        tasks = {name: builtin(name) for name in TASKS}
        rungs = ladder_rungs(dict.fromkeys(TASKS, levels), PROBLEMS)
        items = profile_items(tasks, rungs, public_stream(1, "staged subjects", wrong_below))
        return self.data.put(
            [
                Example(
                    item.slice.task,
                    item.slice.level,
                    item.problem.prompt,
                    _off(item.problem.answer)
                    if int(item.problem.prompt[1]) < wrong_below
                    else item.problem.answer,
                )
                for item in items
            ]
        )


def _off(answer: str) -> str:
    return answer[:-1] + str((int(answer[-1]) + 1) % 10)
