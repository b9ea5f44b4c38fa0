"""What the browser computes, held against Python: hashes, trees, names of files, bundles, canonical JSON, TOML."""

import hashlib
import json
import random
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.web.hosting import CHROMIUM, NO_BROWSER, browsing, hosted

from detent.ledger._merkle import leaf_hash, tree_root
from detent.ledger.published import published_names
from detent.ledger.tiles import pack_entry
from detent.signing import canonical

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)

MOST = 600
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    empty = tmp_path_factory.mktemp("empty")
    with hosted(empty, empty / "log.vkey") as host, browsing() as browser:
        page = browser.new_page()
        page.goto(f"{host.url}/verify.html")
        yield page


def asked(page: Page, module: str, code: str, given: Any = None) -> Any:
    """What `code`, a function of the module and what is given, returns."""
    return page.evaluate(f"async (given) => ({code})(await import('/{module}'), given)", given)


def test_sha256_is_python_s_for_every_length_around_the_blocks(page: Page) -> None:
    dice = random.Random(1)  # noqa: S311
    texts = [dice.randbytes(length) for length in [*range(200), 1000, 65_535]]

    got = asked(
        page,
        "merkle.js",
        "(m, all) => all.map((one) => m.hex(m.sha256(Uint8Array.from(one))))",
        [*map(list, texts)],
    )

    assert got == [hashlib.sha256(text).hexdigest() for text in texts]


def test_roots_of_every_size_from_0_to_600_are_python_s(page: Page) -> None:
    dice = random.Random(2)  # noqa: S311
    entries = [dice.randbytes(dice.randrange(40)) for _ in range(MOST)]
    leaves = [leaf_hash(entry) for entry in entries]
    code = """(m, entries) => {
        const leaves = new Uint8Array(entries.length * 32);
        entries.forEach((entry, at) => leaves.set(m.leafHash(Uint8Array.from(entry)), at * 32));
        const whole = new m.Tree(leaves);
        return Array.from({ length: entries.length + 1 }, (_, size) =>
            [m.hex(whole.root(size)), m.hex(new m.Tree(leaves.slice(0, size * 32)).root())]);
    }"""

    got = asked(page, "merkle.js", code, [*map(list, entries)])

    assert got == [[tree_root(leaves[:size]).hex()] * 2 for size in range(MOST + 1)]


def test_files_of_random_sizes_have_the_names_that_the_ledger_gives_them(page: Page) -> None:
    dice = random.Random(3)  # noqa: S311
    sizes = [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, *(dice.randrange(600) for _ in range(20)), 400_000]
    code = "(m, sizes) => sizes.map((size) => [...m.files(size)].map((job) => m.path(...job)))"

    assert asked(page, "merkle.js", code, sizes) == [list(published_names(size)) for size in sizes]
    assert asked(page, "merkle.js", "(m) => m.path(0, 1234067, 256)") == "tile/0/x001/x234/067"


def test_bundles_are_cut_into_the_entries_they_hold_or_refused(page: Page) -> None:
    entries = [b"", b"a", b"b" * 65_535]
    packed = b"".join(map(pack_entry, entries))
    code = """(m, [data, width]) => {
        try { return m.unpack(Uint8Array.from(data), width).map((entry) => entry.length); }
        catch (error) { return error.message; }
    }"""

    def cut(data: bytes, width: int) -> Any:
        return asked(page, "merkle.js", code, [list(data), width])

    assert cut(packed, 3) == [0, 1, 65_535]
    assert cut(packed, 4) == "it holds 3 entries, not 4"
    assert cut(packed[:-1], 3) == "its entry 2 is cut off"
    assert cut(b"\x00", 1) == "its entry 0 is cut off"


def test_canonical_json_is_python_s(page: Page) -> None:
    dice = random.Random(4)  # noqa: S311

    def made(depth: int) -> Any:
        kind = dice.randrange(7 if depth else 5)
        match kind:
            case 0:
                return dice.choice([None, True, False, "", 'é\u2028\u0007"\\/\U0001f600', "\ufb33", "z"])
            case 1:
                return dice.randrange(-(2**53) + 1, 2**53)
            case 2 | 3 | 4:
                return dice.choice(
                    [0.1, 1e-7, 1e21, 123456789.125, 5e-324, 1.7976931348623157e308, dice.random()]
                )
            case 5:
                return [made(depth - 1) for _ in range(3)]
            case _:
                return {
                    dice.choice(["a", "B", "é", "\U0001f600", "\ufb33", "__proto__", "1", "10"]): made(
                        depth - 1
                    )
                }

    documents = [made(4) for _ in range(300)]
    texts = [canonical(document).decode() for document in documents]
    code = "(m, texts) => texts.map((text) => m.canonical(JSON.parse(text)))"

    assert asked(page, "entries.js", code, texts) == texts


TRICKY = r'''
a = 1
# [stewards]
b = """
[stewards]
quorum = 1
\"""x\
   y"""
c = \'\'\'
[stewards]
quorum = 2
\'\'\'
d = "[stewards] # \" = \u00e9\t"
"e.f" = 'x\y'
g.h = { i = [1, [2, "]"], { j = true }], k = "}" }
l = [ # a list
  1.5, -3e2, 1_000,
]
m = 2026-01-31T12:00:00Z
[stewards]
quorum = 3
[stewards.rules]
approve = { approver = 2 }
[[direction.threshold]]
task = "copy"
[[direction.threshold]]
task = "reverse"
'''.replace(r"\'", "'")


def test_charters_are_read_as_python_reads_them(page: Page) -> None:
    files = [*ROOT.glob("src/detent/**/*.toml"), *ROOT.glob("examples/**/*.toml"), ROOT / "pyproject.toml"]
    texts = [TRICKY, TRICKY.replace("\n", "\r\n"), *(file.read_text() for file in files)]
    assert len(texts) > 5

    got = asked(page, "toml.js", "(m, texts) => texts.map(m.parseToml)", texts)

    for text, one in zip(texts, got, strict=True):
        assert one == json.loads(json.dumps(tomllib.loads(text), default=moment)), text[:100]


def moment(value: object) -> object:
    assert isinstance(value, date | datetime | clock)
    return {"time": value.isoformat().replace("+00:00", "Z")}


REFUSED = {
    "a table twice": "[a]\n[a]\n",
    "a key twice": "a = 1\na = 2\n",
    "a text that does not end": 'a = "x\n',
    "a long text that does not end": 'a = """x\n',
    "two pairs on a line": "a = 1 b = 2\n",
    "a list that does not end": "a = [1,\n",
    "a value that is none": "a = yes\n",
    "a key that is none": "= 1\n",
    "a table within a value": "a = 1\n[a.b]\n",
    "an escape that is none": 'a = "\\q"\n',
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_toml_is_refused(name: str, page: Page) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(REFUSED[name])
    code = "(m, text) => { try { return m.parseToml(text); } catch (error) { return error.message; } }"

    assert "as far as this page reads TOML" in str(asked(page, "toml.js", code, REFUSED[name]))
