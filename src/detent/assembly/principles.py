"""The constitution a charter names: its file and those it names, read once, and what asks its principles.

A file that was pinned is believed only when it is the one that was signed; those bytes are what is asked and what runs.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from detent.assembly.tasks import catalogue, charter_sources, closing
from detent.audit import plain_file
from detent.charter import (
    Charter,
    Constitution,
    Draft,
    check_margins,
    constitution_text,
    parse_constitution,
)
from detent.engine import confinement, host_prefix
from detent.errors import CharterError, DetentError, TrustError
from detent.oversight import guards_of
from detent.tasks import (
    PROBES,
    FileProbes,
    TaskSource,
    from_file,
    open_prompts,
    over_ladder,
    probes,
    vet_principle,
)
from detent.values import sha256_hex


@dataclass(frozen=True, slots=True)
class Read:
    """A constitution with its files. path: its name in the run folder. files: contents of those it names, by name."""

    path: str
    text: str
    constitution: Constitution
    files: Mapping[str, bytes]

    @property
    def pins(self) -> tuple[str, dict[str, str]]:
        """What `init` fills in: SHA-256 of the text, and of the files by name."""
        return sha256_hex(self.text.encode()), {name: sha256_hex(data) for name, data in self.files.items()}

    def put_into(self, folder: Path) -> None:
        """Write all of it into a run's folder of files."""
        for name, data in {self.path: self.text.encode(), **self.files}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)


def draft_constitution(draft: Draft, home: Path) -> Read | None:
    """The constitution of a draft; files of the author's lie in `home`, as they are now. None where it names none.

    Raises:
        CharterError: it is missing, or not in order, or no promotion could ever keep to a margin of it.
    """
    named = draft.constitution
    if named is None:
        return None
    text = constitution_text(named.file) if named.built_in else _decoded(_bytes(home, named.file), named.file)
    constitution = parse_constitution(text, catalogue(), named.path)
    read = Read(named.path, text, constitution, {file: _bytes(home, file) for file in constitution.files})
    _see_margins(draft, read)
    _see_judge(draft, read)
    return read


def charter_constitution(charter: Charter, folder: Path) -> Read | None:
    """The constitution of a charter, of whose files, in `folder`, each must be the one that was signed.

    Raises:
        TrustError: one is missing, or was changed.
        CharterError: it is not in order, or the charter does not pin a file that it names.
    """
    named = charter.constitution
    if named is None:
        return None
    text = _decoded(_pinned(folder, named.path, named.sha256), named.path)
    constitution = parse_constitution(text, catalogue(), named.path)
    if set(constitution.files) != set(named.files):
        raise CharterError(
            f"constitution.files: SHA-256 of {sorted(constitution.files) or 'no file'} expected, as {named.path} "
            f"names, got those of {sorted(named.files) or 'none'}"
        )
    read = Read(
        named.path,
        text,
        constitution,
        {file: _pinned(folder, file, named.files[file]) for file in named.files},
    )
    _see_margins(charter, read)
    return read


def principle_sources(read: Read | None, tasks: Mapping[str, TaskSource]) -> dict[str, TaskSource]:
    """What asks each guarded principle, and the prompts that one is taught by, by the sources' own names.

    tasks: of the ladders that built-in probes stand over; whoever made them ends them.

    Raises:
        CharterError: rows of probes that are none.
    """
    if read is None:
        return {}
    found: dict[str, TaskSource] = {}
    for name, principle in read.constitution.guarded.items():
        if principle.probes in PROBES:
            sources: Sequence[TaskSource] = [
                over_ladder(name, principle.probes, task) for task in tasks.values()
            ]
        else:
            files, prefix = read.files, host_prefix()
            sources = [from_file(name, principle.probes, principle.checker, files, command_prefix=prefix)]
        found |= {source.name: source for source in sources}
    for name, principle in read.constitution.principles.items():
        if principle.prompts:
            files, prefix = read.files, host_prefix()
            source = open_prompts(name, principle.prompts, principle.checker, files, command_prefix=prefix)
            found[source.name] = source
    return found


def vet_principles(draft: Draft, read: Read | None, sources: Mapping[str, TaskSource]) -> None:
    """Try what asks each principle, before anybody signs.

    Raises:
        CharterError: a prompt that a model made here cannot spell.
        TaskError: as `vet_principle`.
    """
    if read is None:
        return
    for source in sources.values():
        if draft.subject.built and isinstance(source, FileProbes):
            _see_spelling(source)
    for guard in guards_of(draft, read.constitution):
        for name in dict.fromkeys(one.task for one in guard.slices):
            top = max(one.level for one in guard.slices if one.task == name)
            vet_principle(sources[name], top, draft.subject.room)


def principle_margins(charter: Charter, folder: Path) -> dict[str, float | None] | None:
    """What a promotion may cost each principle, by name, None for one without probes; None without a constitution.

    Raises:
        TrustError, CharterError: as `charter_constitution`.
    """
    read = charter_constitution(charter, folder)
    if read is None:
        return None
    guarded = {guard.name: guard.margin for guard in guards_of(charter, read.constitution)}
    return {name: guarded.get(name) for name in read.constitution.principles}


def amended_constitution(new: Charter, folder: Path) -> Read | None:
    """The constitution that an amendment brings; None where it names none. Nothing is run.

    Raises:
        CharterError: it is not in order, or a file of it, in `folder`, is missing or another.
    """
    try:
        read = charter_constitution(new, folder)
        principle_sources(read, {})  # reads the rows; a checker's process starts with its first question
    except TrustError as error:
        raise CharterError(
            f"a constitution whose files the run folder has expected, got: {error}; an amendment brings no files: put "
            f"that one into {folder}, or take it out"
        ) from error
    return read


def vet_amended(new: Charter, folder: Path) -> None:
    """Try what asks each principle of an amendment, before it is signed.

    Raises:
        CharterError: as `amended_constitution`.
        TaskError: as `vet_principle`.
    """
    read = amended_constitution(new, folder)
    if read is not None:
        with (
            closing(charter_sources(new, folder)) as tasks,
            closing(principle_sources(read, tasks)) as sources,
        ):
            vet_principles(new, read, sources)


def readable_constitutions(charters: Sequence[Charter], folder: Path) -> list[str]:
    """Texts of the constitutions of these charters, without those whose file is missing or is not what was signed."""
    found = []
    for charter in charters:
        if charter.constitution is not None:
            with suppress(DetentError):
                named = charter.constitution
                found.append(_decoded(_pinned(folder, named.path, named.sha256), named.path))
    return list(dict.fromkeys(found))


def readable_principles(charter: Charter, folder: Path, tasks: Mapping[str, TaskSource]) -> list[TaskSource]:
    """What asks the principles of a charter, as far as its files are what was signed.

    A folder under verification may be a stranger's: its checkers are not run where they could reach anything.
    """
    with suppress(DetentError):
        read = charter_constitution(charter, folder)
        own = (
            {n for n, each in read.constitution.principles.items() if ":" in each.checker} if read else set()
        )
        sources = principle_sources(read, tasks)
        return [
            source
            for name, source in sources.items()
            if name.split("/")[1] not in own or confinement().confined
        ]
    return []


def _see_spelling(source: FileProbes) -> None:
    """An opening that asks what the model has no tokens for would be void."""
    strange = [one for one in source.prompts if not (one.isascii() and one.isprintable())]
    if strange:
        raise CharterError(
            f"principle {source.name}: prompts in printable ASCII expected, as a model that is made here can spell, "
            f"got {len(strange)} others, such as {strange[0][:40]!r}"
        )


def _see_judge(draft: Draft, read: Read) -> None:
    """Prompts without answers teach by what is said of answers in words; signs are taught by problems alone."""
    prompted = sorted(name for name, each in read.constitution.principles.items() if each.prompts)
    if prompted and draft.feedback.forms != "words":
        raise CharterError(
            f'{read.path}: principles.{prompted[0]}.prompts: feedback.forms = "words" in the charter expected, got '
            f'"{draft.feedback.forms}"; take the prompts out, or ask in words'
        )


def _see_margins(draft: Draft, read: Read) -> None:
    check_margins(
        read.text,
        read.constitution,
        draft.constraints,
        draft.gate.items,
        last=draft.pace.lease.generations,
        catalogue=catalogue(),
        file=read.path,
    )


def _bytes(folder: Path, file: str) -> bytes:
    try:
        return (folder / file).read_bytes()
    except OSError as error:
        raise CharterError(
            f"{folder / file}: the file that constitution or charter names expected, got {error.strerror}; put it "
            "there, or correct the name"
        ) from error


def _pinned(folder: Path, file: str, sha256: str) -> bytes:
    """Of a folder that may be a stranger's: nothing but an ordinary file of a size that it may have is read."""
    data = plain_file(folder / file, probes.LARGEST)
    if data is None:
        raise TrustError(
            f"constitution: {folder / file} with SHA-256 {sha256} expected, as signed, got no file of at most "
            f"{probes.LARGEST} bytes; restore the file"
        )
    if sha256_hex(data) != sha256:
        # Stops the world: with other principles nothing that the gate passed means what it says.
        raise TrustError(
            f"constitution: {folder / file} with SHA-256 {sha256} expected, as signed, got {sha256_hex(data)}; "
            "restore the file"
        )
    return data


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CharterError(f"{file}: TOML in UTF-8 expected, got {error}; save it as UTF-8") from error
