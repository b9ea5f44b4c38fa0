"""Templates of the report, filled in: every value escaped, made visible first, and printed as numbers are.

>>> environment(DictLoader({"one": "{{ text }}"})).get_template("one").render(text="<b>")
'&lt;b&gt;'
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from detent.report import _words as words


def rendered(template: str, **values: object) -> str:
    """One of the templates, with the style that it may use and the hash that lets it."""
    sheet = style()
    return _template(template).render(
        style=Markup(sheet),  # noqa: S704  our own file
        style_hash=b64encode(sha256(sheet.encode()).digest()).decode(),
        **values,
    )


def environment(loader: BaseLoader, longest: int = 0) -> Environment:
    """Where a page of ours is made: everything is escaped, made visible first, and printed as numbers are.

    longest: characters of one value that are shown; 0: all.
    """
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=(lambda value: _cut(_seen(value), longest)) if longest else _seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"typeset": _typeset}
    return made


@cache
def _template(name: str) -> Template:
    return environment(PackageLoader("detent.report")).get_template(name)


@cache
def style() -> str:
    """The style sheet that the report carries with it, and the dashboard links to."""
    return files("detent.report").joinpath("templates/style.css").read_text(encoding="utf-8")


def _seen(value: object) -> object:
    """What every `{{ }}` passes through before it is escaped."""
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _cut(value: object, longest: int) -> object:
    return words.clip(value, longest) if isinstance(value, str) and not isinstance(value, Markup) else value


def _typeset(text: str) -> str:
    """Numbers as they are printed: a true minus, en dashes in ranges, a sign for at least."""
    for written, printed in _PRINTED:
        text = written.sub(printed, text)
    return text


_PRINTED = (
    (re.compile(r"(?<=\d)-(?=\d)"), words.EN_DASH),
    (re.compile(r"(?<!\S)-(?=[\d.])|(?<=\[)-(?=[\d.])"), words.MINUS),
    (re.compile(r"^-$"), words.EN_DASH),
    (re.compile(">="), "≥"),
)
"""What stands for what: 4-7, -1.5 or [-1.5, a cell without a value, >=."""
