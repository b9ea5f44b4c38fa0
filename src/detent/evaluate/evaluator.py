"""What decides, by digest: the code that draws, counts and judges.

>>> len(evaluator_digest())
64
"""

import hashlib
import sys
from functools import lru_cache
from pathlib import Path

from detent.tasks import Rng
from detent.values import Intent, Problem, Profile


@lru_cache(maxsize=1)
def evaluator_digest() -> str:
    """SHA-256 (hex) over this folder's sources, the random stream's and those of the values that decide.

    Each file goes in as name and content, each preceded by its length as 8 bytes, big-endian, sorted by name.
    The tasks' own sources are named in intents beside it.
    """
    return evaluator_digest_on_disk()


def evaluator_digest_on_disk() -> str:
    """The same of the files as they are now; other than `evaluator_digest`, which was taken once, if they changed."""
    total = hashlib.sha256()
    for name, path in sorted(_sources().items()):
        for field in (name.encode(), path.read_bytes()):
            total.update(len(field).to_bytes(8, "big") + field)
    return total.hexdigest()


def _sources() -> dict[str, Path]:
    here = Path(__file__).parent
    deciding = {Path(str(sys.modules[one.__module__].__file__)) for one in (Rng, Intent, Problem, Profile)}
    return {f"{path.parent.name}/{path.name}": path for path in {*here.glob("*.py"), *deciding}}
