"""What a run shows people: an HTML report, one line a generation, and where it stands.

Made from the ledger's entries alone. It checks nothing, decides nothing, reads and writes no file of a run;
what it shows is what the ledger says, and all text on the ledger is untrusted to it.
"""

from collections.abc import Mapping, Sequence

from detent.report._card_told import About, Adapted, Form
from detent.report._card_using import BASE, RECORDED
from detent.report._words import plain
from detent.report.adapters import adapter_document
from detent.report.asked import request_line, request_page
from detent.report.card import model_card
from detent.report.forecast import foreseen
from detent.report.inside import Reading, readings
from detent.report.methods import AUDITED, method_document, method_text
from detent.report.principles import principle_document, principle_text
from detent.report.scalars import scalars
from detent.report.servers import servers_document
from detent.report.story import Arm, Story, Turn
from detent.report.summary import (
    Budget,
    Standing,
    generation_line,
    revision_text,
    standing,
    status_document,
    status_text,
)
from detent.report.telling import Teller, tell, tell_turn
from detent.report.tried import Screenings, exploring_document, screenings, tried_lines
from detent.values import Interpreted

__all__ = [
    "AUDITED",
    "BASE",
    "RECORDED",
    "About",
    "Adapted",
    "Arm",
    "Budget",
    "Form",
    "Reading",
    "Screenings",
    "Standing",
    "Story",
    "Teller",
    "Turn",
    "adapter_document",
    "exploring_document",
    "foreseen",
    "generation_line",
    "inside_page",
    "method_document",
    "method_text",
    "model_card",
    "plain",
    "principle_document",
    "principle_text",
    "readings",
    "render",
    "request_line",
    "request_page",
    "revision_text",
    "scalars",
    "screenings",
    "servers_document",
    "standing",
    "status_document",
    "status_text",
    "tell",
    "tell_turn",
    "tried_lines",
]


def inside_page(
    title: str,
    compared: Sequence[str],
    found: Interpreted,
    control: Interpreted | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """A look inside as one self-contained HTML document: see `look_page`."""
    from detent.report.looks import look_page  # noqa: PLC0415  as below

    return look_page(title, compared, found, control, names)


def render(story: Story, comparison: Sequence[Arm] = ()) -> str:
    """The report: one self-contained HTML document. With a `comparison`, also where its arms stand."""
    from detent.report.page import page  # noqa: PLC0415  `detent status` does not wait for templates

    return page(story, comparison)
