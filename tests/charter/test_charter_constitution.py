"""A constitution says its principles, and a bad one is refused with every reason, its line and what was expected."""

import tomllib
from typing import NamedTuple

import pytest
from tests.charter.charter_faults import faults
from tests.charter.charter_texts import ADA, DRAFT, TIP, least_limit

from detent.charter import (
    BUILT_IN_CONSTITUTIONS,
    Catalogue,
    Constraints,
    GateItems,
    SignedCharter,
    amend_text,
    check_margins,
    claimed,
    complete,
    constitution_text,
    endorse,
    parse_charter,
    parse_constitution,
)
from detent.errors import CharterError, UsageError

CATALOGUE = Catalogue(
    {"copy", "reverse", "sort"}, least_limit, probes=("alphabet", "unsure"), checkers=("digits",)
)

TEXT = """\
[principles.plain]
text = "Say it plainly."
source = "the author"

[principles.careful]
text = "Say ? when you are not sure."
source = "the author"
probes = "unsure"
margin = 0.1
weight = 2.0

[principles.polite]
text = "Say please."
source = "the author"
probes = "polite.jsonl"
checker = "polite.py:accepts"
"""


def said(text: str) -> list[str]:
    """The lines of the error, without the file's name."""
    with pytest.raises(CharterError) as caught:
        parse_constitution(text, CATALOGUE, "c.toml")
    return [line.removeprefix("c.toml:") for line in str(caught.value).split("\n")]


def test_a_constitution_says_what_is_guarded_and_which_files_it_needs() -> None:
    read = parse_constitution(TEXT, CATALOGUE)
    assert list(read.principles) == ["plain", "careful", "polite"]
    assert list(read.guarded) == ["careful", "polite"]
    assert read.files == ("polite.jsonl", "polite.py")
    assert (read.principles["careful"].margin, read.principles["careful"].weight) == (0.1, 2.0)
    assert (read.principles["plain"].margin, read.principles["plain"].weight) == (None, 1.0)


class Bad(NamedTuple):
    """A change to the small constitution, how the error's one line begins, and what it says."""

    old: str
    new: str
    begins: str
    says: str


BAD = {
    "a principle without a text": Bad(
        'text = "Say it plainly."\n', "", "1: principles.plain.text", "one line of text, 1 to 1000 characters"
    ),
    "a text of two lines": Bad(
        '"Say it plainly."', '"Say it\\nplainly."', "2: principles.plain.text", "one line of text"
    ),
    "a principle without a source": Bad(
        'text = "Say it plainly."\nsource = "the author"',
        'text = "Say it plainly."',
        "1: principles.plain.source",
        "got nothing",
    ),
    "a name with a capital letter": Bad(
        "[principles.plain]", "[principles.Plain]", "1: principles.Plain", "a principle's name in a-z"
    ),
    "a key that is none": Bad(
        'probes = "unsure"', 'probe = "unsure"', "8: principles.careful.probe", "did you mean probes?"
    ),
    "a section that is none": Bad(
        "[principles.plain]",
        "[principle.plain]",
        "1: principle",
        'a key of the constitution expected, got "principle"',
    ),
    "a weight of nothing": Bad(
        "weight = 2.0", "weight = 0", "10: principles.careful.weight", "a number above 0"
    ),
    "a margin of one": Bad(
        "margin = 0.1", "margin = 1", "9: principles.careful.margin", "a number between 0 and 1"
    ),
    "a margin in words": Bad(
        "margin = 0.1", 'margin = "small"', "9: principles.careful.margin", "a number between 0 and 1"
    ),
    "built-in probes that are none": Bad(
        '"unsure"',
        '"unsura"',
        "8: principles.careful.probes",
        'built-in probes (alphabet, unsure) or "FILE.jsonl"',
    ),
    "probes elsewhere on the disk": Bad(
        '"polite.jsonl"', '"../polite.jsonl"', "15: principles.polite.probes", "beside the constitution"
    ),
    "probes at an absolute path": Bad(
        '"polite.jsonl"', '"/polite.jsonl"', "15: principles.polite.probes", "beside the constitution"
    ),
    "a checker elsewhere on the disk": Bad(
        '"polite.py:accepts"',
        '"a/../../polite.py:accepts"',
        "16: principles.polite.checker",
        "beside the constitution",
    ),
    "a built-in checker that is none": Bad(
        '"polite.py:accepts"', '"please"', "16: principles.polite.checker", "a built-in checker (digits)"
    ),
    "a checker beside built-in probes": Bad(
        "margin = 0.1",
        'checker = "digits"',
        "9: principles.careful.checker",
        "built-in probes have their own",
    ),
    "a checker without probes": Bad(
        'text = "Say it plainly."',
        'text = "Say it plainly."\nchecker = "digits"',
        "3: principles.plain.checker",
        "without probes it has nothing to check",
    ),
    "prompts beside built-in probes": Bad(
        "margin = 0.1",
        'prompts = "open.jsonl"',
        "9: principles.careful.prompts",
        "built-in probes have problems",
    ),
    "prompts that are what measures it": Bad(
        'probes = "polite.jsonl"',
        'probes = "polite.jsonl"\nprompts = "polite.jsonl"',
        "16: principles.polite.prompts",
        "what measures a principle is not trained on",
    ),
    "prompts elsewhere on the disk": Bad(
        'text = "Say it plainly."',
        'text = "Say it plainly."\nprompts = "../open.jsonl"',
        "3: principles.plain.prompts",
        "beside the constitution",
    ),
    "a margin without probes": Bad(
        'text = "Say it plainly."',
        'text = "Say it plainly."\nmargin = 0.1',
        "3: principles.plain.margin",
        "nothing is measured",
    ),
    "no TOML": Bad(
        '[principles.plain]\ntext = "Say', "[principles.plain]\ntext = Say", "2: ", "TOML expected"
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_constitution_is_refused_with_its_line(case: str) -> None:
    bad = BAD[case]
    assert bad.old in TEXT
    lines = said(TEXT.replace(bad.old, bad.new, 1))
    assert any(line.startswith(bad.begins) and bad.says in line for line in lines), lines


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(said(TEXT.replace("0.1", "7").replace('"unsure"', '"none"').replace("2.0", "0"))) == 2
    assert len(said(TEXT.replace("0.1", "7").replace("2.0", "0").replace('"Say please."', '""'))) == 3


def test_a_constitution_without_a_principle_is_none() -> None:
    assert said("principles = {}")[0].startswith("1: principles: a table with at least one key expected")
    assert said("")[0].startswith("1: principles: ")


def test_a_constitution_is_not_longer_than_it_may_be() -> None:
    assert "at most 65536 bytes" in said(TEXT + "# " + "x" * 70_000)[0]


@pytest.mark.parametrize("name", BUILT_IN_CONSTITUTIONS)
def test_those_that_come_with_detent_are_in_order_and_name_their_sources(name: str) -> None:
    text = constitution_text(name)
    real = Catalogue((), least_limit, probes=("alphabet", "malformed", "unsure"))
    principles = parse_constitution(text, real).principles
    assert len(principles) == {"digits": 3, "language": 11}[name]
    assert all(each.source for each in principles.values())
    assert len({each.text for each in principles.values()}) == len(principles)
    if name == "language":  # a published work each, by which it can be found
        assert all("arXiv " in each.source or "https://" in each.source for each in principles.values())


def test_one_that_does_not_come_with_detent_is_not_found() -> None:
    with pytest.raises(UsageError, match="one of digits, language"):
        constitution_text("strict")


def test_a_margin_that_nothing_could_ever_keep_is_refused() -> None:
    read = parse_constitution(TEXT, CATALOGUE)

    def checked(items: int) -> None:
        limits = GateItems(non_inferiority=items)
        check_margins(TEXT, read, Constraints(), limits, last=8, catalogue=CATALOGUE, file="c.toml")

    checked(100)  # what `least_limit` of these tests asks for a margin of .1
    with pytest.raises(
        CharterError, match=r"c.toml:9: principles.careful.margin: .* in openings 1 to 8 expected, got 0.1"
    ):
        checked(99)


CONSTITUTED = DRAFT + '\n[constitution]\nfile = "c.toml"  # what it keeps to\n'


def constituted(sha256: str = "ab" * 32, files: dict[str, str] | None = None) -> str:
    """A complete charter with a constitution."""
    pins = (sha256, {} if files is None else files)
    return complete(CONSTITUTED, [str(ADA.verify_key)], TIP, 1000, {}, constitution=pins)


def test_init_fills_in_the_hashes_under_the_file_and_keeps_the_comment() -> None:
    text = constituted(files={"polite.py": "cd" * 32, "deep/polite.jsonl": "ef" * 32})
    assert 'file = "c.toml"  # what it keeps to\nsha256 = "abab' in text
    pinned = parse_charter(text, CATALOGUE).constitution
    assert pinned is not None
    assert pinned.pinned == {"c.toml": "ab" * 32, "polite.py": "cd" * 32, "deep/polite.jsonl": "ef" * 32}
    assert tomllib.loads(text)["constitution"]["files"]["polite.py"] == "cd" * 32


def test_a_built_in_one_has_a_files_name_in_the_run() -> None:
    text = constituted().replace('file = "c.toml"', 'file = "digits"')
    pinned = parse_charter(text, CATALOGUE).constitution
    assert pinned is not None
    assert pinned.path == "constitution-digits.toml"


def test_what_init_fills_in_is_no_typing_mistake_in_a_draft() -> None:
    lines = faults(CONSTITUTED.replace("# what", f'\nsha256 = "{"ab" * 32}"\nfiles = {{}} # what'))
    assert [line.split(": ", 1)[1] for line in lines] == [
        "constitution.sha256: nothing expected in a draft: `init` fills it in; remove it",
        "constitution.files: nothing expected in a draft: `init` fills it in; remove it",
    ]


@pytest.mark.parametrize("file", ["c.txt", "../c.toml", "/c.toml", "strict", ""])
def test_a_constitution_is_a_file_beside_the_charter_or_comes_with_detent(file: str) -> None:
    (line,) = faults(CONSTITUTED.replace("c.toml", file))
    assert 'constitution.file: "FILE.toml" beside the charter, or one of digits, language, expected' in line


def charter_of(text: str) -> SignedCharter:
    return claimed(endorse(text, [ADA]), CATALOGUE)


def test_an_amendment_may_bring_replace_and_take_away_a_constitution() -> None:
    bare = charter_of(complete(DRAFT, [str(ADA.verify_key)], TIP, 1000, {}))
    old = charter_of(constituted())
    section = f'\n[constitution]\nfile = "c.toml"\nsha256 = "{"ab" * 32}"\n'
    brought = amend_text(bare, bare.text + section, CATALOGUE)
    replaced = amend_text(
        old, old.text.replace('"c.toml"', '"c2.toml"').replace("ab" * 32, "cd" * 32), CATALOGUE
    )
    start = old.text.index("[constitution]")
    taken = amend_text(old, old.text[:start] + old.text[old.text.index("[seal]") :], CATALOGUE)
    found = [parse_charter(text, CATALOGUE).constitution for text in (brought, replaced, taken)]
    assert [each and each.file for each in found] == ["c.toml", "c2.toml", None]


def test_an_amendment_gives_a_changed_file_another_name_so_that_old_openings_stay_checkable() -> None:
    old = charter_of(constituted(files={"polite.py": "cd" * 32}))
    for digest in ("ab", "cd"):
        with pytest.raises(CharterError, match="another name for what is no longer the file"):
            amend_text(old, old.text.replace(digest * 32, "ef" * 32), CATALOGUE)
