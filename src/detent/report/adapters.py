"""Of a run whose models are adapters: their rank and the base that they belong to, for `status` and the report.

>>> adapter_text(adapter_document(entries))
'rank 16, alpha 32, on all-linear; base 5f0c21aa, org/model at c0ffee000000'
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from detent.report import _words as words
from detent.values import Entry, ModelFetched, SubjectBuilt


def adapter_document(entries: Iterable[Entry]) -> dict[str, Any] | None:
    """In plain values; None where models are whole, or none was made yet. repo, revision: "" of a base not fetched."""
    every = list(entries)
    first = next((one for one in every if isinstance(one, SubjectBuilt) and one.lora is not UNSET), None)
    if first is None or first.lora is UNSET:
        return None
    fetched = [one for one in every if isinstance(one, ModelFetched) and one.digest == first.parent]
    lora = first.lora
    return {
        "rank": lora.rank,
        "alpha": lora.alpha,
        "targets": lora.targets if isinstance(lora.targets, str) else list(lora.targets),
        "base": first.parent,
        "repo": fetched[0].repo if fetched else "",
        "revision": fetched[0].revision if fetched else "",
    }


def adapter_text(values: Mapping[str, Any]) -> str:
    """The same for a person."""
    targets = values["targets"] if isinstance(values["targets"], str) else ", ".join(values["targets"])
    said = (
        f"rank {values['rank']}, alpha {values['alpha']:g}, on {targets}; base {words.short(values['base'])}"
    )
    return said + (f", {values['repo']} at {values['revision'][:12]}" if values["repo"] else "")
