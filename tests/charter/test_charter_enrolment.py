"""A steward is added to the text, and every other word of it stays."""

import tomllib

import pytest
from tests.charter.charter_texts import ADA, BOB, CYD, DEE, EVE, SAFE, TEAM, charter_text

from detent.charter import with_steward
from detent.errors import CharterError, UsageError

TEXT = charter_text(TEAM, (ADA, BOB, CYD, DEE), str(SAFE.verify_key))


def test_a_key_is_added_with_its_roles_and_the_next_version_and_nothing_else() -> None:
    text = with_steward(TEXT, EVE.verify_key, ["approver", "safety"])
    before, after = tomllib.loads(TEXT), tomllib.loads(text)
    before["version"] = 2
    before["stewards"]["keys"].append(str(EVE.verify_key))
    before["stewards"]["roles"]["approver"].append("eve")
    before["stewards"]["roles"]["safety"].append("eve")
    assert after == before
    assert set(text.split("\n")) - set(TEXT.split("\n")) == {
        "version = 2",
        *(line for line in text.split("\n") if '"eve"' in line or "eve+" in line),
    }
    assert [line.partition("#")[2] for line in text.split("\n") if "#" in line] == [
        line.partition("#")[2] for line in TEXT.split("\n") if "#" in line
    ]


LAYOUTS = {
    "keys on lines of their own, each with a comment": (
        'keys = [\n  "{a}",  # hers\n  "{b}",  # his, "{b}"\n]',
        'keys = [\n  "{a}",  # hers\n  "{b}", "{e}",  # his, "{b}"\n]',
    ),
    "literal strings": ("keys = ['{a}', '{b}']", "keys = ['{a}', '{b}', \"{e}\"]"),
    "no comma at the end": ('keys = [\n"{a}",\n"{b}"\n]', 'keys = [\n"{a}",\n"{b}", "{e}"\n]'),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_that_is_understood_is_kept(layout: str) -> None:
    names = {"a": ADA.verify_key, "b": BOB.verify_key, "e": EVE.verify_key}
    before, after = (
        f"purpose = 'x'\n[stewards]\nquorum = 1\n{each.format(**names)}\n" for each in LAYOUTS[layout]
    )
    assert with_steward(before, EVE.verify_key) == f"version = 2\n{after}"


def test_a_layout_that_is_not_understood_is_refused_and_never_changed_wrongly() -> None:
    text = f'purpose = "x"\n[stewards]\nquorum = 1\nkeys = ["""{ADA.verify_key}"""]\n'
    with pytest.raises(CharterError, match="got another layout"):
        with_steward(text, EVE.verify_key)
    twice = f'purpose = "x"\n[stewards]\nquorum = 1\nkeys = ["{ADA.verify_key}"]\n'
    with pytest.raises(CharterError, match="got another layout"):  # the same name twice on one line
        with_steward(twice + 'roles = { safety = ["ada"], approver = ["ada"] }\n', EVE.verify_key, ["safety"])


def test_a_role_that_nobody_has_takes_an_edited_text() -> None:
    text = f'purpose = "x"\n[stewards]\nquorum = 1\nkeys = ["{ADA.verify_key}"]\n'
    with pytest.raises(CharterError, match="got another layout"):
        with_steward(text + '[stewards.roles]\napprover = ["ada"]\n', EVE.verify_key, ["safety"])


def test_roles_where_there_are_none_are_a_mistake_that_is_said() -> None:
    text = f'purpose = "x"\n[stewards]\nquorum = 1\nkeys = ["{ADA.verify_key}"]\n'
    with pytest.raises(UsageError, match="no roles for a charter without"):
        with_steward(text, EVE.verify_key, ["approver"])
