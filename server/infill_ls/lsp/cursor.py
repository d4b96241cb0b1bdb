"""Where the cursor rests: reported by our clients, inferred from the requests of other editors.

The place is prepared in the background, so that the first suggestion in a file comes as soon as all
others.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from infill_ls.lsp.methods import RESTS
from infill_ls.lsp.server import InfillServer
from infill_ls.types import Trigger

WANTS = "cursorRests"
"""The experimental capability by which we say that we want it."""


def handle_cursor(server: InfillServer) -> None:
    """Add the handler to the server, and say that it is there."""
    server.protocol.experimental[WANTS] = True

    @server.feature(RESTS)
    def rests(params: Any) -> None:
        match params:
            case {
                "textDocument": {"uri": str(uri)},
                "position": {"line": int(line), "character": int(character)},
            }:
                server.client_tells_cursor = True
                _prepare(server, uri, lsp.Position(max(line, 0), max(character, 0)))
            case _:
                raise JsonRpcInvalidParams("expected {textDocument: {uri}, position}")


def place_is_named(server: InfillServer, uri: str, position: lsp.Position) -> None:
    """Prepare a place that a request names, for an editor that does not tell where its cursor is."""
    if not server.client_tells_cursor:
        _prepare(server, uri, position)


def _prepare(server: InfillServer, uri: str, position: lsp.Position) -> None:
    server.shows(uri)
    snapshot = server.snapshot(uri, position, Trigger.AUTOMATIC)
    if snapshot is not None:
        server.session.cursor_rests(snapshot)
