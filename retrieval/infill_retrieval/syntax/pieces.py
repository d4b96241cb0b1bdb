"""A text that a parser reads piece by piece and then releases.

tree-sitter 0.26.1 takes a reference to every piece that a callback returns and never gives it back:
each parse would keep its whole text for ever. Only whoever returned the pieces can put that right.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import tree_sitter

_PIECE_BYTES = 1 << 16
_LEAST_BYTES = 2
"""Python has one object for each shorter text, which is nobody's."""

_give_back = ctypes.pythonapi.Py_DecRef
_give_back.argtypes = [ctypes.py_object]
_give_back.restype = None


class Pieces:
    """The read callback of one parse. :meth:`release` it when that is over."""

    def __init__(self, data: bytes) -> None:
        self._view = memoryview(data)
        self._given: list[bytes] | None = []

    def __call__(self, offset: int, _point: object) -> bytes:
        """Return the text from ``offset`` on, or a part of it."""
        piece = bytes(self._view[offset : offset + _PIECE_BYTES])
        if self._given is not None and len(piece) >= _LEAST_BYTES:
            self._given.append(piece)
        return piece

    def release(self, grammar: tree_sitter.Language) -> None:
        """Release the parser's references, if its version does not do so itself."""
        for piece, number in self.taken():
            if _keeps_pieces(grammar):
                for _ in range(number):
                    _give_back(piece)

    def taken(self) -> list[tuple[bytes, int]]:
        """Return the pieces and how many references to each there are besides; only once."""
        pieces, self._given = [*(self._given or []), bytes(bytearray(_LEAST_BYTES))], None
        counts = [sys.getrefcount(piece) for piece in pieces]
        untouched = counts[-1]
        return [
            (piece, count - untouched)
            for piece, count in zip(pieces, counts, strict=True)
            if count > untouched
        ]


@cache
def _keeps_pieces(grammar: tree_sitter.Language) -> bool:
    """Return whether a piece is referred to when parser and tree are gone."""
    pieces = Pieces(b"ab" * _LEAST_BYTES)
    parser = tree_sitter.Parser(grammar)
    tree = parser.parse(pieces, encoding="utf8")
    del tree, parser
    return bool(pieces.taken())
