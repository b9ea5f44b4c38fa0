"""The constitution: principles in plain words, each with where it comes from and, where it has one, its measurement.

    [principles.abstains]
    text = "Say ? to a problem that is malformed, and nothing else."
    source = "the author"
    probes = "malformed"

A principle with probes is guarded: every opening tests that a candidate keeps to it no worse than the incumbent. One
without can only be judged by a model: it may steer feedback, and nothing refuses a promotion for it. The charter pins
this file by its hash, and the files it names; so the loop cannot change it, and an amendment can.
"""

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from detent.charter._faults import Fault, read_sections, refuse, shown
from detent.charter._form import Line, Part, Says, Section
from detent.charter._lines import key_lines
from detent.charter._toml import read_toml
from detent.charter.catalogue import Catalogue
from detent.charter.named_files import BUILT_IN_CONSTITUTIONS, SOURCE, inside
from detent.charter.sections import Constraints, GateItems
from detent.errors import UsageError

LARGEST = 65_536
"""Bytes a constitution may have."""

PROBES = r"^([a-z][a-z0-9_-]{0,31}|[^:/][^:]*\.jsonl)?$"
PROMPTS = r"^([^:/][^:]*\.jsonl)?$"
CHECKER = rf"^([a-z][a-z0-9_-]{{0,31}}|{SOURCE[1:-1]})?$"

PrincipleName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$"),
    Says("a principle's name in a-z, 0-9, _ and -, beginning with a letter,"),
]
Words = Annotated[
    str, Field(pattern=r"^\P{C}+$", max_length=1000), Says("one line of text, 1 to 1000 characters,")
]
Weight = Annotated[float, Field(gt=0, le=100), Says("a number above 0, at most 100,")]


class Principle(Section):
    """[principles.NAME].

    text: what it asks, in plain words; a judge reads it. source: who says so.
    weight: how often it is drawn when answers are criticised; at the gate every principle counts alike.
    margin: share (0 to 1) of its probes that a promotion may cost; without it the charter's non_inferiority_margin.
    probes: a built-in kind, or FILE.jsonl beside the constitution; without any it is not guarded.
    checker: of rows in FILE.jsonl that list no answers: a built-in one, or FILE.py:function.
    prompts: FILE.jsonl beside the constitution, to which nobody wrote an answer; it is taught by them instead of by the
        ladders' problems.
    """

    text: Words
    source: Line
    weight: Weight = 1.0
    margin: Part | None = None
    probes: Annotated[
        str,
        Field(pattern=PROBES),
        AfterValidator(inside),
        Says('the name of built-in probes, or "FILE.jsonl" beside the constitution,'),
    ] = ""
    checker: Annotated[
        str,
        Field(pattern=CHECKER),
        AfterValidator(inside),
        Says('the name of a built-in checker, or "FILE.py:function" beside the constitution,'),
    ] = ""
    prompts: Annotated[
        str,
        Field(pattern=PROMPTS),
        AfterValidator(inside),
        Says('"FILE.jsonl" beside the constitution'),
    ] = ""

    @property
    def guarded(self) -> bool:
        """Whether an opening tests it."""
        return self.probes != ""

    @property
    def files(self) -> tuple[str, ...]:
        """The author's own files that it names."""
        named = (self.probes, self.checker.partition(":")[0], self.prompts)
        return tuple(name for name in named if name.endswith((".jsonl", ".py")))


class Constitution(Section):
    """All principles, in the file's order."""

    called: ClassVar[str] = "the constitution"

    principles: Annotated[Mapping[PrincipleName, Principle], Field(min_length=1, max_length=64)]

    @property
    def guarded(self) -> dict[str, Principle]:
        """Those that openings test."""
        return {name: each for name, each in self.principles.items() if each.guarded}

    @property
    def files(self) -> tuple[str, ...]:
        """The author's own files, each once."""
        return tuple(dict.fromkeys(file for each in self.principles.values() for file in each.files))


def constitution_text(name: str) -> str:
    """The text of a constitution that comes with Detent: `digits`, or `language`.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in BUILT_IN_CONSTITUTIONS:
        known = ", ".join(BUILT_IN_CONSTITUTIONS)
        raise UsageError(f"one of {known}, or a file FILE.toml, expected, got {name!r}")
    return resources.files(__package__).joinpath("constitutions", f"{name}.toml").read_text("utf-8")


def parse_constitution(text: str, catalogue: Catalogue, file: str = "constitution.toml") -> Constitution:
    """Read a constitution.

    Raises:
        CharterError: everything that is wrong, a line each: file, line, key path, what was expected and got.
    """
    document = read_toml(text, file, "a constitution", LARGEST)
    sound, wrong = read_sections(Constitution, document)
    faults = [*wrong]
    for name, principle in sound.get("principles", {}).items():
        faults += _faults(name, principle, catalogue)
    if faults:
        refuse(faults, key_lines(text), file)
    return Constitution.model_validate(document)


def check_margins(
    text: str,
    constitution: Constitution,
    constraints: Constraints,
    items: GateItems,
    *,
    last: int,
    catalogue: Catalogue,
    file: str = "constitution.toml",
) -> None:
    """Return when every guarded principle can be found kept with the charter's number of items.

    last: the last opening that the charter's lease allows.

    Raises:
        CharterError: a margin is so small that no promotion could ever pass.
    """
    faults = []
    for name, principle in constitution.guarded.items():
        if principle.margin is None:
            continue  # the charter's own margin, which the charter's rules have looked at
        try:
            least = catalogue.least_limit("non_inferiority", principle.margin, last, constraints.error_budget)
        except UsageError:
            least = -1
        if not 0 <= least <= items.non_inferiority:
            needs = f"which takes {least}" if least > 0 else "which no number of items decides"
            faults.append(
                Fault(
                    ("principles", name, "margin"),
                    f"a margin that gate.items.non_inferiority = {items.non_inferiority} can decide in openings 1 "
                    f"to {last} expected, got {principle.margin}, {needs}; nothing could ever be promoted",
                )
            )
    if faults:
        refuse(faults, key_lines(text), file)


def _faults(name: str, principle: Principle, catalogue: Catalogue) -> Iterator[Fault]:
    """What is wrong between the keys of one principle."""
    built_in = principle.guarded and not principle.probes.endswith(".jsonl")
    if built_in and principle.probes not in catalogue.probes:
        known = ", ".join(sorted(catalogue.probes)) or "none"
        yield Fault(
            ("principles", name, "probes"),
            f'built-in probes ({known}) or "FILE.jsonl" expected, got {shown(principle.probes)}',
        )
    if principle.checker and ":" not in principle.checker and principle.checker not in catalogue.checkers:
        known = ", ".join(sorted(catalogue.checkers)) or "none"
        yield Fault(
            ("principles", name, "checker"),
            f'a built-in checker ({known}) or "FILE.py:function" expected, got {shown(principle.checker)}',
        )
    if principle.prompts and (built_in or principle.prompts == principle.probes):
        why = "built-in probes have problems" if built_in else "what measures a principle is not trained on"
        yield Fault(
            ("principles", name, "prompts"),
            f"no prompts of its own, or another file, expected, since {why}, got {shown(principle.prompts)}",
        )
    if principle.checker and (built_in or not (principle.guarded or principle.prompts)):
        why = "built-in probes have their own" if built_in else "without probes it has nothing to check"
        yield Fault(
            ("principles", name, "checker"),
            f"no checker expected here, since {why}, got {shown(principle.checker)}",
        )
    if principle.margin is not None and not principle.guarded:
        yield Fault(
            ("principles", name, "margin"),
            f"no margin expected without probes, since nothing is measured, got {principle.margin}",
        )
