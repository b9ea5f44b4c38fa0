"""A charter's draft for a model and tasks, complete and commented: the built-in one, with numbers for this size.

    >>> text = draft_text_for("Small", "models/small", {"copy": 9}, shape, machine)

The numbers of the built-in charter were measured, for models of 0.6 million parameters. Those for larger ones follow
what is usual for such models and were not measured: they are where to begin, and the file says so.
"""

import json
import re
from collections.abc import Mapping
from math import ceil, floor, log10

from detent.charter import default_text
from detent.errors import UsageError
from detent.sizing.estimate import GIGA, HOUR, PETA, Estimate
from detent.sizing.machine import Machine
from detent.sizing.shape import Shape

LARGE, HUGE = 20_000_000, 1_000_000_000
"""Parameters from which a model is trained gently, and from which it goes alone and in small batches."""

MOST_THREADS = 8
"""CPU threads of a worker; more help little with models that a processor can train."""

ROOM = 2.0
"""A lease grants so many times what is estimated; the disk likewise."""

HEAD = """\
# A charter written by `detent init` for {subject} on a machine with {cpus} processors.
# Who decides, how fast, in what direction, within what constraints. Every key is described in docs/charter.md.
{said}
"""
MEASURED = "# Numbers are those of the built-in charter, which were measured on its own tasks."
UNMEASURED = """\
# Numbers follow what is usual for models of this size; nobody has measured them on this model and these tasks.
# `detent estimate` says what they cost; purpose, tasks and learning rates are yours to think about."""

DEFAULT_TOP, DEFAULT_RUNGS = 15, 5
"""Levels of a task whose top nobody says, and of one of another's library."""

ROOM_STEP = 16
"""Room for answers comes in so many tokens."""

GIVEN = ("layers", "hidden", "intermediate", "heads")
"""Keys that only a model has which is made here."""

JUDGING = ("judge_seed_steps", "judge_steps", "pairs", "samples")
"""Keys of a judge that is taught to mark answers, as models that are made here can be."""

MADE_HERE = "the first model: made here, from a config of SmolLM3"


def draft_text_for(
    subject: str, source: str, tasks: Mapping[str, int], shape: Shape, machine: Machine
) -> str:
    """The draft.

    Args:
        subject: what the model is called.
        source: the charter's `subject.source`: "built", or a folder.
        tasks: to improve, with the top level of each.
        shape: the model's size.
        machine: it is to run on.

    Raises:
        UsageError: no task is named.
    """
    if not tasks:
        raise UsageError("at least one task expected, got none; name some with --tasks NAME=TOP,...")
    small = shape.parameters < LARGE
    text = default_text()
    head = HEAD.format(
        subject=_line(subject), cpus=machine.cpus, said=MEASURED if source == "built" else UNMEASURED
    )
    text = head + text[text.index("\nname = ") :]
    improve = ", ".join(f"{_key(task)} = {top}" for task, top in tasks.items())
    values = {
        ("", "name"): json.dumps(_line(subject)),
        ("", "purpose"): json.dumps(_line(f"Better at {', '.join(tasks)}")),
        ("direction", "improve"): f"{{ {improve} }}",
        ("constraints", "max_parameters"): f"{_up(shape.parameters * 1.01):_}",
        ("run", "threads"): str(max(1, min(machine.cpus, MOST_THREADS))),
        ("recipe", "seed_levels"): str(max(1, min(5, min(tasks.values()) // 2))),
        ("subject", "source"): json.dumps(source),
        **(_gentle(shape) if not small else {}),
    }
    for (section, key), value in values.items():
        text = _with(text, section, key, value)
    return text if source == "built" else _for_given(text, adapted=not small)


def _for_given(text: str, *, adapted: bool) -> str:
    """What is only so of a model that others made: no shape, no judge that learns signs, perhaps an adapter."""
    for section, keys in (("subject", GIVEN), ("feedback", JUDGING)):
        for key in keys:
            text = _without(text, section, key)
    text = _with(
        text, "feedback", "methods", '["self_label"]', "the team labels; other ways: docs/charter.md"
    )
    text = text.replace(MADE_HERE, "the first model", 1)
    folder = re.search(r"^source = (.*?)[ \t]*#.*$", _section(text, "subject")[1], re.MULTILINE)
    assert folder is not None  # noqa: S101  the built-in charter has it
    text = _with(text, "subject", "source", folder[1], "a Hugging Face folder; `init` copies it into the run")
    if not adapted:
        return text
    before, body, after = _section(text, "subject")
    line = "lora = { rank = 16, alpha = 32.0 } # an adapter learns, the model stays as it is; whole: leave this out\n"
    return (
        before + re.sub(r"^(source = .*\n)", lambda found: found[1] + line, body, flags=re.MULTILINE) + after
    )


def with_means(text: str, found: Estimate) -> str:
    """The same with a lease and a disk that an estimate of it says are enough, and room for the tasks' answers."""
    flops = max(found.lease_flops, found.first.flops)
    seconds = found.seconds(found.last)
    generations = found.plan.draft.pace.lease.generations
    hours = 24 if seconds is None else max(24, ceil(ROOM * generations * seconds / HOUR))
    lease = f"{{ generations = {generations}, hours = {hours}, petaflop = {_up(ROOM * flops / PETA, digits=2):g} }}"
    text = _with(text, "pace", "lease", lease)
    if found.plan.draft.subject.answer_tokens:
        longest = max(answer for levels in found.plan.lengths.values() for _, answer in levels)
        tokens = ROOM_STEP * ceil((ROOM * longest + ROOM_STEP / 2) / ROOM_STEP)
        text = _with(text, "subject", "answer_tokens", str(tokens))
    return _with(text, "constraints", "max_disk_gb", f"{max(20.0, ceil(ROOM * found.disk / GIGA)):.1f}")


def tasks_in(words: str) -> dict[str, int]:
    """`copy=9,reverse` as tasks with their top levels.

    A task without one has 15 levels; one of another's library, `gym:NAME`, has 5.

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
        found[written[1]] = int(written[2] or (DEFAULT_RUNGS if ":" in written[1] else DEFAULT_TOP))
    return found


def _gentle(shape: Shape) -> dict[tuple[str, str], str]:
    """For a model that was trained before, by others and for long: an adapter, few and small batches."""
    huge = shape.parameters >= HUGE
    recipe = {
        "team": "1" if huge else "2",
        "seed_problems": "500",
        "seed_steps": "100",
        "steps": "50",
        "batch": "8" if huge else "32",
        "micro_batch": "4" if huge else "8",
        "optimizer": '"adamw"',
        "other_rate": "0.0002",
        "label_prompts": "200",
        "label_keep": "100",
        "review_prompts": "40",
    }
    return {("recipe", key): value for key, value in recipe.items()} | {("subject", "answer_tokens"): "64"}


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


def _with(text: str, section: str, key: str, value: str, comment: str = "") -> str:
    """The line `key = ...` of a section with another value; its comment, or another, in its column where it can."""
    before, body, after = _section(text, section)
    found = re.search(rf"^{key} = (.*?)([ \t]*#.*)?$", body, re.MULTILINE)
    assert found is not None, key  # noqa: S101  the built-in charter has it
    line = f"{key} = {value}"
    comment = f"# {comment}" if comment else (found[2] or "").strip()
    if comment:
        line = f"{line:<33} {comment}"
    return before + body[: found.start()] + line + body[found.end() :] + after


def _without(text: str, section: str, key: str) -> str:
    before, body, after = _section(text, section)
    return before + re.sub(rf"^{key} = .*\n", "", body, flags=re.MULTILINE) + after


def _section(text: str, name: str) -> tuple[str, str, str]:
    """The text before a section's lines, these, and what comes after."""
    start = text.index(f"\n[{name}]") if name else 0
    end = text.find("\n[", start + 1)
    end = len(text) if end < 0 else end
    return text[:start], text[start:end], text[end:]
