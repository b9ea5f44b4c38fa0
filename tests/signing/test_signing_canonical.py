"""One document, one sequence of bytes: the vectors of RFC 8785, and every value that has no bytes."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detent.errors import UsageError
from detent.signing import canonical

LARGEST = 2**53 - 1


def test_the_example_of_rfc_8785_section_3_2_2() -> None:
    document = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical(document).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_by_their_utf_16_units_as_in_section_3_2_3() -> None:
    document = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical(document))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


NUMBERS = {  # RFC 8785, appendix B
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize("bits", NUMBERS)
def test_numbers_are_written_as_in_appendix_b(bits: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number).decode() == NUMBERS[bits]


documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(documents)
def test_a_document_survives_its_bytes(document: Any) -> None:
    # RFC 8785 writes 1e17 as an integer of 18 digits: only a reader that knows it for a double gets it back.
    assert json.loads(canonical(document), parse_int=float) == document


@given(st.dictionaries(st.text(), documents), st.randoms())
def test_the_order_of_keys_does_not_matter(document: dict[str, Any], chance: Any) -> None:
    items = list(document.items())
    chance.shuffle(items)
    assert canonical(dict(items)) == canonical(document)


def test_tuples_are_arrays() -> None:
    assert canonical({"a": (1, (2,))}) == b'{"a":[1,[2]]}'


deep: list[Any] = []
for _ in range(100_000):
    deep = [deep]

REFUSED: dict[str, tuple[Any, str]] = {
    "an integer beyond 2^53 - 1": ({"a": [0, {"b": LARGEST + 1}]}, r"9007199254740992 at \$\.a\.1\.b"),
    "an integer below it": (-LARGEST - 1, r"-9007199254740992 at \$"),
    "not a number": ([float("nan")], r"nan at \$\.0"),
    "infinity": ({"x": float("inf")}, r"inf at \$\.x"),
    "a key that is a number": ({1: 2}, r"\{1: 2\} at \$"),
    "half a surrogate pair": ({"s": "\ud800"}, r"at \$\.s"),
    "half a surrogate pair as a key": ({"\ud800": 1}, r"at \$"),
    "bytes": ({"b": b"x"}, r"b'x' at \$\.b"),
    "a set": ([{1}], r"\{1\} at \$\.0"),
    "nesting beyond reason": (deep, r"nesting too deep at \$"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_canonical_bytes_is_refused_with_its_place(case: str) -> None:
    document, place = REFUSED[case]
    with pytest.raises(UsageError, match=f"expected, got .*{place}.*as text"):
        canonical(document)


def test_the_largest_integers_are_written() -> None:
    assert canonical([LARGEST, -LARGEST]) == b"[9007199254740991,-9007199254740991]"
