"""What must hold between the parts of a charter. A rule looks only at parts that are in order themselves."""

import difflib
from collections.abc import Iterator, Mapping
from math import fsum, isclose
from typing import Any

from detent.charter._asking_rules import cluster_faults, explore_faults, judging_faults, server_faults
from detent.charter._faults import Fault, shown
from detent.charter._steward_rules import steward_faults, threshold_faults
from detent.charter._wire_rules import wire_faults
from detent.charter._witness_rules import auditor_faults, witness_faults
from detent.charter.catalogue import Catalogue, Kind
from detent.errors import UsageError

GYM = "gym:"
"""Before the name of a task of reasoning-gym."""

DEALT = ("sealed", "shown", "openings")
"""Keys of [tasks.NAME] that are of a file of rows alone."""

SHAPE = ("layers", "hidden", "intermediate", "heads", "positions")
"""Keys of [subject] that describe a model that is made here."""


def rule_faults(sections: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Fault]:
    """Every rule that is broken."""
    rules = {
        steward_faults: ("stewards",),
        threshold_faults: ("direction", "stewards"),
        _mix: ("recipe",),
        _labels: ("recipe",),
        _seed_levels: ("recipe", "direction"),
        _improved: ("direction", "tasks"),
        _saving: ("direction",),
        _principled: ("feedback", "constitution"),
        judging_faults: ("feedback",),
        explore_faults: ("pace", "constraints", "explore", "subject", "servers"),
        server_faults: ("feedback", "explore", "servers"),
        _own_tasks: ("direction", "tasks"),
        _rows: ("tasks", "pace"),
        _library: ("direction",),
        _subject: ("subject",),
        _optimizer: ("subject", "recipe"),
        _second_signature: ("run", "seal"),
        cluster_faults: ("run", "recipe"),
        wire_faults: ("tripwires",),
        witness_faults: ("witnesses",),
        auditor_faults: ("witnesses", "auditor"),
    }
    for rule, needed in rules.items():
        if all(name in sections for name in needed):
            yield from rule(sections, catalogue)
    if all(name in sections for name in ("gate", "constraints", "pace")):
        yield from _items(sections, catalogue)


def settings_faults(sections: Mapping[str, Any]) -> Iterator[Fault]:
    """Rules that another value of [recipe] or [feedback] may break; they know no catalogue."""
    for rule in (_mix, _labels, _optimizer):
        yield from rule(sections)


def _mix(sections: Mapping[str, Any], _: Catalogue | None = None) -> Iterator[Fault]:
    mix = sections["recipe"].mix
    total = fsum((mix.newest, mix.earlier, mix.seed))
    if not isclose(total, 1, abs_tol=1e-9):
        yield Fault(("recipe", "mix"), f"newest, earlier and seed that sum to 1 expected, got {total:g}")


def _labels(sections: Mapping[str, Any], _: Catalogue | None = None) -> Iterator[Fault]:
    recipe = sections["recipe"]
    if recipe.label_keep > recipe.label_prompts:
        yield Fault(
            ("recipe", "label_keep"),
            f"at most recipe.label_prompts = {recipe.label_prompts} expected, got {recipe.label_keep}",
        )


def _seed_levels(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    taught = sections["recipe"].seed_levels
    for task, top in sections["direction"].improve.items():
        if taught > top:
            yield Fault(
                ("direction", "improve", task),
                f"a top level of at least recipe.seed_levels = {taught} expected, got {top}",
            )


def _improved(sections: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Fault]:
    for task, top in sections["direction"].improve.items():
        if task.startswith(GYM):
            yield from _gym(task, top, sections, catalogue)
        elif task not in catalogue.tasks and task not in sections["tasks"]:
            yield Fault(
                ("direction", "improve", task),
                f"one of {', '.join(sorted(catalogue.tasks))} or a task of your own expected, got "
                f'{shown(task)}; for your own add [tasks.{task}] source = "FILE.py:Class"',
            )


def _saving(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    direction = sections["direction"]
    if direction.objective == "better" and "least_saving" in direction.model_fields_set:
        yield Fault(
            ("direction", "least_saving"),
            f'nothing expected with objective = "better", got {direction.least_saving:g}; remove this, or write '
            'objective = "better_or_smaller"',
        )


def _gym(task: str, top: int, sections: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Fault]:
    name, place = task.removeprefix(GYM), ("direction", "improve", task)
    if "seal" in sections:
        return  # the charter itself pins library and levels, whatever this program knows
    if name in catalogue.unfit:
        yield Fault(
            place,
            f"a task with answers that can be matched expected, got {shown(task)}: {catalogue.unfit[name]}",
        )
    elif name not in catalogue.gym:
        near = difflib.get_close_matches(name, catalogue.gym, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(GYM + one for one in near)}?" if near else "see docs/tasks.md"
        yield Fault(place, f"a task of reasoning-gym behind {GYM} expected, got {shown(name)}; {hint}")
    elif top > catalogue.gym[name]:
        yield Fault(
            place, f"a top level of at most {catalogue.gym[name]} expected, the task's highest, got {top}"
        )


def _library(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """Of a charter; in a draft there is none, and `init` fills it in."""
    if "seal" not in sections or "gym" not in sections:
        return
    tops, gym = sections["direction"].improve, sections["gym"]
    wanted = {task: top for task, top in tops.items() if task.startswith(GYM)}
    got = {task: len(levels) for task, levels in gym.levels.items()} if gym is not None else {}
    if wanted != got:
        yield Fault(
            ("gym",),
            f"levels of {wanted or 'no task'} expected, got those of {got or 'none'}; `init` fills it in",
        )


def _principled(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    if "constitution" in sections["feedback"].methods and sections["constitution"] is None:
        yield Fault(
            ("feedback", "methods"),
            '"constitution" beside a [constitution] whose principles answers are revised by expected, got no such '
            'section; add it, with file = "digits"',
        )


def _own_tasks(sections: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Fault]:
    for task in sections["tasks"]:
        if task in catalogue.tasks or task.startswith(GYM):
            yield Fault(
                ("tasks", task),
                f"a name that Detent has not taken expected, got {shown(task)}; rename your task",
            )
        elif task not in sections["direction"].improve:
            yield Fault(
                ("tasks", task),
                f"a task that direction.improve names expected, got {shown(task)}; add it or remove this",
            )


def _rows(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    """How a file of rows is dealt, and only such a file."""
    lease = sections["pace"].lease.generations
    for name, task in sections["tasks"].items():
        if not task.of_rows:
            for key in DEALT:
                if key in task.model_fields_set:
                    got = getattr(task, key)
                    yield Fault(("tasks", name, key), f"nothing expected beside a task in code, got {got}")
            continue
        if task.sealed + task.shown >= 1:
            yield Fault(
                ("tasks", name, "sealed"),
                f"sealed and shown below 1 together expected, so that rows are left to be taught, got "
                f"{task.sealed + task.shown:g}",
            )
        if task.openings < lease:
            yield Fault(
                ("tasks", name, "openings"),
                f"at least pace.lease.generations = {lease} expected, since each generation may open the seal and no "
                f"row is sealed twice, got {task.openings}",
            )


def _subject(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    subject = sections["subject"]
    if subject.built and subject.hidden % subject.heads:
        yield Fault(
            ("subject", "hidden"),
            f"a multiple of subject.heads = {subject.heads} expected, got {subject.hidden}",
        )
    if subject.built:
        for key, empty in (("lora", None), ("chat", "auto")):
            if getattr(subject, key) != empty:
                yield Fault(
                    ("subject", key),
                    'nothing expected with source = "built", got it; remove this, or name a model folder',
                )
    else:
        for key in SHAPE:
            if key in subject.model_fields_set:
                yield Fault(
                    ("subject", key),
                    f"nothing expected beside a model folder, got {getattr(subject, key)}; "
                    'remove this, or write source = "built"',
                )


def _optimizer(sections: Mapping[str, Any], _: Catalogue | None = None) -> Iterator[Fault]:
    """Muon's defaults are the small built model's; what trains a given one stands in the charter."""
    subject, recipe = sections["subject"], sections["recipe"]
    if subject.lora is not None and recipe.optimizer != "adamw":
        yield Fault(
            ("recipe", "optimizer"),
            f'"adamw" expected with subject.lora, got {shown(recipe.optimizer)}; with other_rate = 0.0002, which is '
            "usual for an adapter",
        )
    if recipe.optimizer == "adamw" and "other_rate" not in recipe.model_fields_set:
        yield Fault(
            ("recipe", "other_rate"),
            'a rate expected with optimizer = "adamw", got none; usual are 2e-4 with subject.lora and 2e-5 without',
        )
    if recipe.micro_batch > recipe.batch:
        yield Fault(
            ("recipe", "micro_batch"),
            f"at most recipe.batch = {recipe.batch} expected, got {recipe.micro_batch}",
        )


def _second_signature(sections: Mapping[str, Any], _: Catalogue) -> Iterator[Fault]:
    wanted, got = sections["run"].post_quantum, sections["seal"].ml_dsa
    if wanted != bool(got):
        yield Fault(
            ("seal", "ml_dsa"),
            f"{'a key' if wanted else 'no key'} expected with run.post_quantum = {str(wanted).lower()}, got "
            f"{shown(got)}; `init` fills it in",
        )


def _items(sections: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Fault]:
    """Limits with which a test can never pass, in openings 1 .. the lease's last."""
    constraints, last = sections["constraints"], sections["pace"].lease.generations
    tests: tuple[tuple[str, Kind, float, str], ...] = (
        ("superiority", "superiority", 0.0, "error_budget"),
        ("non_inferiority", "non_inferiority", constraints.non_inferiority_margin, "non_inferiority_margin"),
        ("non_inferiority", "floor", constraints.mastery_floor, "mastery_floor"),
    )
    for name, kind, bound, key in tests:
        given, value = getattr(sections["gate"].items, name), getattr(constraints, key)
        try:
            least = catalogue.least_limit(kind, bound, last, constraints.error_budget)
        except UsageError:
            yield Fault(
                ("constraints", key), f"a value that some number of items can decide expected, got {value}"
            )
            continue
        if given < least:
            yield Fault(
                ("gate", "items", name),
                f"at least {least} expected, got {given}; with fewer, none can ever pass the test with "
                f"constraints.{key} = {value} in openings 1 to {last}",
            )
