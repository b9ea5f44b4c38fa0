"""Archives that no bundle is, each a function from an honest one's members to bytes."""

import io
import json
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

DIGEST = "ab" * 32
DATA = f"data/{DIGEST}.jsonl"
HONEST: Mapping[str, bytes] = {
    "bundle.json": b'{"format":"detent/bundle/v1","left_out":[]}',
    "charter.dsse": b"{}",
    "ledger/checkpoint": b"a log\n",
}

Make = Callable[[], bytes]


def member(
    name: str, *, mode: int = stat.S_IFREG | 0o644, method: int = zipfile.ZIP_STORED
) -> zipfile.ZipInfo:
    """A member's header."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr, info.compress_type = 3, mode << 16, method
    return info


def archive(*more: tuple[str | zipfile.ZipInfo, bytes], without: str = "") -> bytes:
    """An honest bundle and these members."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as made:
        warnings.simplefilter("ignore")  # the library warns of names that come twice
        for name, content in HONEST.items():
            if name != without:
                made.writestr(member(name), content)
        for what, content in more:
            made.writestr(member(what) if isinstance(what, str) else what, content)
    return file.getvalue()


def listing(**changes: Any) -> bytes:
    """A bundle whose manifest leaves out one data file, changed like this."""
    one = {"path": DATA, "digest": DIGEST, "size": 3, "because": "redacted"} | changes
    return manifest({"format": "detent/bundle/v1", "left_out": [one]})


def manifest(document: Any) -> bytes:
    """A bundle with this manifest."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return archive(("bundle.json", text), without="bundle.json")


def patched(old: bytes, new: bytes, *more: tuple[str | zipfile.ZipInfo, bytes], times: int = -1) -> bytes:
    """An archive in which some bytes are others."""
    made = archive(*more)
    assert old in made
    return made.replace(old, new, times)


def flagged(bit: int) -> bytes:
    """A bundle with a flag set on its data file, in both headers."""
    made = bytearray(archive((DATA, b"{}")))
    local = made.rindex(b"PK\x03\x04")
    central = made.rindex(b"PK\x01\x02")
    made[local + 6] |= bit
    made[central + 8] |= bit
    return bytes(made)


def claiming(size: int) -> bytes:
    """A data file that is said to be so large, in the archive's directory."""
    made = bytearray(archive((DATA, b"{}")))
    central = made.rindex(b"PK\x01\x02")
    made[central + 20 : central + 28] = struct.pack("<2L", size, size)
    return bytes(made)


def overlapping(depth: int = 40) -> bytes:
    """Members that each hold all that come after them, headers and all: the same bytes, counted again and again."""
    names = [f"data/{number:064x}.jsonl" for number in range(depth)]
    body, starts = b"x" * 5000, [0]
    contents = []
    for name in reversed(names):
        contents.append((name, body))
        body = b"PK\x03\x04" + struct.pack("<H", 20) + _said(name, body) + name.encode() + body
        starts.append(len(body))
    directory = b"".join(
        _central(name, content, len(body) - start)
        for (name, content), start in zip(contents, starts[1:], strict=True)
    )
    honest = archive()
    local = honest[: honest.index(b"PK\x01\x02")]
    for name, content in HONEST.items():
        at = local.index(name.encode()) - 30
        directory += _central(name, content, len(body) + at)
    count = depth + len(HONEST)
    end = struct.pack("<4H2LH", 0, 0, count, count, len(directory), len(body) + len(local), 0)
    return body + local + directory + b"PK\x05\x06" + end


def _said(name: str, content: bytes) -> bytes:
    """What both headers of a stored member say, from the flags to the name's length and the extra field's."""
    size = len(content)
    return struct.pack("<4H3L2H", 0, 0, 0, 33, zlib.crc32(content), size, size, len(name), 0)


def _central(name: str, content: bytes, at: int) -> bytes:
    mode = (stat.S_IFREG | 0o644) << 16
    tail = struct.pack("<3H2L", 0, 0, 0, mode, at)
    return b"PK\x01\x02" + struct.pack("<2H", 788, 20) + _said(name, content) + tail + name.encode()


HOSTILE: dict[str, tuple[Make, str]] = {
    "the list of what was left out comes twice": (
        lambda: manifest(b'{"format":"detent/bundle/v1","left_out":[],"left_out":[]}'),
        "a key twice",
    ),
    "the list of what was left out is in another encoding": (
        lambda: manifest('{"format":"detent/bundle/v1","left_out":[]}'.encode("utf-16")),
        "a list of what was left out expected",
    ),
    "a name climbs out of the folder": (lambda: archive(("../evil.py", b"")), "names of files"),
    "a name climbs out from within": (lambda: archive(("tasks/../../evil.py", b"")), "names of files"),
    "a name begins at the root": (lambda: archive(("/etc/passwd", b"")), "names of files"),
    "a name has a drive": (lambda: archive(("C:/evil.py", b"")), "names of files"),
    "a name has backslashes": (lambda: archive(("tasks\\..\\evil.py", b"")), "names of files"),
    "a name ends at a zero byte": (
        lambda: patched(b"tasks/evil.pyX", b"tasks/evil.py\0", ("tasks/evil.pyX", b"")),
        "names of files",
    ),
    "a name is one that a run folder has not": (lambda: archive(("run.sh", b"")), "names of files"),
    "a name is that of a secret": (lambda: archive(("seal.secret", b"")), "names of files"),
    "a bundle lies in the bundle": (lambda: archive(("inner.zip", archive())), "names of files"),
    "a name has a control character": (lambda: archive(("tasks/a\x1b[2J.py", b"")), "names of files"),
    "a name is long": (lambda: archive((f"tasks/{'a' * 201}.py", b"")), "names of files"),
    "a name is deep": (lambda: archive(("tasks/" + "a/" * 50 + "a.py", b"")), "names of files"),
    "a member is a folder": (lambda: archive(("tasks/", b"")), "names of files"),
    "a member is a link": (
        lambda: archive((member(DATA, mode=stat.S_IFLNK | 0o777), b"/etc/passwd")),
        "no links",
    ),
    "a member is a pipe": (lambda: archive((member(DATA, mode=stat.S_IFIFO | 0o644), b"")), "no links"),
    "a member is a device": (lambda: archive((member(DATA, mode=stat.S_IFCHR | 0o644), b"")), "no links"),
    "a name comes twice": (lambda: archive((DATA, b"1"), (DATA, b"2")), "each name once"),
    "names differ in upper and lower case": (
        lambda: archive(("tasks/a.py", b""), ("tasks/A.py", b"")),
        "each name once",
    ),
    "names differ in how an accent is written": (
        lambda: archive(("tasks/é.py", b""), ("tasks/e\u0301.py", b"")),
        "names of files",
    ),
    "a file is a folder as well": (lambda: archive(("tasks/a.py", b""), ("tasks/a.py/b.py", b"")), "both at"),
    "a member is encrypted": (lambda: flagged(0x1), "not encrypted"),
    "a member's size stands behind it": (lambda: flagged(0x8), "not encrypted"),
    "a member is compressed, a thousand to one": (
        lambda: archive((member(DATA, method=zipfile.ZIP_DEFLATED), b"0" * 1_000_000)),
        "not compressed",
    ),
    "a member is compressed in another way": (
        lambda: archive((member(DATA, method=zipfile.ZIP_BZIP2), b"0" * 1000)),
        "not compressed",
    ),
    "a member says that it is larger than the archive": (lambda: claiming(1_000_000), "more"),
    "members lie within one another": (overlapping, "members of at most"),
    "a member says that it is four gigabytes": (lambda: claiming(0xFFFFFFFE), "bytes in a member"),
    "the directory and a member differ in their names": (
        lambda: patched(DATA.encode(), DATA.replace("ab", "cd", 1).encode(), (DATA, b"{}"), times=1),
        "whole zip archive",
    ),
    "a member's bytes are not those of its checksum": (
        lambda: patched(b"{forty-two}", b"{forty-too}", (DATA, b"{forty-two}")),
        "whole zip archive",
    ),
    "it has no ledger": (lambda: archive(without="ledger/checkpoint"), "without ledger/checkpoint"),
    "it has no charter": (lambda: archive(without="charter.dsse"), "without charter.dsse"),
    "it has no manifest": (lambda: archive(without="bundle.json"), "without bundle.json"),
    "the manifest is no JSON": (lambda: manifest(b"\x00\xff"), "a list of what was left out"),
    "the manifest is nested without end": (lambda: manifest(b"[" * 100_000), "a list of what was left out"),
    "the manifest is of a version that is not known": (
        lambda: manifest({"format": "detent/bundle/v2", "left_out": []}),
        "a list of what was left out",
    ),
    "the manifest has a field more": (
        lambda: manifest({"format": "detent/bundle/v1", "left_out": [], "trust": "me"}),
        "a list of what was left out",
    ),
    "the manifest leaves out the ledger": (
        lambda: listing(path="ledger/checkpoint"),
        "data, answers and models",
    ),
    "the manifest leaves out a task": (lambda: listing(path="tasks/first.py"), "data, answers and models"),
    "the manifest leaves out all data at once": (lambda: listing(path="data"), "data, answers and models"),
    "the manifest says another digest than the file's name": (
        lambda: listing(digest="cd" * 32),
        "data, answers and models",
    ),
    "the manifest says a size below nothing": (lambda: listing(size=-1), "data, answers and models"),
    "the manifest gives a reason of its own": (
        lambda: listing(because="trust me"),
        "a list of what was left out",
    ),
    "what is left out is there": (
        lambda: archive(
            (
                "bundle.json",
                json.dumps(
                    {
                        "format": "detent/bundle/v1",
                        "left_out": [{"path": DATA, "digest": DIGEST, "size": 2, "because": "redacted"}],
                    }
                ).encode(),
            ),
            (DATA, b"{}"),
            without="bundle.json",
        ),
        "left out once, and not there",
    ),
}
"""What is wrong with it: the archive, and what is said of it."""
