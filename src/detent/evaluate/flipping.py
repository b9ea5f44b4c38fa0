"""What revising made right and what it made wrong: drafts and revisions of a sample, held against a checker.

    >>> row, item = Example("copy", 2, "C12=", "12", draft="21"), Item(Slice("copy", 2), Problem("C12=", "12"))
    >>> flipped([row], [item], tasks, stream=stream, most=100)
    {'copy': Flips(helped=1, harmed=0, asked=1)}

Totals alone leave this function. Pure, so that whoever has the file and the stream counts the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from detent.tasks import Rng, TaskSource
from detent.values import Example, Flips, Item


def flipped(
    rows: Sequence[Example],
    items: Sequence[Item],
    checkers: Mapping[str, TaskSource],
    *,
    stream: bytes,
    most: int,
    named: Callable[[str], str] = str,
) -> dict[str, Flips]:
    """Drafts -> completions of at most `most` rows of each task, drawn from `stream`.

    Args:
        rows: of the file.
        items: problems that its prompts are from.
        checkers: by the rows' task; rows of others are not audited.
        stream: the sample's.
        most: rows of a task.
        named: under what a task's rows are counted.

    Raises:
        TaskError: a checker's code went wrong.
    """
    truth = {(item.slice.task, item.problem.prompt): item.problem for item in items}
    found: dict[str, Flips] = {}
    for task, checker in sorted(checkers.items()):
        mine = [row for row in rows if row.task == task and (task, row.prompt) in truth]
        drawn = Rng(stream).child(task).sample(mine, min(most, len(mine)))
        if not drawn:
            continue
        before = checker.right([(truth[task, row.prompt], row.draft) for row in drawn])
        after = checker.right([(truth[task, row.prompt], row.completion) for row in drawn])
        pairs = list(zip(before, after, strict=True))
        total = Flips(pairs.count((False, True)), pairs.count((True, False)), len(pairs))
        found[named(task)] = found.get(named(task), Flips(0, 0, 0)).with_more(total)
    return found


def sampled(
    counts: Mapping[str, Mapping[str, int]],
    names: Iterable[str],
    most: int,
    named: Callable[[str], str] = str,
) -> dict[str, int]:
    """How many rows `flipped` looks at, by what they are counted under. counts: rows by task and level as text."""
    found: dict[str, int] = {}
    for task in sorted(names):
        if rows := min(most, sum(counts.get(task, {}).values())):
            found[named(task)] = found.get(named(task), 0) + rows
    return found
