"""Options of an inference server: its address, API and model."""

from __future__ import annotations

from dataclasses import dataclass, field

from infill_ls.engine.remote.credentials import KEY_ENVIRONMENT_VARIABLE
from infill_ls.engine.rendezvous import EngineOptions


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """What makes two remote engines different. It holds no key: that is read when it is needed."""

    url: str
    """Base address, checked by :func:`infill_ls.urls.base_url`."""
    api: str = "auto"
    """Name of a dialect, or ``auto`` to find out."""
    model: str = ""
    """Name of the model on the server; empty means the one it has, or the first."""
    family: str = ""
    """Name of the infilling family; empty means to find it in the vocabulary."""
    vocabulary: EngineOptions | None = None
    """A local engine that only tokenizes; ``None`` asks the server to."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request. They may be secrets: never shown."""
    settings: tuple[str, str] = ("remoteUrl", "remoteModel")
    """The settings that name server and model, for messages."""
    key_variables: tuple[str, ...] = (KEY_ENVIRONMENT_VARIABLE,)
    """Environment variables that may hold the key, the first one that is set counts."""
