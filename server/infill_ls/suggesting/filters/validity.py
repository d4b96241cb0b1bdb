"""What must not be shown at all: nothing of use, secrets, what breaks the syntax."""

from __future__ import annotations

import re

from infill_ls.suggesting.filters.site import Site
from infill_ls.types import Mode
from infill_retrieval.secrets.judgement import is_bare, secret_lines

_RULER = re.compile(r"([^\w\s()\[\]{}\"'`;,.])\1{3,}")


def low_information(text: str, site: Site) -> str:
    """Show neither a ruler, as ``------``, nor a comment without a word."""
    stripped = text.strip()
    if _RULER.fullmatch(stripped):
        return ""
    in_comment = site.hole.mode is Mode.COMMENT or stripped.startswith(site.hole.language.comment)
    return text if not in_comment or any(map(str.isalnum, stripped)) else ""


def secrets(text: str, site: Site) -> str:
    """Show nothing that looks like a token or a key: it is somebody's, or it is wrong."""
    lines = f"{site.near.line}{text}{site.near.rest_of_line}".split("\n")
    return "" if secret_lines(lines, bare=is_bare(site.hole.language.name)) else text


def syntax(text: str, site: Site) -> str:
    """Cut the text back to the lines that add no errors; show nothing if there are none."""
    if site.hole.mode in (Mode.LINE, Mode.COMMENT, Mode.STRING) or _adds_none(text.rstrip(), site):
        return text
    lines = text.rstrip().split("\n")
    for number in range(len(lines) - 1, 0, -1):
        head = "\n".join(lines[:number])
        if head.strip() and site.balance.left_open(head) is None and _adds_none(head, site):
            return head
    return ""


def _adds_none(text: str, site: Site) -> bool:
    """Whether there are no more errors than without the line, or than if it stays unfinished."""
    errors, allowed = site.errors(text), site.errors_around()
    if errors is None or errors <= allowed:
        return True
    # Where a statement needs its semicolon the next line is an error without: it is only missing.
    if not site.hole.language.indented and (site.errors(f"{text};") or 0) <= allowed:
        return True
    is_unfinished = not site.balance.is_whole(f"{text}\n")
    return is_unfinished and errors <= (site.errors("") or 0)
