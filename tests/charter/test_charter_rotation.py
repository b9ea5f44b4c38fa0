"""A key is replaced in the text, and every other word of it stays."""

import tomllib

import pytest
from tests.charter.charter_texts import ADA, BOB, CYD, DEE, DRAFT, EVE, SAFE, TEAM, charter_text

from detent.charter import rotate
from detent.errors import CharterError, UsageError
from detent.signing import SigningKey

TEXT = charter_text(TEAM, (ADA, BOB, CYD, DEE), str(SAFE.verify_key))
NEW_BOB = SigningKey("bob", EVE.private)


def stewards(text: str) -> dict[str, object]:
    found: dict[str, object] = tomllib.loads(text)["stewards"]
    return found


def test_a_key_under_the_same_name_changes_one_word_and_the_version() -> None:
    text = rotate(TEXT, BOB.verify_key, NEW_BOB.verify_key)
    assert text == TEXT.replace(str(BOB.verify_key), str(NEW_BOB.verify_key)).replace(
        "\npurpose", "\nversion = 2\npurpose"
    )


def test_another_name_takes_over_the_roles_and_not_the_comments() -> None:
    text = rotate(TEXT, BOB.verify_key, EVE.verify_key)
    assert 'approver = ["eve", "cyd"]  # bob, "bob" and bob' in text
    assert stewards(text)["roles"] == {
        "operator": ["ada"],
        "approver": ["eve", "cyd"],
        "safety": ["cyd"],
        "auditor": ["dee"],
    }
    assert str(BOB.verify_key) not in text


def test_the_recovery_key_is_replaced_and_no_role_with_it() -> None:
    fresh = SigningKey("recovery-2", EVE.private).verify_key
    text = rotate(TEXT, SAFE.verify_key, fresh)
    assert stewards(text) == stewards(TEXT) | {"recovery": str(fresh)}


def test_a_version_that_is_written_is_counted_up_where_it_stands() -> None:
    text = charter_text(DRAFT.replace("purpose", "version=1 # the first\npurpose"))
    assert "version=2 # the first\n" in rotate(text, ADA.verify_key, EVE.verify_key)
    again = rotate(rotate(text, ADA.verify_key, EVE.verify_key), EVE.verify_key, ADA.verify_key)
    assert again == text.replace("version=1", "version=3")


LAYOUTS = {
    "keys on lines of their own, each with a comment": (
        'keys = [  # "{a}"\n  "{a}",  # "{a}" is hers\n  "{b}",\n]',
        'keys = [  # "{a}"\n  "{e}",  # "{a}" is hers\n  "{b}",\n]',
    ),
    "literal strings": ("keys = ['{a}', '{b}']", "keys = ['{e}', '{b}']"),
    "roles in one line": (
        'keys = ["{a}", "{b}"]\nroles = {{ operator = ["ada"], safety = ["bob", "ada"] }}  # "ada"',
        'keys = ["{e}", "{b}"]\nroles = {{ operator = ["eve"], safety = ["bob", "eve"] }}  # "ada"',
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_key_is_replaced_where_it_stands_among(layout: str) -> None:
    names = {"a": ADA.verify_key, "b": BOB.verify_key, "e": EVE.verify_key}
    before, after = (text.format(**names) for text in LAYOUTS[layout])
    frame = 'name = "x"\nversion = 4\npurpose = "y"\n[stewards]\nquorum = 1\n{}\n'
    expected = frame.format(after).replace("version = 4", "version = 5")
    assert rotate(frame.format(before), ADA.verify_key, EVE.verify_key) == expected


REFUSED = {
    "a key in a text of several lines": TEXT.replace(f'"{BOB.verify_key}"', f'"""\\\n{BOB.verify_key}"""'),
    "a name written in escapes": TEXT.replace('["bob", "cyd"]', '["b\\u006fb", "cyd"]'),
    "a version in hexadecimal": TEXT.replace("purpose", "version = 0x1\npurpose"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_layout_that_cannot_be_changed_line_by_line_is_refused(case: str) -> None:
    tomllib.loads(REFUSED[case])
    with pytest.raises(CharterError, match="or change version, keys and names by hand"):
        rotate(REFUSED[case], BOB.verify_key, EVE.verify_key)


def test_a_key_that_the_charter_does_not_name_is_not_replaced() -> None:
    with pytest.raises(UsageError, match=r"a key that the charter names expected, got eve\+"):
        rotate(TEXT, EVE.verify_key, BOB.verify_key)
