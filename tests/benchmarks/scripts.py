"""The benchmark scripts, which import each other by their bare names, as Python finds them when one of them runs.

>>> from tests.benchmarks.scripts import arms, bench
"""

import importlib
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def script(name: str) -> Any:
    """A script of benchmarks/, imported."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)


arms, bench = script("arms"), script("bench")
