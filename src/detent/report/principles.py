"""Principles by name, as the newest openings tested them, for `status`.

>>> principle_text(principle_document(state, {"alphabet": 0.05, "kind": None})["kind"])
'not guarded: it has no probes, and no opening tests it'
"""

from collections.abc import Iterator, Mapping
from typing import Any

from detent.evaluate import interval_of
from detent.report import _words as words
from detent.tasks import source_name
from detent.values import Entry, Gain, IntentWritten, OutcomeWritten, State, TestResult


def principle_document(state: State, margins: Mapping[str, float | None]) -> dict[str, dict[str, Any]]:
    """Of each principle of the constitution: whether it is guarded, and how its newest test came out.

    margins: by name; None for a principle without probes.

    low, high: 95 % interval of candidate minus incumbent, in shares of its probes; None before it was tested.
    no_worse: whether the test passed. That says nothing of how often either keeps to it: two models that never do
        are no worse than each other.
    """
    newest = {result.name: (k, result) for k, result in _results(state)}
    return {name: _one(margin, newest.get(source_name(name))) for name, margin in margins.items()}


def principle_text(values: Mapping[str, Any]) -> str:
    """The same of one principle, for a person."""
    if not values["guarded"]:
        return "not guarded: it has no probes, and no opening tests it"
    lost = f"may lose {words.points(values['margin']).removeprefix('+')} pts a promotion"
    if values["opening"] is None:
        return f"{lost}; not tested yet"
    found = words.interval(Gain(values["low"], values["high"], values["items"]))
    verdict = "no worse" if values["no_worse"] else "not shown to be no worse"
    return (
        f"{found} pts, {words.count(values['items'])} items of opening {values['opening']}: {verdict}; {lost}"
    )


def _one(margin: float | None, newest: tuple[int, TestResult] | None) -> dict[str, Any]:
    tested: dict[str, Any] = dict.fromkeys(("opening", "items", "low", "high", "no_worse"))
    if newest is not None and margin is not None:
        k, result = newest
        low, high = interval_of(result.counts)
        tested = {
            "opening": k,
            "items": result.counts.items,
            "low": low,
            "high": high,
            "no_worse": result.passed,
        }
    return {"guarded": margin is not None, "margin": margin, **tested}


def _results(state: State) -> Iterator[tuple[int, TestResult]]:
    """Of every closed opening, in order; none of a turn that was rolled back or is of no intent."""
    turns: list[Mapping[str, Entry]] = [*state.history.values(), state.slots]
    for slots in turns:
        intent, outcome = slots.get("intent/v1"), slots.get("outcome/v1")
        if isinstance(intent, IntentWritten) and isinstance(outcome, OutcomeWritten):
            yield from ((outcome.outcome.k, result) for result in outcome.outcome.results)
