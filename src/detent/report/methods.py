"""What the charter's methods made right and what they made wrong: for `status`, and as a table of the report.

>>> method_text(method_document(state, ("dpo",))["dpo"]["copy"])
'12 made right and 3 wrong of 120 audited; used .600'
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from detent.report import _words as words
from detent.values import Entry, Flipped, Flips, Proposed, State, Use

AUDITED = ("refine", "constitution", "dpo", "grpo")
"""Methods that are audited so, as a charter names them."""

HEAD = ("generation", "method", "task", "made right", "made wrong", "of audited", "used")


def method_document(state: State, methods: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """[method][task]: all that was audited so far, and with what share the newest proposal uses it there.

    share: None before anything was proposed; 0 where it is switched off.
    """
    newest = state.latest("proposal/v1")
    uses = newest.proposal.uses if isinstance(newest, Proposed) else {}
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for method in (one for one in AUDITED if one in methods):
        seen, used = state.flips.get(method, {}), uses.get(method, {})
        found[method] = {
            task: _one(seen.get(task), used.get(task)) for task in sorted(seen.keys() | used.keys())
        }
    return found


def method_text(values: Mapping[str, Any]) -> str:
    """The same of one task, for a person."""
    counts = (
        f"{words.count(values['helped'])} made right and {words.count(values['harmed'])} wrong of "
        f"{words.count(values['asked'])} audited"
    )
    return f"{counts if values['asked'] else 'nothing audited yet'}; {_share(values['share'])}"


def method_rows(turns: Mapping[int, Mapping[str, Entry]]) -> list[tuple[str, ...]]:
    """A row under HEAD for each generation, method and task that was audited or is newly switched off.

    turns: slots by generation.
    """
    return [row for generation in sorted(turns) for row in _rows(turns, generation)]


def _rows(turns: Mapping[int, Mapping[str, Entry]], generation: int) -> Iterator[tuple[str, ...]]:
    uses, before = _uses(turns[generation]), _uses(turns.get(generation - 1, {}))
    audited: dict[str, dict[str, Flips]] = {
        one.method: one.flips for one in turns[generation].values() if isinstance(one, Flipped)
    }
    for method in AUDITED:
        flips, used = audited.get(method, {}), uses.get(method, {})
        for task in sorted(flips.keys() | used.keys()):
            use, was = used.get(task), before.get(method, {}).get(task)
            newly_off = use is not None and use.share == 0 and (was is None or was.share > 0)
            if task in flips or newly_off:
                numbers = _numbers(flips.get(task))
                yield (
                    str(generation),
                    method,
                    task,
                    *numbers,
                    _share(use.share if use else None).removeprefix("used "),
                )


def _uses(slots: Mapping[str, Entry]) -> dict[str, dict[str, Use]]:
    proposed = slots.get("proposal/v1")
    return proposed.proposal.uses if isinstance(proposed, Proposed) else {}


def _numbers(flips: Flips | None) -> tuple[str, str, str]:
    if flips is None:
        return "-", "-", "-"
    return words.count(flips.helped), words.count(flips.harmed), words.count(flips.asked)


def _one(flips: Flips | None, use: Use | None) -> dict[str, Any]:
    seen = flips or Flips(0, 0, 0)
    return {
        "helped": seen.helped,
        "harmed": seen.harmed,
        "asked": seen.asked,
        "share": use.share if use else None,
    }


def _share(share: float | None) -> str:
    if share is None:
        return "not proposed yet"
    return f"used {words.rate(share)}" if share else "switched off"
