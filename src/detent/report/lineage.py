"""Where one model comes from: the models before it, and the data that any of them was taught.

>>> descent = descent_of(entries, digest)
>>> [made.generation for made in descent.models]
[3, 2, 0]
"""

from collections.abc import Sequence

from msgspec import Struct

from detent.values import DataMade, Entry, Reshaped, Trained, Tuned


class Ancestry(Struct, frozen=True):
    """A model's line, itself first, down to the one that this run was given or made: `base`, a digest.

    data: entries of the files that any of the line was taught, in the ledger's order, each once.
    """

    models: tuple[Trained, ...]
    base: str
    data: tuple[DataMade, ...]

    @property
    def flops(self) -> float:
        """Floating point operations of the line's training."""
        return sum(made.flops for made in self.models)


def descent_of(entries: Sequence[Entry], digest: str) -> Ancestry:
    """The line of the model with that digest; of one that no entry made, the line is empty and it is its own base."""
    made: dict[str, Trained] = {}
    for entry in entries:
        if isinstance(entry, Trained) and entry.parent != entry.digest:
            made.setdefault(
                entry.digest, entry
            )  # the same steps give the same model: the first that did counts
    line: list[Trained] = []
    while digest in made:
        line.append(made.pop(digest))  # popped: a record that leads in a circle ends too
        digest = line[-1].parent
    taught = {name for one in line for name in _taught(one)}
    files: dict[str, DataMade] = {}
    for entry in entries:
        if isinstance(entry, DataMade) and entry.digest in taught:
            files.setdefault(entry.digest, entry)
    return Ancestry(tuple(line), digest, tuple(files.values()))


def _taught(one: Trained) -> tuple[str, ...]:
    if isinstance(one, Reshaped):
        return ()
    return one.data if isinstance(one, Tuned) else tuple(source.data for source in one.data)
