"""The engine: a model in a child process that fills holes, behind one small interface.

Only the interface is loaded with this package: the engine's process needs neither of the engines that a server
has (:mod:`~infill_ls.engine.process`, :mod:`~infill_ls.engine.remote`, :mod:`~infill_ls.engine.scripted`).
"""

from infill_ls.engine.base import CompletionRequest, Engine, EngineInfo, Priority
from infill_ls.engine.rendezvous import EngineOptions

__all__ = [
    "CompletionRequest",
    "Engine",
    "EngineInfo",
    "EngineOptions",
    "Priority",
]
