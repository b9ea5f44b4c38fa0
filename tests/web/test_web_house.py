"""What a server knows of the runs it shows."""

import asyncio
import shutil
from pathlib import Path

import pytest
from msgspec import structs
from tests.web.made_run import Made

from detent.assembly.places import RunFolder
from detent.assembly.reading import entries_of, status_of
from detent.errors import UsageError
from detent.report import Story, Turn, tell
from detent.values import Refused
from detent.web.house import House, Room

NEWS = Refused(at="2026-11-01T00:00:00Z", what="a lease", digest="00" * 32, because="nobody signed it")


def read(folder: Path) -> Room:
    house = House([folder])
    while house.look():
        continue
    return house.rooms[0]


def briefly_told(turn: Turn) -> Turn:
    if turn.opening is None:
        return turn
    trials = tuple(
        structs.replace(trial, result=trial.result and structs.replace(trial.result, trace=()))
        for trial in turn.opening.trials
    )
    return structs.replace(turn, opening=structs.replace(turn.opening, trials=trials))


def without_traces(story: Story) -> Story:
    turns = list(map(briefly_told, story.turns))
    openings = tuple(turn.opening for turn in turns if turn.opening is not None)
    return structs.replace(story, turns=tuple(turns), openings=openings)


def test_a_room_tells_what_the_report_tells_but_for_traces(looked_at: Made) -> None:
    room = read(looked_at.folder)
    charter = room.signed.charter
    entries = entries_of(RunFolder(looked_at.folder))
    whole = tell(entries, charter.name, charter.purpose, dict(charter.direction.improve))
    briefly = without_traces(whole)
    for field in Story.__struct_fields__:
        told, expected = getattr(room.story, field), getattr(briefly, field)
        if field == "screenings":
            told, expected = tuple(told), tuple(expected)
            assert len(told) == 4
        assert told == expected, field


def test_a_turn_in_full_has_its_traces(looked_at: Made) -> None:
    room = read(looked_at.folder)
    opened = [turn.generation for turn in room.story.turns if turn.opening]
    turn = room.turn(opened[0])
    assert turn is not None
    assert turn.opening is not None
    assert all(trial.result and trial.result.trace for trial in turn.opening.trials)
    assert room.turn(99) is None


def test_its_status_is_that_of_the_command(looked_at: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENT_CLOCK", "2026-12-01T00:00:00Z")
    assert read(looked_at.folder).status() == status_of(looked_at.folder)


def test_what_was_read_is_not_read_again(fresh: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House([fresh.folder])
    while house.look():
        continue
    room = house.rooms[0]
    before, version, seen = room.state.entries, room.version, list[bytes]()

    def decoded(data: bytes) -> Refused:
        seen.append(data)
        return NEWS

    monkeypatch.setattr("detent.assembly.following.decode_entry", decoded)
    assert not house.look()
    assert not seen
    assert room.version == version
    fresh.write([NEWS])
    house.look()
    assert len(seen) == 1
    assert room.state.entries == before + 1
    assert room.version > version


def test_a_run_is_shown_while_it_is_being_read(fresh: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detent.web.house.SHOWN_SECONDS", -1.0)
    monkeypatch.setattr("detent.assembly.following.Follower.catch_up.__defaults__", (10,))
    house = House([fresh.folder])
    assert house.look()
    view = house.rooms[0].view
    assert view.state.entries == 10
    assert view.size > 10
    assert house.rooms[0].story.state.entries == 10


def test_nothing_in_a_run_folder_is_touched(looked_at: Made) -> None:
    def listing() -> list[tuple[str, int, int]]:
        paths = sorted(looked_at.folder.rglob("*"))
        return [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths]

    before = listing()
    room = read(looked_at.folder)
    assert room.story
    assert room.status()
    assert listing() == before


def test_a_ledger_that_was_set_back_is_said_and_what_was_read_stays(fresh: Made, looked_at: Made) -> None:
    older = fresh.folder.parent / "older"
    shutil.copytree(fresh.folder / "ledger", older)
    fresh.write([NEWS])
    house = House([fresh.folder, looked_at.folder])
    while house.look():
        continue
    rewound, other = house.rooms
    size = rewound.state.entries
    newer = fresh.folder.parent / "newer"
    (fresh.folder / "ledger").rename(newer)
    shutil.copytree(older, fresh.folder / "ledger")
    house.look()
    assert "set back" in rewound.fault
    assert rewound.state.entries == size
    assert rewound.story.state.entries == size
    assert other.fault == ""
    shutil.rmtree(fresh.folder / "ledger")
    newer.rename(fresh.folder / "ledger")
    house.look()
    assert rewound.fault == ""


DAMAGES = {
    "an entry's bytes were changed": "tile/entries/000.p",
    "the tiles are gone": "tile",
    "the checkpoint is gone": "checkpoint",
    "the log's key is gone": "../log.vkey",
    "the charter is another text": "../charter.toml",
    "the charter's envelope is gone": "../charter.dsse",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_a_state_of_that_run_and_no_other(damage: str, fresh: Made, looked_at: Made) -> None:
    house = House([fresh.folder, looked_at.folder])
    path = fresh.folder / "ledger" / DAMAGES[damage]
    if damage.startswith("an entry"):
        for bundle in path.iterdir():
            bundle.write_bytes(bundle.read_bytes().replace(b"promote", b"prosote", 1))
    elif damage.endswith("another text"):
        path.write_text("name = 'mine'")
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    while house.look():
        continue
    damaged, sound = house.rooms
    assert damaged.fault
    assert sound.fault == ""
    assert sound.state.entries > 50


def test_a_charter_that_is_changed_later_is_noticed_and_its_return_too(fresh: Made) -> None:
    house = House([fresh.folder])
    while house.look():
        continue
    (room,) = house.rooms
    charter = fresh.folder / "charter.toml"
    text = charter.read_bytes()
    charter.write_bytes(text + b"# mine")
    house.look()
    assert "as it was signed expected" in room.fault
    assert room.signed.text.encode() == text
    charter.write_bytes(text)
    house.look()
    assert room.fault == ""


def test_whoever_waits_is_woken_by_news_and_by_nothing_else(fresh: Made) -> None:
    async def waited() -> tuple[int, int, int]:
        with House([fresh.folder], poll_seconds=0.02) as house:
            room = house.rooms[0]
            version = await room.changed(0)
            while room.state.entries < room.view.size or not room.view.size:
                version = await room.changed(version)
            same = await room.changed(version, 0.1)
            waiting = [asyncio.create_task(room.changed(version)) for _ in range(50)]
            await asyncio.sleep(0)
            fresh.write([NEWS])
            later = set(await asyncio.wait_for(asyncio.gather(*waiting), 10))
            assert not room._waiting
            return version, same, later.pop()

    version, same, later = asyncio.run(waited())
    assert same == version
    assert later > version


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"detent init"):
        House([tmp_path])


def test_names_are_of_folders_and_of_two_alike_the_second_has_a_number(
    looked_at: Made, tmp_path: Path
) -> None:
    copies = [tmp_path / "a" / "de mo<b>", tmp_path / "b" / "de mo<b>", tmp_path / "c" / "..."]
    for copy in copies:
        shutil.copytree(looked_at.folder, copy)
    house = House([looked_at.folder, looked_at.folder, *copies])
    assert [room.name for room in house.rooms] == ["demo", "de-mo-b", "de-mo-b-2", "run"]
    assert house.run("de-mo-b-2").folder == copies[1]
    with pytest.raises(UsageError, match="there are: demo"):
        house.run("../demo")
