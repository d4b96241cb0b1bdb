"""The server's status: one state, decided here for all clients.

Pure: what the server knows in, the notification's params out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LOADING = "Loading the model"
INDEXING = "Indexing the workspace"


class ServerState(StrEnum):
    """The states of the server; the first one that applies is reported.

    That a person has paused suggestions is known to the client alone, and comes first there.
    """

    OFF = "off"
    LOADING = "loading"
    PROBLEM = "problem"
    INDEXING = "indexing"
    THINKING = "thinking"
    READY = "ready"


KINDS = {ServerState.OFF: "Inactive", ServerState.PROBLEM: "Error"}
"""What Copilot's server calls the others is ``Normal``."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the server knows of itself."""

    is_on: bool = True
    busy_with: tuple[str, ...] = ()
    loaded_percent: int | None = None
    """How much of the model is there, while it loads."""
    problem: str = ""
    closed: str = ""
    """Why nothing is completed in the file that the editor shows, if it says which that is."""
    is_thinking: bool = False
    engine_label: str = ""
    """Where completions come from, if that is not simply this machine."""
    indexed_files: int = 0

    @property
    def state(self) -> ServerState:
        """What is to be said."""
        if not self.is_on:
            return ServerState.OFF
        if LOADING in self.busy_with:
            return (
                ServerState.LOADING
            )  # without the model nothing is completed; without the index it is
        if self.problem:
            return ServerState.PROBLEM
        if self.closed:
            return ServerState.OFF
        if self.busy_with:
            return ServerState.INDEXING
        return ServerState.THINKING if self.is_thinking else ServerState.READY


def status_of(known: Known) -> dict[str, Any]:
    """Return the params of ``didChangeStatus``."""
    state = known.state
    messages = {
        ServerState.OFF: f"Nothing is completed in this file: {known.closed}"
        if known.is_on
        else "Switched off by the setting enabled",
        ServerState.LOADING: LOADING,
        ServerState.PROBLEM: known.problem,
        ServerState.INDEXING: INDEXING,
        ServerState.THINKING: "Thinking",
        ServerState.READY: f"Ready: {known.engine_label}" if known.engine_label else "Ready",
    }
    return {
        "state": state.value,
        "percent": known.loaded_percent if state is ServerState.LOADING else None,
        "busy": bool(known.busy_with),
        "kind": KINDS.get(state, "Normal"),
        "message": messages[state],
        "indexedFiles": known.indexed_files,
    }
