"""Where work runs: sends job records to workers, keeps what they make, and confines them.

It knows that jobs go in and results come out; not what a model is, how one is trained, or why a job is done.
"""

from detent.disk import discard, move_aside, open_log, own_folder, replace_file
from detent.engine.base import Ask, Engine, Watch
from detent.engine.cluster import ClusterEngine
from detent.engine.confinement import Confinement, Limits, confinement, host_prefix, worker_prefix
from detent.engine.crew import ClusterTerms
from detent.engine.fake import FakeEngine
from detent.engine.inside import figures_of, unbelievable
from detent.engine.likeness import check_adapter, check_alike
from detent.engine.local import LocalEngine, check_libraries
from detent.engine.machine import processor
from detent.engine.ray import RayCrew
from detent.engine.reshaped import check_reshaped, parameters_after, shape_of
from detent.engine.samplers import ServerSampler, check_server_libraries
from detent.engine.states import StateStore
from detent.engine.store import DataStore, ModelStore, is_model_file
from detent.engine.templates import as_chat

__all__ = [
    "Ask",
    "ClusterEngine",
    "ClusterTerms",
    "Confinement",
    "DataStore",
    "Engine",
    "FakeEngine",
    "Limits",
    "LocalEngine",
    "ModelStore",
    "RayCrew",
    "ServerSampler",
    "StateStore",
    "Watch",
    "as_chat",
    "check_adapter",
    "check_alike",
    "check_libraries",
    "check_reshaped",
    "check_server_libraries",
    "confinement",
    "discard",
    "figures_of",
    "host_prefix",
    "is_model_file",
    "move_aside",
    "open_log",
    "own_folder",
    "parameters_after",
    "processor",
    "replace_file",
    "shape_of",
    "unbelievable",
    "worker_prefix",
]
