"""Handshake: server and engine prove that they know a token, without revealing it. Pure.

    server → engine   {"nonce"}
    engine → server   {"nonce", "pid", "proof"}
    server → engine   {"proof"}

Over loopback anybody may listen on a port that an engine has left, and anybody may connect. A
proof names its side and the place, so that it is of no use to the other side or at another port.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass

NONCE_BYTES = 32
MAX_CHARS = 200
"""Of a nonce or a proof."""


def new_nonce() -> str:
    """Return a text that was never used before."""
    return secrets.token_hex(NONCE_BYTES)


@dataclass(frozen=True, slots=True)
class Handshake:
    """What both sides know of a connection when all is well."""

    token: str
    place: str
    """Where they have met."""
    server_nonce: str
    engine_nonce: str
    engine_pid: int

    def engine_proof(self) -> str:
        """Return the proof that only an engine that knows the token can make."""
        return self._proof("engine")

    def server_proof(self) -> str:
        """Return the proof that only a server that knows the token can make."""
        return self._proof("server")

    def _proof(self, side: str) -> str:
        if not self.token:
            raise ValueError("an empty token proves nothing")
        words = [side, self.place, self.server_nonce, self.engine_nonce, self.engine_pid]
        return hmac.new(self.token.encode(), json.dumps(words).encode(), "sha256").hexdigest()


def is_proof(shown: object, expected: str) -> bool:
    """Compare in constant time."""
    return isinstance(shown, str) and hmac.compare_digest(
        shown.encode("utf-8", "replace"), expected.encode()
    )


def nonce_in(message: dict[str, object]) -> str:
    """Return the nonce that a peer sent; ``ValueError`` if there is none."""
    nonce = message.get("nonce")
    if not isinstance(nonce, str) or not NONCE_BYTES <= len(nonce) <= MAX_CHARS:
        raise ValueError("no nonce")
    return nonce
