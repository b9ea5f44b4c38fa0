"""TOML as people write it, or in one line where it is none."""

import re
import tomllib
from typing import Any

from detent.errors import CharterError


def read_toml(text: str, file: str, what: str, largest: int) -> dict[str, Any]:
    """The document in a text of at most `largest` bytes. what: messages call it so, such as "a charter".

    Raises:
        CharterError: it is larger, or no TOML.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > largest:
        raise CharterError(f"{file}: {what} of at most {largest} bytes expected, got {size}; shorten it")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        line = place[1] if place else text.count("\n") + 1
        said = re.sub(r" \(at [^()]*\)$", "", str(error))
        raise CharterError(f"{file}:{line}: TOML expected, got a mistake: {said}") from error
    except RecursionError as error:
        raise CharterError(f"{file}: {what} expected, got tables or arrays nested too deep") from error
