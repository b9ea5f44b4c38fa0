"""What the attacks on signed payloads share."""

import base64
import json
from collections.abc import Callable

from tests.charter.charter_texts import ADA, BOB, CATALOGUE, CYD, DEE, TEAM, charter_text

from detent.charter import endorse, verified

OTHER = verified(
    endorse(charter_text(TEAM.replace("For tests", "Another"), (ADA, BOB, CYD, DEE)), [ADA, BOB]), CATALOGUE
)
"""Another charter of the same stewards."""


def with_payload(envelope: str, change: Callable[[bytes], bytes]) -> str:
    """The same signatures over other bytes."""
    document = json.loads(envelope)
    document["payload"] = base64.b64encode(change(base64.b64decode(document["payload"]))).decode()
    return json.dumps(document)
