"""What a party answers over HTTP, and how a look at a request ends early."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from detent.errors import DetentError

PLAIN = "text/plain; charset=utf-8"

Say = Callable[[str], None]


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    content_type: str
    body: bytes


class RefusedError(Exception):
    """Ends the look at a request with this status and sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.answer = said(status, sentence)


@contextmanager
def otherwise(status: int) -> Iterator[None]:
    """What is raised inside is answered with this status."""
    try:
        yield
    except DetentError as error:
        raise RefusedError(status, str(error)) from error


def said(status: int, sentence: str) -> Answer:
    """A sentence."""
    return Answer(status, PLAIN, f"{sentence}\n".encode())
