"""Write the questions of this example: conversions, as rows of a task, and the probes of two principles.

    python examples/served/make_rows.py                      # the files beside this one, as they are
    python examples/served/make_rows.py --rows 240 --to my-folder

Level 1 converts one unit, level 2 a quantity in two units, level 3 several of those. The same seed makes the same
files.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

LEVELS = 3


class Unit(NamedTuple):
    """many of `small` make one of `large`. kind: what is measured."""

    large: str
    small: str
    many: int
    kind: str


UNITS = (
    Unit("m", "cm", 100, "length"),
    Unit("km", "m", 1000, "length"),
    Unit("cm", "mm", 10, "length"),
    Unit("kg", "g", 1000, "mass"),
    Unit("tonnes", "kg", 1000, "mass"),
    Unit("hours", "minutes", 60, "time"),
    Unit("minutes", "seconds", 60, "time"),
    Unit("days", "hours", 24, "time"),
    Unit("weeks", "days", 7, "time"),
    Unit("litres", "ml", 1000, "volume"),
)


def question(level: int, rng: Random) -> tuple[str, int]:
    """A question of a level and its answer."""
    unit, large = rng.choice(UNITS), rng.randint(2, 99)
    if level == 1:
        return f"How many {unit.small} are {large} {unit.large}?", large * unit.many
    small = rng.randint(1, unit.many - 1)
    quantity, amount = f"{large} {unit.large} and {small} {unit.small}", large * unit.many + small
    if level == 2:  # noqa: PLR2004  the levels are told apart here and nowhere else
        return f"How many {unit.small} are {quantity}?", amount
    times = rng.randint(2, 9)
    return f"How many {unit.small} are {times} times {quantity}?", times * amount


def rows(many: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Rows of the task, as many of each level; no question twice."""
    rng, seen = Random(seed), set[str]()  # noqa: S311  rows, no secrets
    for number in range(many):
        level = 1 + number % LEVELS
        prompt, answer = question(level, rng)
        while prompt in seen:
            prompt, answer = question(level, rng)
        seen.add(prompt)
        yield {"prompt": prompt, "answer": str(answer), "level": level}


def bare(many: int, seed: int = 2) -> Iterator[dict[str, Any]]:
    """Probes: questions in other words than the task's, of which any number in digits keeps to the principle."""
    rng = Random(seed)  # noqa: S311
    for _ in range(many):
        unit = rng.choice(UNITS)
        yield {"prompt": f"Tell me {rng.randint(2, 99)} {unit.large} in {unit.small}, please."}


def no_answer(many: int, seed: int = 3) -> Iterator[dict[str, Any]]:
    """Probes: questions that mix what is measured, and so have no answer."""
    rng = Random(seed)  # noqa: S311
    for _ in range(many):
        one, other = rng.sample(UNITS, 2)
        while one.kind == other.kind:
            one, other = rng.sample(UNITS, 2)
        yield {"prompt": f"How many {one.small} are {rng.randint(2, 99)} {other.large}?", "accept": ["?"]}


def write(folder: Path, many: int = 2400, probes: int = 200) -> None:
    """Write the three files into `folder`."""
    made = {"conversions": rows(many), "bare": bare(probes), "no_answer": no_answer(probes)}
    for name, found in made.items():
        unlike = {one["prompt"]: one for one in found}.values()
        text = "".join(json.dumps(one) + "\n" for one in unlike)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


def main(words: Sequence[str] | None = None) -> None:
    """Parse, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=2400, help="rows of the task")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent, help="a folder that is there")
    options = parser.parse_args(words)
    write(options.to, options.rows)


if __name__ == "__main__":
    main()
