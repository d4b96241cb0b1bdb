"""HTTP transport for all dialects: requests out, JSON in, every fault as one clear message."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from infill_ls.engine.remote.credentials import KEY_ENVIRONMENT_VARIABLE, Headers
from infill_ls.engine.remote.dialect import HttpCall, Message, UnexpectedReplyError
from infill_ls.engine.remote.framing import EventReader, FramingError
from infill_ls.engine.remote.proxy import proxy_for, shown_proxy
from infill_ls.errors import RemoteError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 3.0
REPLY_TIMEOUT_S = 10.0
"""For a whole reply that is no stream."""
MAX_REPLY_BYTES = 16 << 20
MAX_QUOTED_CHARS = 160
BUSY_STATUSES = frozenset({429, 502, 503, 504})
REFUSED_STATUSES = frozenset({429, 503})
SESSION_HEADER = "X-Session-Id"
"""A random number for each of our processes: a load balancer that goes by it sends one editor to
the same server each time, where the prefix of its prompts is cached."""


class Transport:
    """A connection pool to one server. Made without I/O; the first request opens it."""

    def __init__(
        self,
        url: str,
        headers: Headers,
        *,
        setting: str = "remoteUrl",
        key_variable: str = KEY_ENVIRONMENT_VARIABLE,
    ) -> None:
        self.url = url
        self._setting = setting
        self._key_variable = key_variable
        self._headers = headers
        self._client: httpx.AsyncClient | None = None
        self._proxy: str | None = None
        self._way_s = math.inf

    @property
    def way_s(self) -> float:
        """The seconds to the server (or a proxy) and back, as the quickest opening of a connection has taken."""
        return self._way_s if math.isfinite(self._way_s) else 0.0

    async def fetch(self, call: HttpCall) -> Any:
        """Return the JSON of a reply. Raises :class:`RemoteError`."""
        try:
            async with (
                asyncio.timeout(REPLY_TIMEOUT_S),
                self._open(call, read_timeout_s=REPLY_TIMEOUT_S) as response,
            ):
                return self._json(await self._read(response))
        except TimeoutError:
            raise self.timeout_error(REPLY_TIMEOUT_S) from None

    async def stream(self, call: HttpCall) -> AsyncGenerator[Message, None]:
        """Yield the events of a streamed reply; closing the iterator closes the connection.

        Raises :class:`RemoteError`, also if the stream ends in the middle of an event. It sets no
        time limit for the events: that is for whoever waits for them.
        """
        reader = EventReader()
        async with self._open(call, read_timeout_s=None) as response:
            if _is_web_page(response):
                raise self._error("answered with a web page, not with JSON", lasting=True)
            try:
                async for data in response.aiter_raw():
                    for event in reader.feed(data):
                        yield self._checked(event)
                for event in reader.end():
                    yield self._checked(event)
            except FramingError as error:
                raise self._error(f"sent {error} instead of a completion") from None

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def timeout_error(self, seconds: float) -> RemoteError:
        """Return the error for a server that did not answer in time."""
        return self._error(f"did not answer in {seconds:.0f} s")

    def broken_off_error(self) -> RemoteError:
        """Return the error for a completion whose end never came."""
        return self._error("closed the connection in the middle of an answer", busy=True)

    def read(self, reader: Callable[[Any], T], reply: Any) -> T:
        """Return a reply as read by a dialect's ``reader``. Raises :class:`RemoteError`."""
        try:
            return reader(reply)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            known = f" ({error})" if isinstance(error, UnexpectedReplyError) else ""
            raise self._error(
                f"sent an unexpected answer{known}: is the setting remoteApi correct?", lasting=True
            ) from None

    @asynccontextmanager
    async def _open(
        self, call: HttpCall, read_timeout_s: float | None
    ) -> AsyncIterator[httpx.Response]:
        import httpx  # takes 100 ms, and most users never need it

        if self._client is None:
            self._client = self._connected()
        timeout = httpx.Timeout(CONNECT_TIMEOUT_S, read=read_timeout_s)
        try:
            async with self._client.stream(
                "GET" if call.body is None else "POST",
                self.url + call.path,
                json=call.body,
                timeout=timeout,
                headers={"Accept-Encoding": "identity"},
                extensions={"trace": self._way_meter()},
            ) as response:
                if response.status_code != 200:
                    raise await self._status_error(call, response)
                yield response
        except (httpx.ConnectTimeout, httpx.ConnectError) as error:
            if self._proxy is not None and not _is_about_certificate(error):
                raise self._proxy_error("does not answer", busy=True) from None
            if isinstance(error, httpx.ConnectError):
                raise self._connect_error(error) from None
            raise self.timeout_error(CONNECT_TIMEOUT_S) from None
        except httpx.TimeoutException:
            raise self.timeout_error(read_timeout_s or CONNECT_TIMEOUT_S) from None
        except httpx.ProxyError as error:
            log.info("%s: %s", self.url, type(error).__name__)
            raise self._proxy_error("refused to connect to it", busy=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # Never the error's own text: httpx repeats headers in some.
            log.info("%s: %s", self.url, type(error).__name__)
            raise self.broken_off_error() from None

    def _way_meter(self) -> Callable[[str, Any], Awaitable[None]]:
        """Return what httpx is to tell of the steps of a request."""
        began_s = math.inf

        async def step(name: str, _: Any) -> None:
            nonlocal began_s
            if name == "connection.connect_tcp.started":
                began_s = time.monotonic()
            elif name == "connection.connect_tcp.complete":
                self._way_s = min(self._way_s, time.monotonic() - began_s)

        return step

    def _connected(self) -> httpx.AsyncClient:
        import httpx

        self._proxy = proxy_for(self.url)
        limits = httpx.Limits(max_keepalive_connections=8, keepalive_expiry=30)
        try:
            # Made by ourselves, since httpx would look for proxies also for this machine.
            transport = httpx.AsyncHTTPTransport(limits=limits, proxy=self._proxy)
        except (ImportError, ValueError, httpx.InvalidURL):
            raise self._proxy_error("is of a kind that is not supported", lasting=True) from None
        except OSError:
            raise self._error(
                "is not used: SSL_CERT_FILE or SSL_CERT_DIR names something unreadable",
                lasting=True,
            ) from None
        headers = {SESSION_HEADER: uuid.uuid4().hex, **dict(self._headers.values)}
        return httpx.AsyncClient(headers=headers, transport=transport)

    async def _status_error(self, call: HttpCall, response: httpx.Response) -> RemoteError:
        status = response.status_code
        if status == 407:
            return self._proxy_error("needs a password (HTTP 407)", lasting=True)
        if status in {401, 403}:
            said = "refused the API key" if self._has_key() else "needs an API key"
            return self._error(
                f"{said} (HTTP {status}): set {self._key_variable} or the keyring's entry",
                lasting=True,
            )
        if status in BUSY_STATUSES:
            return RemoteError(
                f"the inference server {self.url} is busy or not ready (HTTP {status}){self._way()}",
                is_busy=True,
                is_refused=status in REFUSED_STATUSES,
                retry_after_s=retry_after_s(response.headers.get("retry-after", "")),
            )
        if 300 <= status < 400:
            return self._error(
                f"redirects to another address (HTTP {status}): set {self._setting} to that",
                lasting=True,
            )
        if _is_web_page(response):
            return self._error(
                f"answered {call.path} with a web page (HTTP {status}): does {self._setting} point to "
                "an inference server?",
                lasting=True,
            )
        body = await self._read(response)
        quoted = "" if call.holds_source else self._quote(body)
        if status == 404 and not quoted:
            quoted = f": it has no {call.path}; is the setting remoteApi correct?"
        return self._error(f"answered HTTP {status}{quoted}", lasting=status < 500)

    def _has_key(self) -> bool:
        return any(name.lower() == "authorization" for name, _ in self._headers.values)

    def _quote(self, body: bytes) -> str:
        """Return the server's own error message, if it has one of the usual forms."""
        try:
            said = json.loads(body)
        except ValueError:
            return ""
        for _ in range(2):
            if isinstance(said, dict):
                said = said.get("error") or said.get("message")
        if not isinstance(said, str):
            return ""
        return ": " + self._headers.redact(" ".join(said.split()))[:MAX_QUOTED_CHARS]

    def _checked(self, event: Message) -> Message:
        """Return ``event`` unless it tells of an error, as servers do once a stream has begun."""
        if "error" in event:
            raise self._error(f"gave up{self._quote(json.dumps(event).encode())}")
        return event

    def _connect_error(self, error: Exception) -> RemoteError:
        if _is_about_certificate(error):
            return self._error(
                "has a certificate that is not trusted here: set SSL_CERT_FILE to the file of the "
                "authority that signed it",
                lasting=True,
            )
        return self._error(
            f"does not answer: is it running, and is {self._setting} right?", busy=True
        )

    def _error(self, what: str, *, lasting: bool = False, busy: bool = False) -> RemoteError:
        return RemoteError(
            f"the inference server {self.url} {what}{self._way()}",
            is_lasting=lasting,
            is_busy=busy,
        )

    def _way(self) -> str:
        return f" (asked through the proxy {shown_proxy(self._proxy)})" if self._proxy else ""

    def _proxy_error(self, what: str, *, lasting: bool = False, busy: bool = False) -> RemoteError:
        named = f"the proxy {shown_proxy(self._proxy or '')} on the way to {self.url}"
        return RemoteError(
            f"{named} {what}: NO_PROXY in the server's environment can bypass it",
            is_lasting=lasting,
            is_busy=busy,
        )

    def _json(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            page = body.lstrip()[:1] == b"<"
            what = "a web page" if page else "something that is not JSON"
            raise self._error(f"answered with {what}", lasting=page) from None

    async def _read(self, response: httpx.Response) -> bytes:
        body = b""
        async for data in response.aiter_raw():
            body += data
            if len(body) > MAX_REPLY_BYTES:
                raise self._error("sent an endless answer")
        return body


def retry_after_s(said: str) -> float | None:
    """Return the seconds of a ``Retry-After`` header; ``None`` for a date, or for what is neither."""
    return float(said) if said.isascii() and said.isdigit() and len(said) <= 6 else None


def _is_about_certificate(error: Exception) -> bool:
    return "CERTIFICATE" in str(error).upper()


def _is_web_page(response: httpx.Response) -> bool:
    return "text/html" in str(response.headers.get("content-type", ""))
