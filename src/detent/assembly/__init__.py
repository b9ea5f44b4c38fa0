"""The one place that assembles: real parts from a run folder, the user's data folder and the charter.

Every command of the program is one function here. Nothing below knows where things lie.
"""

from detent.assembly.endings import EXIT_CODES
from detent.assembly.founding import Founded, create_run
from detent.assembly.keys import load_keys, new_key, verify_key_in
from detent.assembly.orders import (
    Handed,
    amend_charter,
    give_answer,
    give_order,
    grant_lease,
    rotate_key,
    sign_file,
    sign_waiting,
    undone_by,
)
from detent.assembly.reading import charter_of, check_draft, status_of, write_report
from detent.assembly.requests import request_text, requests_of
from detent.assembly.running import Ended, Run, answer_prompt, open_run, run_loop
from detent.assembly.verifying import verify_run

__all__ = [
    "EXIT_CODES",
    "Ended",
    "Founded",
    "Handed",
    "Run",
    "amend_charter",
    "answer_prompt",
    "charter_of",
    "check_draft",
    "create_run",
    "give_answer",
    "give_order",
    "grant_lease",
    "load_keys",
    "new_key",
    "open_run",
    "request_text",
    "requests_of",
    "rotate_key",
    "run_loop",
    "sign_file",
    "sign_waiting",
    "status_of",
    "undone_by",
    "verify_key_in",
    "verify_run",
    "write_report",
]
