"""The one place that assembles: real parts from a run folder, the user's data folder and the charter.

Every command of the program is one function here. Nothing below knows where things lie.
"""

from detent.assembly.founding import Founded, create_run, grant_lease
from detent.assembly.reading import status_of, write_report
from detent.assembly.running import Run, answer_prompt, open_run
from detent.assembly.verifying import verify_run

__all__ = [
    "Founded",
    "Run",
    "answer_prompt",
    "create_run",
    "grant_lease",
    "open_run",
    "status_of",
    "verify_run",
    "write_report",
]
