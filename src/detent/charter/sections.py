"""The charter's sections: who decides, how fast, in what direction, within what constraints."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from detent.charter._form import (
    LARGEST_EXACT,
    Change,
    Count,
    Hash,
    Level,
    Part,
    Says,
    Section,
    TaskName,
)
from detent.errors import UsageError
from detent.signing import VerifyKey

SOURCE = r"^[^:/][^:]*\.py:[A-Za-z_][A-Za-z0-9_]*$"


def _verify_key(text: str) -> str:
    try:
        VerifyKey.parse(text)
    except UsageError as error:
        raise ValueError(text) from error
    return text


def _inside(source: str) -> str:
    """The file stands in the charter's folder or below: `init` copies it into the run."""
    if ".." in source.partition(":")[0].split("/"):
        raise ValueError(source)
    return source


Quorum = Annotated[int, Field(ge=1, le=64), Says("an integer from 1 to 64")]
Key = Annotated[str, AfterValidator(_verify_key), Says('a verify key "name+hash+base64"')]
Generations = Annotated[int, Field(ge=1, le=100_000), Says("an integer from 1 to 100000")]
Items = Annotated[int, Field(ge=1, le=10_000_000), Says("an integer from 1 to 10000000")]
Threads = Annotated[int, Field(ge=1, le=1024), Says("an integer from 1 to 1024")]
Seed = Annotated[int, Field(ge=0, le=LARGEST_EXACT), Says(f"an integer from 0 to {LARGEST_EXACT}")]
Layers = Annotated[int, Field(ge=1, le=1000), Says("an integer from 1 to 1000")]
Width = Annotated[int, Field(ge=1, le=1_000_000), Says("an integer from 1 to 1000000")]
Room = Annotated[int, Field(ge=0, le=4096), Says("an integer from 0 to 4096")]


class DraftStewards(Section):
    """[stewards] as an author writes it: how many of them must sign."""

    quorum: Quorum


class Stewards(DraftStewards):
    """[stewards]: whose signatures count, and how many must be there."""

    keys: Annotated[tuple[Key, ...], Field(strict=False, min_length=1, max_length=64)]


class LeaseTerms(Section):
    """[pace] lease: the largest grant of autonomy, in generations; init signs the first."""

    generations: Generations


class Pace(Section):
    """[pace]: how fast."""

    lease: LeaseTerms


class Direction(Section):
    """[direction] improve: each task to improve, and the top level of its ladder."""

    improve: Annotated[Mapping[TaskName, Level], Field(min_length=1)]


class Constraints(Section):
    """[constraints]: within what.

    changes: kinds of proposal that may be made.
    max_parameters: of the subject.
    non_inferiority_margin: share right that a promotion may lose on any task's ladder.
    mastery_floor: share right that mastered levels must keep for good.
    error_budget: chance of any false promotion, ever.
    """

    changes: Annotated[tuple[Change, ...], Field(strict=False, min_length=1)] = ("data",)
    max_parameters: Count = 1_000_000
    non_inferiority_margin: Part = 0.05
    mastery_floor: Part = 0.94
    error_budget: Part = 0.05


class Subject(Section):
    """[subject]: the first model.

    source: "built", in this shape, or a Hugging Face folder beside the charter.
    extra_tokens: an answer may be this much longer than its prompt.
    """

    source: Annotated[str, Field(min_length=1), Says('"built" or the path of a model folder')] = "built"
    layers: Layers = 3
    hidden: Width = 128
    intermediate: Width = 352
    heads: Layers = 4
    extra_tokens: Room = 4

    @property
    def built(self) -> bool:
        """Whether the first model is made here."""
        return self.source == "built"


class GateItems(Section):
    """[gate] items: most problems a test may use at opening 1; later ones get more, as the threshold grows.

    superiority: the test that the candidate is better. non_inferiority: each test that nothing was lost.
    """

    superiority: Items = 2000
    non_inferiority: Items = 2000


class Gate(Section):
    """[gate]."""

    items: GateItems = GateItems()


class DraftOwnTask(Section):
    """[tasks.NAME] as an author writes it: FILE.py:Class beside the charter."""

    source: Annotated[
        str,
        Field(pattern=SOURCE),
        AfterValidator(_inside),
        Says('"FILE.py:Class" beside the charter'),
    ]


class OwnTask(DraftOwnTask):
    """[tasks.NAME] with the SHA-256 of its file."""

    sha256: Hash


class Seal(Section):
    """[seal]: the tip s_0 of the hash chain that sealed problems come from, and its length."""

    tip: Hash
    length: Annotated[int, Field(ge=1, le=10_000_000), Says("an integer from 1 to 10000000")]


class Run(Section):
    """[run]: the seed of every public random choice, and CPU threads of a worker."""

    seed: Seed = 1
    threads: Threads = 2
