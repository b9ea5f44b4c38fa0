"""The charter's sections that name files beside it: tasks, proxies, tripwires and constitution, and the gym.

As an author writes them they name a file; in a charter that is signed its SHA-256 stands beside the name.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from detent.charter._form import Hash, Part, Says, Section, TaskName
from detent.charter.sections import Generations
from detent.values import Action

ROWS = r"^[^:/][^:]*\.jsonl$"
SOURCE = r"^[^:/][^:]*\.py:[A-Za-z_][A-Za-z0-9_]*$"

BUILT_IN_CONSTITUTIONS = ("digits", "language")
"""Those that come with Detent; `init` copies the one named into the run."""


def inside(source: str) -> str:
    """The file stands in the charter's folder or below: `init` copies it into the run."""
    if ".." in source.partition(":")[0].split("/"):
        raise ValueError(source)
    return source


GymLevel = Annotated[int, Field(ge=0, le=1000), Says("a global level, an integer from 0 to 1000,")]


class DraftOwnTask(Section):
    """[tasks.NAME] as an author writes it: FILE.py:Class beside the charter, or FILE.jsonl with prompts and answers.

    Of a file of rows: sealed, shown: shares of them that only openings draw, and that are only asked in the open; the
    rest is taught. openings: into so many parts the sealed ones are dealt, one for each opening of the seal.
    """

    source: Annotated[
        str,
        Field(pattern=rf"{SOURCE}|{ROWS}"),
        AfterValidator(inside),
        Says('"FILE.py:Class" or "FILE.jsonl" beside the charter'),
    ]
    sealed: Part = 0.5
    shown: Part = 0.1
    openings: Generations = 8

    @property
    def of_rows(self) -> bool:
        """Whether it is a file of rows, and no code."""
        return ":" not in self.source

    @property
    def file(self) -> str:
        """The file's name in the charter's folder."""
        return self.source.partition(":")[0]


class OwnTask(DraftOwnTask):
    """[tasks.NAME] with the SHA-256 of its file."""

    sha256: Hash


class Gym(Section):
    """[gym]: the library reasoning-gym that draws the problems of `gym:` tasks.

    library: its version. sha256: over all its files, as `detent.tasks.library_digest` has it.
    levels: of each such task the library's global levels, from 0, that its levels 1, 2, 3, ... stand for.
    """

    library: Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+-]{0,31}$"), Says("a version such as 0.1.25")]
    sha256: Hash
    levels: Mapping[
        TaskName, Annotated[tuple[GymLevel, ...], Field(strict=False, min_length=1, max_length=100)]
    ]


class DraftProxy(Section):
    """[proxies.NAME] as an author writes it: FILE.py:function beside the charter, that self-made labels must please."""

    source: Annotated[
        str,
        Field(pattern=SOURCE),
        AfterValidator(inside),
        Says('"FILE.py:function" beside the charter'),
    ]


class Proxy(DraftProxy):
    """[proxies.NAME] with the SHA-256 of its file."""

    sha256: Hash


class DraftWire(Section):
    """[tripwires.NAME] as an author writes it, and, once read, with every default filled in.

    action: what is done when it fires. source: of a wire of the author's own, FILE.py:function beside the charter.
    Any other key is a limit; the catalogue says which there are.
    """

    model_config = ConfigDict(extra="allow")  # _wire_rules.py refuses what is no limit of this wire

    action: Annotated[Action, Says('"record", "pause" or "halt"')] = "pause"
    source: Annotated[
        str,
        Field(pattern=SOURCE),
        AfterValidator(inside),
        Says('"FILE.py:function" beside the charter'),
    ] = ""

    @property
    def own(self) -> bool:
        """Whether the author wrote it."""
        return self.source != ""

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits by their names, in the units that the wire documents."""
        return MappingProxyType(self.__pydantic_extra__ or {})


class Wire(DraftWire):
    """[tripwires.NAME]; of a wire of the author's own with the SHA-256 of its file."""

    sha256: Hash = ""


class DraftConstitutionFile(Section):
    """[constitution] as an author writes it. file: FILE.toml beside the charter, or one that comes with Detent."""

    file: Annotated[
        str,
        Field(pattern=rf"^({'|'.join(BUILT_IN_CONSTITUTIONS)}|[^:/][^:]*\.toml)$"),
        AfterValidator(inside),
        Says(f'"FILE.toml" beside the charter, or one of {", ".join(BUILT_IN_CONSTITUTIONS)},'),
    ]

    @property
    def built_in(self) -> bool:
        """Whether it comes with Detent."""
        return self.file in BUILT_IN_CONSTITUTIONS

    @property
    def path(self) -> str:
        """The file's name in the run folder."""
        return f"constitution-{self.file}.toml" if self.built_in else self.file


class ConstitutionFile(DraftConstitutionFile):
    """[constitution] with the SHA-256 of the file, and of every file of the author's own that it names."""

    sha256: Hash
    files: Mapping[Annotated[str, Says("a file's name")], Hash] = {}

    @property
    def pinned(self) -> dict[str, str]:
        """SHA-256 by name in the run folder, of all of them."""
        return {self.path: self.sha256, **self.files}
