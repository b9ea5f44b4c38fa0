"""From text to a charter, or to every reason why it is none.

charter.toml:12: pace.lease.generations: an integer from 1 to 100000 expected, got "eight"
"""

from importlib import resources
from pathlib import Path
from typing import TypeVar

from detent.charter._faults import Fault, read_sections, refuse
from detent.charter._lines import key_lines
from detent.charter._rules import rule_faults
from detent.charter._toml import read_toml
from detent.charter._wire_rules import completed
from detent.charter.catalogue import Catalogue
from detent.charter.document import Charter, Draft
from detent.errors import CharterError, UsageError

LARGEST = 32_768
"""Bytes a charter may have: its envelope must fit one entry of the ledger (65,535 bytes)."""

D = TypeVar("D", bound=Draft)


def default_text() -> str:
    """The draft that `init` starts from: longer digit strings, same rules."""
    return resources.files(__package__).joinpath("digits.toml").read_text("utf-8")


def draft_text(path: Path) -> str:
    """The text of a draft in a file.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        CharterError: it is not text in UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise UsageError(f"a charter in {path} expected, got {error.strerror}; correct the path") from error
    except UnicodeDecodeError as error:
        raise CharterError(f"{path}: TOML in UTF-8 expected, got {error}; save it as UTF-8") from error


def parse_draft(text: str, catalogue: Catalogue, file: str = "charter.toml") -> Draft:
    """Read a charter as an author writes it, without what `init` fills in.

    Raises:
        CharterError: everything that is wrong, a line each: file, line, key path, what was expected and got.
    """
    return _parsed(Draft, text, catalogue, file)


def parse_charter(text: str, catalogue: Catalogue, file: str = "charter.toml") -> Charter:
    """Read a complete charter, as `init` signs it. Raises CharterError as `parse_draft` does."""
    return _parsed(Charter, text, catalogue, file)


def _parsed(model: type[D], text: str, catalogue: Catalogue, file: str) -> D:
    document = read_toml(text, file, "a charter", LARGEST)
    sound, wrong = read_sections(model, document)
    faults = [*map(_explained, wrong), *rule_faults(sound, catalogue)]
    if faults:
        refuse(faults, key_lines(text), file)
    wires = completed(document.get("tripwires", {}), catalogue)
    return model.model_validate(document | {"tripwires": wires})


def _explained(fault: Fault) -> Fault:
    """What only a charter has is no typing mistake in a draft. In a charter these keys are never unknown."""
    match fault.path:
        case (
            ("seal" | "gym",) | ("tasks" | "proxies", _, "sha256") | ("constitution", "sha256" | "files")
        ) if "a key of" in fault.sentence:
            return Fault(fault.path, "nothing expected in a draft: `init` fills it in; remove it")
        case _:
            return fault
