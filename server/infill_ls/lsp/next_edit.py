"""The next edit over LSP: ``textDocument/copilotInlineEdit`` and a code action.

LSP has no method for edits away from the cursor. Copilot's is what other clients speak
(sidekick.nvim, copilot.el, copilotlsp-nvim); the code action is for all editors. An edit names the
version of the document that it was made for, and is not made if that is no longer the document's.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import unquote

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.workspace import TextDocument

from infill_ls.lsp.cursor import place_is_named
from infill_ls.lsp.next_edit_actions import handle_next_edit_actions, range_of
from infill_ls.lsp.server import InfillServer
from infill_ls.next_edit import Offer

log = logging.getLogger(__name__)

INLINE_EDIT = "textDocument/copilotInlineEdit"
"""``{textDocument: {uri, version}, position}``; ``{edits: [{text, range, textDocument, command}]}``."""
DID_SHOW = "textDocument/didShowInlineEdit"
"""``{item: {command}}``"""
ACCEPTED = "infill-ls.nextEditAccepted"
"""The command that each edit carries."""
REFUSED = "infill-ls.nextEditRefused"
"""For clients that tell of a dismissal; the same argument."""


def handle_next_edit(server: InfillServer) -> None:
    """Add the handlers to the server."""

    @server.feature(INLINE_EDIT)
    async def inline_edit(params: Any) -> dict[str, Any]:
        uri, version = _asked(params)
        document = server.workspace.text_documents.get(unquote(uri))
        if document is None or (version is not None and version != document.version):
            return {"edits": []}
        version = document.version
        if (position := _position_in(params)) is not None:
            place_is_named(server, uri, position)
        proposal = await server.session.edits.propose(uri)
        # All are alternatives to most clients, and copilot.el takes the first: one at a time.
        offers = [offer for offer in proposal.offers if offer.uri == uri][:1]
        if document.version != version:
            return {"edits": []}
        return {"edits": [_inline_edit(server, document, offer) for offer in offers]}

    @server.feature(DID_SHOW)
    def did_show(params: Any) -> None:
        if (identity := _identity_of(params)) is not None:
            server.statistics.edit_told("shown", identity)

    @server.command(ACCEPTED)
    def accepted(identity: str) -> None:
        if server.session.edits.offer_of(identity) is not None:
            server.statistics.edit_told("accepted", identity)

    @server.command(REFUSED)
    def refused(identity: str) -> None:
        if server.session.edits.offer_of(identity) is not None:
            server.session.edits.refuse(identity)
            server.statistics.edit_told("refused", identity)

    handle_next_edit_actions(server)


def _asked(params: Any) -> tuple[str, int | None]:
    match params:
        case {"textDocument": {"uri": str(uri), "version": int(version)}}:
            return uri, version
        case {"textDocument": {"uri": str(uri)}}:
            return uri, None
    raise JsonRpcInvalidParams("expected {textDocument: {uri, version}, position}")


def _position_in(params: Any) -> lsp.Position | None:
    match params:
        case {"position": {"line": int(line), "character": int(character)}}:
            return lsp.Position(max(line, 0), max(character, 0))
    return None


def _inline_edit(server: InfillServer, document: TextDocument, offer: Offer) -> dict[str, Any]:
    identity = server.session.edits.remember(offer)
    language = document.language_id or ""
    server.statistics.edit_offered(identity, language, offer.rule.value, len(offer.new))
    edit_range = range_of(document.source, offer, server)
    return {
        "text": offer.new,
        "range": {
            "start": {"line": edit_range.start.line, "character": edit_range.start.character},
            "end": {"line": edit_range.end.line, "character": edit_range.end.character},
        },
        "textDocument": {"uri": document.uri, "version": document.version},
        "command": {"title": offer.why, "command": ACCEPTED, "arguments": [identity]},
    }


def _identity_of(params: Any) -> str | None:
    match params:
        case {"item": {"command": {"arguments": [str(identity), *_]}}}:
            return identity
    return None
