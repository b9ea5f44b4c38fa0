"""A charter's draft for a model and tasks, complete and commented: the built-in one, with numbers for this size.

    >>> text = draft_text_for("Small", "models/small", {"copy": 9}, shape, machine)

The numbers of the built-in charter were measured, for models of 0.6 million parameters that are made here. A model that
others trained gets an adapter; its numbers are what is usual for such models and were not measured: they are where to
begin, and the file says so.
"""

import json
import re
from collections.abc import Callable, Mapping
from math import ceil, floor, log10

from detent.charter import default_text
from detent.errors import UsageError
from detent.sizing.estimate import GIGA, HOUR, PETA, Estimate
from detent.sizing.machine import Machine
from detent.sizing.memory import Adapter
from detent.sizing.shape import Shape

WIDEST_RANK, ALPHA = 16, 2
"""An adapter's rank where the model is wide enough, and its alpha for each of the rank: usual numbers."""

LEAST_ROOM, ROOM_STEP, ROOM_SHARE = 16, 8, 2.0
"""Tokens of an answer: so many at the least, in such steps, and so many times the longest answer that was drawn."""

BATCH = 32
PIECES = (16, 8, 4, 2, 1)
"""Examples at a time, of which the first is taken that fits into memory."""

MOST_THREADS = 8
"""CPU threads of a worker; more help little with models that a processor can train."""

ROOM = 2.0
"""A lease grants so many times what is estimated; the disk likewise."""

HEAD = """\
# A charter written by `detent init` for {subject} on a machine with {cpus} processors{gpus}.
# Who decides, how fast, in what direction, within what constraints. Every key is described in docs/charter.md.
{said}
"""
MEASURED = "# Numbers are those of the built-in charter, which were measured on its own tasks."
UNMEASURED = """\
# An adapter is trained. Its numbers are what is usual; nobody has measured them on this model and these tasks.
# `detent estimate` says what they cost; purpose, tasks and learning rate are yours to think about."""

DEFAULT_TOP, DEFAULT_RUNGS = 15, 5
"""Levels of a task whose top nobody says, and of one of another's library."""

LEFT_OUT = {
    "subject": ("layers", "hidden", "intermediate", "heads", "positions", "extra_tokens"),
    "recipe": ("matrix_rate",),
    "feedback": ("judge_seed_steps", "judge_steps", "pairs", "samples"),
}
"""Keys of a model that is made here: its shape, room by its prompts, Muon's rate, and a judge that is taught signs."""

SAID = {
    ("subject", "source"): "a folder beside this file, or ORG/MODEL that was fetched",
    ("subject", "answer_tokens"): "so many tokens has an answer at the most",
    ("recipe", "other_rate"): "AdamW's; usual for an adapter, as 2e-5 is without one",
    ("recipe", "optimizer"): "AdamW for everything that learns",
    ("feedback", "methods"): "the team labels, and learns what all its members agree on",
    ("tripwires.label_avalanche", "tolerated"): "share of wrong labels; measured with the built-in charter",
}
"""What comments say in a given model's charter, where the built-in charter's would be wrong."""

MADE_HERE, COPIED = "made here, from a config of SmolLM3", "given; the run has a copy of it"
"""Behind [subject]."""


def draft_text_for(
    subject: str, source: str, tasks: Mapping[str, int], shape: Shape, machine: Machine
) -> str:
    """The draft.

    Args:
        subject: what the model is called.
        source: the charter's `subject.source`: "built", or a folder, or what was fetched from a hub.
        tasks: to improve, with the top level of each.
        shape: the model's size.
        machine: it is to run on.

    Raises:
        UsageError: no task is named.
    """
    if not tasks:
        raise UsageError("at least one task expected, got none; name some with --tasks NAME=TOP,...")
    given = source != "built"
    text = default_text()
    gpus = f" and {', '.join(gpu.name for gpu in machine.gpus)}" if machine.gpus else ""
    head = HEAD.format(
        subject=_line(subject), cpus=machine.cpus, gpus=_line(gpus), said=UNMEASURED if given else MEASURED
    )
    text = head + text[text.index("\nname = ") :]
    improve = ", ".join(f"{_key(task)} = {top}" for task, top in tasks.items())
    adapter = Adapter(_rank(shape))
    most = shape.parameters + (adapter.parameters(shape) if given else 0)
    values = {
        ("", "name"): json.dumps(_line(subject)),
        ("", "purpose"): json.dumps(_line(f"Better at {', '.join(tasks)}")),
        ("direction", "improve"): f"{{ {improve} }}",
        ("constraints", "max_parameters"): f"{_up(most * 1.01):_}",
        ("run", "threads"): str(max(1, min(machine.cpus, MOST_THREADS))),
        ("recipe", "seed_levels"): str(max(1, min(5, min(tasks.values()) // 2))),
        ("subject", "source"): json.dumps(source),
        **(GENTLE if given else {}),
    }
    for (section, key), value in values.items():
        text = _with(text, section, key, value)
    return _as_given(text, adapter) if given else text


def _as_given(text: str, adapter: Adapter) -> str:
    """What only a model has that others trained: an adapter beside it, and nobody who is taught signs."""
    for section, keys in LEFT_OUT.items():
        for key in keys:
            text = _without(text, section, key)
    for (section, key), said in SAID.items():
        text = _with(text, section, key, None, said)
    text = text.replace(MADE_HERE, COPIED, 1)
    lora = f"lora = {{ rank = {adapter.rank}, alpha = {ALPHA * adapter.rank:.1f} }}"
    beside = "trained beside the model; without this line all its weights are"
    return _after(text, "subject", "source", f"{lora:<33} # {beside}")


def with_room(text: str, longest: int) -> str:
    """The same with room for answers. longest: characters of the longest that was drawn."""
    room = max(LEAST_ROOM, ROOM_STEP * ceil(ROOM_SHARE * longest / ROOM_STEP))
    return _with(text, "subject", "answer_tokens", str(room))


def fitted(text: str, fits: Callable[[str], bool]) -> str:
    """The same with the largest pieces of a batch that fit into memory; with one model in place of two if none does.

    fits: whether a charter of that text does, as far as anybody knows.
    """
    smallest = text
    for team in (2, 1):
        for piece in PIECES:
            smallest = _with(_with(text, "recipe", "team", str(team)), "recipe", "micro_batch", str(piece))
            if fits(smallest):
                return smallest
    return smallest


def with_means(text: str, found: Estimate) -> str:
    """The same with a lease and a disk that an estimate of it says are enough."""
    flops = max(found.lease_flops, found.first.flops)
    seconds = found.seconds(found.last)
    generations = found.plan.draft.pace.lease.generations
    hours = 24 if seconds is None else max(24, ceil(ROOM * generations * seconds / HOUR))
    lease = f"{{ generations = {generations}, hours = {hours}, petaflop = {_up(ROOM * flops / PETA, digits=2):g} }}"
    text = _with(text, "pace", "lease", lease)
    return _with(text, "constraints", "max_disk_gb", f"{max(20.0, ceil(ROOM * found.disk / GIGA)):.1f}")


def tasks_in(words: str, highest: Mapping[str, int] | None = None) -> dict[str, int]:
    """`copy=9,reverse` as tasks with their top levels.

    A task without one has 15 levels; one of another's library, `gym:NAME`, has 5, or all that there are, by `highest`.

    Raises:
        UsageError: a part is no NAME or NAME=TOP.
    """
    found: dict[str, int] = {}
    for part in words.split(","):
        written = re.fullmatch(r"\s*([A-Za-z0-9_:.-]+)(?:=([1-9][0-9]?|100))?\s*", part)
        if written is None or written[1] in found:
            raise UsageError(
                f"NAME or NAME=TOP, each task once, expected, got {part!r}; use for example: copy=9,sort=9"
            )
        name = written[1]
        there = (highest or {}).get(name, DEFAULT_RUNGS)
        found[name] = int(written[2] or (min(DEFAULT_RUNGS, there) if ":" in name else DEFAULT_TOP))
    return found


GENTLE = {
    ("subject", "chat"): '"auto"',
    ("recipe", "seed_problems"): "500",
    ("recipe", "seed_steps"): "100",
    ("recipe", "steps"): "50",
    ("recipe", "batch"): str(BATCH),
    ("recipe", "optimizer"): '"adamw"',
    ("recipe", "other_rate"): "0.0002",
    ("recipe", "label_prompts"): "200",
    ("recipe", "label_keep"): "100",
    ("recipe", "review_prompts"): "40",
    ("feedback", "methods"): '["self_label"]',
    ("run", "device"): '"auto"',
}
"""For a model that was trained before, by others and for long: few steps and small batches, and of each an adapter."""


def _rank(shape: Shape) -> int:
    """Of an adapter: what is usual, and in a narrow model no more than an eighth of its width."""
    return max(1, min(WIDEST_RANK, shape.hidden // 8))


def _line(text: str) -> str:
    """One line of at most 200 printable characters, as the charter takes it."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return shown[:200] or "run"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _up(value: float, digits: int = 2) -> float:
    """Rounded up to so many digits; a whole number where it is one."""
    unit = 10.0 ** (floor(log10(value)) - digits + 1)
    rounded = ceil(value / unit) * unit
    return int(rounded) if unit >= 1 else round(rounded, 12)


def _with(text: str, section: str, key: str, value: str | None, said: str = "") -> str:
    """The line `key = ...` of a section with another value, or None for its own; its comment stays, or is `said`."""
    before, body, after = _section(text, section)
    found = re.search(rf"^{key} = (.*?)([ \t]*#.*)?$", body, re.MULTILINE)
    assert found is not None, key  # noqa: S101  the built-in charter has it
    line = f"{key} = {found[1] if value is None else value}"
    comment = f"# {said}" if said else (found[2] or "").strip()
    if comment:
        line = f"{line:<33} {comment}"
    return before + body[: found.start()] + line + body[found.end() :] + after


def _after(text: str, section: str, key: str, line: str) -> str:
    """With one more line behind that of a key."""
    before, body, after = _section(text, section)
    return before + re.sub(rf"^({key} = .*\n)", rf"\1{line}\n", body, count=1, flags=re.MULTILINE) + after


def _without(text: str, section: str, key: str) -> str:
    before, body, after = _section(text, section)
    return before + re.sub(rf"^{key} = .*\n", "", body, flags=re.MULTILINE) + after


def _section(text: str, name: str) -> tuple[str, str, str]:
    """The text before a section's lines, these, and what comes after."""
    start = text.index(f"\n[{name}]") if name else 0
    end = text.find("\n[", start + 1)
    end = len(text) if end < 0 else end
    return text[:start], text[start:end], text[end:]
