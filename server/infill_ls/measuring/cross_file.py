"""Cases: the first use, in a file, of an identifier that another file defines.

The cursor stands just before the identifier; what follows on its line is what a completion would
have to say, so the suffix begins with the next line. CrossCodeEval builds its cases on the same
idea (Ding et al., 2023, section 2), with a type checker in place of our syntax trees.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infill_retrieval.files.sources import find_sources, read_source
from infill_retrieval.indexing.words import STOP_WORDS
from infill_retrieval.lines import bare_lines
from infill_retrieval.secrets.judgement import secret_lines
from infill_retrieval.settings import DEFAULT_SETTINGS
from infill_retrieval.syntax import SyntaxTree, language_of, outline, parse

MIN_NAME_CHARS = 4
MAX_DEFINING_FILES = 3
MIN_LINES_BEFORE = 5
NAME = re.compile(r"[A-Za-z_$][\w$]*")
_NO_USE = re.compile(r"import|comment|string|template|include|use_declaration|package")
GENERIC = frozenset(
    [
        "name",
        "value",
        "values",
        "type",
        "types",
        "data",
        "text",
        "path",
        "size",
        "kind",
        "args",
        "kwargs",
        "list",
        "dict",
        "self",
        "this",
        "title",
        "result",
        "error",
        "message",
        "options",
        "option",
        "index",
        "count",
        "length",
        "start",
        "stop",
        "next",
        "push",
        "join",
        "keys",
        "items",
        "copy",
        "update",
        "open",
        "close",
        "read",
        "write",
        "send",
        "code",
        "info",
        "style",
        "width",
        "height",
        "line",
        "lines",
        "color",
        "constructor",
        "prototype",
        "toString",
        "callback",
        "done",
        "init",
        "call",
        "apply",
        "bind",
        "default",
        "map",
        "filter",
        "get",
        "set",
        "print",
        "format",
        "parse",
        "append",
        "extend",
        "insert",
        "remove",
        "pop",
        "sort",
        "split",
        "strip",
        "replace",
        "encode",
        "decode",
    ]
)
"""Names that are everywhere: that one of them is in the context says nothing."""


@dataclass(frozen=True, slots=True)
class NeededIdentifier:
    """A place in a file, and the identifier that has to be known there."""

    package: str
    language: str
    path: Path
    offset: int
    """Of the identifier in the text of the file, in code points."""
    name: str
    declared_as: tuple[str, ...]
    """The lines, without the white space around them, on which other files declare it."""
    in_suffix: bool
    """Whether the identifier stands in the file once more, after its line."""

    def split(self, text: str) -> tuple[str, str]:
        """Return what is before the cursor and what is after its line."""
        end = text.find("\n", self.offset)
        return text[: self.offset], "" if end < 0 else text[end:]


def read(path: Path) -> str:
    """Return the text of a source as the index sees it."""
    text = read_source(str(path), DEFAULT_SETTINGS.max_file_bytes) or ""
    lines = bare_lines(text)
    for number in secret_lines(lines, language=language_of(str(path))):
        lines[number] = ""
    return "\n".join(lines)


def cases_of(package: str, language: str, folder: Path, limit: int) -> list[NeededIdentifier]:
    """Return up to ``limit`` cases, chosen by chance but the same each time."""
    texts = {
        Path(source.path): read(Path(source.path))
        for source in find_sources(folder, DEFAULT_SETTINGS)
        if language_of(source.path).name == language and not source.name.endswith(".d.ts")
    }
    found = list(_all_cases(package, language, texts))
    chooser = random.Random(f"{package} 1")  # noqa: S311 - a sample, not a secret
    return sorted(
        chooser.sample(found, min(limit, len(found))), key=lambda c: (str(c.path), c.offset)
    )


def _all_cases(package: str, language: str, texts: dict[Path, str]) -> Iterator[NeededIdentifier]:
    trees = {path: parse(language_of(str(path)), text) for path, text in texts.items()}
    declared: defaultdict[str, dict[Path, set[str]]] = defaultdict(dict)
    for path, tree in trees.items():
        lines = texts[path].split("\n")
        for one in outline(language_of(str(path)), tree, texts[path]).declarations:
            last = min(one.last_line + 1, len(lines))
            for line in lines[one.first_line : last]:
                if re.search(rf"(?<![\w$]){re.escape(one.name)}(?![\w$])", line):
                    declared[one.name].setdefault(path, set()).add(line.strip())
                    break
    for path, text in texts.items():
        tree = trees[path]
        if tree is None:
            continue
        seen: set[str] = set()
        for match in NAME.finditer(text):
            name = match[0]
            if name in seen:
                continue
            seen.add(name)
            elsewhere = declared.get(name, {})
            if (
                len(name) >= MIN_NAME_CHARS
                and name.lower() not in STOP_WORDS
                and name not in GENERIC
                and not (name.startswith("__") and name.endswith("__"))
                and path not in elsewhere
                and 1 <= len(elsewhere) <= MAX_DEFINING_FILES
                and text.count("\n", 0, match.start()) >= MIN_LINES_BEFORE
                and is_use(tree, match.start())
            ):
                rest = text[match.end() :].partition("\n")[2]
                lines_of = sorted({line for lines in elsewhere.values() for line in lines})
                yield NeededIdentifier(
                    package, language, path, match.start(), name, tuple(lines_of),
                    re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", rest) is not None,
                )  # fmt: skip


def is_use(tree: SyntaxTree, offset: int) -> bool:
    """Tell whether the name at ``offset`` is one that code uses: no import, comment or string."""
    node = tree.node_at(offset)
    above = list(tree.ancestors(node))
    return "identifier" in node.type and not any(
        _NO_USE.search(one.type)
        and "interpolation" not in one.type
        and "substitution" not in one.type
        for one in above[:-1]
    )
