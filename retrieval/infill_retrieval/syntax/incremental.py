"""Incremental parsing: parse a text that differs little from one parsed before.

A full parse of a thousand lines takes tens of milliseconds; telling tree-sitter what changed, and
letting it reuse the rest of the old tree, takes one. The change is found by comparing the texts.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from infill_retrieval.syntax.grammar import PARSE_LIMIT_MS, SyntaxTree, parse

if TYPE_CHECKING:
    from infill_retrieval.syntax.language import Language

KEPT_TREES = 4


class TreeCache:
    """The trees of a few texts, each used to parse the next version of its text.

    Not thread-safe: every thread has its own.
    """

    def __init__(self) -> None:
        self._trees: deque[tuple[Language, SyntaxTree]] = deque(maxlen=KEPT_TREES)

    def parse(
        self, language: Language, text: str, limit_ms: float = PARSE_LIMIT_MS
    ) -> SyntaxTree | None:
        """Return what :func:`~infill_retrieval.syntax.parse` returns, sooner for a known text."""
        known = [tree for of, tree in self._trees if of is language]
        for tree in known:
            if tree.text == text:
                return tree
        data = text.encode("utf-8", "replace")
        best = min((tree.edit_to(data) for tree in known), key=lambda edit: edit.size, default=None)
        is_near = best is not None and best.size * 2 < len(data)
        tree_now = parse(language, text, limit_ms, best if is_near else None)
        if tree_now is not None:
            self._trees.append((language, tree_now))
        return tree_now
