"""Entries about what came from outside, or was found out there: recorded, and steering nothing.

>>> ModelFetched(repo="org/model", revision="f" * 40, digest="d" * 64).kind
'fetched/v1'
"""

from typing import Literal

from detent.values.entry import Entry

GivenAs = Literal["subject", "judge"]
"""subject: the first models are made from it. judge: it judges."""


class ModelFetched(Entry, frozen=True, tag="fetched/v1"):
    """The given model came from a hub, as its founder says: `repo` at the commit `revision`, a folder of `digest`."""

    repo: str
    revision: str
    digest: str


class ModelGiven(Entry, frozen=True, tag="given/v1"):
    """A model folder that the charter names, as it was copied when the run began: the run takes no other in its place.

    It stands before the first lease, which is signed in sight of it.
    """

    given_as: GivenAs
    digest: str


class Inspected(Entry, frozen=True, tag="inspected/v1"):
    """A model was asked an Inspect AI task, outside the loop: nothing in a run looks at it.

    model: digest. of: the generation whose model it is. task, version: as the log names them.
    log: SHA-256 of the `.eval` file. samples: asked. scores: totals, by `scorer/metric`.
    """

    model: str
    of: int
    task: str
    version: str
    log: str
    samples: int
    scores: dict[str, float]
