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


class Reporter:
    """Tells how far something is, if there is a bar for it."""

    def __init__(self, server: LanguageServer, token: str | None) -> None:
        self._server = server
        self._token = token
        self._last_report = 0.0
        self._newest = lsp.WorkDoneProgressReport()
        self._is_due = False

    def __call__(self, message: str, percentage: int | None) -> None:
        """Show a message and, where it is known, how many percent are done.

        What comes too soon after another is shown a little later, or what is newer by then.
        """
        if self._token is None:
            return
        self._newest = lsp.WorkDoneProgressReport(message=message, percentage=percentage)
        if not self._is_due:
            self._is_due = True
            wait_s = self._last_report + REPORT_EVERY_S - time.monotonic()
            if wait_s > 0:
                asyncio.get_running_loop().call_later(wait_s, self._report)
            else:
                self._report()

    def _report(self) -> None:
        self._is_due = False
        # Not behind the end of the bar.
        if self._token in self._server.work_done_progress.tokens:
            self._last_report = time.monotonic()
            self._server.work_done_progress.report(self._token, self._newest)

    def on_cancel(self, cancel: Callable[[], object]) -> None:
        """Have ``cancel`` called when the user cancels at the bar."""
        future = self._server.work_done_progress.tokens.get(self._token or "")
        if future is not None:
            future.add_done_callback(lambda done: cancel() if done.cancelled() else None)


@asynccontextmanager
async def work_done_progress(
    server: LanguageServer, title: str, *, can_cancel: bool = False, of_client: str | None = None
) -> AsyncIterator[Reporter]:
    """Show ``title`` with progress while the body runs, if the editor can; the body runs anyway.

    ``of_client`` is a token of the client's own, for a bar that it shows where it likes.
    """
    token = of_client or await _create(server)
    if token is None:
        yield Reporter(server, None)
        return
    # What can be cancelled is not known how long it takes: a bar at 0 percent would say that it is.
    begin = lsp.WorkDoneProgressBegin(
        title=title, cancellable=can_cancel or None, percentage=None if can_cancel else 0
    )
    server.work_done_progress.begin(token, begin)
    try:
        yield Reporter(server, token)
    finally:
        _end(server, token)


def end_all_progress(server: LanguageServer) -> None:
    """End all progress bars that are still shown, because the server exits."""
    for token in tuple(server.work_done_progress.tokens):
        _end(server, str(token))


def _end(server: LanguageServer, token: str) -> None:
    # pygls keeps the tokens for ever.
    if server.work_done_progress.tokens.pop(token, None) is not None:
        server.work_done_progress.end(token, lsp.WorkDoneProgressEnd())


async def _create(server: LanguageServer) -> str | None:
    window = server.client_capabilities.window
    if window is None or not window.work_done_progress:
        return None
    token = str(uuid.uuid4())
    try:
        async with asyncio.timeout(CREATE_TIMEOUT_S):
            await server.work_done_progress.create_async(token)
    except (TimeoutError, JsonRpcException) as error:
        log.info("the editor refused a progress bar: %s", error)
        return None
    return token
