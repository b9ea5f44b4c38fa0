"""Problems and how they are checked: the built-in families, a user's own, and the stream they draw from.

It knows levels, prompts and answers, and runs a user's file, a tripwire's or proxy's too, where it can do no harm. It
does not know models, the charter, the ledger, or why it is asked.
"""

from detent.tasks._abstaining import ABSTAIN
from detent.tasks._checkers import CHECKERS
from detent.tasks.base import Ask, Task, TaskSource
from detent.tasks.catalogue import BUILTINS, BuiltinSource, builtin
from detent.tasks.lookout import Lookout, lookout, pinned_lookout
from detent.tasks.plugin import PluginSource, pinned_plugin, plugin
from detent.tasks.principles import (
    PROBES,
    LadderPrinciple,
    OverLadder,
    from_file,
    is_principle,
    over_ladder,
    probes_digest,
    source_name,
)
from detent.tasks.probes import FileProbes, Probe, read_probes
from detent.tasks.proxy import Proxy, pinned_proxy, proxy, vet_proxy
from detent.tasks.rng import Rng
from detent.tasks.user_code import CodeAddress, Limits, code_address
from detent.tasks.vetting import vet, vet_principle
from detent.values import Problem

__all__ = [
    "ABSTAIN",
    "BUILTINS",
    "CHECKERS",
    "PROBES",
    "Ask",
    "BuiltinSource",
    "CodeAddress",
    "FileProbes",
    "LadderPrinciple",
    "Limits",
    "Lookout",
    "OverLadder",
    "PluginSource",
    "Probe",
    "Problem",
    "Proxy",
    "Rng",
    "Task",
    "TaskSource",
    "builtin",
    "code_address",
    "from_file",
    "is_principle",
    "lookout",
    "over_ladder",
    "pinned_lookout",
    "pinned_plugin",
    "pinned_proxy",
    "plugin",
    "probes_digest",
    "proxy",
    "read_probes",
    "source_name",
    "vet",
    "vet_principle",
    "vet_proxy",
]
