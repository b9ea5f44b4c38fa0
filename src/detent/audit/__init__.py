"""Whether a run can be believed: the ledger's files from their bytes, and everything recorded on them again.

It reads what a run left behind and computes it again with code of its own or with the gate's own arithmetic. It
does not know the loop, workers or the run folder's layout, it asks no model, and it changes nothing.
"""

from detent.audit.evidence import Evidence
from detent.audit.findings import Finding, Findings
from detent.audit.fsck import Tree, fsck
from detent.audit.published import Published
from detent.audit.sources import Folder, Source
from detent.audit.verify import verify

__all__ = ["Evidence", "Finding", "Findings", "Folder", "Published", "Source", "Tree", "fsck", "verify"]
