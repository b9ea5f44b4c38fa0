"""The one place that assembles: real parts from a run folder, the user's data folder and the charter.

Every command of the program is one function here. Nothing below knows where things lie.

What a command needs is imported when it is asked for: `detent status` does not wait for what `run` needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detent.assembly.auditing import new_auditor, serve_auditor
    from detent.assembly.bundling import Bundled, make_bundle
    from detent.assembly.collecting import Plan, collect, plan_gc
    from detent.assembly.downloading import Fetched, fetch_model
    from detent.assembly.drafting import (
        ToSign,
        draft_answer,
        draft_lease,
        draft_order,
        draft_waiting,
        waiting_for,
    )
    from detent.assembly.endings import EXIT_CODES
    from detent.assembly.enrolling import Code, draft_enrolment, enrol, new_code
    from detent.assembly.estimating import Drafted, draft_for, estimate_of
    from detent.assembly.exporting import ExportedModel, export_model
    from detent.assembly.founding import Founded, create_run
    from detent.assembly.inspecting import Inspection, inspect_task
    from detent.assembly.keys import load_keys, new_key, verify_key_in
    from detent.assembly.ledgers import LogChecked, check_log, serve_log
    from detent.assembly.look_shown import check_new, look_document, look_lines, write_look
    from detent.assembly.looking import Looked, look_inside
    from detent.assembly.model_signing import SignedModel, sign_model
    from detent.assembly.orders import (
        Handed,
        amend_charter,
        give_answer,
        give_order,
        grant_lease,
        hand_in,
        rotate_key,
        sign_file,
        sign_waiting,
        undone_by,
    )
    from detent.assembly.proving import Proved, prove, shown_by, split_shown_by
    from detent.assembly.reading import charter_of, check_draft, status_of, write_report
    from detent.assembly.replaying import Replayed, replay_run
    from detent.assembly.requests import request_text, requests_of
    from detent.assembly.running import Ended, Run, open_run, run_loop
    from detent.assembly.tracking import track
    from detent.assembly.trying import answer_prompt, revise_prompt
    from detent.assembly.verifying import verify_run, verify_source
    from detent.assembly.witnessing import new_witness_key, serve_witness

__all__ = [
    "EXIT_CODES",
    "Bundled",
    "Code",
    "Drafted",
    "Ended",
    "ExportedModel",
    "Fetched",
    "Founded",
    "Handed",
    "Inspection",
    "LogChecked",
    "Looked",
    "Plan",
    "Proved",
    "Replayed",
    "Run",
    "SignedModel",
    "ToSign",
    "amend_charter",
    "answer_prompt",
    "charter_of",
    "check_draft",
    "check_log",
    "check_new",
    "collect",
    "create_run",
    "draft_answer",
    "draft_enrolment",
    "draft_for",
    "draft_lease",
    "draft_order",
    "draft_waiting",
    "enrol",
    "estimate_of",
    "export_model",
    "fetch_model",
    "give_answer",
    "give_order",
    "grant_lease",
    "hand_in",
    "inspect_task",
    "load_keys",
    "look_document",
    "look_inside",
    "look_lines",
    "make_bundle",
    "new_auditor",
    "new_code",
    "new_key",
    "new_witness_key",
    "open_run",
    "plan_gc",
    "prove",
    "replay_run",
    "request_text",
    "requests_of",
    "revise_prompt",
    "rotate_key",
    "run_loop",
    "serve_auditor",
    "serve_log",
    "serve_witness",
    "shown_by",
    "sign_file",
    "sign_model",
    "sign_waiting",
    "split_shown_by",
    "status_of",
    "track",
    "undone_by",
    "verify_key_in",
    "verify_run",
    "verify_source",
    "waiting_for",
    "write_look",
    "write_report",
]

_HOMES = {
    "Bundled": "bundling",
    "EXIT_CODES": "endings",
    "Ended": "running",
    "Drafted": "estimating",
    "ExportedModel": "exporting",
    "Fetched": "downloading",
    "Founded": "founding",
    "Handed": "orders",
    "Plan": "collecting",
    "Proved": "proving",
    "Replayed": "replaying",
    "LogChecked": "ledgers",
    "Looked": "looking",
    "Run": "running",
    "SignedModel": "model_signing",
    "amend_charter": "orders",
    "answer_prompt": "trying",
    "revise_prompt": "trying",
    "charter_of": "reading",
    "check_draft": "reading",
    "collect": "collecting",
    "check_log": "ledgers",
    "check_new": "look_shown",
    "create_run": "founding",
    "draft_for": "estimating",
    "estimate_of": "estimating",
    "export_model": "exporting",
    "fetch_model": "downloading",
    "give_answer": "orders",
    "give_order": "orders",
    "Inspection": "inspecting",
    "grant_lease": "orders",
    "inspect_task": "inspecting",
    "load_keys": "keys",
    "look_document": "look_shown",
    "look_inside": "looking",
    "look_lines": "look_shown",
    "make_bundle": "bundling",
    "new_auditor": "auditing",
    "new_key": "keys",
    "new_witness_key": "witnessing",
    "open_run": "running",
    "plan_gc": "collecting",
    "prove": "proving",
    "replay_run": "replaying",
    "request_text": "requests",
    "requests_of": "requests",
    "rotate_key": "orders",
    "run_loop": "running",
    "serve_auditor": "auditing",
    "serve_witness": "witnessing",
    "serve_log": "ledgers",
    "shown_by": "proving",
    "sign_file": "orders",
    "sign_model": "model_signing",
    "sign_waiting": "orders",
    "split_shown_by": "proving",
    "status_of": "reading",
    "track": "tracking",
    "undone_by": "orders",
    "verify_key_in": "keys",
    "verify_run": "verifying",
    "verify_source": "verifying",
    "write_look": "look_shown",
    "write_report": "reading",
    "Code": "enrolling",
    "draft_enrolment": "enrolling",
    "enrol": "enrolling",
    "new_code": "enrolling",
    "waiting_for": "drafting",
    "ToSign": "drafting",
    "draft_answer": "drafting",
    "draft_lease": "drafting",
    "draft_order": "drafting",
    "draft_waiting": "drafting",
    "hand_in": "orders",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
