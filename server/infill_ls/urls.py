"""Check addresses that a user typed."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from socket import inet_aton
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
            "must not contain a password: put the key into the environment variable "
            "INFILL_LS_REMOTE_KEY or the keyring"
        )
    if parts.query or parts.fragment:
        raise ValueError("must end before any ? or #")
    return text.rstrip("/").removesuffix("/v1").rstrip("/")


def is_on_this_machine(host: str) -> bool:
    """Return whether a host is this machine by its name alone, in whatever spelling."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ip_address(inet_aton(host))  # 127.1, 0x7f000001 and the like
        except (OSError, ValueError):
            return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback or (mapped or address).is_unspecified
