"""What revising is learnt from: seed answers, half of them spoilt, a critique of each, and the answer as it should be.

    >>> [(one.prompt, one.completion) for one in corrections(examples, stream, most=1)]
    [('R123=331~', 'ynyN'), ('R123=331~ynyN~', '321')]

By a principle the critique is marked likewise: which characters break it, and whether the draft keeps to it. All is
made from true answers on the seed levels and a public stream, so that anyone can make it again.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_lowercase

from msgspec import structs

from detent.propose.forms import Forms, filled, forms_of
from detent.propose.lessons import letters_of, spoilt
from detent.tasks import ABSTAIN, PROBES, LadderPrinciple, Rng, source_name
from detent.values import Example, Problem, Slice, marks

KEPT, BROKEN = "Y", "N"
"""The last mark of a draft by a principle: whether it keeps to it."""


def corrections(
    examples: Sequence[Example],
    stream: bytes,
    most: int,
    *,
    refined: bool = True,
    principles: Mapping[str, str] | None = None,
) -> list[Example]:
    """Two rows an example, its critique and its revision, of each rung from the first `most`; then those by principle.

    Args:
        examples: seed data.
        stream: of what is drawn.
        most: examples of a rung.
        refined: whether revising without a principle is taught.
        principles: kind of built-in probes by the principle's name; an example is used for one of them.
    """
    found: list[Example] = []
    letters, rng = letters_of(examples), Rng(stream)
    first = list(_first(examples, most))
    if refined:
        draw = rng.child("refine")
        for example in first:
            found += _corrected(example, letters[example.task], draw)
    if principles:
        draw, names = rng.child("principles"), sorted(principles)
        for place, example in enumerate(first):
            name = names[place % len(names)]
            found += _kept(example, letters[example.task], name, PROBES[principles[name]](), draw)
    return found


def _first(examples: Sequence[Example], most: int) -> Iterator[Example]:
    taken = defaultdict[Slice, int](int)
    for example in examples:
        rung = Slice(example.task, example.level)
        taken[rung] += 1
        if taken[rung] <= most:
            yield example


def _corrected(example: Example, letters: str, rng: Rng) -> list[Example]:
    answer = example.completion
    draft = answer if rng.randrange(2) else spoilt(answer, letters, rng)
    asked = [("prompt", example.prompt), ("draft", draft)]
    return _rows(example, forms_of("characters", by_principle=False), asked, marks(draft, answer), answer)


def _kept(example: Example, letters: str, name: str, principle: LadderPrinciple, rng: Rng) -> list[Example]:
    """The example as the principle asks it, with a draft of one of four kinds."""
    problem = principle.problem(Problem(example.prompt, example.completion), rng)
    draft = _draft(example.completion, letters, rng)
    right = principle.kept(problem, draft, right=draft == example.completion)
    asked = [("prompt", problem.prompt), ("draft", draft), ("principle", name)]
    rung = structs.replace(example, task=source_name(name, example.task))
    forms = forms_of("characters", by_principle=True)
    mended = draft if right else principle.mended(problem)
    critique = principle.marks(problem, draft) + (KEPT if right else BROKEN)
    return _rows(rung, forms, asked, critique, mended)


def _draft(answer: str, letters: str, rng: Rng) -> str:
    """The answer itself, a spoilt one, one with a letter in it, or none."""
    kind = rng.randrange(6)
    if kind == 0:
        return ABSTAIN
    if kind == 1:
        return spoilt(answer, ascii_lowercase, rng)
    return answer if kind in {2, 3} else spoilt(answer, letters, rng)


def _rows(
    rung: Example, forms: Forms, asked: list[tuple[str, str]], critique: str, revision: str
) -> list[Example]:
    return [
        Example(rung.task, rung.level, filled(forms.critique, asked), critique),
        Example(rung.task, rung.level, filled(forms.revise, [*asked, ("critique", critique)]), revision),
    ]
