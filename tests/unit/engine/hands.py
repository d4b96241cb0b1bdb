"""Helper that does the handshake as the server or as the engine."""

from __future__ import annotations

import asyncio
import os

from infill_ls.engine import wire
from infill_ls.engine.channel import Streams, connect_to, place_of
from infill_ls.engine.handshake import Handshake, new_nonce, nonce_in
from infill_ls.engine.rendezvous import Rendezvous


async def read_message(reader: asyncio.StreamReader) -> wire.Hello:
    header = await reader.readexactly(wire.HEADER.size)
    return wire.decode_hello(await reader.readexactly(wire.frame_size(header)))


async def be_engine(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, pid: int | None = None
) -> None:
    """Do what an engine does for a server that has connected."""
    nonce = nonce_in(await read_message(reader))
    place = place_of(writer.get_extra_info("socket"), is_ours=True)
    shake = Handshake(token, place, nonce, new_nonce(), pid or os.getpid())
    hello = {
        "nonce": shake.engine_nonce,
        "pid": shake.engine_pid,
        "proof": shake.engine_proof(),
    }
    writer.write(wire.encode(hello))
    assert (await read_message(reader))["proof"] == shake.server_proof()


async def begin(meeting: Rendezvous, token: str | None = None) -> tuple[Streams, wire.Hello]:
    """Connect to an engine as a server does; return what is still to be said so that it knows us."""
    reader, writer = await connect_to(meeting)
    nonce = new_nonce()
    writer.write(wire.encode({"nonce": nonce}))
    hello = await read_message(reader)
    place = place_of(writer.get_extra_info("socket"), is_ours=False)
    known = token if token is not None else meeting.read_token()
    shake = Handshake(known, place, nonce, hello["nonce"], hello["pid"])
    return (reader, writer), {"proof": shake.server_proof()}


async def be_server(meeting: Rendezvous, token: str | None = None) -> Streams:
    """Connect to an engine as a server does."""
    streams, proof = await begin(meeting, token)
    streams[1].write(wire.encode(proof))
    return streams
