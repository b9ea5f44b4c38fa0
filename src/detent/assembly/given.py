"""Which folder a charter means by a model's name: one beside its draft, or a commit that `detent fetch` has brought.

    >>> given_folder("HuggingFaceTB/SmolLM2-135M", home)
    PosixPath('.../detent/models/HuggingFaceTB/SmolLM2-135M/12fd25f7...')

A folder of that name beside the draft comes first. Nothing here has a network: what was not fetched is not there.
"""

from pathlib import Path

from detent.assembly.downloading import COMMIT, NAMED, note_path
from detent.assembly.places import fetched_models
from detent.charter import Draft
from detent.errors import UsageError


def given_folder(source: str, home: Path, otherwise: str = "") -> Path:
    """The folder of a model that a charter in `home` names.

    Args:
        source: a folder seen from `home`; or ORG/MODEL, or ORG/MODEL@COMMIT with the commit's first digits.
        home: the draft's folder.
        otherwise: a clause for the message: what else could be written.

    Raises:
        UsageError: there is none; or several commits were fetched, and the name does not say which.
    """
    beside = home / source
    if beside.is_dir():
        return beside
    repo, at, commit = source.partition("@")
    if NAMED.fullmatch(repo) is None or bool(at) != bool(commit):
        raise UsageError(f"a model folder at {beside} expected, got none; correct the path{otherwise}")
    found = [folder for folder in _fetched(repo) if folder.name.startswith(commit)]
    if not found:
        raise UsageError(
            f"the model {source}, fetched from a hub, or a folder at {beside} expected, got none; run: detent fetch "
            f"{repo}{f' --revision {commit}' if commit else ''}"
        )
    if len(found) > 1:
        names = ", ".join(folder.name[:12] for folder in found)
        raise UsageError(
            f"one fetched commit of {source} expected, got {len(found)} ({names}); write which: "
            f"{repo}@{found[0].name[:12]}"
        )
    return found[0]


def given_models(charter: Draft, home: Path) -> list[tuple[str, Path]]:
    """(key, folder) of every model that a charter names.

    Raises:
        UsageError: one is not here.
    """
    named = [] if charter.subject.built else [("subject.source", charter.subject.source, "built")]
    feedback = charter.feedback
    if feedback.judge_given:
        named.append(("feedback.judge_source", feedback.judge_source, "incumbent"))
    return [
        (key, given_folder(source, home, f', or write {key.partition(".")[2]} = "{otherwise}"'))
        for key, source, otherwise in named
    ]


def _fetched(repo: str) -> list[Path]:
    """Every commit of a model that is here, with the note that says which."""
    place = fetched_models(repo)
    every = sorted(place.iterdir()) if place.is_dir() else []
    return [one for one in every if COMMIT.fullmatch(one.name) and one.is_dir() and note_path(one).is_file()]
