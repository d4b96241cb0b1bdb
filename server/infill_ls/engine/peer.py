"""The process at the other end of a socket, according to the kernel."""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass
from typing import Protocol

from infill_retrieval.processes.users import user_number

_LINUX = struct.Struct("3i")
_DARWIN_LEVEL, _DARWIN_CREDENTIALS, _DARWIN_PID = 0, 1, 2
_DARWIN_CREDENTIALS_BYTES = 76


class Stream(Protocol):
    """A socket, also one that asyncio has."""

    @property
    def family(self) -> int:
        """Return what its addresses look like."""

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        """Return an option's value."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A process at the other end; ``None`` for what the system does not tell."""

    uid: int | None
    pid: int | None

    @property
    def is_ours(self) -> bool:
        """Whether it is the user's own, or the system cannot tell and the folder has to do."""
        return self.uid is None or self.uid == user_number()


def peer_of(stream: Stream) -> Peer:
    """Return who made or took the connection ``stream``; raises ``OSError`` if that has gone."""
    system: str = sys.platform  # as a plain text: mypy takes the others' branches for dead code
    if stream.family == socket.AF_INET:
        return Peer(None, None)  # a port may be connected to by anybody
    if system == "linux":
        data = stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _LINUX.size)
        pid, uid, _ = _LINUX.unpack(data)
        # A process of another container has the number 0: to us it has none.
        return Peer(uid, pid if pid > 0 else None)
    if system == "darwin":
        data = stream.getsockopt(_DARWIN_LEVEL, _DARWIN_CREDENTIALS, _DARWIN_CREDENTIALS_BYTES)
        (uid,) = struct.unpack_from("I", data, 4)
        (pid,) = struct.unpack("i", stream.getsockopt(_DARWIN_LEVEL, _DARWIN_PID, 4))
        return Peer(uid, pid if pid > 0 else None)
    return Peer(None, None)
