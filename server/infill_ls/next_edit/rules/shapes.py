"""What two edits have in common where they are not the same: their shape.

``a.get("x")`` that became ``a.x`` and ``b.get("y")`` that became ``b.y`` make of ``c.get("z")`` the line
``c.z``: what differs between the two is a hole, and a hole's text goes where it went in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from infill_ls.document.lines import line_end, line_start
from infill_ls.next_edit.candidate import EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import MAX_LINE_TOKENS, Change, ChangeForm
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.tokens import CodeToken, bounded, has_word, tokens

MAX_HOLES = 4
MAX_HOLE_TOKENS = 16
MAX_PARTNERS = 4
"""Earlier changes that are compared with the last one."""
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


def by_shape(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the lines of the shape that two lines had which were changed in one way."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.TOKENS or not change.old_line or change.is_across:
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


def _partners(pattern: Pattern) -> Iterator[Change]:
    mine = {id(one) for one in pattern.together}
    found = 0
    for one in pattern.earlier:
        if id(one) in mine or one.form is not ChangeForm.TOKENS or one.key == pattern.change.key:
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


def _filled(
    line: Sequence[CodeToken], holes: Sequence[tuple[str, ...]]
) -> list[tuple[CodeToken, Piece]]:
    """Return a line with holes where it has their texts."""
    words = [token.text for token in line]
    found: list[tuple[CodeToken, Piece]] = []
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


def _ends(pieces: list[tuple[CodeToken, Piece]], holes: Sequence[tuple[str, ...]]) -> list[int]:
    """Return where the text before each piece ends; a hole's text may hold blanks itself."""
    ends = [0]
    for token, piece in pieces[:-1]:
        size = len(piece) if isinstance(piece, str) else sum(map(len, holes[piece]))
        ends.append(token.start + size)
    return ends[: len(pieces)]


def _matches(pattern: Pattern, template: _Template) -> Iterator[EditCandidate]:
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


def _match(template: Sequence[Piece], line: Sequence[CodeToken]) -> list[tuple[int, int]] | None:
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
