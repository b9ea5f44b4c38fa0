"""A model folder that a charter names, taken into a new run: what the run could not train is refused before it begins.

>>> take_model("subject.source", Path("models/llama"), run, charter)      # copied to run/subject
'5f0c...'
"""

import shutil
from contextlib import suppress
from pathlib import Path

from detent.assembly.places import RunFolder
from detent.charter import Charter
from detent.engine import ModelStore, as_chat
from detent.errors import CharterError, SubjectError
from detent.sizing import adapter_of, shape_of


def take_model(key: str, folder: Path, run: RunFolder, charter: Charter) -> str:
    """Copy a model folder of the charter to its place in the run; returns the copy's digest.

    Args:
        key: the charter's, that names it: subject.source or feedback.judge_source.
        folder: the model.
        run: new, with its folders.
        charter: whose constraints it has to keep.

    Raises:
        SubjectError: it is no model that a run takes.
        CharterError: it has more parameters than the charter allows, with the adapter that is to be trained beside it.
    """
    own = key == "subject.source"
    copy, store = run.staging / "given", ModelStore(run.models)
    shutil.copytree(folder, copy)
    try:
        as_chat(copy, charter.subject.chat if own else "auto")
        digest = store.admit(copy)
        parameters = store.parameters(digest)
    except SubjectError as error:
        raise SubjectError(f"{folder}, the charter's {key}: {error}") from error
    beside = _adapter(run.models / digest, charter) if own else 0
    if (wanted := parameters + beside) > (most := charter.constraints.max_parameters):
        those = f"{parameters:,} of its own and {beside:,} of the adapter" if beside else "so many"
        raise CharterError(
            f"constraints.max_parameters: at least {wanted:,} expected, {those} has {folder}, the charter's {key}, "
            f"got {most:,}; raise it, or take a smaller model"
        )
    (run.models / digest).rename(run.subject if own else run.judge)
    return digest


def _adapter(folder: Path, charter: Charter) -> int:
    """Numbers of the adapter that generation 0 trains; of a family whose layers nobody here can count, none."""
    adapter = adapter_of(charter.subject)
    if adapter is not None:
        with suppress(SubjectError):
            return adapter.parameters(shape_of(folder))
    return 0
