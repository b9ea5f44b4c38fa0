"""Words of others in one line."""

import pytest

from detent.values.text import one_line

LINES = {
    "plain words stay": ("keep surer labels, at 80 %", "keep surer labels, at 80 %"),
    "words in any script stay": ("уверенные метки 更确定 संकेत", "уверенные метки 更确定 संकेत"),
    "breaks of lines become spaces": ("one\r\ntwo\n\n\tthree\u2028four", "one two three four"),
    "what moves a cursor is escaped": ("\x1b[2Jgone\x07\x08", "\\x1b[2Jgone\\x07\\x08"),
    "what turns the direction is escaped": ("\u202eevil\u2066", "\\u202eevil\\u2066"),
    "half of a pair is escaped": ("\ud800", "\\ud800"),
    "a character of no name is escaped": ("\U000e0041\ufdd0", "\\U000e0041\\ufdd0"),
    "nothing is nothing": ("\n \t", ""),
}


@pytest.mark.parametrize("case", LINES)
def test_one_line(case: str) -> None:
    text, wanted = LINES[case]
    assert one_line(text, 300) == wanted
    wanted.encode("utf-8")


def test_what_is_longer_is_cut_and_says_so() -> None:
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("x" * 11, 10) == "x" * 7 + "..."
    assert one_line("\x1b" * 10, 10) == "\\x1b\\x1..."
    assert len(one_line("\x1b" * 10_000_000, 300)) == 300
