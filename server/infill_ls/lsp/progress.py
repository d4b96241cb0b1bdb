"""Work-done progress: a bar in the editor while something long runs."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

log = logging.getLogger(__name__)

CREATE_TIMEOUT_S = 2.0
REPORT_EVERY_S = 0.1

Reporter = Callable[[str, int | None], None]
"""Takes a message and, where it is known, how many percent are done."""


@asynccontextmanager
async def work_done_progress(server: LanguageServer, title: str) -> AsyncIterator[Reporter]:
    """Show ``title`` with progress while the body runs, if the editor can; the body runs anyway."""
    token = await _create(server)
    if token is None:
        yield _report_nothing
        return
    last_report = 0.0

    def report(message: str, percentage: int | None = None) -> None:
        nonlocal last_report
        now = time.monotonic()
        if now - last_report >= REPORT_EVERY_S:
            last_report = now
            value = lsp.WorkDoneProgressReport(message=message, percentage=percentage)
            server.work_done_progress.report(token, value)

    server.work_done_progress.begin(token, lsp.WorkDoneProgressBegin(title=title, percentage=0))
    try:
        yield report
    finally:
        server.work_done_progress.end(token, lsp.WorkDoneProgressEnd())
        server.work_done_progress.tokens.pop(token, None)  # pygls keeps them for ever


def _report_nothing(_message: str, _percentage: int | None) -> None:
    """Stand in for a bar that the editor does not show."""


async def _create(server: LanguageServer) -> str | None:
    window = server.client_capabilities.window
    if window is None or not window.work_done_progress:
        return None
    token = str(uuid.uuid4())
    try:
        async with asyncio.timeout(CREATE_TIMEOUT_S):
            await server.work_done_progress.create_async(token)
    except (TimeoutError, JsonRpcException) as error:
        log.info("the editor gave no progress bar: %s", error)
        return None
    return token
