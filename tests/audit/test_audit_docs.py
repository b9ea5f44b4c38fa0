"""What the page on verifying says is what the code does."""

import re
from pathlib import Path

from tests.audit.scripted_run import ScriptedRun

from detent.audit import verify
from detent.audit.colluding import GRINDING
from detent.audit.verify import BY_THEMSELVES, UNDER_THE_CHARTER

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "verifying.md").read_text("utf-8")


def test_the_page_has_a_row_for_each_check_in_the_order_of_the_output() -> None:
    section = PAGE.split("## What is checked")[1].split("##")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert rows == [*BY_THEMSELVES, *UNDER_THE_CHARTER]


def test_the_labels_of_public_streams_on_the_page_are_those_that_a_run_used(honest: ScriptedRun) -> None:
    """`verify` derives each stream from its label, so a label that is wrong in the code shows there."""
    assert not verify(honest.evidence()).faults
    source = "".join(
        path.read_text("utf-8") for path in Path(verify.__code__.co_filename).parent.glob("*.py")
    )
    for label in ("seed data", "visible", "labels", "audit of ", "first training ", "training "):
        assert f"`{label.strip()}" in PAGE
        assert f'"{label}' in source


def test_the_chances_of_grinding_are_those_that_were_measured() -> None:
    measured = re.search(
        r"passes: \.(\d\d) within 20 tries, \.(\d\d) within 100", (DOCS / "statistics.md").read_text()
    )
    assert measured
    assert f"{measured[1]} % within 20 tries, {measured[2]} % within 100" in GRINDING


def test_links_of_the_page_lead_somewhere() -> None:
    for file in re.findall(r"\]\((\w+\.md)", PAGE):
        assert (DOCS / file).is_file(), file
