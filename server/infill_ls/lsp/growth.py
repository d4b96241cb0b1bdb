"""Suggestions of which only the beginning was ready when the next key was due.

The next key brings more of them, but whoever stops typing to read gives none: a client that says so
is told when the whole is there, and asks again.
"""

from __future__ import annotations

from infill_ls.lsp.server import InfillServer
from infill_ls.types import Report

GREW = "infill/suggestionGrew"
"""Our notification: ``{textDocument: {uri}}``. Asking at the same place brings the whole at once."""
WANTED = "suggestionGrows"
"""The experimental capability by which a client says that it asks again."""


def tell_of_growth(server: InfillServer, report: Report) -> None:
    """Tell the client when there is more than the beginning that ``report`` suggests, if it wants to know."""
    experimental = server.client_capabilities.experimental
    if report.is_beginning and isinstance(experimental, dict) and experimental.get(WANTED) is True:
        server.run_in_background(_tell_when_whole(server, report))


async def _tell_when_whole(server: InfillServer, report: Report) -> None:
    if await server.session.has_grown(report):
        server.protocol.notify(GREW, {"textDocument": {"uri": report.snapshot.uri}})
