"""Token healing: which end of the typed text is held back from the prompt.

Typed text that ends inside a word is split into other tokens than the whole word would be
(``self.mo`` against ``self.mounts``), and a model hardly ever saw those. The last piece is
therefore held back, and the output is required to start with its bytes. For the first bundled
model, exact match of the next line went from 1.4 % to 17.1 % with it.

Which piece that is, the tokenizer decides: the cut must be a place where it cuts too. Tokenizers
disagree on that (one joins the dot with the name behind it, another the underscores in a row), so
the places that come into question are tried, the latest first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_STARTS = 8

# Runs that byte-level BPE splitters never cut inside: letters, marks, blanks. A blank belongs to
# the run behind it. Digits stand alone.
_RUN = re.compile(r"[^\S\n]?[^\W\d_]+|[^\S\n]?(?:[^\w\s]|_)+|\d|\s")


def fragment_starts(typed: str) -> list[int]:
    """Return the offsets at which the fragment may start, the latest (shortest fragment) first.

    The first is ``len(typed)``, an empty fragment, if the text ends where every tokenizer cuts: at
    a digit or a line end. The last is always the start of the last line.
    """
    line = typed.rfind("\n") + 1
    starts = [match.start() for match in _RUN.finditer(typed, line)]
    if typed and not (typed[-1].isdigit() or typed[-1] == "\n"):
        blanks = len(typed.rstrip(" \t"))
        if blanks < len(typed):  # all blanks at the end may be one token with more
            starts = [start for start in starts if start <= max(blanks, line)]
    else:
        starts.append(len(typed))
    latest = sorted(set(starts), reverse=True)[:MAX_STARTS]
    return latest if line in latest else [*latest, line]


def choose_start(
    starts: Sequence[int], whole_ids: Sequence[int], split_ids: Sequence[tuple[int, ...]]
) -> int:
    """Return the first of ``starts`` at which the tokenizer cuts as well.

    ``whole_ids`` are the tokens of the typed text, ``split_ids`` those of the text before and the
    text behind each start, two by two.
    """
    for start, kept, fragment in zip(starts, split_ids[::2], split_ids[1::2], strict=True):
        if (*kept, *fragment) == tuple(whole_ids):
            return start
    return starts[-1]
