"""Lazily loaded tree-sitter grammars; the only place with byte offsets.

tree-sitter counts UTF-8 bytes; everything else in this project counts code points.
:class:`SyntaxTree` carries the text beside its tree and answers in code points.
"""

from __future__ import annotations

import importlib
import logging
import re
import time
import warnings
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import tree_sitter

from infill_retrieval.common_length import common_length
from infill_retrieval.syntax.pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infill_retrieval.syntax.language import Language

log = logging.getLogger(__name__)

PARSE_LIMIT_MS = 500.0
"""A text that takes longer is treated as if its language had no grammar."""
_NEVER = re.compile(r"(?!)")
_CRASHERS = {"yaml": re.compile(r"^(?:[ \t]{100}|[ \t]*(?:[-?][ \t]+){30})", re.MULTILINE)}
"""What a grammar must not see. That of YAML writes its stack of indentations beyond a buffer of
1024 bytes and takes the process with it (tree-sitter-yaml 0.7.2); the others survive the like."""
_MATCH_LIMIT = 1 << 16
"""Most unfinished matches a query may hold; broken text makes them pile up."""
_MOST_LOOSE_NODES = 20_000
"""In a text of which the grammar makes nothing. Queries take the square of their number, in which
no other thread runs either: 2 s for 32 000 brackets in one line. Broken code has far fewer: 5 000
in 400 kB of Python, 12 000 in 135 kB of numbers in C."""


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
    except (ImportError, AttributeError, TypeError, ValueError, OSError) as error:
        log.info("no grammar for %s: %s", language.name, error)
        return None


@cache
def load_query(language: Language) -> tree_sitter.Query | None:
    """Return our query for the declarations and imports of ``language``, if there is one."""
    grammar = load_grammar(language)
    if grammar is None:
        return None
    file = resources.files(__package__) / "queries" / f"{language.query or language.name}.scm"
    try:
        return tree_sitter.Query(grammar, file.read_text("utf-8"))
    except (OSError, tree_sitter.QueryError) as error:
        # A newer wheel may have renamed a node: the language then works by lines alone.
        log.info("no query for %s: %s", language.name, error)
        return None


@dataclass(frozen=True, slots=True)
class TreeEdit:
    """One change of a parsed text, in bytes: ``start..old_end`` became ``start..new_end``."""

    tree: SyntaxTree
    start: int
    old_end: int
    new_end: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return self.start == self.old_end == self.new_end

    @property
    def size(self) -> int:
        """Number of bytes that were removed or inserted."""
        return self.old_end + self.new_end - 2 * self.start


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
        return offset if self._is_ascii else len(self.text[:offset].encode("utf-8", "replace"))

    def column_of(self, byte: int, byte_column: int) -> int:
        """Return the column in code points of a position given by its byte offset and column."""
        if self._is_ascii:
            return byte_column
        return len(self._data[byte - byte_column : byte].decode("utf-8", "replace"))

    def text_of(self, node: tree_sitter.Node) -> str:
        """Return the text of ``node``."""
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def head_of(self, node: tree_sitter.Node, body: tree_sitter.Node | None, limit: int) -> str:
        """Return the text of ``node`` up to its ``body``, and no more than ``limit`` bytes of it."""
        end = body.start_byte if body is not None else node.end_byte
        return self._data[node.start_byte : min(end, node.start_byte + limit)].decode(
            "utf-8", "replace"
        )

    def node_at(self, offset: int) -> tree_sitter.Node:
        """Return the smallest node that holds the code-point ``offset``."""
        byte = self.byte_of_offset(offset)
        return self.root.descendant_for_byte_range(byte, byte) or self.root

    def ancestors(self, node: tree_sitter.Node | None) -> Iterator[tree_sitter.Node]:
        """Yield ``node`` and then its ancestors, innermost first."""
        # Node.parent walks down from the root each time: over 20 000 brackets that takes minutes.
        path: list[tree_sitter.Node] = []
        above = self.root if node is not None else None
        while node is not None and above is not None and above != node:
            path.append(above)
            above = above.child_with_descendant(node)
        if node is not None:
            yield node
        yield from reversed(path)

    def error_count(self, *, with_missing: bool = True) -> int:
        """Return how many nodes are errors, or were put in by the parser as missing.

        A missing node is what unfinished code has where wrong code has an error.
        """
        if not self.root.has_error:
            return 0
        count, unseen = 0, [self.root]
        while unseen:
            node = unseen.pop()
            count += node.is_error or (with_missing and node.is_missing)
            unseen.extend(child for child in node.children if child.has_error)
        return count

    def edit_to(self, data: bytes) -> TreeEdit:
        """Return the one change that makes this tree's text the UTF-8 text ``data``."""
        old = self._data
        start = common_length(old, data)
        end = common_length(old[start:][::-1], data[start:][::-1])
        # Never inside of a character.
        while start and start < len(data) and data[start] & 0xC0 == 0x80:
            start -= 1
        while end and data[len(data) - end] & 0xC0 == 0x80:
            end -= 1
        return TreeEdit(self, start, len(old) - end, len(data) - end)

    def edited(self, edit: TreeEdit, data: bytes) -> tree_sitter.Tree:
        """Return a copy of the tree that knows of ``edit``, for the parser to start from."""
        tree = self.tree.copy()
        tree.edit(
            edit.start,
            edit.old_end,
            edit.new_end,
            _point(self._data, edit.start),
            _point(self._data, edit.old_end),
            _point(data, edit.new_end),
        )
        return tree

    def top_level_lines(self) -> list[int]:
        """Return the first lines (0-based) of the root's children, ascending, each once."""
        return sorted({child.start_point.row for child in self.root.children})

    def matches(self, query: tree_sitter.Query) -> list[dict[str, list[tree_sitter.Node]]]:
        """Return the captures of each match of ``query``."""
        # The time of a query is bounded by its patterns and the text, see _MOST_LOOSE_NODES; its
        # progress callback crashes the interpreter (tree-sitter 0.26.1).
        cursor = tree_sitter.QueryCursor(query, match_limit=_MATCH_LIMIT)
        return [captures for _, captures in cursor.matches(self.root)]


def parse(
    language: Language, text: str, limit_ms: float = PARSE_LIMIT_MS, edit: TreeEdit | None = None
) -> SyntaxTree | None:
    """Parse ``text``; ``None`` where the language has no grammar here or ``limit_ms`` is over.

    So it is with a long text of which the grammar makes nothing. ``edit`` says how ``text`` came
    from one that is parsed already, which saves most of the work.
    """
    grammar = load_grammar(language)
    if grammar is None or _CRASHERS.get(language.name, _NEVER).search(text):
        return None
    data = text.encode("utf-8", "replace")
    deadline = time.monotonic() + limit_ms / 1000
    old = edit.tree.edited(edit, data) if edit is not None else None
    tree = _parse(grammar, data, lambda _offset, _failed: time.monotonic() > deadline, old)
    if tree is None:
        log.debug("%s text of %d bytes not parsed in %.0f ms", language.name, len(data), limit_ms)
        return None
    root = tree.root_node
    if root.is_error and root.child_count > _MOST_LOOSE_NODES:
        return None
    return SyntaxTree(text, data, tree)


def _parse(
    grammar: tree_sitter.Language,
    data: bytes,
    give_up: Callable[[int, bool], bool],
    old: tree_sitter.Tree | None,
) -> tree_sitter.Tree | None:
    read = Pieces(data)  # only a parse that reads by callback can be stopped
    parser = tree_sitter.Parser(grammar)
    try:
        if old is None:  # which the parser does not take for an answer
            return parser.parse(read, encoding="utf8", progress_callback=give_up)
        return parser.parse(read, old, encoding="utf8", progress_callback=give_up)
    except ValueError:
        return None
    finally:
        read.release(grammar)


def _point(data: bytes, offset: int) -> tuple[int, int]:
    return data.count(b"\n", 0, offset), offset - (data.rfind(b"\n", 0, offset) + 1)
