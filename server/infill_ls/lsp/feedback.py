"""What editors tell about suggestions: shown, accepted, accepted in part.

The names of the notifications are those of Copilot's server, as clients send them already.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types as lsp

from infill_ls.lsp.convert import CommandFor, utf16_to_chars
from infill_ls.lsp.server import InfillServer
from infill_ls.types import Report, Suggestion

ACCEPTED = "infill-ls.suggestionAccepted"
"""The command each item carries. VS Code has one name space for the commands of all servers."""
DID_SHOW = "textDocument/didShowCompletion"
"""``{item}``"""
DID_PARTIALLY_ACCEPT = "textDocument/didPartiallyAcceptCompletion"
"""``{item, acceptedLength}``, in UTF-16 code units from the start of the item's ``insertText``."""
DID_FOCUS = "textDocument/didFocus"
"""``{textDocument}``, or ``{}`` if the focus is on none."""


def handle_feedback(server: InfillServer) -> None:
    """Add the handlers to the server."""

    @server.command(ACCEPTED)
    def accepted(identity: str) -> None:
        server.statistics.accepted(identity)

    @server.feature(DID_SHOW)
    def did_show(params: dict[str, Any]) -> None:
        server.statistics.shown(_identity_of(params.get("item")))

    @server.feature(DID_PARTIALLY_ACCEPT)
    def did_partially_accept(params: dict[str, Any]) -> None:
        item, units = params.get("item"), params.get("acceptedLength")
        text = item.get("insertText") if isinstance(item, dict) else None
        if isinstance(text, str) and isinstance(units, int):
            server.statistics.partially_accepted(
                _identity_of(item), len(text), utf16_to_chars(text, units)
            )

    @server.feature(DID_FOCUS)
    def did_focus(_params: dict[str, Any]) -> None:
        if server.session.engine.info is None:
            server.run_in_background(server.load_model())


def command_for(server: InfillServer, report: Report, latency_ms: float) -> CommandFor:
    """Return what gives the suggestions of ``report`` their command, and counts them."""

    def command(suggestion: Suggestion) -> lsp.Command:
        identity = server.statistics.offered(report, suggestion, latency_ms)
        return lsp.Command(title="", command=ACCEPTED, arguments=[identity])

    return command


def _identity_of(item: object) -> str:
    """Return the id in an item's command; some clients send nothing but the command."""
    command = item.get("command") if isinstance(item, dict) else None
    arguments = command.get("arguments") if isinstance(command, dict) else None
    return str(arguments[0]) if isinstance(arguments, list) and arguments else ""
