"""The bytes of every token, and which tokens may come next when the bytes to come are known."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

TokenIds = npt.NDArray[np.int32]


class Vocabulary:
    """Byte strings of a model's tokens, searchable by prefix.

    ``pieces[id]`` is the token's text in bytes; empty for control tokens, which can therefore
    never be chosen while a fragment is being healed.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = tuple(pieces)
        # All tokens that start with a given prefix are neighbours in byte order. This serves as
        # the trie over the vocabulary: a node is a range of this list.
        order = sorted((piece, token) for token, piece in enumerate(self.pieces) if piece)
        self._sorted_pieces = [piece for piece, _ in order]
        self._sorted_ids: TokenIds = np.array([token for _, token in order], dtype=np.int32)
        self._longest = max(map(len, self._sorted_pieces), default=0)

    def allowed(self, required: bytes) -> TokenIds:
        """Return the ids of the tokens that may come next if the output must start with ``required``.

        These are the tokens that start with all of ``required``, and those that are a beginning
        of it. ``required`` must not be empty.
        """
        low, high = self._range(required)
        shorter = [
            self._sorted_ids[slice(*self._exact_range(required[:size]))]
            for size in range(1, min(len(required), self._longest + 1))
        ]
        return np.concatenate([self._sorted_ids[low:high], *shorter])

    def has_longer(self, text: bytes) -> bool:
        """Tell whether a token starts with ``text`` and is longer."""
        low, high = self._range(text)
        return any(len(piece) > len(text) for piece in self._sorted_pieces[low:high])

    def tokens_stay_in_line(self) -> bool:
        """Tell whether a newline byte only ever occurs as a token of its own."""
        return all(piece == b"\n" for piece in self.pieces if b"\n" in piece)

    def _range(self, prefix: bytes) -> tuple[int, int]:
        return (
            bisect_left(self._sorted_pieces, prefix),
            bisect_left(self._sorted_pieces, _successor(prefix))
            if _successor(prefix)
            else len(self._sorted_pieces),
        )

    def _exact_range(self, piece: bytes) -> tuple[int, int]:
        return bisect_left(self._sorted_pieces, piece), bisect_left(
            self._sorted_pieces, piece + b"\0"
        )


def _successor(prefix: bytes) -> bytes:
    """Return the smallest byte string greater than all that start with ``prefix``; b"" if none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b""
