"""docs/writing-a-task.md: its code runs, and is the example's."""

import re
import tomllib
from pathlib import Path

from detent.tasks import Limits, Rng, plugin, vet
from detent.tasks._rules import LONGEST
from detent.tasks.vetting import STREAMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-a-task.md").read_text()
BLOCKS = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_the_task_on_the_page_passes_vetting(tmp_path: Path) -> None:
    (tmp_path / "rotate.py").write_text(BLOCKS["python"])
    charter = tomllib.loads(BLOCKS["toml"])
    source = plugin("rotate", charter["tasks"]["rotate"]["source"], tmp_path)
    try:
        vet(source, levels=charter["direction"]["improve"]["rotate"], room=0)
    finally:
        source.close()


def test_the_page_shows_the_example() -> None:
    folder = ROOT / "examples" / "rotate"
    assert (folder / "rotate.py").read_text() == BLOCKS["python"]
    assert (folder / "charter.toml").read_text().endswith(BLOCKS["toml"])


def test_the_figures_on_the_page_are_the_codes() -> None:
    assert f"at most {LONGEST:,} characters" in PAGE
    assert f"{STREAMS} problems a level" in PAGE
    limits = Limits()
    assert f"{limits.seconds:g} seconds a problem" in PAGE.replace("\n", " ")
    assert f"{limits.memory >> 30} GiB of memory" in PAGE.replace("\n", " ")


def test_every_draw_is_on_the_page() -> None:
    draws = {name for name in vars(Rng) if not name.startswith("_")} - {"seed"}
    assert draws == set(re.findall(r"`rng\.(\w+)\(", PAGE))
