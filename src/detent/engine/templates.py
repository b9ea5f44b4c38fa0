"""Whether a model's folder has a chat template, which decides how the model is asked, for as long as a run lasts.

>>> as_chat(copy, "never")            # the copy has none afterwards, and another digest than the folder it came from
"""

import json
from pathlib import Path
from typing import Any, Literal

from detent.errors import SubjectError

_FILES = ("chat_template.jinja", "chat_template.json")
_CONFIG, _KEY = "tokenizer_config.json", "chat_template"


def as_chat(folder: Path, chat: Literal["auto", "always", "never"]) -> None:
    """See to it that a copy of a given model is asked as its charter says. "never" removes its template.

    Raises:
        SubjectError: "always", and there is none; or the tokenizer's configuration is no JSON object.
    """
    config = _config(folder / _CONFIG)
    there = [folder / name for name in _FILES if (folder / name).is_file()]
    if chat == "always" and not there and not config.get(_KEY):
        raise SubjectError(
            f'a chat template expected with [subject] chat = "always", got none in {folder}; name a model that was '
            'taught to chat, or write chat = "auto"'
        )
    if chat == "never":
        for path in there:
            path.unlink()
        if _KEY in config:
            del config[_KEY]
            (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SubjectError(f"JSON expected in {path}, got something else: {error}; restore it") from error
    if not isinstance(found, dict):
        raise SubjectError(f"a JSON object expected in {path}, got something else; restore it")
    return found
