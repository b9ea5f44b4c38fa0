"""What it brings to carry on what optimizers remember: docs/benchmarks.md, "Carried optimizer state".

    carrying.py                                     some minutes on two cores
    carrying.py --seeds 1 --first 40 --next 20      less

The default digits subject, by a worker's jobs. For each seed a model is taught levels 1 to 5 of all built-in tasks for
`--first` steps, and leaves what its optimizers remember. Then it is taught `--next` steps more, twice on the very same
batches: beginning anew, and with what was left. Once on the same data, and once with true answers on the two levels
above as seven tenths of it, as a generation of a run would go on. Rates are warmed up in all of them.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench_place import Place, machine_line, table

from detent.evaluate import public_stream
from detent.tasks import Rng
from detent.tasks.catalogue import BUILTINS
from detent.values import AnswerJob, BuildJob, Example, Optimizer, Source, TrainJob

SEED_LEVELS, NEW_LEVELS, BEYOND = range(1, 6), range(6, 8), range(8, 10)
OPTIMIZER = Optimizer(carry=True)


class Trained(NamedTuple):
    """A model, what its optimizers remember, its loss (nats a token) at the training's start and end, and its answers.

    right: shares right on the seed levels, the two above, and the two above those.
    """

    model: str
    state: str
    began: float
    ended: float
    right: tuple[float, float, float]


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=300, help="steps of the first training")
    parser.add_argument("--next", type=int, default=120, help="steps of the next one")
    parser.add_argument("--problems", type=int, default=1000, help="a task and level, to be taught from")
    parser.add_argument("--asked", type=int, default=60, help="a task and level, to be asked")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    found: dict[str, list[Trained]] = {}
    for seed in range(1, options.seeds + 1):
        with tempfile.TemporaryDirectory(prefix="carrying-") as root:
            place = Place(Path(root), device="cpu", threads=options.threads)
            for name, trained in measured(place, seed, options).items():
                found.setdefault(name, []).append(trained)
            place.close()
    print(report(found, options))


def measured(place: Place, seed: int, options: argparse.Namespace) -> dict[str, Trained]:
    """All trainings of one seed, by their names."""
    built = place.models.admit(place.root / "staging" / place.do(BuildJob(seed=seed)).folder)
    low = place.data.put(examples(SEED_LEVELS, options.problems, f"seed levels {seed}"))
    new = place.data.put(examples(NEW_LEVELS, options.problems, f"new levels {seed}"))
    asked = examples((*SEED_LEVELS, *NEW_LEVELS, *BEYOND), options.asked, f"asked {seed}")
    same = (Source(low, 1.0),)
    first = trained(place, TrainJob(built, same, steps=options.first, seed=seed, optimizer=OPTIMIZER), asked)
    found = {"first training": first}
    for name, sources in {"the same": same, "two levels more": (Source(low, 0.3), Source(new, 0.7))}.items():
        job = TrainJob(first.model, sources, steps=options.next, seed=seed + 1000, optimizer=OPTIMIZER)
        carried = TrainJob(
            first.model, sources, steps=options.next, seed=seed + 1000, optimizer=OPTIMIZER, state=first.state
        )
        found[f"{name}, anew"] = trained(place, job, asked)
        found[f"{name}, carried"] = trained(place, carried, asked)
    return found


def trained(place: Place, job: TrainJob, asked: Sequence[Example]) -> Trained:
    """Do it, and ask the model."""
    made = place.do(job)
    model = place.models.admit(place.root / "staging" / made.folder)
    state = place.states.admit(place.root / "staging" / made.state, of=model)
    answers = place.do(AnswerJob(model=model, prompts=tuple(one.prompt for one in asked))).completions
    right = {level: [0, 0] for level in {one.level for one in asked}}
    for one, answer in zip(asked, answers, strict=True):
        right[one.level][0] += answer == one.completion
        right[one.level][1] += 1

    def share(levels: Sequence[int]) -> float:
        return sum(right[level][0] for level in levels) / sum(right[level][1] for level in levels)

    return Trained(
        model, state, made.losses[0], made.losses[-1], (share(SEED_LEVELS), share(NEW_LEVELS), share(BEYOND))
    )


def examples(levels: Sequence[int], count: int, label: str) -> list[Example]:
    """So many problems of each built-in task and level, with their true answers."""
    found = []
    for name in sorted(BUILTINS):
        task, rng = BUILTINS[name](), Rng(public_stream(1, f"{label} {name}", 0))
        for level in levels:
            problems = (task.problem(level, rng) for _ in range(count))
            found += [Example(name, level, problem.prompt, problem.answer) for problem in problems]
    return found


def report(found: dict[str, list[Trained]], options: argparse.Namespace) -> str:
    """For the docs: the mean of seeds, and each of them."""
    rows = []
    for name, seeds in found.items():
        figures = [
            [one.began for one in seeds],
            [one.ended for one in seeds],
            *([one.right[place] for one in seeds] for place in range(3)),
        ]
        rows.append([name, *map(spread, figures)])
    heads = [
        *("training", "loss, first tenth", "loss, last tenth"),
        *("right on levels 1-5", "on 6 and 7", "on 8 and 9"),
    ]
    said = f"{options.seeds} seeds, {options.first} steps and {options.next} more; {machine_line(options.threads)}"
    return f"{said}\n\n{table(heads, rows)}"


def spread(values: Sequence[float]) -> str:
    """The mean, and what each seed gave."""
    return f"{statistics.fmean(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})"


if __name__ == "__main__":
    main()
