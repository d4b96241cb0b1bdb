"""Type for a long time, and look at the server's memory: it must end where it was.

    python -m bench.attack.edits [--edits 60000]

Every 20th edit asks for a completion, and every second of those is cancelled at once. The engine is
a scripted one, so what grows is the language server's own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

URI = "file:///nowhere/a.py"
ASK_EVERY = 20
STEPS = 12
WARM_UP = 6_000
"""Edits before the first look, the text once: whatever is made or cached has been then."""


class AttackTypist:
    """One server, and what is typed into it."""

    def __init__(self, server: subprocess.Popen[bytes]) -> None:
        self._server = server
        self._ids = iter(range(1, sys.maxsize))
        self._typed = 0
        self._left: list[str] = []
        self._line = self._column = 0

    def send(self, method: str, params: Any, *, request_id: int | None = None) -> None:
        """Send a message."""
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if request_id is not None:
            message["id"] = request_id
        body = json.dumps(message).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._server.stdin.flush()

    def ask(self, method: str, params: Any, *, cancel: bool = False) -> None:
        """Send a request and read until it is answered."""
        request_id = next(self._ids)
        self.send(method, params, request_id=request_id)
        if cancel:
            self.send("$/cancelRequest", {"id": request_id})
        while self._read().get("id") != request_id:
            pass

    def begin(self) -> None:
        """Do the handshake and open a document."""
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.send("initialized", {})
        item = {"uri": URI, "languageId": "python", "version": 0, "text": ""}
        self.send("textDocument/didOpen", {"textDocument": item})

    def type(self, edits: int) -> None:
        """Type so many characters of this very file; the document is emptied at its end."""
        for _ in range(edits):
            if not self._left:
                self._left = list(reversed(Path(__file__).read_text("utf-8")))
                everything = {"start": _at(0, 0), "end": _at(self._line + 1, 0)}
                self._change(everything, "")
                self._line = self._column = 0
            char = self._left.pop()
            here = _at(self._line, self._column)
            self._change({"start": here, "end": here}, char)
            self._line, self._column = (
                (self._line + 1, 0) if char == "\n" else (self._line, self._column + 1)
            )
            self._typed += 1
            if self._typed % ASK_EVERY == 0:
                self.ask(
                    "textDocument/completion",
                    {"textDocument": {"uri": URI}, "position": _at(self._line, self._column)},
                    cancel=self._typed % (2 * ASK_EVERY) == 0,
                )

    def end(self) -> None:
        """End the server as the protocol has it."""
        self.ask("shutdown", None)
        self.send("exit", None)

    def _change(self, span: dict[str, Any], text: str) -> None:
        identity = {"uri": URI, "version": self._typed}
        changes = [{"range": span, "text": text}]
        self.send("textDocument/didChange", {"textDocument": identity, "contentChanges": changes})

    def _read(self) -> dict[str, Any]:
        stream = self._server.stdout
        assert stream is not None
        length = 0
        while (line := stream.readline().strip()) or not length:
            name, _, value = line.partition(b":")
            if name == b"Content-Length":
                length = int(value)
        message = json.loads(stream.read(length))
        assert isinstance(message, dict)
        return message


def measure(edits: int) -> list[float]:
    """Return the server's resident memory in MB, after the warm-up and then in equal steps."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.json")
        script.write_text('{"answers": ["answer"]}', "utf-8")
        command = [sys.executable, "-P", "-m", "infill_ls", "--scripted-engine", str(script)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as server:
            process = psutil.Process(server.pid)
            typist = AttackTypist(server)
            typist.begin()
            typist.type(WARM_UP)
            memory = [process.memory_info().rss / 1e6]
            for _ in range(STEPS):
                typist.type(edits // STEPS)
                memory.append(process.memory_info().rss / 1e6)
            typist.end()
    return memory


def _at(line: int, column: int) -> dict[str, int]:
    return {"line": line, "character": column}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Memory of the server over many edits.")
    parser.add_argument("--edits", type=int, default=60_000)
    edits = parser.parse_args().edits
    memory = measure(edits)
    half = len(memory) // 2
    print("MB:", " ".join(f"{mb:.1f}" for mb in memory))
    print(f"{edits} edits: {memory[-1] - memory[0]:+.1f} MB")
    print(f"the second half: {memory[-1] - memory[half]:+.1f} MB")


if __name__ == "__main__":
    main()
