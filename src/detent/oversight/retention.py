"""What may be deleted: what the charter's [retention] does not keep, and the run does not need.

>>> may_go(state, charter.retention).models
frozenset({'5f0c...'})
"""

from detent.charter import Retention
from detent.values import Files, State, kept, needed, recorded


def may_go(state: State, retention: Retention) -> Files:
    """Digests of all that may be deleted now, whether it is still there or not."""
    keeps = kept(state, models=retention.models, data=retention.data, answers=retention.answers)
    return recorded(state) - needed(state) - keeps
