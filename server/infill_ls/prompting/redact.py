"""Redact lines that hold secrets from the text of a prompt.

At every request, on the very text of it: a line may have been pasted a moment ago. Each line is
judged once, whatever is typed elsewhere (``infill_retrieval.secrets.judgement`` remembers).
"""

from __future__ import annotations

from dataclasses import replace

from infill_ls.types import Hole
from infill_retrieval.secrets.judgement import is_bare, secret_lines


def redact(hole: Hole) -> Hole | None:
    """Return the hole with such lines blank, or ``None`` if the cursor's own line is one.

    Lines keep their numbers, on which the borders of the prefix rest.
    """
    parts = [part.split("\n") for part in (hole.prefix + hole.typed, hole.line_tail + hole.below)]
    above, after = parts
    cursor = len(above) - 1
    lines = [*above[:-1], above[-1] + after[0], *after[1:]]
    bare = hole.has_bare_values or is_bare(hole.language.name)
    hidden = secret_lines(lines, bare=bare, language=hole.language)
    if not hidden:
        return hole
    if cursor in hidden:
        return None
    for number in hidden:
        lines[number] = ""
    typed_from = hole.prefix.count("\n")
    # Where the anchor lies within a line, that is the cursor's own: it is no secret.
    rest_of_anchor = hole.prefix.rpartition("\n")[2]
    prefix = "".join(f"{line}\n" for line in lines[:typed_from]) + rest_of_anchor
    typed = "\n".join([*lines[typed_from:cursor], above[-1]])[len(rest_of_anchor) :]
    below = "".join(f"\n{line}" for line in lines[cursor + 1 :])
    return replace(hole, prefix=prefix, typed=typed, below=below)
