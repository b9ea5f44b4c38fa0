"""The run in plain text and as values: one line a generation, and where it stands now.

    >>> generation_line(tell_turn(state.history[3]))
    '  3 | weak reverse 5 | purify reverse 4-5 | +4.1 [+1.2, +7.0] pts, 412 items | better, promoted'

Everything from the ledger is untrusted text: control characters reach a terminal only as escapes.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any, Literal, NamedTuple

from detent.evaluate import horizon
from detent.oversight import Stop
from detent.report import _words as words
from detent.report.adapters import adapter_text
from detent.report.judges import judge_document, judge_text
from detent.report.methods import method_text
from detent.report.principles import principle_text
from detent.report.servers import server_text
from detent.report.story import Turn
from detent.report.tried import exploring_lines
from detent.values import Profile, Profiled, Revision, State, Watched, live

Standing = Literal["ready", "running", "waiting", "paused", "halted", "lease_spent", "finished"]
"""ready: `detent run` would go on.  running: another process is at it.  waiting: for a person's answer, or for the
time that the charter's pace wants.  paused, halted: a person or a tripwire stopped it.  lease_spent: grant another:
no generations, time or compute are left.  finished: nothing is weak."""

_STANDINGS: dict[Stop | None, Standing] = {
    None: "ready",
    "enough": "ready",
    "amended": "ready",
    "asked": "waiting",
    "review": "waiting",
    "pace": "waiting",
    "unevaluated": "waiting",
    "lease_spent": "lease_spent",
    "lease_expired": "lease_spent",
    "compute_spent": "lease_spent",
    "finished": "finished",
}

LINE = 118
"""Columns a generation's line takes at most."""
LEAST = 12
"""Of what was weak, and of what was proposed, that many characters are shown whatever the rest needs."""


PETA = 1e15


class Budget(NamedTuple):
    """The error budget and what the next opening costs: its level, and the items likely to be needed.

    next_items: keyed by the true gain in points, such as {"5": 1271, "10": 299}.
    """

    total: float
    next_alpha: float
    next_items: dict[str, int]


def generation_line(turn: Turn, width: int = LINE) -> str:
    """One line: weak, proposed, gain with its interval, items, verdict, decision; at most `width` columns.

    Of what was weak it names the worst. The proposal is cut short where it does not fit, the figures never.
    """
    front, back = f"{turn.generation:>3} | ", f" | {_ending(turn)}"
    if turn.generation == 0:
        return words.clip(f"{front}the first model, taught the seed levels{back}", width)
    if turn.decision == "rollback":
        return words.clip(f"{front}rolled back: {words.plain(turn.because)}", width)
    if not turn.candidate:
        return words.clip(f"{front}no candidate: {words.plain(turn.because)}", width)
    weak = words.plain(next((f"{w.task} {w.frontier}" for w in turn.weaknesses), "nothing"))
    proposed = words.plain(_proposed(turn)) or "nothing"
    room = max(width - len(front) - len(back) - len("weak  | "), 2 * LEAST)
    weak = words.clip(weak, max(room - len(proposed), room // 2))
    return f"{front}weak {weak} | {words.clip(proposed, room - len(weak))}{back}"


def _proposed(turn: Turn) -> str:
    """First what was changed beside the data, since it is rarer; else how many changes were tried in vain."""
    plan = [f"{remedy} {', '.join(tasks)}" for remedy, tasks in turn.plan.items()]
    if turn.change is not None:
        return "; ".join([f"{turn.change.said}, of {turn.tried} tried", *plan])
    return "; ".join([*([f"{turn.tried} tried"] if turn.tried else []), *plan])


def standing(stop: Stop | None, *, running: bool) -> Standing:
    """Where a run stands, from what keeps its next step from being made."""
    if stop in ("halted", "paused"):  # said at once, though a process may still be ending
        return stop
    return "running" if running else _STANDINGS[stop]


def status_document(state: State, stands: Standing, budget: Budget, now: str) -> dict[str, Any]:
    """`detent status --json`: plain values. Accuracies are the incumbent's, on fresh problems.

    `generation` is the last closed one; `horizon_is_at_least` says that a ladder ends before the model does. `anchor`
    is there where the incumbent was promoted for being smaller: the model that it is as good as.

    Args:
        state: the ledger, folded.
        stands: see `standing`.
        budget: the run's error budget; what is spent is the state's to say.
        now: the time (RFC 3339), which says what is left of leases.
    """
    start, at_last = state.first_fresh, of_incumbent(state)
    return {
        "state": stands,
        "generation": max(state.history, default=0),
        "promoted": state.promoted,
        "incumbent": state.incumbent,
        **({"anchor": state.anchor} if state.anchor != state.incumbent else {}),
        "ladder": {"start": start.ladder() if start else None, "now": at_last.ladder() if at_last else None},
        "tasks": {task: _task(at_last, task) for task in at_last.scores} if at_last else {},
        "error_budget": {
            "total": budget.total,
            "spent": state.alpha_spent,
            "next_alpha": budget.next_alpha,
            "next_items": dict(budget.next_items),
        },
        "lease": _lease(state, now),
        "compute": {
            "taught_petaflop": state.taught_flops / PETA,
            "petaflop": state.flops / PETA,
            "share": state.flops / state.taught_flops if state.taught_flops else None,
        },
        "hold": _hold(state),
        "request": state.request.number if state.request and not state.answer else None,
        "alarms": _alarms(state),
        "cosigned": _cosigned(state),
        "confined": state.session.confined if state.session else None,
        **({"judge": health} if (health := judge_document(state)) else {}),
    }


def revision_text(revision: Revision) -> str:
    """Draft, each critique and revision, and on the last line the answer; as a model wrote them, made printable."""
    lines = [f"draft     {words.plain(revision.draft)}"]
    for step in revision.steps:
        lines += [f"critique  {words.plain(step.critique)}"] if step.critique else []
        lines.append(f"revision  {words.plain(step.text)}")
    return "\n".join([*lines, f"answer    {words.plain(revision.final)}"])


def status_text(document: Mapping[str, Any]) -> str:
    """The same for a person: a few aligned lines."""
    ladder, budget, lease = document["ladder"], document["error_budget"], document["lease"]
    lines = [
        ("state", str(document["state"]).replace("_", " ")),
        ("generation", f"{document['generation']}, {document['promoted']} promoted"),
        ("incumbent", document["incumbent"] or "none yet"),
        *([("anchor", f"{document['anchor']}, the last that was better")] if "anchor" in document else []),
        ("ladder", _change(ladder["start"], ladder["now"])),
        *((f"  {task}", _task_text(values)) for task, values in document["tasks"].items()),
        *_principle_lines(document),
        *([("judge", judge_text(document["judge"]))] if "judge" in document else []),
        *_method_lines(document),
        *(exploring_lines(document["exploring"]) if "exploring" in document else []),
        *([("adapter", adapter_text(document["adapter"]))] if "adapter" in document else []),
        *((f"server {name}", server_text(values)) for name, values in document.get("servers", {}).items()),
        ("error budget", f"{words.small(budget['spent'])} of {words.small(budget['total'])} spent"),
        ("next opening", _next_text(budget)),
        ("lease", _lease_text(lease)),
        *(
            [("held", f"{held['kind']} by {held['by']}: {held['because']}")]
            if (held := document["hold"])
            else []
        ),
        *([("asked", f"request {document['request']} waits for an answer")] if document["request"] else []),
        ("alarms", ", ".join(document["alarms"]) or "none"),
        *([("witnesses", _cosigned_text(document["cosigned"]))] if document["cosigned"] else []),
        ("workers", _confined(document["confined"])),
    ]
    shown = [(_name(name), words.plain(text)) for name, text in lines]
    wide = max(len(name) for name, _ in shown)
    return "\n".join(f"{name:<{wide}}  {text}" for name, text in shown)


def _method_lines(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """None where the charter names no method that is audited by what it makes right and wrong."""
    found = document.get("methods")
    if not found:
        return []
    rows = [
        (f"  {method} {task}", method_text(values))
        for method in found
        for task, values in found[method].items()
    ]
    return [("methods", ", ".join(found)), *rows]


def _principle_lines(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """None where the charter names no constitution."""
    found = document.get("principles")
    if found is None:
        return []
    guarded = sum(values["guarded"] for values in found.values())
    head = ("principles", f"{guarded} of {len(found)} guarded")
    return [head, *((f"  {name}", principle_text(values)) for name, values in found.items())]


def _lease_text(lease: Mapping[str, Any]) -> str:
    left = f"{lease['left']} left of {lease['granted']} generations granted"
    if lease["expires"] is None:
        return left
    return f"{left}, until {lease['expires']}, {words.small(lease['petaflop_left'])} petaflop"


def of_incumbent(state: State) -> Profile | None:
    """The newest fresh profile of the model in force: a candidate's, not yet decided on, does not count."""
    past = (state.history[generation] for generation in reversed(range(len(state.history))))
    entries = (slots.get("profile/v1/fresh") for slots in chain([state.slots], past))
    profiles = (entry.profile for entry in entries if isinstance(entry, Profiled))
    return next((profile for profile in profiles if profile.subject == state.incumbent), None)


def _lease(state: State, now: str) -> dict[str, Any]:
    """What is granted and left; `expires` and `petaflop_left` are of the lease that pays for the next turn."""
    paying = live(state.grants, now)
    return {
        "granted": state.granted,
        "spent": state.spent,
        "left": state.lease_left(now),
        "expires": paying.expires if paying else None,
        "petaflop_left": paying.petaflop - paying.used if paying else 0.0,
    }


def _hold(state: State) -> dict[str, Any] | None:
    held = state.hold
    return {"kind": held.kind, "by": held.by, "because": held.because} if held else None


def _cosigned(state: State) -> dict[str, Any] | None:
    """How far outsiders vouch for the ledger."""
    newest = state.cosigned
    if newest is None:
        return None
    return {"size": newest.size, "of": state.entries, "by": list(newest.witnesses), "at": newest.at}


def _cosigned_text(cosigned: Mapping[str, Any]) -> str:
    by = ", ".join(cosigned["by"])
    return f"{cosigned['size']:,} of {cosigned['of']:,} entries cosigned by {by} at {cosigned['at']}"


def _alarms(state: State) -> list[str]:
    """Tripwires that fired in the generation in progress, and wait for a person."""
    watched = state.slots.get("watch/v1")
    if not isinstance(watched, Watched):
        return []
    return [r.wire for r in watched.readings if r.fired and watched.actions.get(r.wire) != "record"]


def _ending(turn: Turn) -> str:
    opening = turn.opening
    decision = words.decision(turn.decision, turn.candidate)
    if turn.ladder is not None:
        decision += f": ladder {words.rate(turn.ladder)}"
    if opening is None:
        return f"not opened, {decision}" if turn.proposal else decision
    gain = f"{words.interval(opening.gain)} pts, " if opening.gain else ""
    items = f"{words.count(opening.items)} items | " if opening.items is not None else ""
    return f"{gain}{items}{opening.said}, {decision}"


def _task(profile: Profile, task: str) -> dict[str, Any]:
    reached = horizon(profile, task)
    return {
        "frontier": profile.frontier(task),
        "horizon": reached.level,
        "horizon_is_at_least": reached.censored,
        "accuracy": {str(level): score.rate for level, score in enumerate(profile.scores[task], start=1)},
    }


def _change(start: float | None, now: float | None) -> str:
    if start is None or now is None:
        return "not measured yet"
    return f"{words.rate(now)}, began at {words.rate(start)} ({words.points(now - start)} points)"


def _task_text(values: Mapping[str, Any]) -> str:
    sign = ">=" if values["horizon_is_at_least"] else ""
    return f"frontier {values['frontier']:>2}   horizon {sign}{values['horizon']:.1f}"


def _next_text(budget: Mapping[str, Any]) -> str:
    needs = ", ".join(f"{items:,} for {gain}" for gain, items in budget["next_items"].items())
    likely = f"; items likely needed by points of true gain: {needs}" if needs else ""
    return f"alpha {words.small(budget['next_alpha'])}{likely}"


def _confined(confined: bool | None) -> str:
    if confined is None:
        return "none ran yet"
    return "confined" if confined else "unconfined: sealed against the model is not proven"


def _name(name: str) -> str:
    indent = "  " if name.startswith("  ") else ""
    return indent + words.clip(words.plain(name.strip()), 24)
