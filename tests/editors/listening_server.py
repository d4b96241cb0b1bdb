"""Wrapper of the server that records what an editor tells it about the cursor.

usage: listening_server.py RECORD wants|ignores COMMAND...

The server's answer to ``initialize`` says that it wants ``infill/cursorRests``, or nothing of that,
whatever it says itself; RECORD gets the parameters of each such notification, one a line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

Message = dict[str, Any]


def read(stream: IO[bytes]) -> Message | None:
    """Return the next message, ``None`` at the end."""
    length = 0
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    message: Message | None = json.loads(stream.read(length)) if length else None
    return message


def write(stream: IO[bytes], message: Message) -> None:
    """Send a message."""
    body = json.dumps(message).encode()
    stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    stream.flush()


def hand_on(source: IO[bytes], sink: IO[bytes], see: Callable[[Message], None]) -> None:
    """Pass all messages on, each after ``see`` has seen it."""
    while (message := read(source)) is not None:
        see(message)
        write(sink, message)
    sink.close()


def main() -> int:
    """Stand between editor and server until one of them ends."""
    record, wants, command = Path(sys.argv[1]), sys.argv[2] == "wants", sys.argv[3:]

    def listen(message: Message) -> None:
        if message.get("method") == "infill/cursorRests":
            with record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(message["params"]) + "\n")

    def speak(message: Message) -> None:
        result = message.get("result")
        if isinstance(result, dict) and "capabilities" in result:
            experimental = result["capabilities"].setdefault("experimental", {})
            experimental.pop("cursorRests", None)
            if wants:
                experimental["cursorRests"] = True

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        arguments = (sys.stdin.buffer, server.stdin, listen)
        threading.Thread(target=hand_on, args=arguments, daemon=True).start()
        hand_on(server.stdout, sys.stdout.buffer, speak)
        return server.wait()


if __name__ == "__main__":
    sys.exit(main())
