"""Every tripwire of a charter, ready to be read: each one's limits and action, and who hands it its numbers.

    >>> [wire.name for wire in wires_of(charter, {})][:2]
    ['label_avalanche', 'proxy_gold_gap']

The statistics are in `detent.tripwires`; where their numbers come from, in `wires_labels`, `wires_models` and
`wires_record`, one function a wire.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from detent.charter import Charter
from detent.loop import wires_labels, wires_models, wires_record
from detent.loop.own_wires import own_wires_of
from detent.loop.parts import Parts, Wire
from detent.loop.so_far import Reader
from detent.tasks import Lookout
from detent.tripwires import CATALOGUE
from detent.values import Profile, Reading

_READERS: Mapping[str, Reader] = {**wires_labels.READERS, **wires_models.READERS, **wires_record.READERS}

OF_THE_MACHINE = frozenset(wires_record.READERS)
"""They looked at files, heads and clocks as they were; nobody can read them again."""


def wires_of(charter: Charter, lookouts: Mapping[str, Lookout]) -> tuple[Wire, ...]:
    """Every wire of the catalogue, as the charter set it, then the author's own; `lookouts` holds their code."""
    return (*_built_in(charter), *own_wires_of(charter, lookouts))


def _built_in(charter: Charter) -> Iterator[Wire]:
    for name, form in CATALOGUE.items():
        setting = charter.wire(name)
        limits = form.with_limits(setting.limits)
        yield Wire(name, setting.action, _bound(_READERS[name], limits))


def _bound(reader: Reader, limits: Any) -> Callable[[Parts, Sequence[Profile], Sequence[Reading]], Reading]:
    return lambda parts, profiles, _: reader(parts, profiles, limits)
