"""The proxy for an inference server, from the environment or the system."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from infill_ls.urls import is_on_this_machine


def proxy_for(url: str) -> str | None:
    """Return the address of the proxy for a server, or ``None``.

    What runs on this machine is never asked through one: prompts would leave the machine.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_on_this_machine(host) or proxy_bypass(parts.netloc) or proxy_bypass(host):
        return None
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found:
        return None
    return found if "://" in found else f"http://{found}"


def shown_proxy(proxy: str) -> str:
    """Return a proxy's address as it may be shown: it may hold a password."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('/')[0]}"
