"""Every page: its links lead somewhere, its sources are named, and it speaks of no particular machine."""

import re
from pathlib import Path

import pytest
from tests.docs.docs_pages import DECISIONS, PAGES, ROOT, anchors, links, name

PAPERS = (ROOT / "docs" / "papers.md").read_text("utf-8")
SOURCES = sorted((ROOT / "src").rglob("*.py"))
WRITTEN = [
    *PAGES,
    *SOURCES,
    *(ROOT / "benchmarks").rglob("*.py"),
    *(path for path in (ROOT / "examples").rglob("*") if path.suffix in {".py", ".toml"}),
    ROOT / "Makefile",
    ROOT / "pyproject.toml",
]
MADE_BY_A_RUN = {
    "demo/",
    "inbox/",
    "models/",
    "data/",
    "staging/",
    "ledger/",
    "answers/",
    "trackers/",
    "states/",
}
SOMEBODYS_MACHINE = re.compile(r"(?<![\w.~])/(?:root|work|home|Users|mnt|opt|srv)/\w|/tmp/\w")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [str(file) for file, _ in links(page) if not file.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_anchor_is_a_heading(page: Path) -> None:
    wanted = [(file, anchor) for file, anchor in links(page) if anchor and file.exists()]
    assert [anchor for file, anchor in wanted if anchor not in anchors(file)] == []


@pytest.mark.parametrize("text", WRITTEN, ids=name)
def test_no_text_names_a_place_on_somebodys_machine(text: Path) -> None:
    assert SOMEBODYS_MACHINE.findall(text.read_text("utf-8")) == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page.suffix == ".md" and page.is_file() and page not in reached:
            reached.add(page)
            waiting += [file for file, _ in links(page)]
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_every_paper_and_standard_that_code_cites_is_listed(source: Path) -> None:
    text = " ".join(source.read_text("utf-8").split())
    cited = set(re.findall(r"arXiv (\d{4}\.\d{5})|(RFC \d+)|(FIPS [\d-]+\d)", text))
    assert {"".join(one) for one in cited if "".join(one) not in PAPERS} == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_source_file_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", page.read_text("utf-8"))) - MADE_BY_A_RUN
    homes = (ROOT / "src" / "detent", ROOT, page.parent)
    assert {one for one in named if not any((home / one).exists() for home in homes)} == set()


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_gives_context_decision_and_consequences_with_those_against_it(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text.startswith(f"# {page.name[:4]}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert re.search(r"^For:", text, re.MULTILINE)
    assert re.search(r"^Against:", text, re.MULTILINE)
