"""What editors tell about suggestions: shown, accepted, accepted in part.

The names of the notifications are those of Copilot's server, as clients send them already.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from lsprotocol import types as lsp

from infill_ls.lsp.convert import CommandFor, utf16_to_chars
from infill_ls.lsp.server import InfillServer
from infill_ls.reporting.kept import LOOKS_AFTER_S, Watched
from infill_ls.types import Report, Suggestion

ACCEPTED = "infill-ls.suggestionAccepted"
"""The command each item carries. VS Code has one name space for the commands of all servers."""
DID_SHOW = "textDocument/didShowCompletion"
"""``{item}``"""
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"
"""``{item, acceptedLength}``, in UTF-16 code units from the start of the item's ``insertText``."""
LEARN_EVERY_OFFERS = 50
"""So often what the user accepts is looked at again."""
DID_FOCUS = "textDocument/didFocus"
"""``{textDocument}``, or ``{}`` if the focus is on none."""


def handle_feedback(server: InfillServer) -> None:
    """Add the handlers to the server."""

    @server.command(ACCEPTED)
    def accepted(identity: str) -> None:
        look_later(server, server.statistics.accepted(identity, _text_of(server, identity)))

    @server.feature(DID_SHOW)
    def did_show(params: dict[str, Any]) -> None:
        server.statistics.shown(_identity_of(params.get("item")))

    @server.feature(DID_PARTIALLY_ACCEPT)
    def did_partially_accept(params: dict[str, Any]) -> None:
        item, units = params.get("item"), params.get("acceptedLength")
        text = item.get("insertText") if isinstance(item, dict) else None
        if isinstance(text, str) and isinstance(units, int):
            identity = _identity_of(item)
            watched = server.statistics.partially_accepted(
                identity,
                len(text),
                utf16_to_chars(text, units),
                _text_of(server, identity),
            )
            look_later(server, watched)

    @server.feature(DID_FOCUS)
    def did_focus(params: dict[str, Any]) -> None:
        match params:
            case {"textDocument": {"uri": str(uri)}}:
                server.shows(uri)
            case _:
                server.shows("")
        if server.session.engine.info is None:
            server.run_in_background(server.load_model())


def command_for(server: InfillServer, report: Report, latency_ms: float) -> CommandFor:
    """Return what gives the suggestions of ``report`` their command, and counts them."""

    def command(suggestion: Suggestion) -> lsp.Command:
        before = server.statistics.offers
        identity = server.statistics.offered(report, suggestion, latency_ms)
        # One that is typed along is no new offer, and must not have the file read at each key.
        if before < (offers := server.statistics.offers) and offers % LEARN_EVERY_OFFERS == 0:
            server.learn_own_bar()
        return lsp.Command(title="", command=ACCEPTED, arguments=[identity])

    return command


def _text_of(server: InfillServer, identity: str) -> str | None:
    """Return the text of the document that a suggestion was for, if that is open."""
    uri = server.statistics.document_of(identity)
    document = server.workspace.text_documents.get(unquote(uri)) if uri is not None else None
    return document.source if document is not None else None


def look_later(server: InfillServer, watched: Watched | None) -> None:
    """Have the server look at accepted text again, to see what is kept of it."""
    if watched is not None:
        statistics, loop = server.statistics, asyncio.get_running_loop()
        for after_s in LOOKS_AFTER_S:
            loop.call_later(after_s, statistics.look, watched, after_s)


def _identity_of(item: object) -> str:
    """Return the id in an item's command; some clients send nothing but the command."""
    command = item.get("command") if isinstance(item, dict) else None
    arguments = command.get("arguments") if isinstance(command, dict) else None
    return str(arguments[0]) if isinstance(arguments, list) and arguments else ""
