"""The language at the cursor in a document with several: scripts in pages, code in templates.

By the marks between which the other language stands, so that it works while either is broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from infill_retrieval.syntax import Language, language_named

_ELEMENT = re.compile(
    r"<(?P<tag>script|style)\b(?P<attributes>[^<>]{0,999})>(?P<body>.*?)(?P<end></(?P=tag)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_LANGUAGE = re.compile(r"""\b(?:lang|type)\s*=\s*["']?(?:text/|application/)?([\w+-]+)""")
_NOT_CODE = frozenset({"template", "x-template", "html", "plain", "markdown"})
_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(?P<body>.*?)(?P<end>^---[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*\{?\.?(?P<name>[\w+#-]*)[^\n]*\n"
    r"(?P<body>.*?)(?P<end>^[ \t]*(?P=fence)|\Z)",
    re.DOTALL | re.MULTILINE,
)
_PHP = re.compile(r"<\?(?:php\b|=)?(?P<body>.*?)(?P<end>\?>|\Z)", re.DOTALL)
_TEMPLATE = re.compile(r"<%[=#-]?(?P<body>.*?)(?P<end>-?%>|\Z)", re.DOTALL)
_TEMPLATE_CODE = {".ejs": "javascript", ".eex": "elixir", ".heex": "elixir", ".leex": "elixir"}


REMEMBERED_CHARS = 1 << 14
"""A page is remembered up to a multiple of so many; the rest is looked at for each key."""


@dataclass(frozen=True, slots=True)
class Region:
    """``text[start:end]`` of a document is of one language."""

    language: Language
    start: int
    end: int


def region_at(language: Language, name: str, text: str, offset: int) -> Region:
    """Return the region that holds ``offset``; the whole document where it has one language."""
    inside = [
        region
        for region in _regions(language, name, text, offset)
        if region.start <= offset <= region.end
    ]
    # The last one found is the innermost.
    return inside[-1] if inside else Region(language, 0, len(text))


def _regions(language: Language, name: str, text: str, offset: int) -> Iterator[Region]:
    """Yield the regions that begin up to ``offset``, and perhaps one behind it."""
    if language.is_markup:
        if language.name == "astro" and (front := _FRONT_MATTER.match(text)):
            yield from _region("typescript", front)
        for element in _up_to(offset, _ELEMENT, text):
            yield from _region(_of_element(element), element)
        if language.name == "erb":
            suffix = name[name.rfind(".") :]
            for code in _up_to(offset, _TEMPLATE, text):
                yield from _region(_TEMPLATE_CODE.get(suffix, "ruby"), code)
    elif language.name == "markdown":
        for fence in _up_to(offset, _FENCE, text):
            yield from _region(fence["name"], fence)
    elif language.name == "php":
        yield from _around_php(text, offset)


def _up_to(offset: int, pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield the matches that begin up to ``offset``, but for some that end before it."""
    found = pattern.finditer(text, _passed(offset, pattern, text))
    return takewhile(lambda one: one.start() <= offset, found)


def _passed(offset: int, pattern: re.Pattern[str], text: str) -> int:
    """Return where a match ends before ``offset``: going on from there finds the same as all of it."""
    return _last_end(pattern, text[: offset - offset % REMEMBERED_CHARS])


@lru_cache(maxsize=16)
def _last_end(pattern: re.Pattern[str], head: str) -> int:
    """Return where the last whole match ends. Remembered, as a page stays the same above the cursor."""
    end = 0
    for found in pattern.finditer(head):
        if found["end"]:
            end = found.end()
    return end


def _region(name: str, found: re.Match[str]) -> Iterator[Region]:
    language = language_named(name) if name else None
    if language is not None:
        yield Region(language, found.start("body"), found.end("body"))


def _of_element(element: re.Match[str]) -> str:
    said = _LANGUAGE.search(element["attributes"])
    if said is None or said[1].lower() in ("module", "ecmascript", "babel", "css"):
        return "css" if element["tag"].lower() == "style" else "javascript"
    name = said[1].lower()
    if name in _NOT_CODE:
        return ""
    return "json" if name.endswith("json") else name


def _around_php(text: str, offset: int) -> Iterator[Region]:
    """Yield the parts of a PHP file outside of PHP: its page."""
    page = language_named("html")
    assert page is not None
    end = _passed(offset, _PHP, text)
    for code in _PHP.finditer(text, end):
        if code.start() > end:
            yield Region(page, end, code.start())
        if code.start() > offset:
            return
        end = code.end()
    if end < len(text) and end:
        yield Region(page, end, len(text))
