"""Filters that drop a text: useless ones, secrets, and what breaks the syntax."""

from __future__ import annotations

import re

from infill_ls.suggesting.filters.site import Site
from infill_ls.types import Mode
from infill_retrieval.secrets.judgement import is_bare, secret_lines
from infill_retrieval.secrets.statements import LINES

_RULER = re.compile(r"([^\w\s()\[\]{}\"'`;,.])\1{3,}")


def low_information(text: str, site: Site) -> str:
    """Do not begin a ruler, as ``------``, nor a comment without a word."""
    stripped, before = text.strip(), site.near.line.strip()
    mark = site.hole.language.comment
    if (
        site.hole.language.is_prose
        or before.strip(mark)
        or site.near.line_above.strip()[:1] == mark[0]
    ):
        return text  # it goes on with what is there
    is_empty = stripped.startswith(mark) and not any(map(str.isalnum, stripped))
    return "" if _RULER.fullmatch(stripped) or (is_empty and not stripped.endswith("*/")) else text


def secrets(text: str, site: Site) -> str:
    """Show nothing that looks like a token or a key: it is somebody's, or it is wrong."""
    hole = site.hole
    # The name may stand above: ``password = (``.
    above = site.near.before.split("\n")[-LINES:-1]
    lines = [*above, *f"{site.near.line}{text}{site.near.rest_of_line}".split("\n")]
    bare = hole.has_bare_values or is_bare(hole.language.name)
    hidden = secret_lines(lines, bare=bare, language=hole.language)
    return "" if hidden and hidden[-1] >= len(above) else text


def syntax(text: str, site: Site) -> str:
    """Cut the text back to the lines that add no errors; show nothing if there are none.

    Only where the surroundings have no errors of their own, and the text leaves nothing open:
    elsewhere an error says nothing about the text.
    """
    if site.hole.mode in (Mode.LINE, Mode.COMMENT, Mode.STRING, Mode.ARGUMENT):
        return text
    if site.hole.region_before is not None:
        return text  # code within a page: a part of a program, or not even that
    if _adds_none(text.rstrip(), site):
        return text
    lines = text.rstrip().split("\n")
    for number in range(len(lines) - 1, 0, -1):
        head = "\n".join(lines[:number])
        if head.strip() and site.balance.left_open(head) is None and _adds_none(head, site):
            return head
    return ""


def _adds_none(text: str, site: Site) -> bool:
    """Whether the text is not known to add errors, however the user finishes the line."""
    if not site.balance.is_whole(f"{text}\n") or site.errors_around():
        return True
    replaced = site.fit(text).replaced
    if not site.errors(text, replaced):
        return True
    language = site.hole.language
    last_word = re.search(r"(?<!\w)(\w+)\s*\Z", text)
    if last_word is not None and last_word[1] in language.block_words:
        return True
    ends = (":", ":\n" + "\t" * 20 + "pass") if language.indented else (";", " {}", ",")
    return not all(site.errors(text + end, replaced) for end in ends)
