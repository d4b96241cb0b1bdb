"""Spell a prompt out as text, for servers that take no token ids.

Such a server reads markers wherever they stand. Source code that happens to hold one must not end
the prefix, so there a character that shows nothing is put into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from infill_ls.models.fim import FimFamily, Order
from infill_ls.types import Prompt

BREAK = "\u200b"
"""Zero-width space."""


def spell_out(prompt: Prompt, family: FimFamily, *, fragment: str = "", to_anchor: bool) -> str:
    """Return ``prompt`` as text with the markers of ``family``, and ``fragment`` behind it.

    ``to_anchor`` leaves out what changes from key to key. BOS is left to the server.
    """
    parts = {part.name: part.text for part in prompt.parts}
    spellings = (*family.markers, *family.stops)
    before, suffix, typed = (
        break_markers("".join(parts.get(name, "") for name in names), spellings)
        for names in (("snippets", "header", "prefix"), ("suffix",), ("typed",))
    )
    typed += fragment
    end = family.middle or ""
    if family.order is Order.PSM:
        anchor = f"{family.prefix}{before}{family.suffix}{suffix}{end}"
        return anchor if to_anchor else anchor + typed
    anchor = f"{family.suffix}{suffix}{family.prefix}{before}"
    return anchor if to_anchor else f"{anchor}{typed}{end}"


def break_markers(text: str, spellings: Iterable[str]) -> str:
    """Return ``text`` with none of ``spellings`` in it."""
    for spelling in spellings:
        if spelling in text:
            text = text.replace(spelling, spelling[0] + BREAK + spelling[1:])
    return text


def between_markers(text: str, spellings: Iterable[str]) -> list[str]:
    """Return pieces that make up ``text``, none of which holds one of ``spellings``."""
    pieces = [text]
    for spelling in spellings:
        inside = re.compile(f"(?<={re.escape(spelling[0])})(?={re.escape(spelling[1:])})")
        pieces = [part for piece in pieces for part in inside.split(piece)]
    return [piece for piece in pieces if piece]
