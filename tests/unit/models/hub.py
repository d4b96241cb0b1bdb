"""Fake Hugging Face hub with the API that a download needs, and with faults on demand."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REPOSITORY = "owner/tiny-GGUF"
FILE = "tiny.gguf"


@dataclass
class Hub:
    """What the server has and does, and what it was asked."""

    content: bytes
    sha256: str = ""
    """What it says of the content; the truth if empty."""
    cut_after: list[int] = field(default_factory=list)
    """For each of the next downloads: how many bytes are sent before the connection is cut."""
    status_of_downloads: int = 0
    """An error to answer downloads with."""
    is_hub: bool = True
    """Otherwise it answers everything with a page of HTML."""
    error_code: str = ""
    """An ``X-Error-Code`` to answer questions with, and its status."""
    error_status: int = 404
    ranges: list[str] = field(default_factory=list)
    """The ranges that were asked for; empty for a whole file."""
    authorizations: list[str] = field(default_factory=list)
    url: str = ""
    gate: threading.Event = field(default_factory=threading.Event)
    """Downloads wait for it."""


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Serve ``hub``, whose ``url`` is set."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            if not hub.is_hub:
                self._send(200, {"Content-Type": "text/html"}, b"<html>Log in</html>", with_body)
            elif hub.error_code:
                self._send(hub.error_status, {"X-Error-Code": hub.error_code}, b"", with_body)
            elif self.path != f"/{REPOSITORY}/resolve/main/{FILE}":
                is_there = self.path.startswith(f"/{REPOSITORY}/")
                code = "EntryNotFound" if is_there else "RepoNotFound"
                headers = {"X-Error-Code": code, "X-Repo-Commit": "0" * 40}
                self._send(404, headers, b"", with_body)
            elif with_body:
                self._download()
            else:
                self._send(200, self._headers(), hub.content, with_body)

        def _headers(self) -> dict[str, str]:
            sha256 = hub.sha256 or hashlib.sha256(hub.content).hexdigest()
            return {
                "ETag": f'"{sha256}"',
                "X-Linked-Etag": f'"{sha256}"',
                "X-Linked-Size": str(len(hub.content)),
                "X-Repo-Commit": "0" * 40,
                "Accept-Ranges": "bytes",
            }

        def _download(self) -> None:
            hub.ranges.append(asked := self.headers.get("Range", ""))
            hub.authorizations.append(self.headers.get("Authorization", ""))
            hub.gate.wait(30)
            if hub.status_of_downloads:
                self._send(hub.status_of_downloads, {}, b"", True)
                return
            start = int(asked.removeprefix("bytes=").partition("-")[0] or 0)
            body = hub.content[start:]
            headers = self._headers()
            if start:
                size = len(hub.content)
                headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
            cut = hub.cut_after.pop(0) if hub.cut_after else None
            self._send(206 if start else 200, headers, body, True, cut)

        def _send(
            self,
            status: int,
            headers: dict[str, str],
            body: bytes,
            with_body: bool,
            cut: int | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body[:cut])
            if cut is not None:
                self.close_connection = True

    hub.gate.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        hub.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
