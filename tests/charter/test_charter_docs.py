"""docs/charter.md and the examples say what the code does."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from pydantic.fields import FieldInfo
from tests.charter.charter_texts import CATALOGUE

import detent.charter as front_door
from detent.charter import (
    ANSWER_TYPE,
    CHARTER_TYPE,
    LEASE_TYPE,
    ORDER_TYPE,
    Answer,
    Charter,
    Draft,
    Lease,
    Order,
    parse_draft,
)
from detent.charter._faults import _bare
from detent.charter._form import Section
from detent.charter.amendment import PAST

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "charter.md").read_text()
NAMED = ("tasks", "proxies", "tripwires", "servers")
FILLED_WHEN_ABSENT = "stewards.keys"
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| .* \| (.*) \|$", PAGE, re.MULTILINE))


def leaves(model: type[Section], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of a charter by its path; NAME stands for the name of a task or tripwire of one's own."""
    for name, kind in get_type_hints(model, include_extras=True).items():
        if name not in model.model_fields:
            continue
        inside, here = _bare(kind), f"{path}{name}"
        if name in NAMED:
            yield from leaves(get_args(inside)[1], f"{here}.NAME.")
        elif is_section(table := get_args(inside)[0] if get_origin(inside) is tuple else inside):
            yield from leaves(table, f"{here}.")
        else:
            yield here, model.model_fields[name]


def is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


KEYS = dict(leaves(Charter))
DRAFT_KEYS = dict(leaves(Draft))


def test_every_key_is_documented_and_no_other() -> None:
    assert set(ROWS) == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_the_documented_default_is_the_real_one(key: str) -> None:
    if key not in DRAFT_KEYS or key == FILLED_WHEN_ABSENT:
        assert ROWS[key] == "filled in by `init`"
    elif KEYS[key].is_required():
        assert ROWS[key].startswith("required")
    else:
        written: Any = tomllib.loads(f"default = {ROWS[key].strip('`')}")["default"]
        default = KEYS[key].default
        assert (tuple(written) if isinstance(default, tuple) else written) == default


def test_the_page_names_the_types_that_are_signed() -> None:
    assert all(f"`{each}`" in PAGE for each in (CHARTER_TYPE, LEASE_TYPE, ORDER_TYPE, ANSWER_TYPE))


def test_the_page_shows_each_payload_with_its_fields_in_canonical_order() -> None:
    shown = [json.loads(text) for text in re.findall(r"^    (\{.*?\})$", PAGE, re.MULTILINE | re.DOTALL)]
    assert [list(payload) for payload in shown] == [
        sorted(model.model_fields) for model in (Lease, Order, Answer)
    ]


def test_the_page_names_everything_that_no_amendment_changes() -> None:
    section = PAGE.partition("## Amendments")[2].partition("## ")[0]
    assert all(f"{key}`" in section for name in ("subject", "recipe") for key in PAST[name])
    assert "`[seal]`" in section


def test_the_example_is_in_order() -> None:
    draft = parse_draft((ROOT / "examples" / "rotate" / "charter.toml").read_text(), CATALOGUE)
    assert isinstance(draft.tasks, Mapping)
    assert draft.tasks["rotate"].source == "rotate.py:Rotate"


def test_the_front_door_names_everything_public() -> None:
    names = front_door.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(front_door, name) for name in names)
