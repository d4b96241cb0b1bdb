"""What two edits have in common where they are not the same: their shape.

``a.get("x")`` that became ``a.x`` and ``b.get("y")`` that became ``b.y`` make of ``c.get("z")`` the line
``c.z``: what differs between the two is a hole, and a hole's text goes where it went in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from infill_ls.document.lines import line_end, line_start
from infill_ls.next_edit.candidate import Candidate, Pattern, Rule
from infill_ls.next_edit.changes import MAX_LINE_TOKENS, Change, Form
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.rules.rewrites import is_edited
from infill_ls.next_edit.tokens import Token, bounded, has_word, is_word, tokens
from infill_ls.next_edit.view import View

MAX_HOLES = 4
MAX_HOLE_TOKENS = 16
MAX_PARTNERS = 4
"""Earlier changes that are compared with the last one."""
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
LEAST_SHARE = 0.4
"""Of the old line that both edits have in common."""

Piece = str | int
"""A token, or the number of a hole."""


@dataclass(frozen=True, slots=True)
class _Template:
    """What two lines were, and became."""

    old: tuple[Piece, ...]
    new: tuple[tuple[str, Piece], ...]
    """Blanks before a piece, and the piece."""


def by_shape(pattern: Pattern) -> Iterator[Candidate]:
    """Yield the lines of the shape that two lines had which were changed in one way."""
    change, view = pattern.change, pattern.view
    if change.form is not Form.TOKENS or not change.old_line or change.is_across:
        return
    for partner in _partners(pattern):
        template = _template(
            change.old_line,
            view.line_at(change.start),
            partner.old_line,
            view.line_at(partner.start),
        )
        if template is not None:
            yield from with_counts(list(_matches(pattern, template)), pattern)
            return


def inserted_by_shape(pattern: Pattern) -> Iterator[Candidate]:
    """Yield the places between tokens of the kinds between which the same was put in twice."""
    change, view = pattern.change, pattern.view
    if change.form is not Form.TOKENS or change.inner or len(pattern.agreeing) < 2:
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
    found = []
    for match in view.find_few(_gap_between(change, left, right, starts=starts, ends=ends)):
        start = match.start("gap")
        if view.text[start : start + len(change.new)] == change.new:
            continue
        if is_edited(pattern, start, view.uri):
            continue
        more = {"by shape": 1.0, "inserts a word": float(has_word(change.new))}
        found.append(candidate(pattern, start, change.old, change.new, Rule.INSERTION, more))
    yield from with_counts(found, pattern)


def inserted_by_kind(pattern: Pattern) -> Iterator[Candidate]:
    """Yield the places beside any name, where something was put in beside one, among the same tokens.

    ``yield line`` that became ``yield line.strip()`` makes ``yield rest.strip()`` of ``yield rest``.
    """
    change, view = pattern.change, pattern.view
    if change.form is not Form.TOKENS or change.inner or len(pattern.agreeing) > 1:
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
    found = []
    for match in view.find_few(_gap_between(change, left, right, starts=starts, ends=ends)):
        start = match.start("gap")
        if view.text[start : start + len(change.new)] == change.new:
            continue
        if is_edited(pattern, start, view.uri):
            continue
        more = {"by kind": 1.0, "inserts a word": float(has_word(change.new))}
        found.append(candidate(pattern, start, change.old, change.new, Rule.INSERTION, more))
    yield from with_counts(found, pattern)


def added_before_kin(pattern: Pattern) -> Iterator[Candidate]:
    """Yield the declarations of the kind above two of which the same lines were put in.

    One is enough for what is only said of a declaration: a decorator, an attribute.
    """
    change, view = pattern.change, pattern.view
    if change.form is not Form.LINES_ADDED:
        return
    block = change.new.splitlines()
    if len(block) > MAX_HOLES or not has_word(change.new):
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


def _partners(pattern: Pattern) -> Iterator[Change]:
    mine = {id(one) for one in pattern.together}
    found = 0
    for one in pattern.earlier:
        if id(one) in mine or one.form is not Form.TOKENS or one.key == pattern.change.key:
            continue
        if one.is_across:
            continue
        if pattern.view.text[one.start : one.end] != one.new or not one.old_line:
            continue  # in another document
        yield one
        found += 1
        if found == MAX_PARTNERS:
            return


def _template(
    old: tuple[str, ...], new: str, other_old: tuple[str, ...], other_new: str
) -> _Template | None:
    matcher = SequenceMatcher(None, old, other_old, autojunk=False)
    pieces: list[Piece] = []
    ones: list[tuple[str, ...]] = []
    others: list[tuple[str, ...]] = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            pieces += old[i1:i2]
        elif kind != "replace" or max(i2 - i1, j2 - j1) > MAX_HOLE_TOKENS:
            return None
        else:
            pieces.append(len(ones))
            ones.append(old[i1:i2])
            others.append(other_old[j1:j2])
    literal = [piece for piece in pieces if isinstance(piece, str)]
    if not ones or len(ones) > MAX_HOLES or not any(map(has_word, literal)):
        return None
    if len(literal) < LEAST_SHARE * len(old):
        return None
    became, became_other = _filled(tokens(new), ones), _filled(tokens(other_new), others)
    if [piece for _, piece in became] != [piece for _, piece in became_other]:
        return None
    if [piece for _, piece in became] == pieces:
        return None
    gaps = tuple(
        (new[end : token.start], piece)
        for (token, piece), end in zip(became, _ends(became, ones), strict=True)
    )
    return _Template(tuple(pieces), gaps)


def _filled(line: Sequence[Token], holes: Sequence[tuple[str, ...]]) -> list[tuple[Token, Piece]]:
    """Return a line with holes where it has their texts."""
    words = [token.text for token in line]
    found: list[tuple[Token, Piece]] = []
    at = 0
    order = sorted(range(len(holes)), key=lambda number: -len(holes[number]))
    while at < len(line):
        for number in order:
            size = len(holes[number])
            if tuple(words[at : at + size]) == holes[number]:
                found.append((line[at], number))
                at += size
                break
        else:
            found.append((line[at], words[at]))
            at += 1
    return found


def _ends(pieces: list[tuple[Token, Piece]], holes: Sequence[tuple[str, ...]]) -> list[int]:
    """Return where the text before each piece ends; a hole's text may hold blanks itself."""
    ends = [0]
    for token, piece in pieces[:-1]:
        size = len(piece) if isinstance(piece, str) else sum(map(len, holes[piece]))
        ends.append(token.start + size)
    return ends[: len(pieces)]


def _matches(pattern: Pattern, template: _Template) -> Iterator[Candidate]:
    view = pattern.view
    words = [piece for piece in template.old if isinstance(piece, str) and has_word(piece)]
    rarest = max(words, key=len)
    seen = set()
    for match in view.find(bounded(rarest)):
        start, end = line_start(view.text, match.start()), line_end(view.text, match.end())
        if start in seen or is_edited_line(pattern, start, end):
            continue
        seen.add(start)
        line = view.text[start:end]
        holes = _match(template.old, tokens(line))
        if holes is None:
            continue
        values = [line[first:last] for first, last in holes]
        if not all(map(_is_balanced, values)):
            continue
        became = "".join(
            gap + (piece if isinstance(piece, str) else values[piece])
            for gap, piece in template.new
        )
        became = line[: len(line) - len(line.lstrip())] + became.strip()
        if became == line.rstrip():
            continue
        head, old, new = _changed(line.rstrip(), became)
        more = {"holes": len(values) / MAX_HOLES, "by shape": 1.0}
        yield candidate(pattern, start + head, old, new, Rule.TEXT, more)


def _match(template: Sequence[Piece], line: Sequence[Token]) -> list[tuple[int, int]] | None:
    """Return where the holes lie in a line that has a template's shape; each as short as may be."""
    if len(line) > MAX_LINE_TOKENS:
        return None
    words = [token.text for token in line]
    holes: list[tuple[int, int]] = []
    at = place = 0
    while place < len(template):
        piece = template[place]
        if isinstance(piece, str):
            if at >= len(words) or words[at] != piece:
                return None
            at, place = at + 1, place + 1
            continue
        block = []
        for following in template[place + 1 :]:
            if not isinstance(following, str):
                break
            block.append(following)
        is_last = place + 1 + len(block) == len(template)
        if is_last:
            end = len(words) - len(block)
        else:
            end = at + 1
            while end + len(block) <= len(words) and words[end : end + len(block)] != block:
                end += 1
        if end <= at or end - at > MAX_HOLE_TOKENS or words[end : end + len(block)] != block:
            return None
        holes.append((line[at].start, line[end - 1].end))
        at, place = end + len(block), place + 1 + len(block)
    return holes if at == len(words) else None


def _changed(line: str, became: str) -> tuple[int, str, str]:
    """Return what of a line changes, in whole tokens: where, old and new."""
    ones, others = tokens(line), tokens(became)
    head = tail = 0
    least = min(len(ones), len(others))
    while head < least and ones[head].text == others[head].text:
        head += 1
    while tail < least - head and ones[-1 - tail].text == others[-1 - tail].text:
        tail += 1
    start = ones[head - 1].end if head else 0
    begin = others[head - 1].end if head else 0
    end = ones[len(ones) - tail].start if tail else len(line)
    finish = others[len(others) - tail].start if tail else len(became)
    return start, line[start:end], became[begin:finish]


def _is_balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if depth < 0:
            return False
    return depth == 0


def is_edited_line(pattern: Pattern, start: int, end: int) -> bool:
    """Tell whether one of the latest edits lies on a line."""
    return any(first <= end and start <= last for first, last in pattern.spans)


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
