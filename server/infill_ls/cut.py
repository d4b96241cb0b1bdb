"""Cut a document at the cursor into prefix, typed text and suffix.

The cut is at the start of the cursor's line. What the user has typed on the line is kept apart,
to go behind the last marker of the prompt: then everything before it stays in the KV cache while
the user types (the idea of EFIM, arXiv 2505.21889). A line start never splits a token.
"""

from __future__ import annotations

from functools import lru_cache

from infill_ls.lines import indent_columns, line_end, line_start, with_lf
from infill_ls.types import Hole, Mode, Snapshot
from infill_retrieval.syntax import Language, language_of, parse

WINDOW_CHARS = 24_000
"""Most characters of prefix, and of suffix, that are looked at: far more than any budget of
tokens holds for a model that fits a laptop, and little enough to parse within a keystroke."""
LONGEST_TYPED_CHARS = 1_000
"""On a longer line (minified code, data) the anchor moves into the line."""
LONGEST_TAIL_CHARS = 1_000
_BLOCK_OPENERS = {"indented": (":",), "braces": ("{", "(", "[", "=>", "->", "do", "then")}


def cut(snapshot: Snapshot) -> Hole:
    """Return the hole at the snapshot's cursor."""
    text, offset = snapshot.text, snapshot.offset
    language = language_of(snapshot.path or snapshot.name, snapshot.language_id)
    anchor = max(line_start(text, offset), offset - LONGEST_TYPED_CHARS)
    window_start = max(0, anchor - WINDOW_CHARS)
    if window_start:
        # Whole lines only, unless a single line fills the window.
        first_break = text.find("\n", window_start, anchor)
        window_start = first_break + 1 if first_break >= 0 else window_start
    prefix = with_lf(text[window_start:anchor])
    tail_end = line_end(text, offset)
    below = with_lf(text[tail_end : tail_end + WINDOW_CHARS])
    if tail_end + WINDOW_CHARS < len(text) and "\n" in below[1:]:
        below = below[: below.rfind("\n") + 1]
    typed = text[anchor:offset]
    line_tail = text[offset : min(tail_end, offset + LONGEST_TAIL_CHARS)]
    return Hole(
        prefix=prefix,
        prefix_borders=syntax_borders(language, prefix),
        typed=typed,
        line_tail=line_tail,
        below=below,
        anchor=anchor,
        mode=_mode(language, prefix, typed, line_tail, below),
    )


@lru_cache(maxsize=8)
def syntax_borders(language: Language, prefix: str) -> tuple[int, ...]:
    """Return the lines (0-based) of ``prefix`` at which a top-level node starts, ascending.

    Cached, as the prefix stays equal while the user types on one line.
    """
    tree = parse(language, prefix)
    return tuple(tree.top_level_lines()) if tree is not None else ()


def _mode(language: Language, prefix: str, typed: str, line_tail: str, below: str) -> Mode:
    """Return BLOCK where the cursor stands on an empty line that begins a block, else LINE."""
    if typed.strip() or line_tail.strip():
        return Mode.LINE
    above = next((line for line in reversed(prefix.split("\n")) if line.strip()), "").rstrip()
    openers = _BLOCK_OPENERS["indented" if language.indented else "braces"]
    if not above.endswith(openers):
        return Mode.LINE
    # A body that is already there is not written a second time.
    indent = indent_columns(typed)
    following = next((line for line in below.split("\n") if line.strip()), "")
    has_body = bool(following) and indent_columns(following) > indent_columns(above)
    return Mode.LINE if has_body or indent <= indent_columns(above) else Mode.BLOCK
