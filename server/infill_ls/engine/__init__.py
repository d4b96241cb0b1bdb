"""The engine: a model in a child process that fills holes, behind one small interface."""

from infill_ls.engine.base import CompletionRequest, Engine, EngineInfo, Priority
from infill_ls.engine.process import EngineProcess
from infill_ls.engine.remote import RemoteEngine, RemoteOptions
from infill_ls.engine.rendezvous import EngineOptions
from infill_ls.engine.scripted import ScriptedEngine

__all__ = [
    "CompletionRequest",
    "Engine",
    "EngineInfo",
    "EngineOptions",
    "EngineProcess",
    "Priority",
    "RemoteEngine",
    "RemoteOptions",
    "ScriptedEngine",
]
