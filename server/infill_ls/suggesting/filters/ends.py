"""Where a text must end: at its line, its string, its brackets."""

from __future__ import annotations

import re

from infill_ls.suggesting.filters.site import Site
from infill_ls.types import Mode

_LAST_WORD = re.compile(r"(?<!\w)\w++\Z")
_COMMENT_ENDS = ("*/", "-->")


def cut_off_end(text: str, _site: Site) -> str:
    """Keep what is whole of a text that a limit cut off: whole lines, else whole words."""
    head, newline, _ = text.rpartition("\n")
    return head if newline and head.strip() else _LAST_WORD.sub("", text)


def one_line(text: str, site: Site) -> str:
    """Keep to one line where one line is asked for."""
    return text.partition("\n")[0] if site.hole.mode.end_kind is None else text


def string_or_comment_end(text: str, site: Site) -> str:
    """End a string at its quote, and a comment at its mark, if that stands right of the cursor."""
    rest = site.near.rest_of_line.lstrip()
    quote = site.balance.at_cursor.string
    if quote and rest.startswith(quote):
        return _before_unescaped(text, quote)
    if site.hole.mode is Mode.COMMENT:
        for mark in _COMMENT_ENDS:
            if mark in site.near.after:
                return text.partition(mark)[0]
    return text


def closers_below(text: str, site: Site) -> str:
    """End the text at the first bracket that nothing needs: not open, or closed further down."""
    if site.hole.mode is Mode.COMMENT:
        return text
    excess = site.balance.excess_closer(text)
    return text[: excess.offset] if excess is not None else text


def left_open(text: str, site: Site) -> str:
    """End the text before the first bracket that it opens and that nothing closes."""
    if not site.is_code:
        return text
    # What is cut off may have made another one look closed: until there is none. Each cut is shorter.
    while (bracket := site.balance.left_open(text)) is not None:
        text = text[: bracket.offset]
    return text


def blank_end(text: str, site: Site) -> str:
    """Take off blank lines and blanks at the end, but put what closes a block on its own line."""
    whole = text.rstrip()
    closes_below = site.hole.mode is Mode.BLOCK and site.near.rest_of_line.strip()
    if closes_below and whole.startswith("\n"):
        line = site.near.line
        return f"{whole}\n{line[: len(line) - len(line.lstrip())]}"
    return whole


def _before_unescaped(text: str, quote: str) -> str:
    match = re.match(rf"(?:\\.|(?!{re.escape(quote)})[^\\])*", text, re.DOTALL)
    return match[0] if match is not None else text
