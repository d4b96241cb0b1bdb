"""A file's text to everything that is searched of it. Pure, and the bulk of a crawl's work.

An :class:`Analysis` has two halves. The *terms* go into the rankings and are then dropped; the
*details* are kept packed, a few kilobytes a file, and unpacked for the few files of which a
snippet is shown. Both have a form in bytes, for the pipe from the crawling process and for the
cache on disk.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from infill_retrieval.bm25 import TermBlock, count_terms
from infill_retrieval.chunk import Window, split_lines, split_windows
from infill_retrieval.secrets import without_secrets
from infill_retrieval.sources import is_generated
from infill_retrieval.syntax import (
    EMPTY_OUTLINE,
    Declaration,
    Import,
    Kind,
    Language,
    Outline,
    SyntaxTree,
    outline,
    parse,
)
from infill_retrieval.words import search_terms

FORMAT = 1
"""Raised with every change of what is found in a file or how it is packed: it voids caches."""
MAX_SIGNATURE_CHARS = 160
"""A longer signature (a table, a dozen parameters) is shown cut off."""
_AFTER_OPENING = re.compile(r"([(\[{])\s+")
_BEFORE_CLOSING = re.compile(r",?\s+([)\]}])")
_COMMENT = re.compile(r"\s+(?:#|//)\s.*$")
_KINDS = {str(kind): kind for kind in Kind}
_HEAD = struct.Struct("<II")
_TERMS_HEAD = struct.Struct("<IIIII")


@dataclass(frozen=True, slots=True)
class Details:
    """What is needed of a file to show snippets of it."""

    lines: tuple[str, ...]
    """The text without the lines that hold secrets, which are empty."""
    windows: tuple[Window, ...]
    outline: Outline

    def window_text(self, window: Window) -> str:
        """Return the lines of ``window``; ends with a newline."""
        return "\n".join(self.lines[window.first_line : window.last_line + 1]) + "\n"

    def signature(self, declaration: Declaration) -> str:
        """Return a declaration without its body as one line, which is what fits best."""
        return _signature(self.lines, declaration)


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that is searched of a file."""

    details: bytes
    """Packed :class:`Details`; see :func:`unpack_details`."""
    package: str
    """The namespace that the file declares, or nothing."""
    types: Sequence[str]
    """Names of the classes and other types that the file declares."""
    vocabulary: Sequence[str]
    windows: TermBlock
    """One document for each window; its terms are places in ``vocabulary``."""
    declarations: TermBlock
    """One document for each declaration, likewise."""


def analyse(language: Language, path: str, text: str) -> Analysis:
    """Find the windows, declarations, imports and terms of a text. Never fails."""
    text, _ = without_secrets(text)
    lines = [line.rstrip() for line in split_lines(text)]
    if is_generated(path, text):
        return _pack([], [], EMPTY_OUTLINE)
    # The grammar and the windows must agree on what a line is.
    text = "\n".join(lines)
    tree = parse(language, text)
    windows = split_windows(lines, _borders(tree))
    return _pack(lines, windows, outline(language, tree, text))


def imports_of(language: Language, text: str) -> Outline:
    """Return the outline of a text that is being edited, of which nothing else is needed."""
    return outline(language, parse(language, text), text)


def _borders(tree: SyntaxTree | None) -> list[int]:
    return tree.top_level_lines() if tree is not None else []


def _pack(lines: Sequence[str], windows: Sequence[Window], found: Outline) -> Analysis:
    documents = [search_terms("\n".join(lines[w.first_line : w.last_line + 1])) for w in windows]
    documents += [
        _declaration_terms(lines, found, declaration) for declaration in found.declarations
    ]
    vocabulary, block = count_terms(documents)
    border = len(windows)
    return Analysis(
        _pack_details(Details(tuple(lines), tuple(windows), found)),
        found.package,
        tuple(dict.fromkeys(d.name for d in found.declarations if d.kind is Kind.TYPE)),
        vocabulary,
        _rows(block, 0, border),
        _rows(block, border, len(block)),
    )


def _declaration_terms(lines: Sequence[str], found: Outline, declaration: Declaration) -> list[str]:
    around = found.declarations[declaration.parent].name if declaration.parent >= 0 else ""
    return search_terms(f"{around} {_signature(lines, declaration)}")


def _signature(lines: Sequence[str], declaration: Declaration) -> str:
    wanted = list(lines[declaration.first_line : declaration.last_line + 1])
    if wanted and declaration.end_column >= 0:
        wanted[-1] = wanted[-1][: declaration.end_column].rstrip()
        if not wanted[-1]:
            wanted.pop()
    if len(wanted) > 1:
        # Lines that a formatter broke are put together again: it saves a third of their tokens.
        first, *rest = (_before_comment(line) for line in wanted)
        joined = " ".join([first, *(line.strip() for line in rest if line.strip())])
        joined = _AFTER_OPENING.sub(r"\1", _BEFORE_CLOSING.sub(r"\1", joined))
        wanted = [joined]
    return "".join(wanted)[:MAX_SIGNATURE_CHARS].rstrip()


def _before_comment(line: str) -> str:
    return _COMMENT.sub("", line)


def _rows(block: TermBlock, first: int, stop: int) -> TermBlock:
    starts = block.starts[first : stop + 1]
    rows = slice(int(starts[0]), int(starts[-1]))
    return TermBlock(
        block.terms[rows], block.counts[rows], starts - starts[0], block.lengths[first:stop]
    )


# -- bytes -----------------------------------------------------------------------------------


def _pack_details(details: Details) -> bytes:
    found = details.outline
    document = [
        "\n".join(details.lines),
        [line for window in details.windows for line in (window.first_line, window.last_line)],
        [astuple(declaration) for declaration in found.declarations],
        [astuple(imported) for imported in found.imports],
        found.package,
    ]
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)


def unpack_details(packed: bytes) -> Details:
    """Return the details that were packed by :func:`analyse`."""
    text, lines, declarations, imports, package = json.loads(zlib.decompress(packed))
    return Details(
        tuple(text.split("\n")),
        tuple(Window(first, last) for first, last in zip(lines[::2], lines[1::2], strict=True)),
        Outline(
            tuple(Declaration(name, _KINDS[kind], *rest) for name, kind, *rest in declarations),
            tuple(Import(module, tuple(names), tuple(also)) for module, names, also in imports),
            package,
        ),
    )


def to_bytes(analysis: Analysis) -> bytes:
    """Return ``analysis`` as bytes, for :func:`from_bytes`."""
    words = "\n".join(analysis.vocabulary).encode("utf-8", "surrogatepass")
    names = "\n".join([analysis.package, *analysis.types, ""]).encode("utf-8", "surrogatepass")
    blocks = (analysis.windows, analysis.declarations)
    numbers = [
        np.concatenate([getattr(block, name) for block in blocks]).astype(dtype).tobytes()
        for name, dtype in (
            ("terms", "<u4"),
            ("counts", "<u2"),
            ("starts", "<u4"),
            ("lengths", "<u4"),
        )
    ]
    sizes = [n for block in blocks for n in (len(block.terms), len(block))]
    terms = zlib.compress(b"".join((*numbers, names, words)), 1)
    head = _HEAD.pack(len(analysis.details), len(terms))
    return head + _TERMS_HEAD.pack(*sizes, len(analysis.types)) + analysis.details + terms


def from_bytes(data: bytes) -> Analysis:
    """Return the analysis that :func:`to_bytes` packed.

    Raises ``ValueError`` (or ``struct.error``, ``zlib.error``) for bytes that are damaged.
    """
    details_bytes, terms_bytes = _HEAD.unpack_from(data)
    window_terms, windows, declaration_terms, declarations, types = _TERMS_HEAD.unpack_from(
        data, _HEAD.size
    )
    start = _HEAD.size + _TERMS_HEAD.size
    if len(data) != start + details_bytes + terms_bytes:
        raise ValueError("an analysis has the wrong length")
    raw = zlib.decompress(data[start + details_bytes :])
    count, documents = window_terms + declaration_terms, windows + declarations
    terms = np.frombuffer(raw, "<u4", count).astype(np.int32)
    counts = np.frombuffer(raw, "<u2", count, 4 * count)
    starts = np.frombuffer(raw, "<u4", documents + 2, 6 * count).astype(np.int64)
    end = 6 * count + 4 * (documents + 2)
    lengths = np.frombuffer(raw, "<u4", documents, end).astype(np.int64)
    package, *words = raw[end + 4 * documents :].decode("utf-8", "surrogatepass").split("\n")
    return Analysis(
        data[start : start + details_bytes],
        package,
        tuple(words[:types]),
        [] if words[types:] == [""] else words[types:],
        TermBlock(
            terms[:window_terms], counts[:window_terms], starts[: windows + 1], lengths[:windows]
        ),
        TermBlock(
            terms[window_terms:], counts[window_terms:], starts[windows + 1 :], lengths[windows:]
        ),
    )


EMPTY_ANALYSIS = _pack([], [], EMPTY_OUTLINE)
"""Of a file in which nothing is searched."""
