"""Filters that adapt white space to the document: line ends, blanks, indentation."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from infill_ls.document.lines import with_lf
from infill_ls.suggesting.filters.site import Site

DEFAULT_WIDTH = 4
_WIDTHS = (2, 3, 4, 8)


def line_ends(text: str, _site: Site) -> str:
    """Return the text with LF line ends; editors put the document's in."""
    return with_lf(text)


def doubled_space(text: str, site: Site) -> str:
    """Do not begin with white space that is there: a blank after a blank, blank lines first."""
    line = site.near.line
    if line.strip():
        is_doubled = site.is_code and line[-1] in " \t" and text[:1] == " " and text[1:2] != " "
        return text[1:] if is_doubled else text  # more than one align something
    if not text.startswith("\n"):
        return text
    first = text.lstrip("\n")
    return first.removeprefix(line)


def indentation(text: str, site: Site) -> str:
    """Indent the lines after the first as the document is: with tabs, or so many blanks a step."""
    first, newline, rest = text.partition("\n")
    first = _first_line(first, site)
    if not newline:
        return first
    known = f"{site.near.before}{site.near.line}{site.near.after}"
    lines = rest.split("\n")
    uses_tabs = _uses_tabs(known)
    if uses_tabs is None or all(_fits(line, tabs=uses_tabs) for line in lines):
        return f"{first}\n{rest}"
    width = _width(known if not uses_tabs else rest)
    return "\n".join([first, *(_indented(line, width, tabs=uses_tabs) for line in lines)])


def _first_line(first: str, site: Site) -> str:
    """Take off blanks that go on with the indentation at the cursor, but not by a whole step."""
    near = site.near
    blanks = len(first) - len(first.lstrip(" "))
    if not blanks or near.line.strip() or not near.line or site.hole.language.is_prose:
        return first
    return first if blanks % _width(f"{near.before}{near.after}") == 0 else first[blanks:]


def _uses_tabs(text: str) -> bool | None:
    """Whether more lines begin with a tab than with blanks; ``None`` if no line is indented."""
    starts = Counter(line[:1] for line in text.split("\n") if line.strip())
    if not starts["\t"] and not starts[" "]:
        return None
    return starts["\t"] > starts[" "]


def _fits(line: str, *, tabs: bool) -> bool:
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    return not indent.startswith(" ") if tabs else "\t" not in indent


def _width(text: str) -> int:
    """Return how many blanks one step of the indentation has: the most frequent step."""
    indents = [len(line) - len(line.lstrip(" ")) for line in text.split("\n") if line.strip()]
    steps = Counter(
        after - before for before, after in pairwise(indents) if after - before in _WIDTHS
    )
    return steps.most_common(1)[0][0] if steps else DEFAULT_WIDTH


def _indented(line: str, width: int, *, tabs: bool) -> str:
    code = line.lstrip(" \t")
    columns = len(line[: len(line) - len(code)].expandtabs(width))
    return ("\t" * (columns // width) + " " * (columns % width) if tabs else " " * columns) + code
