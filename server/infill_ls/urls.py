"""Addresses that a user typed."""

from __future__ import annotations

from urllib.parse import urlsplit


def base_url(text: str) -> str:
    """Return an address without the parts that are added to it.

    Raises ``ValueError`` with a message that does not repeat ``text``, which may hold a password.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("is not an address of the form http://host:port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        raise ValueError("is not an address of the form http://host:port")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "must not hold a password: the key belongs into the environment variable "
            "INFILL_LS_REMOTE_KEY or the keyring"
        )
    if parts.query or parts.fragment:
        raise ValueError("must end before any ? or #")
    return text.rstrip("/").removesuffix("/v1").rstrip("/")
