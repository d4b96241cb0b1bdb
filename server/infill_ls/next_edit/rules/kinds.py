"""Rules for text that was put in beside a name or a declaration: other places of the same kind.

What stood beside it is known by its kind where it is not the same: ``struct``, then any name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_ls.document.lines import line_start
from infill_ls.next_edit.candidate import EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import Change, ChangeForm
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.rules.rewrites import is_edited
from infill_ls.next_edit.tokens import bounded, has_word, is_word
from infill_ls.next_edit.view import View

MAX_BLOCK_LINES = 4
LEAST_KINDS = 4
"""Tokens around a place that say enough where none of them is a known word; line ends count."""
_NOTES = ("@", "#[", "[", "/*", "*", "//", "#:")
"""How lines begin which only say something of the declaration below."""
_DECLARATIONS = (
    "class",
    "function",
    "method",
    "struct",
    "enum",
    "interface",
    "trait",
    "declaration",
)
SIDE_TOKENS = 2
"""Beside a place where something was put in once; the nearest name may be another."""
LINES_ABOVE = 6
"""Of a declaration: what may stand above it already."""


def inserted_by_shape(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the places between tokens of the kinds between which the same was put in twice."""
    change = pattern.change
    if change.form is not ChangeForm.TOKENS or change.inner or len(pattern.agreeing) < 2:
        return
    if has_word(change.old) or not change.new.strip() or "\n" in change.new:
        return
    left = _kinds([one.left[::-1] for one in pattern.agreeing])[::-1]
    right = _kinds([one.right for one in pattern.agreeing])
    if not left or not right or _is_literal([*left, *right]):
        return
    ends = all(len(one.right) == len(right) for one in pattern.agreeing) and len(right) < 6
    starts = all(len(one.left) == len(left) for one in pattern.agreeing) and len(left) < 6
    known = [one for one in (*left, *right) if one is not None]
    if not any(map(is_word, known)) and len(left) + len(right) + starts + ends < LEAST_KINDS:
        return
    gap = _gap_between(change, left, right, starts=starts, ends=ends)
    yield from _into_gaps(pattern, gap, "by shape")


def inserted_by_kind(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the places beside any name, where something was put in beside one, among the same tokens.

    ``yield line`` that became ``yield line.strip()`` makes ``yield rest.strip()`` of ``yield rest``.
    """
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.TOKENS or change.inner or len(pattern.agreeing) > 1:
        return
    if has_word(change.old) or not change.new.strip() or "\n" in change.new:
        return
    left: list[str | None] = list(change.left[-SIDE_TOKENS:])
    right: list[str | None] = list(change.right[:SIDE_TOKENS])
    starts = len(left) == len(change.left)
    ends = len(right) == len(change.right)
    if left and _is_name(view, view.text.rfind(left[-1] or "", 0, change.start), left[-1] or ""):
        left[-1] = None
    if right and _is_name(view, view.text.find(right[0] or "", change.end), right[0] or ""):
        right[0] = None
    known = [one for one in (*left, *right) if one is not None]
    if len(known) == len(left) + len(right) or not any(map(is_word, known)):
        return
    gap = _gap_between(change, left, right, starts=starts, ends=ends)
    yield from _into_gaps(pattern, gap, "by kind")


def added_before_kin(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the declarations of the kind above two of which the same lines were put in.

    One is enough for what is only said of a declaration: a decorator, an attribute.
    """
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.LINES_ADDED:
        return
    block = change.new.splitlines()
    if len(block) > MAX_BLOCK_LINES or not has_word(change.new):
        return
    is_single = len(pattern.agreeing) < 2
    if is_single and not all(line.lstrip().startswith(_NOTES) for line in block):
        return
    kinds = [_kinds_below(view, one.end) for one in pattern.agreeing]
    common = set.intersection(*kinds) if all(kinds) else set()
    indents = {_indent(view.line_at(one.end)) for one in pattern.agreeing}
    if not common or len(indents) != 1:
        return
    (indent,) = indents
    if is_single:
        common = {kind for kind in common if any(part in kind for part in _DECLARATIONS)}
    found = []
    for match in view.find(rf"(?:(?<=[\r\n])|\A){re.escape(indent)}(?=[^\s)\]}}])"):
        at = match.start()
        if not common & _kinds_below(view, at) or _stands_above(view, at, block):
            continue
        if any(one.start <= at <= one.end for one in pattern.agreeing):
            continue
        new = "".join(line + view.eol for line in block)
        found.append(
            candidate(
                pattern, at, "", new, Rule.LINES_ADDED, {"by kind": 1.0, "by one": float(is_single)}
            )
        )
    yield from with_counts(found, pattern)


def _kinds(sides: list[tuple[str, ...]]) -> list[str | None]:
    """Return what the contexts have in common, from the place outwards; ``None`` is any word."""
    found: list[str | None] = []
    for column in zip(*sides, strict=False):
        if len(set(column)) == 1:
            found.append(column[0])
        elif all(is_word(one) for one in column):
            found.append(None)
        else:
            break
    return found


def _into_gaps(pattern: Pattern, gap: str, why: str) -> Iterator[EditCandidate]:
    """Yield the insertion at each place that ``gap`` finds; ``why`` names what tells of the place."""
    change, view = pattern.change, pattern.view
    found = []
    for match in view.find_few(gap):
        start = match.start("gap")
        if view.text[start : start + len(change.new)] == change.new:
            continue
        if is_edited(pattern, start, view.uri):
            continue
        more = {why: 1.0, "inserts a word": float(has_word(change.new))}
        found.append(candidate(pattern, start, change.old, change.new, Rule.INSERTION, more))
    yield from with_counts(found, pattern)


def _gap_between(
    change: Change, left: list[str | None], right: list[str | None], *, starts: bool, ends: bool
) -> str:
    """Return a pattern of the tokens around, with the place itself as the group ``gap``."""
    blanks = r"[ \t]*"
    before = blanks.join(map(_regex, left))
    after = blanks.join(map(_regex, right))
    if starts:
        before = rf"(?:(?<=[\r\n])|\A){blanks}{before}"
    if ends:
        after = rf"{after}{blanks}(?=[\r\n]|\Z)"
    gap = f"(?P<gap>{re.escape(change.old)})"
    clings = not change.new[:1].strip() or change.new[:1] in ",;."
    inner = f"{gap}{blanks}" if clings else f"{blanks}{gap}"
    return f"{before}{inner}(?={after})"


def _is_name(view: View, at: int, word: str) -> bool:
    """Tell whether a word is a name, not one of the language: its node is of another kind."""
    return is_word(word) and at >= 0 and view.facts(at, at + len(word)).node != word


def _is_literal(kinds: list[str | None]) -> bool:
    return None not in kinds


def _regex(kind: str | None) -> str:
    if kind is None:
        return r"(?<!\w)[^\W\d]\w{0,80}(?!\w)"
    return bounded(kind)


def _kinds_below(view: View, at: int) -> set[str]:
    """Return the kinds of the nodes that begin with the text at a line."""
    tree = view.tree
    line = view.line_at(at)
    start = at + len(line) - len(line.lstrip(" \t"))
    if tree is None or not view.low <= start < view.high or not line.strip():
        return set()
    byte = tree.byte_of_offset(start - view.low)
    node = tree.root.descendant_for_byte_range(byte, byte + 1)
    kinds = set()
    for one in tree.ancestors(node) if node is not None else ():
        if one.start_byte != byte or one.parent is None:
            break
        if one.child_count > 1:
            kinds.add(one.type)
    return kinds


def _stands_above(view: View, at: int, block: list[str]) -> bool:
    above: set[str] = set()
    low = at
    for _ in range(LINES_ABOVE):
        low = line_start(view.text, max(low - 1, 0))
        line = view.line_at(low).strip()
        if not line or low == 0:
            break
        above.add(line)
    here = view.line_at(at).strip()
    return any(line.strip() in above or line.strip() == here for line in block if has_word(line))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
