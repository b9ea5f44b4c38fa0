"""Two ways for a judge to say right or wrong, and what each is worth beyond the levels it was taught on.

    python benchmarks/judge_forms.py [--seed 1] [--steps 700]

A subject is taught the seed levels (1 to 5) of copy, reverse and sort. Two judges of its shape are taught from the same
answers, half of them spoilt: one says y or n, the other marks every character. Both are then asked about answers that
the subject drew at temperature 1 on levels 6 to 8. Printed is the chance that a right answer scores higher than a wrong
one (area under the ROC curve): by each judge, by the subject's own confidence, and by confidence times marks.
"""

import argparse
import time
from math import exp

from detent.evaluate import public_stream
from detent.propose import lessons
from detent.subject.build import Sizes, build_model, build_tokenizer
from detent.subject.generate import complete
from detent.subject.processor import fast_precision, settle
from detent.subject.score import log_likelihoods
from detent.subject.train import Example as Pair
from detent.subject.train import Recipe, Source, train
from detent.tasks import Rng, builtin
from detent.values import Example, Problem, praise, question

TASKS, SEED_LEVELS, EACH = ("copy", "reverse", "sort"), 5, 4000
ASKED, DRAWN = (5, 6, 7, 8), 600


def drawn(task: str, level: int, count: int, label: str, seed: int) -> list[Problem]:
    """Problems of one rung from a stream of that name."""
    rng = Rng(public_stream(seed, label, 0)).child(task)
    return builtin(task).problems([(level, rng.child(f"{level}/{n}").seed) for n in range(count)])


def taught(sources: list[Source], steps: int, seed: int):
    """A model of the default shape, and its tokenizer."""
    model, tokenizer = build_model(Sizes(), seed=seed), build_tokenizer()
    recipe = Recipe(
        steps=steps,
        batch=128,
        matrix_rate=0.02,
        rest_rate=0.003,
        warm_up=20,
        cool_down=0.3,
        precision=fast_precision(),
        clip=1.0,
    )
    started = time.perf_counter()
    losses = train(model, tokenizer, sources, recipe, seed=seed)
    print(f"taught in {time.perf_counter() - started:.0f} s, last loss {losses[-1]:.3f}", flush=True)
    return model, tokenizer


def above(scores: list[float], marks: list[bool]) -> float:
    """The chance that a right one scores higher than a wrong one."""
    right = [score for score, mark in zip(scores, marks, strict=True) if mark]
    wrong = [score for score, mark in zip(scores, marks, strict=True) if not mark]
    if not right or not wrong:
        return float("nan")
    higher = sum((one > other) + (one == other) / 2 for one in right for other in wrong)
    return higher / len(right) / len(wrong)


def main() -> None:
    """Teach three models, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=700)
    options = parser.parse_args()
    settle(2)
    known = [
        Example(task, level, problem.prompt, problem.answer)
        for task in TASKS
        for level in range(1, SEED_LEVELS + 1)
        for problem in drawn(task, level, EACH, "seed data", options.seed)
    ]
    answers = Source([Pair(one.prompt, one.completion) for one in known], 1.0)
    marked = lessons(known, public_stream(options.seed, "lessons", 0), most=EACH)
    marking = Source([Pair(one.prompt, one.completion) for one in marked], 1.0)
    saying = Source([Pair(one.prompt, one.completion[-1].lower()) for one in marked], 1.0)
    subject = taught([answers], options.steps, options.seed)
    by_word = taught([saying, answers], options.steps, options.seed + 100)
    by_marks = taught([marking, answers], options.steps, options.seed + 200)
    print(
        "| task | level | right | one word | marks | confidence | confidence x marks |\n|---|---|---|---|---|---|---|"
    )
    for task in TASKS:
        for level in ASKED:
            print(row((task, level), options.seed, subject, by_word, by_marks), flush=True)


def row(rung: tuple[str, int], seed: int, subject, by_word, by_marks) -> str:
    """One line of the table."""
    task, level = rung
    problems = drawn(task, level, DRAWN, "asked", seed)
    prompts = [problem.prompt for problem in problems]
    found = complete(*subject, prompts, max_new_tokens=level + 6, temperature=1.0, seed=seed)
    right = [one.text == problem.answer for one, problem in zip(found, problems, strict=True)]
    asked = [question(prompt, one.text) for prompt, one in zip(prompts, found, strict=True)]
    word = log_likelihoods(*by_word, [(one, "y") for one in asked])
    marks = log_likelihoods(
        *by_marks, [(one, praise(said.text)) for one, said in zip(asked, found, strict=True)]
    )
    sure = [one.least_probability for one in found]
    both = [one * exp(other) for one, other in zip(sure, marks, strict=True)]
    figures = " | ".join(f"{above(scores, right):.2f}" for scores in (word, marks, sure, both))
    return f"| {task} | {level} | {sum(right) / len(right):.2f} | {figures} |"


if __name__ == "__main__":
    main()
