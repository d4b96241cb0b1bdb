"""Cut a document at the cursor into prefix, typed text and suffix.

The cut is at the start of the cursor's line. What the user has typed on the line is kept apart,
to go behind the last marker of the prompt: then everything before it stays in the KV cache while
the user types (the idea of EFIM, arXiv 2505.21889). A line start never splits a token.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from infill_ls.document.embedded import region_at
from infill_ls.document.lines import line_end, line_start, with_lf
from infill_ls.document.modes import mode_of
from infill_ls.types import Hole, Snapshot
from infill_retrieval.secrets.judgement import is_bare_name
from infill_retrieval.syntax import Language, language_of, parse

WINDOW_CHARS = 24_000
"""Most characters of prefix, and of suffix, that are looked at: far more than any budget of
tokens holds for a model that fits a laptop, and little enough to parse within a keystroke."""
LONGEST_TYPED_CHARS = 1_000
"""On a longer line (minified code, data) the anchor moves into the line."""
LONGEST_TAIL_CHARS = 1_000


def cut(snapshot: Snapshot) -> Hole:
    """Return the hole at the snapshot's cursor."""
    text, offset = snapshot.whole_text, snapshot.whole_offset
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
    region = region_at(language, snapshot.name, text, offset)
    is_embedded = region.language is not language
    hole = Hole(
        prefix=prefix,
        prefix_borders=syntax_borders(language, prefix),
        typed=typed,
        line_tail=line_tail,
        below=below,
        anchor=anchor,
        language=region.language,
        region_before=len(with_lf(text[region.start : offset])) if is_embedded else None,
        region_after=len(with_lf(text[offset : region.end])) if is_embedded else None,
        has_bare_values=is_bare_name(snapshot.path or snapshot.name),
    )
    return replace(hole, mode=mode_of(hole))


@lru_cache(maxsize=8)
def syntax_borders(language: Language, prefix: str) -> tuple[int, ...]:
    """Return the lines (0-based) of ``prefix`` at which a top-level node starts, ascending.

    Cached, as the prefix stays equal while the user types on one line.
    """
    tree = parse(language, prefix)
    return tuple(tree.top_level_lines()) if tree is not None else ()
