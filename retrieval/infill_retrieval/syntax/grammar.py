"""Lazily loaded tree-sitter grammars, and the only place that meets byte offsets.

tree-sitter counts UTF-8 bytes; everything else in this project counts code points.
:class:`SyntaxTree` carries the text beside its tree and answers in code points.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from functools import cache
from typing import TYPE_CHECKING

import tree_sitter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infill_retrieval.syntax.languages import Language

log = logging.getLogger(__name__)


@cache
def load_grammar(language: Language) -> tree_sitter.Language | None:
    """Return the grammar of ``language``, or ``None`` if its wheel is absent or does not load."""
    if language.grammar is None:
        return None
    module_name, _, function = language.grammar.partition(":")
    try:
        module = importlib.import_module(module_name)
        with warnings.catch_warnings():
            # Older wheels hand over the pointer as an int, which tree-sitter 0.25 deprecates.
            warnings.simplefilter("ignore", DeprecationWarning)
            return tree_sitter.Language(getattr(module, function or "language")())
    except (ImportError, AttributeError, ValueError, OSError) as error:
        log.info("no grammar for %s: %s", language.name, error)
        return None


class SyntaxTree:
    """A parsed text. Offsets that go in and come out are code points."""

    def __init__(self, text: str, data: bytes, tree: tree_sitter.Tree) -> None:
        self.text = text
        self._data = data
        self._is_ascii = len(data) == len(text)
        self.tree = tree

    @property
    def root(self) -> tree_sitter.Node:
        """The root node. Its positions are bytes: convert with :meth:`offset_of_byte`."""
        return self.tree.root_node

    def offset_of_byte(self, byte: int) -> int:
        """Return the code-point offset of a byte offset that lies on a character border."""
        return byte if self._is_ascii else len(self._data[:byte].decode("utf-8", "replace"))

    def byte_of_offset(self, offset: int) -> int:
        """Return the byte offset of a code-point offset."""
        return (
            offset if self._is_ascii else len(self.text[:offset].encode("utf-8", "surrogatepass"))
        )

    def node_at(self, offset: int) -> tree_sitter.Node:
        """Return the smallest node that holds the code-point ``offset``."""
        byte = self.byte_of_offset(offset)
        return self.root.descendant_for_byte_range(byte, byte) or self.root

    def ancestors(self, node: tree_sitter.Node | None) -> Iterator[tree_sitter.Node]:
        """Yield ``node`` and then its ancestors, innermost first."""
        while node is not None:
            yield node
            node = node.parent

    def top_level_lines(self) -> list[int]:
        """Return the first lines (0-based) of the root's children, ascending, each once."""
        return sorted({child.start_point.row for child in self.root.children})


def parse(language: Language, text: str) -> SyntaxTree | None:
    """Parse ``text``; ``None`` where the language has no grammar here."""
    grammar = load_grammar(language)
    if grammar is None:
        return None
    data = text.encode("utf-8", "surrogatepass")
    return SyntaxTree(text, data, tree_sitter.Parser(grammar).parse(data))
