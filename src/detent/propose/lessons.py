"""What a judge learns from: answers held to be right, half of them spoilt, and the marks that each deserves.

    >>> [(one.prompt, one.completion) for one in lessons(examples, stream, most=2)]
    [('R123=331?', 'ynyN'), ('R45=54?', 'yyY')]

They come from the examples and a public stream alone, so that anyone can make them again. Where an example is a wrong
label, the judge learns to praise it: what it knows is no better than what it was taught from.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from detent.charter import Charter
from detent.evaluate import ladder_rungs, public_stream
from detent.tasks import Rng
from detent.values import Example, Item, Slice, marks, question


class Anchor(NamedTuple):
    """An answer to a problem, whether it is right, the right one, and by how many characters it is longer than that."""

    prompt: str
    draft: str
    right: bool
    longer: int
    answer: str = ""


MOST_EDITS = 2
"""Characters that are changed, left out, put in or swapped, at the most."""


def lessons(examples: Sequence[Example], stream: bytes, most: int) -> list[Example]:
    """One lesson an example, of each rung from the first `most`; in the order of the examples.

    Every other draft is the answer itself, by chance; the others differ from it in one or two places.
    """
    rng, taken = Rng(stream), defaultdict[Slice, int](int)
    letters = letters_of(examples)
    found = []
    for example in examples:
        rung = Slice(example.task, example.level)
        taken[rung] += 1
        if taken[rung] > most:
            continue
        answer = example.completion
        draft = answer if rng.randrange(2) else spoilt(answer, letters[example.task], rng)
        found.append(
            Example(
                task=example.task,
                level=example.level,
                prompt=question(example.prompt, draft),
                completion=marks(draft, answer),
                confidence=example.confidence,
                agreement=example.agreement,
            )
        )
    return found


Draw = Callable[[Mapping[str, Mapping[int, int]], bytes], Sequence[Item]]
"""Problems of these rungs, [task][level] = how many, from a stream."""


def anchor_cases(charter: Charter, draw: Draw) -> tuple[bytes, dict[str, list["Anchor"]]]:
    """The charter's anchors and the stream they come from: seed levels, the same in every generation.

    For a judge that compares all are spoilt: it is asked about each beside the right answer.
    """
    stream = public_stream(charter.run.seed, "anchors of the judge", 0)
    tops = {task: min(top, charter.recipe.seed_levels) for task, top in charter.direction.improve.items()}
    each = -(-charter.feedback.anchors // min(tops.values()))
    known = [
        Example(one.slice.task, one.slice.level, one.problem.prompt, one.problem.answer)
        for one in draw(ladder_rungs(tops, each), stream)
    ]
    found = _anchors(known, stream, charter.feedback.anchors, every=1 if charter.feedback.compares else 2)
    if charter.feedback.compares:  # edits may undo one another
        found = {task: [case for case in cases if not case.right] for task, cases in found.items()}
    return stream, found


def _anchors(examples: Sequence[Example], stream: bytes, each: int, every: int) -> dict[str, list["Anchor"]]:
    """Cases whose verdict is known, by task: `each` of the examples, every so many spoilt and the others as they are.

    The examples are drawn from problems that nobody is taught on, so that a judge that remembers is no better for it.
    """
    letters, found = letters_of(examples), {}
    for task in sorted(letters):
        rng = Rng(stream).child(task)
        mine = [example for example in examples if example.task == task][:each]
        found[task] = [
            Anchor(
                example.prompt,
                draft := _case(example, letters[task], rng, whole=place % every != every - 1),
                draft == example.completion,
                len(draft) - len(example.completion),
                example.completion,
            )
            for place, example in enumerate(mine)
        ]
    return found


def _case(example: Example, letters: str, rng: Rng, *, whole: bool) -> str:
    return example.completion if whole else spoilt(example.completion, letters, rng)


def spoilt(answer: str, letters: str, rng: Rng) -> str:
    """The answer with one or two edits; now and then they undo one another. `letters`: what may be written in it."""
    written = list(answer)
    for _ in range(1 + (rng.randrange(MOST_EDITS * 2) == 0)):
        _edit(written, letters, rng)
    return "".join(written)


def _edit(written: list[str], letters: str, rng: Rng) -> None:
    """Change a character (as likely as all else), swap two neighbours, leave one out or put one in."""
    kind, place = rng.randrange(6), rng.randrange(len(written)) if written else 0
    match kind:
        case 3 if len(written) > 1:
            at = min(place, len(written) - 2)
            written[at], written[at + 1] = written[at + 1], written[at]
        case 4 if len(written) > 1:
            del written[place]
        case 5:
            written.insert(place, rng.choice(letters))
        case _ if written:
            written[place] = rng.choice(letters)
        case _:
            written.append(rng.choice(letters))


def letters_of(examples: Sequence[Example]) -> dict[str, str]:
    """The characters that a task's answers are made of."""
    found: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        found[example.task] |= set(example.completion)
    return {task: "".join(sorted(letters)) for task, letters in found.items()}
