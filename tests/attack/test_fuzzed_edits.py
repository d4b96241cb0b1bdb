"""Fuzz test of document synchronisation: 12,000 random edits in all three position encodings."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from lsprotocol import types as lsp

from infill_ls.lsp.pygls_fixes import MendedServer

EDITS = 4_000
"""For each encoding."""
MAX_CHARS = 1_500
URI = "file:///a.py"
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
PIECES = [
    *"aZ_0 \t()[]{}\"'\\\x00\x0b\x0c\x1c\x85\xa0é漢\u0301\u200b\u2028\u2029\ufeff😀🏳\U0010ffff",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\r\n\r",
    "name = ",
    "    return x\n",
    "👨‍👩‍👧",
]
FAR = [2**31 - 1, 10_000]


class Editor:
    """The editor's side: a text, and edits of it as the specification defines them."""

    def __init__(self, encoding: str, seed: int) -> None:
        self.text = ""
        self._codec, self._unit_bytes = CODECS[encoding]
        self._random = random.Random(seed)

    def edit(self) -> dict[str, Any]:
        """Make an edit and return what is told of it."""
        new = "".join(self._random.choices(PIECES, k=self._random.choice([0, 0, 1, 1, 2, 9])))
        if self._random.random() < 0.01 or len(self.text) > MAX_CHARS:
            self.text = new
            return {"text": new}
        one, other = self._position(), self._position()
        if self._random.random() < 0.6:
            other = one
        start, end = sorted((one, other), key=lambda at: (at["line"], at["character"]))
        first, last = self._offset(start), self._offset(end)
        self.text = self.text[:first] + new + self.text[last:]
        return {"range": {"start": start, "end": end}, "text": new}

    def _position(self) -> dict[str, int]:
        lines = len(re.findall(r"\r\n|\r|\n", self.text))
        line = self._random.choice([self._random.randint(0, lines + 1)] * 20 + FAR)
        character = self._random.choice([self._random.randint(0, 20)] * 20 + FAR)
        return {"line": line, "character": character}

    def _offset(self, at: dict[str, int]) -> int:
        pieces = re.split(r"(\r\n|\r|\n)", self.text)
        if at["line"] >= (len(pieces) + 1) // 2:
            return len(self.text)
        before = "".join(pieces[: 2 * at["line"]])
        units = pieces[2 * at["line"]].encode(self._codec)[: at["character"] * self._unit_bytes]
        return len(before) + len(units.decode(self._codec, "ignore"))  # half a character is none


class Writer:
    """Takes what the server says; a change must not make it say anything."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def write(self, data: bytes) -> None:
        self.sent.append(json.loads(data))

    def close(self) -> None: ...


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("encoding", CODECS)
def test_the_server_has_what_the_editor_has(encoding: str, seed: int) -> None:
    server = MendedServer("fuzzed", "1")
    server.feature(lsp.INITIALIZE)(lambda _params: server.mend_workspace())
    writer = Writer()
    server.protocol.set_writer(writer, include_headers=False)

    def send(method: str, params: Any, **more: Any) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params, **more}
        server.protocol.receive(json.dumps(message).encode())

    able = {"general": {"positionEncodings": [encoding]}}
    send("initialize", {"processId": None, "rootUri": None, "capabilities": able}, id=0)
    assert writer.sent.pop()["result"]["capabilities"]["positionEncoding"] == encoding
    item = {"uri": URI, "languageId": "python", "version": 0, "text": ""}
    send("textDocument/didOpen", {"textDocument": item})
    editor = Editor(encoding, seed)
    made = 0
    while made < EDITS // 2:
        changes = [editor.edit() for _ in range(1 + made % 3)]
        made += len(changes)
        identity = {"uri": URI, "version": made}
        send("textDocument/didChange", {"textDocument": identity, "contentChanges": changes})
        assert server.workspace.get_text_document(URI).source == editor.text, (made, changes)
    assert writer.sent == []
