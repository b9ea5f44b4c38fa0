"""The ledger's own measurement, on logs of some hundred entries: what it counts, prints and draws."""

import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.benchmarks.scripts import script

ledger_bench = script("ledger_bench")


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(ledger_bench, "BENCH", tmp_path)
    monkeypatch.setattr(ledger_bench, "SIZES", (100, 600, 10**9))
    monkeypatch.setattr(ledger_bench, "BATCH", 200)
    monkeypatch.setattr(ledger_bench, "SINGLE", 5)
    measured: dict[str, Any] = ledger_bench.measured(tmp_path, 1000)
    return measured


def test_every_size_is_measured_and_every_sync_counted(found: dict[str, Any]) -> None:
    assert list(found["sizes"]) == [100, 600]
    for one in found["sizes"].values():
        assert one["syncs"][1] == 8  # journal, bundle, tile, checkpoint: each a file and its name
        assert one["append"] == sorted(one["append"])
    assert len(found["batches"]) == 3
    assert found["fsck"]["entries"] == 605


def test_the_table_has_a_row_a_size_and_the_picture_is_a_drawing(found: dict[str, Any]) -> None:
    text = ledger_bench.table(found)
    assert re.search(r"^\| 600 \| [\d.]+ ms \([\d.]+-[\d.]+\) \|", text, re.MULTILINE)
    assert "605 entries" in text
    drawn = ET.fromstring(ledger_bench.picture(found["sizes"]))  # noqa: S314  our own
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    marks = [mark for mark in drawn.iter("{http://www.w3.org/2000/svg}circle") if mark.get("class") == "mark"]
    assert len(marks) == 2
