"""A document as the rules see it: its text and its tree, around the place of the last edit.

Only a window is parsed and searched: what a rule costs is bounded by the window and by the number
of places it looks at, never by the size of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from infill_ls.document.lines import line_end, line_start
from infill_ls.next_edit.tokens import bounded, texts, tokens
from infill_retrieval.syntax import Language, SyntaxTree, TreeCache

WINDOW_CHARS = 32_000
"""So much before and after the edit."""
MAX_SITES = 32
"""Places of one pattern on each side of the edit; more are not looked at."""
MAX_LOOKED_AT = 8
"""Places of a name, for its declaration."""
MAX_DEPTH = 24
"""Ancestors that are looked at."""
MAX_LINE_CHARS = 2_000
"""A window with a longer line was written by a tool; so was one with as many brackets as that:"""
MAX_BRACKETS = 12_000
_QUOTES = ("string", "template", "heredoc", "char", "regex", "quoted")
_FUNCTIONS = ("function", "method", "constructor", "lambda", "arrow", "closure", "procedure")
_LISTS_OF_PARAMETERS = frozenset(
    {"parameters", "formal_parameters", "lambda_parameters", "typed_parameter", "method_parameters",
     "block_parameters", "closure_parameters", "inferred_parameters"}
)  # fmt: skip
"""Nodes whose names are those of parameters although no field says so."""
_NAMES = frozenset({"name", "declarator", "pattern", "left", "alias"})


_IMPORT = re.compile(r"(?:import|from|use|using|require|#\s{0,99}include|export)\b")
_REQUIRE = re.compile(r"\brequire\s{0,9}\(")
IMPORTS_CHARS = 20_000
"""Of a document, in which its imports stand."""
_OF_FOLDERS = frozenset({"index", "mod", "lib", "__init__"})
"""Names of files that are imported by the name of their folder."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a place from the syntax tree."""

    kind: str
    """``code``, ``comment`` or ``string``."""
    node: str
    parent: str
    function: int
    """Where the function around it starts; -1 outside of all."""
    is_declared: bool
    """Whether it is the name of what its parent declares."""
    is_type: bool


NOTHING = Facts("code", "", "", -1, is_declared=False, is_type=False)


class View:
    """One document, with facts about its places."""

    def __init__(
        self,
        uri: str,
        text: str,
        language: Language,
        around: int,
        trees: TreeCache,
        *,
        is_open: bool = True,
    ) -> None:
        self.is_open = is_open
        self.uri = uri
        self.text = text
        self.language = language
        self.low = line_start(text, max(around - WINDOW_CHARS, 0)) if around > WINDOW_CHARS else 0
        self.high = len(text)
        if around + WINDOW_CHARS < len(text):
            # A line without an end must not make the window larger.
            self.high = min(line_end(text, around + WINDOW_CHARS), around + 2 * WINDOW_CHARS)
        self.low = max(self.low, around - 2 * WINDOW_CHARS, 0)
        self.around = around
        window = text[self.low : self.high]
        brackets = sum(map(window.count, "([{"))
        self.is_legible = (
            "\0" not in window
            and brackets <= MAX_BRACKETS
            and max(map(len, window.splitlines()), default=0) <= MAX_LINE_CHARS
        )
        self._trees = trees
        self._facts: dict[tuple[int, int], Facts] = {}
        self._lines: dict[int, tuple[str, ...]] = {}
        self._imports: dict[str, bool] = {}

    @cached_property
    def tree(self) -> SyntaxTree | None:
        """The tree of the window; parsed when a first place is looked at."""
        if not self.is_legible:
            return None
        return self._trees.parse(self.language, self.text[self.low : self.high])

    @property
    def eol(self) -> str:
        """How lines end in the document."""
        end = self.text.find("\n")
        if end < 0:
            return "\r" if "\r" in self.text[:1000] else "\n"
        return "\r\n" if self.text[end - 1 : end] == "\r" else "\n"

    def find(self, pattern: str) -> Iterator[re.Match[str]]:
        """Yield the nearest matches, those below the edit first."""
        compiled = re.compile(pattern)
        for count, match in enumerate(compiled.finditer(self.text, self.around, self.high)):
            if count == MAX_SITES:
                break
            yield match
        above: list[re.Match[str]] = []
        for match in compiled.finditer(self.text, self.low, self.around):
            above.append(match)
            if len(above) > 4 * MAX_SITES:
                del above[:-MAX_SITES]
        yield from reversed(above[-MAX_SITES:])

    def find_few(self, pattern: str) -> list[re.Match[str]]:
        """Return the nearest matches; none if there are more than are looked at on both sides.

        What is put in at so many places is no edit by hand.
        """
        found = list(self.find(pattern))
        return found if len(found) < 2 * MAX_SITES else []

    def has(self, word: str) -> bool:
        """Tell whether a word occurs in the window."""
        return re.compile(bounded(word)).search(self.text, self.low, self.high) is not None

    def count(self, text: str) -> int:
        """Return how often ``text`` occurs in the window, as whole words; 100 at most."""
        found = re.compile(bounded(text)).finditer(self.text, self.low, self.high)
        return sum(1 for _ in zip(found, range(100), strict=False))

    def is_declared(self, word: str) -> bool:
        """Tell whether one of the nearest places of a name declares it."""
        places = islice(self.find(bounded(word)), MAX_LOOKED_AT)
        return any(self.facts(*match.span()).is_declared for match in places)

    def imports(self, uri: str) -> bool:
        """Tell whether the document seems to import another one: it names that in an import."""
        known = self._imports.get(uri)
        if known is None:
            known = self._imports[uri] = self._look_for_import(uri)
        return known

    def line_at(self, offset: int) -> str:
        """Return the line that holds ``offset``."""
        return self.text[line_start(self.text, offset) : line_end(self.text, offset)]

    def line_tokens(self, offset: int) -> tuple[str, ...]:
        """Return the tokens of the line that holds ``offset``."""
        start = line_start(self.text, offset)
        known = self._lines.get(start)
        if known is None:
            known = self._lines[start] = texts(self.text[start : line_end(self.text, offset)])
        return known

    def context(self, start: int, end: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the tokens before and after a stretch on its lines."""
        begin = max(line_start(self.text, start), start - 400)
        finish = min(line_end(self.text, end), end + 400)
        left = tuple(token.text for token in tokens(self.text[begin:start]))
        right = tuple(token.text for token in tokens(self.text[end:finish]))
        return left, right

    def facts(self, start: int, end: int) -> Facts:
        """Return the facts about a stretch of text."""
        known = self._facts.get((start, end))
        if known is None:
            known = self._facts[start, end] = self._look_at(start, end)
        return known

    def function_text(self, offset: int) -> str:
        """Return the text of the function around a place, or of its surroundings."""
        start = self.facts(offset, offset).function
        if start < 0:
            return self.text[max(offset - 2000, self.low) : offset]
        return self.text[start : min(offset + 2000, self.high)]

    def _look_for_import(self, uri: str) -> bool:
        folder, _, name = uri.rpartition("/")
        stem = name.partition(".")[0]
        if stem in _OF_FOLDERS:
            stem = folder.rpartition("/")[2]
        if not stem:
            return False
        places = re.compile(bounded(stem)).finditer(self.text, 0, IMPORTS_CHARS)
        return any(is_import(self.line_at(match.start())) for match in islice(places, MAX_SITES))

    def _look_at(self, start: int, end: int) -> Facts:
        tree = self.tree
        if tree is None or not self.low <= start <= end <= self.high:
            return self._by_lines(start)
        first = tree.byte_of_offset(start - self.low)
        last = tree.byte_of_offset(end - self.low)
        node = tree.root.descendant_for_byte_range(first, last)
        if node is None:
            return NOTHING
        kind, function = "code", -1
        is_type = False
        above = list(zip(tree.ancestors(node), range(MAX_DEPTH), strict=False))
        for one, depth in above:
            name = one.type
            if kind == "code" and depth < 6:
                if "interpolation" in name or "substitution" in name:
                    kind = "code "  # also a "template_substitution", which is no template
                elif "comment" in name:
                    kind = "comment"
                elif any(part in name for part in _QUOTES) and "literal_type" not in name:
                    kind = "string"
            if depth < 3 and "type" in name and "typed" not in name:
                is_type = True
            if (
                function < 0
                and depth
                and any(part in name for part in _FUNCTIONS)
                and "call" not in name
                and one.child_count > 2
            ):
                function = self.low + tree.offset_of_byte(one.start_byte)
        parent = above[1][0] if len(above) > 1 else None
        is_declared = (
            parent is not None
            and any(
                child is not None
                and child.start_byte == node.start_byte
                and child.end_byte == node.end_byte
                for field in _NAMES
                for child in (parent.child_by_field_name(field),)
            )
            and "call" not in parent.type
            and "member" not in parent.type
            and "attribute" not in parent.type
        )
        is_declared = is_declared or (
            parent is not None and parent.type in _LISTS_OF_PARAMETERS and "identifier" in node.type
        )
        return Facts(
            kind.strip(), node.type, parent.type if parent is not None else "", function,
            is_declared=is_declared, is_type=is_type,
        )  # fmt: skip

    def _by_lines(self, start: int) -> Facts:
        line = self.line_at(start).lstrip()
        marks = (self.language.comment, *self.language.further_comments)
        is_comment = any(line.startswith(mark) for mark in marks if mark)
        return (
            Facts("comment", "", "", -1, is_declared=False, is_type=False)
            if is_comment
            else NOTHING
        )


def is_import(line: str) -> bool:
    """Tell whether a line imports something."""
    begins = _IMPORT.match(line.lstrip()) is not None
    return begins or _REQUIRE.search(line) is not None
