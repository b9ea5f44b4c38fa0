"""What a record names is digests and file names, whatever it says: nothing else is opened, fetched or deleted."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.attacks.attacks_world import Scene
from tests.audit.test_audit_hostile import HOSTILE, inner, put

from detent.assembly.named import DIGEST, named

HOSTILE_NAMES = (
    "../../etc/passwd",
    "/etc/passwd",
    "incumbent",
    "A" * 64,
    "ab" * 32 + "\n",
    "\0" * 64,
    "٣" * 64,
)


def test_an_honest_record_names_every_file_of_its_folder(told: Scene) -> None:
    names = named(told.record())
    assert {f"{digest}.jsonl" for digest in names.data} == {path.name for path in told.folder.data.iterdir()}
    assert set(names.answers) == {path.name for path in told.folder.answers.iterdir()}
    assert set(names.models) == {path.name for path in told.folder.models.iterdir() if not path.is_symlink()}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_value_anywhere_breaks_it_or_is_taken_for_a_digest(told: Scene, data: st.DataObject) -> None:
    record = told.record()
    place = data.draw(st.integers(0, len(record) - 1))
    document: Any = json.loads(record[place])
    path = data.draw(st.sampled_from(inner(document)))
    put(document, path, data.draw(st.sampled_from([*HOSTILE, *HOSTILE_NAMES])))
    names = named([*record[:place], json.dumps(document).encode(), *record[place + 1 :]])
    assert all(DIGEST.fullmatch(digest) for some in names[:3] for digest in some)
    assert names.files == ()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200)))
def test_no_bytes_break_it(record: list[bytes]) -> None:
    assert not any(named(record))
