"""An exported generation opens in other people's instruments, by the lines of our pages, and reads the same there.

The lines are run as they stand, beside the folder `out` that they name, without a network.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest
from tests.cli.tiny_run import Machine
from tests.docs.docs_pages import README, ROOT

INSTRUMENTS = {"nnsight": "nnsight", "transformer_lens": "transformer-lens"}
"""The package that is imported, and the extra that brings it."""

PAGES = (ROOT / "docs" / "export.md", README)


def blocks(page: Path) -> Iterator[str]:
    """Indented code of a page, each block once."""
    for found in re.findall(r"(?:^    .*\n|^\n(?=    ))+", page.read_text("utf-8"), re.MULTILINE):
        yield dedent(found).strip() + "\n"


def opening(package: str) -> list[str]:
    """Blocks of the pages whose first line imports the package."""
    wanted = re.compile(rf"(?:import|from) {package}\b")
    return list(dict.fromkeys(block for page in PAGES for block in blocks(page) if wanted.match(block)))


CHECK = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
plain = AutoModelForCausalLM.from_pretrained("out").eval()
ids = AutoTokenizer.from_pretrained("out")("R3142=", return_tensors="pt").input_ids
heard = []
plain.model.layers[1].register_forward_hook(lambda *given: heard.append(given[2]))
with torch.no_grad():
    plain(ids)
same = torch.allclose(seen.detach(), heard[0], atol=1e-5)
print("the same" if same else "another", tuple(seen.shape))
"""


@pytest.fixture(scope="module")
def exported(finished: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `out` lies, as `detent export` wrote it."""
    folder = tmp_path_factory.mktemp("opened")
    done = finished.detent("export", finished.run, "0", "--to", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("package", INSTRUMENTS)
def test_a_page_gives_at_most_three_lines_beside_the_import(package: str) -> None:
    found = opening(package)
    assert found
    assert all(block.count("\n") <= 4 for block in found)


def _installed(package: str) -> object:
    because = f"the extra {INSTRUMENTS[package]} is not installed"
    return pytest.param(package, marks=pytest.mark.skipif(find_spec(package) is None, reason=because))


@pytest.mark.parametrize("package", [_installed(package) for package in INSTRUMENTS])
def test_the_lines_open_an_exported_generation_and_read_what_the_model_has_there(
    package: str, exported: Path
) -> None:
    for lines in opening(package):
        script = exported / f"{package}_lines.py"  # nnsight reads the source of what it traces
        script.write_text(lines + CHECK, "utf-8")
        done = subprocess.run(
            [sys.executable, script.name],
            cwd=exported,
            env=os.environ
            | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(exported / "hub"), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "the same (1, 6, 64)"
