"""Problems and how they are checked: the built-in families, a user's own, and the stream they draw from.

It knows levels, prompts and answers, and runs a user's file, a tripwire's or proxy's too, where it can do no harm. It
does not know models, the charter, the ledger, or why it is asked.
"""

from detent.tasks._abstaining import ABSTAIN
from detent.tasks._checkers import CHECKERS
from detent.tasks._dealing import Shares, deal
from detent.tasks.base import Ask, Task, TaskSource
from detent.tasks.catalogue import BUILTINS, BuiltinSource, builtin
from detent.tasks.gym import (
    GYM,
    GymSource,
    Levels,
    Library,
    gym_digest,
    gym_source,
    installed_library,
    library_digest,
)
from detent.tasks.gym_ladders import LADDERS, UNFIT
from detent.tasks.lookout import Lookout, lookout, pinned_lookout
from detent.tasks.marks import Marking, Marks, marks_of
from detent.tasks.plugin import PluginSource, pinned_plugin, plugin
from detent.tasks.pools import Finite, Pooled, at_place, opened, rows_of, shown
from detent.tasks.principles import (
    OPEN,
    PROBES,
    LadderPrinciple,
    OverLadder,
    from_file,
    is_open,
    is_principle,
    open_prompts,
    over_ladder,
    probes_digest,
    source_name,
)
from detent.tasks.probes import FileProbes, Probe, read_probes
from detent.tasks.proxy import Proxy, pinned_proxy, proxy, vet_proxy
from detent.tasks.rng import Rng
from detent.tasks.row_files import pinned_rows, row_file, rows_address
from detent.tasks.rows import RowSource, read_rows, row_faults, see_files_apart, see_questions_once
from detent.tasks.user_code import CodeAddress, Limits, code_address
from detent.tasks.vetting import vet, vet_principle
from detent.values import Problem

__all__ = [
    "ABSTAIN",
    "BUILTINS",
    "CHECKERS",
    "GYM",
    "LADDERS",
    "OPEN",
    "PROBES",
    "UNFIT",
    "Ask",
    "BuiltinSource",
    "CodeAddress",
    "FileProbes",
    "Finite",
    "GymSource",
    "LadderPrinciple",
    "Levels",
    "Library",
    "Limits",
    "Lookout",
    "Marking",
    "Marks",
    "OverLadder",
    "PluginSource",
    "Pooled",
    "Probe",
    "Problem",
    "Proxy",
    "Rng",
    "RowSource",
    "Shares",
    "Task",
    "TaskSource",
    "at_place",
    "builtin",
    "code_address",
    "deal",
    "from_file",
    "gym_digest",
    "gym_source",
    "installed_library",
    "is_open",
    "is_principle",
    "library_digest",
    "lookout",
    "marks_of",
    "open_prompts",
    "opened",
    "over_ladder",
    "pinned_lookout",
    "pinned_plugin",
    "pinned_proxy",
    "pinned_rows",
    "plugin",
    "probes_digest",
    "proxy",
    "read_probes",
    "read_rows",
    "row_faults",
    "row_file",
    "rows_address",
    "rows_of",
    "see_files_apart",
    "see_questions_once",
    "shown",
    "source_name",
    "vet",
    "vet_principle",
    "vet_proxy",
]
