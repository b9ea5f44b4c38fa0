"""Whether a run can be believed: the ledger's files from their bytes, and everything recorded on them again.

It reads what a run left behind and computes it again with code of its own or with the gate's own arithmetic. It
does not know the loop or the run folder's layout, and it changes nothing. `verify` asks no model; `replay` asks them
again, through the engine that it is given.
"""

from detent.audit.bundle import LeftOut, is_member, unpack_bundle, write_bundle
from detent.audit.constitutions import believed_principles, constitution_of
from detent.audit.control import Training, Trainings, trainings_of
from detent.audit.evidence import Case, Evidence, read
from detent.audit.files import plain_file
from detent.audit.findings import Finding, Findings
from detent.audit.fsck import Tree, fsck
from detent.audit.material import task_digest
from detent.audit.published import Published
from detent.audit.replay import Rerun, replay
from detent.audit.sources import Folder, Source
from detent.audit.steps import Step
from detent.audit.turns import Means, NotRead, Turn, turn_of
from detent.audit.verify import checked, verify

__all__ = [
    "Case",
    "Evidence",
    "Finding",
    "Findings",
    "Folder",
    "LeftOut",
    "Means",
    "NotRead",
    "Published",
    "Rerun",
    "Source",
    "Step",
    "Training",
    "Trainings",
    "Tree",
    "Turn",
    "believed_principles",
    "checked",
    "constitution_of",
    "fsck",
    "is_member",
    "plain_file",
    "read",
    "replay",
    "task_digest",
    "trainings_of",
    "turn_of",
    "unpack_bundle",
    "verify",
    "write_bundle",
]
