"""Problems and how they are checked: the built-in families, a user's own, and the stream they draw from.

It knows levels, prompts and answers. It does not know models, the charter, the ledger, or why it is asked.
"""

from detent.tasks.base import Ask, Task, TaskSource
from detent.tasks.catalogue import BUILTINS, BuiltinSource, builtin
from detent.tasks.plugin import Limits, PluginAddress, PluginSource, pinned_plugin, plugin, plugin_address
from detent.tasks.rng import Rng
from detent.tasks.vetting import vet
from detent.values import Problem

__all__ = [
    "BUILTINS",
    "Ask",
    "BuiltinSource",
    "Limits",
    "PluginAddress",
    "PluginSource",
    "Problem",
    "Rng",
    "Task",
    "TaskSource",
    "builtin",
    "pinned_plugin",
    "plugin",
    "plugin_address",
    "vet",
]
