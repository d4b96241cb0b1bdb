"""The API key for a server, kept out of messages and logs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from infill_ls.errors import RemoteError

log = logging.getLogger(__name__)

KEY_ENVIRONMENT_VARIABLE = "INFILL_LS_REMOTE_KEY"
INSTRUCT_KEY_ENVIRONMENT_VARIABLE = "INFILL_LS_INSTRUCT_KEY"
"""The key for the server of ``instructUrl``."""
KEYRING_SERVICE = "infill-ls"
SHORTEST_SECRET = 4
"""Shorter values are not looked for in messages: they would be found everywhere."""


def read_key(url: str, variables: Sequence[str] = (KEY_ENVIRONMENT_VARIABLE,)) -> str:
    """Return the key for the server at ``url``; empty if there is none.

    The environment variables go first, then the keyring's entry of the service ``infill-ls`` for
    the host, if the package ``keyring`` is installed. Raises :class:`RemoteError` for a key that
    no header can hold.
    """
    found = (os.environ.get(one, "").strip() for one in variables)
    key = next(filter(None, found), "") or _from_keyring(urlsplit(url).netloc)
    if not _fits_header(key):
        raise RemoteError(
            f"the API key for {url} has characters that an HTTP header cannot carry: check "
            f"{variables[0]} or the keyring's entry",
            is_lasting=True,
        )
    return key


def _from_keyring(host: str) -> str:
    try:
        import keyring
    except ImportError:
        return ""
    try:
        return str(keyring.get_password(KEYRING_SERVICE, host) or "").strip()
    except Exception as error:  # noqa: BLE001 - each platform's keyring raises what it likes
        log.info("the keyring cannot be used: %s", type(error).__name__)
        return ""


def _fits_header(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not text)


@dataclass(frozen=True, slots=True)
class Headers:
    """What every request carries. Its values are never shown."""

    values: tuple[tuple[str, str], ...] = field(repr=False)

    @classmethod
    def of(cls, url: str, key: str, extra: Iterable[tuple[str, str]]) -> Headers:
        """Return the headers for ``url``; the user's own win over ours.

        Raises :class:`RemoteError` for one that cannot be sent.
        """
        extra = tuple(extra)
        for name, value in extra:
            if not _fits_header(value) or not name or not _is_token(name):
                raise RemoteError(
                    f"the setting remoteHeaders for {url} has a header that cannot be sent",
                    is_lasting=True,
                )
        taken = {name.lower() for name, _ in extra}
        ours = (("Authorization", f"Bearer {key}"),) if key and "authorization" not in taken else ()
        return cls((*ours, *extra))

    def redact(self, text: str) -> str:
        """Return ``text`` without any of the values, as servers repeat them in their messages."""
        secrets = {part for _, value in self.values for part in (value, *value.split())}
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET and secret != "Bearer":  # noqa: S105 - a scheme
                text = text.replace(secret, "***")
        return text


def _is_token(name: str) -> bool:
    return name.isascii() and all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name)
