"""Analyse a file's text into what is searched and what is shown. Pure.

An :class:`Analysis` has two halves: the texts whose terms go into the rankings, and the packed
*details*, by which snippets are cut from the file. The text itself is kept nowhere: a snippet is
read from the file again, if that still has the same text (:func:`snippet_lines`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from infill_retrieval.files.sources import Source, is_generated
from infill_retrieval.indexing.chunk import Window, split_windows
from infill_retrieval.indexing.terms import Hashes, Ints, hash_terms
from infill_retrieval.lines import bare_lines
from infill_retrieval.secrets.judgement import is_bare, secret_lines
from infill_retrieval.syntax import (
    EMPTY_OUTLINE,
    Declaration,
    DeclarationKind,
    Import,
    Language,
    Outline,
    outline,
    parse,
)

FORMAT = 5
"""Raised with every change of what is found in a file or how it is packed: it voids caches."""
MAX_SIGNATURE_CHARS = 160
"""A longer signature (a table, a dozen parameters) is shown cut off."""
# Each begins where white space does, and not in the middle of it: else it takes the square.
_AFTER_OPENING = re.compile(r"([(\[{])\s+")
_BEFORE_CLOSING = re.compile(r"(?:,|(?<![\s,]))\s++([)\]}])")
_COMMENT = re.compile(r"(?<!\s)\s++(?:#|//)\s.*$")
_KINDS = {str(kind): kind for kind in DeclarationKind}


class Details:
    """Where the snippets of a file are in its lines.

    Of most files a query needs one window or declaration, so records are made when asked for.
    """

    def __init__(self, packed: bytes) -> None:
        self._lines, self._declarations, self._imports, self._package, secret = json.loads(packed)
        self.secret_lines: Sequence[int] = secret
        """Lines that are never shown."""
        self._name_hashes: Hashes | None = None

    def window(self, number: int) -> Window:
        """Return one window."""
        return Window(*self._lines[2 * number : 2 * number + 2])

    @property
    def windows(self) -> list[Window]:
        """All windows."""
        return [self.window(number) for number in range(len(self._lines) // 2)]

    def declaration(self, number: int) -> Declaration:
        """Return one declaration."""
        if "outline" in self.__dict__:
            return self.outline.declarations[number]
        name, kind, first, last, column, parent, *more = self._declarations[number]
        owner, types = more or ("", ())
        return Declaration(name, _KINDS[kind], first, last, column, parent, owner, tuple(types))

    @cached_property
    def members(self) -> Mapping[str, Sequence[int]]:
        """Declarations by the type that they are members of; at the top of the file that is ``""``."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for number, one in enumerate(self.outline.declarations):
            if one.kind is DeclarationKind.TYPE:
                found.setdefault(one.name, [])
            around = self.outline.declarations[one.parent].name if one.parent >= 0 else one.owner
            found[around].append(number)
        return dict(found)

    @cached_property
    def named(self) -> Mapping[str, Sequence[int]]:
        """Declarations by name."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for number, one in enumerate(self.outline.declarations):
            found[one.name].append(number)
        return dict(found)

    @cached_property
    def outline(self) -> Outline:
        """All declarations, and the imports."""
        return Outline(
            tuple(map(self.declaration, range(len(self._declarations)))),
            tuple(
                Import(module, tuple(names), tuple(aliases))
                for module, names, aliases in self._imports
            ),
            self._package,
        )


def name_hashes(many: Sequence[Details]) -> list[Hashes]:
    """Return the name of each declaration of each file, as the hash of the term that texts have.

    All that are not known are hashed at once, which for some dozens of files is ten times as fast.
    """
    new = [one for one in many if one._name_hashes is None]
    names = [declared.name.lower() for one in new for declared in one.outline.declarations]
    hashes, start = hash_terms(names), 0
    for one in new:
        end = start + len(one.outline.declarations)
        one._name_hashes = hashes[start:end]
        start = end
    return [one._name_hashes for one in many if one._name_hashes is not None]


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that is searched of a file."""

    text: str
    """The lines, without those that hold secrets and without white space at their ends."""
    window_starts: Ints
    """Offset in ``text`` of each window."""
    window_ends: Ints
    signatures: Sequence[str]
    """What is searched of each declaration: one line with the name of its class, if any."""
    details: bytes
    """Packed :class:`Details`."""
    package: str
    """The namespace that the file declares, or nothing."""
    types: Sequence[str]
    """Names of the classes and other types of which the file declares something."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An analysed file that is about to become part of the index."""

    source: Source
    digest: bytes
    """See :func:`digest_of`."""
    analysis: Analysis


def digest_of(text: str) -> bytes:
    """Return the hash by which it is known whether a file still has the text that was analysed."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def analyse(language: Language, path: str, text: str) -> Analysis:
    """Find the windows, declarations and imports of a text. Never fails."""
    if is_generated(path, text):
        return EMPTY_ANALYSIS
    lines, secret = _clean_lines(text, language, bare=is_bare(language.name, path))
    # The grammar and the windows must agree on what a line is.
    text = "\n".join(lines)
    tree = parse(language, text)
    windows = split_windows(lines, tree.top_level_lines() if tree is not None else [])
    found = outline(language, tree, text)
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    return Analysis(
        text,
        np.array([starts[window.first_line] for window in windows], np.int64),
        np.array([starts[window.last_line + 1] - 1 for window in windows], np.int64),
        [_searched(lines, found, declaration) for declaration in found.declarations],
        _pack_details(windows, found, secret),
        found.package,
        tuple(
            dict.fromkeys(
                one.name if one.kind is DeclarationKind.TYPE else one.owner
                for one in found.declarations
                if one.kind is DeclarationKind.TYPE or one.owner
            )
        ),
    )


def snippet_lines(text: str, details: Details) -> list[str]:
    """Return the lines of an analysed text as they may be shown."""
    lines = bare_lines(text)
    for number in details.secret_lines:
        lines[number] = ""
    return lines


def _clean_lines(text: str, language: Language, *, bare: bool) -> tuple[list[str], list[int]]:
    lines = bare_lines(text)
    secret = secret_lines(lines, bare=bare, language=language)
    for number in secret:
        lines[number] = ""
    return [line.rstrip() for line in lines], secret


@dataclass(frozen=True, slots=True)
class Edited:
    """What is declared and imported in a text that is being edited, and its lines."""

    details: Details
    lines: Sequence[str]
    """As they may be shown: blank where there is a secret."""


def analyse_edited(language: Language, path: str, text: str) -> Edited:
    """Find what is declared and imported in a text that is being edited; no windows."""
    lines, secret = _clean_lines(text, language, bare=is_bare(language.name, path))
    text = "\n".join(lines)
    found = outline(language, parse(language, text), text)
    return Edited(Details(_pack_details((), found, secret)), lines)


def _searched(lines: Sequence[str], found: Outline, declaration: Declaration) -> str:
    parent = declaration.parent
    around = found.declarations[parent].name if parent >= 0 else declaration.owner
    return f"{around} {signature(lines, declaration)}"


def signature(lines: Sequence[str], declaration: Declaration) -> str:
    """Return a declaration without its body as one line, which is what fits best."""
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


def _pack_details(windows: Sequence[Window], found: Outline, secret: Sequence[int]) -> bytes:
    document = [
        [line for window in windows for line in (window.first_line, window.last_line)],
        # dataclasses.astuple copies deeply, which takes longer than all the rest.
        [
            (one.name, one.kind, one.first_line, one.last_line, one.end_column, one.parent)
            + ((one.owner, one.types) if one.owner or one.types else ())
            for one in found.declarations
        ],
        [(one.module, one.names, one.aliases) for one in found.imports],
        found.package,
        secret,
    ]
    return json.dumps(document, separators=(",", ":")).encode()


EMPTY_ANALYSIS = Analysis(
    "", np.zeros(0, np.int64), np.zeros(0, np.int64), (),
    _pack_details((), EMPTY_OUTLINE, ()), "", (),
)  # fmt: skip
"""Of a file in which nothing is searched."""
