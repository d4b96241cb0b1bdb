"""Channels between servers and engine: a socket in the file system, or a port.

A socket file can be reached by those only who may enter its folder, and the kernel says who is at
the other end. Windows has none that Python knows; there the engine listens on a port of 127.0.0.1
that it writes into a file of the same folder. On both, who connects must know the token.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from infill_ls.engine.peer import Peer
from infill_ls.engine.rendezvous import Rendezvous

LOOPBACK = "127.0.0.1"
MAX_PORT_CHARS = 5
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def listen_at(meeting: Rendezvous) -> socket.socket:
    """Return the engine's listener; the caller holds the lock of ``meeting``."""
    return _listen_on_port(meeting) if meeting.is_loopback else _listen_on_file(meeting)


async def connect_to(meeting: Rendezvous) -> Streams:
    """Connect to an engine; ``FileNotFoundError`` or ``ConnectionError`` if there is none."""
    if meeting.is_loopback:
        return await asyncio.open_connection(LOOPBACK, _read_port(meeting.address))
    return await asyncio.open_unix_connection(str(meeting.address))


def place_of(stream: socket.socket, *, is_ours: bool) -> str:
    """Name the engine's end of a connection, which is ``stream``'s own if it ``is_ours``."""
    name = stream.getsockname() if is_ours else stream.getpeername()
    return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else "socket"


def confirmed(peer: Peer, place: str, claimed_pid: int) -> Peer:
    """Return the engine that a server is connected to, with a pid that the system confirms.

    A port's system call names nobody. The process that the engine says it is, in a message that
    only who knows the token can make, is believed if it is the one that listens there.
    """
    if place == "socket":
        return peer
    with suppress(psutil.Error, OSError, ValueError):
        for one in psutil.Process(claimed_pid).net_connections("tcp4"):
            is_listening = one.status == psutil.CONN_LISTEN and one.laddr
            if is_listening and f"{one.laddr.ip}:{one.laddr.port}" == place:
                return Peer(peer.uid, claimed_pid)
    return peer


def _listen_on_file(meeting: Rendezvous) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(meeting.address))
        meeting.address.chmod(0o600)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _listen_on_port(meeting: Rendezvous) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    draft = meeting.address.with_suffix(".part")
    try:
        if sys.platform == "win32":  # where others may take a port beside us otherwise
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listener.bind((LOOPBACK, 0))
        listener.listen()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(str(listener.getsockname()[1]))
        draft.replace(meeting.address)
    except OSError:
        listener.close()
        raise
    return listener


def _read_port(file: Path) -> int:
    text = file.read_text("ascii", "replace")
    if not text.isdecimal() or len(text) > MAX_PORT_CHARS or not 0 < int(text) < 65_536:
        raise ConnectionRefusedError("no port is in the file")
    return int(text)
