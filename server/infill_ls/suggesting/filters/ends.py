"""Filters that end a text: at its line, its string, its brackets."""

from __future__ import annotations

import re

from infill_ls.suggesting.filters.site import Site
from infill_ls.types import Mode

_LAST_WORD = re.compile(r"(?<!\w)\w++(?:['-]\w++)*+\Z")
"""Also one with hyphens or apostrophes, such as ``margin-top`` and ``don't``."""
LONGEST_WORD_CHARS = 200
"""What is longer is no word; looking for its beginning would take the square of its length."""


def cut_off_end(text: str, _site: Site) -> str:
    """Keep the whole lines, or else whole words, of a text that a limit cut off."""
    head, newline, _ = text.rpartition("\n")
    if newline and head.strip():
        return head
    before, tail = text[:-LONGEST_WORD_CHARS], text[-LONGEST_WORD_CHARS:]
    kept = before + _LAST_WORD.sub("", tail)
    return kept.rstrip("([{")  # what such a bracket holds is missing


def one_line(text: str, site: Site) -> str:
    """Keep to one line where one line is asked for."""
    return text.partition("\n")[0] if site.hole.mode.end_kind is None else text


def rest_of_line(text: str, site: Site) -> str:
    """End the text where it does not fit before the text right of the cursor and below."""
    return site.fit(text).text


def left_open(text: str, site: Site) -> str:
    """End the text before the first bracket that it opens and that nothing closes."""
    if not site.is_code:
        return text
    last = text.rstrip()[-1:]
    # What is cut off may have made another one look closed: until there is none. Each cut is shorter.
    while (bracket := site.balance.left_open(text, site.fit(text).replaced)) is not None:
        if last in "({[" and bracket.offset == len(text.rstrip()) - 1 and "\n" not in text:
            return text  # the line ends with it: what it holds comes next
        text = text[: bracket.offset]
    return text


def blank_end(text: str, site: Site) -> str:
    """Take off blank lines and blanks at the end, but put what closes a block on its own line."""
    whole = text.rstrip()
    rest = site.near.rest_of_line[site.fit(whole).replaced :]
    closes_below = site.hole.mode is Mode.BLOCK and rest.strip()
    if closes_below and whole.startswith("\n"):
        line = site.near.line
        return f"{whole}\n{line[: len(line) - len(line.lstrip())]}"
    return whole
