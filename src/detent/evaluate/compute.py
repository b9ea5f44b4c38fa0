"""What asking a model takes, at the most: floating point operations that a lease pays for.

    >>> answering(1_000, ["C12="], extra=4)
    24000.0

2 operations a parameter and token read or written, 6 a token trained on (Kaplan et al., arXiv 2001.08361, s. 2.1); a
token a character, an answer as long as its room (`extra`); what a chat template adds is not counted. A model that stops
earlier takes less; what was asked in a session that was killed is not in it. Pure, so that whoever draws the problems
again counts the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import fsum

from detent.evaluate.record import Row
from detent.values import Intent, LabelRecipe, Room, room_after

MOST_VOTES = 64
"""As the charter's form bounds them; a record that says more is not counted by."""


def answering(parameters: int, prompts: Iterable[str], extra: Room) -> float:
    """Of a model that answers these prompts; of several that answer them all, with the sum of their parameters."""
    return float(2 * parameters * _tokens(prompts, extra))


def voting(
    parameters: int, recipes: Mapping[str, LabelRecipe], prompts: Mapping[str, Iterable[str]], extra: Room
) -> float:
    """Of a model that draws as many answers to each prompt, by task, as its recipe has samples."""
    return fsum(
        min(recipes[task].samples, MOST_VOTES) * answering(parameters, some, extra)
        for task, some in prompts.items()
    )


def judging(parameters: int, prompts: Iterable[str], extra: Room) -> float:
    """Of a judge that reads an answer to each of these prompts and marks it: prompt, answer and as many marks."""
    return float(
        2 * parameters * sum(len(prompt) + 2 * room_after(len(prompt), extra) + 2 for prompt in prompts)
    )


def weighing(parameters: int, asked: Iterable[tuple[str, str]], extra: Room) -> float:
    """Of a judge that reads an answer to each (prompt, principle), in signs, and says whether it keeps to it.

    Prompt, answer, the principle's name, three signs between them, and as many marks as the answer has, and one more.
    """
    read = (len(prompt) + 2 * room_after(len(prompt), extra) + len(name) + 4 for prompt, name in asked)
    return float(2 * parameters * sum(read))


def gating(sizes: Mapping[str, int], intent: Intent, rows: Sequence[Row], extra: Room) -> float:
    """Of an opening with these rows; in a floor test the candidate alone is asked.

    sizes: parameters by digest, of all models of the intent.
    """
    took = answering(sizes[intent.candidate], [row.prompt for row in rows], extra)
    anchored = {target.name for target in intent.targets if intent.rival(target) != intent.incumbent}
    for rival in intent.models[1:]:
        asked = [
            row.prompt
            for row in rows
            if row.incumbent is not None and (row.target in anchored) == (rival != intent.incumbent)
        ]
        took += answering(sizes[rival], asked, extra)
    return took


def _tokens(prompts: Iterable[str], extra: Room) -> int:
    return sum(len(prompt) + room_after(len(prompt), extra) for prompt in prompts)
