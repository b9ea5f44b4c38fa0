"""One document, one sequence of bytes: the JSON Canonicalization Scheme (RFC 8785).

>>> canonical({"b": 1.0, "a": [True, None]})
b'{"a":[true,null],"b":1}'
"""

from typing import Any

import rfc8785

from detent.errors import UsageError


def canonical(document: Any) -> bytes:
    """The RFC 8785 bytes of a JSON document (dict, list, tuple, str, int, float, bool, None).

    1.0 and 1 have the same bytes: what reads them back must know which fields are floats.

    Raises:
        UsageError: a value has no canonical form (an integer beyond 2^53 - 1, NaN, infinity, a key that is
            not text, text that is not Unicode, another type); the message names its place.
    """
    try:
        return rfc8785.dumps(document)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        place, value = _culprit(document)
        raise UsageError(
            f"JSON that RFC 8785 can write expected, got {value} at {place} ({error}); "
            "write integers beyond 2^53 - 1 and unbounded numbers as text"
        ) from error


def _culprit(document: Any, place: str = "$") -> tuple[str, str]:
    """Where in the document the first part stands that cannot be written, and what it is."""
    for key, child in _children(document):
        try:
            rfc8785.dumps(child)
        except RecursionError:
            return place, "nesting too deep"
        except (ValueError, TypeError, AttributeError):
            return _culprit(child, f"{place}.{key}")
    return place, repr(document)[:80]


def _children(document: Any) -> list[tuple[Any, Any]]:
    if isinstance(document, dict):
        return list(document.items())
    if isinstance(document, list | tuple):
        return list(enumerate(document))
    return []
