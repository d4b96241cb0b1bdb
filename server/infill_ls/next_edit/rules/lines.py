"""Rules for whole lines that were inserted or removed, at similar places."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_ls.document.lines import line_end, line_start
from infill_ls.next_edit.candidate import EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import ChangeForm
from infill_ls.next_edit.rules.context import candidate, same_end, same_start, with_counts
from infill_ls.next_edit.tokens import casings, has_word, is_word, subwords, texts
from infill_ls.next_edit.view import View

MAX_BLOCK_LINES = 12
_SIBLING_LINES = 3


def added(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the places between like lines as those where a block was put in."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.LINES_ADDED or not has_word(change.new):
        return
    block = change.new.splitlines()
    if len(block) > MAX_BLOCK_LINES:
        return
    agreeing = pattern.agreeing
    above, below = change.left[0], change.right[0]
    same_above = all(one.left[0] == above for one in agreeing) and has_word(above)
    same_below = all(one.right[0] == below for one in agreeing) and has_word(below)
    if len(agreeing) == 1:
        # One edit alone: only where both neighbours are the same.
        if not (above and below and (has_word(above) or has_word(below))):
            return
        same_above = has_word(above)
    if not same_above and not same_below:
        return
    found = []
    anchor = above if same_above else below
    for match in view.find(rf"(?:(?<=[\r\n])|\A)[ \t]*{re.escape(anchor)}[ \t]*(?=[\r\n]|\Z)"):
        at = match.end() if same_above else line_start(view.text, match.start())
        if same_above:
            following = _next_line(view.text, at)
            if following is None:
                continue
            at = following
            near_below = view.line_at(at).strip()
            near_above = anchor
        else:
            near_below = anchor
            near_above = view.line_at(max(at - 1, 0)).strip() if at else ""
        if len(agreeing) == 1 and near_below != below:
            continue
        if _stands_near(view, at, block) or any(one.start == at for one in agreeing):
            continue
        indent = _indent(match[0])
        new = _indented(block, _indent_of_anchor(pattern, same_above=same_above), indent, view.eol)
        more = {
            "neighbours are the same": float(near_above == above) + float(near_below == below),
            "lines": min(len(block), 6) / 6,
            "anchor is long": float(len(anchor) > 12),
        }
        found.append(candidate(pattern, at, "", new, Rule.LINES_ADDED, more))
    yield from with_counts(found, pattern)


def added_by_shape(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the places at lines that begin like those where the same block was put in twice."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.LINES_ADDED or len(pattern.agreeing) < 2:
        return
    block = change.new.splitlines()
    if len(block) > MAX_BLOCK_LINES or not has_word(change.new):
        return
    if any(
        len({getattr(one, side)[0] for one in pattern.agreeing}) == 1
        and has_word(getattr(change, side)[0])
        for side in ("left", "right")
    ):
        return  # the same lines, not only like ones
    found = []
    for side, same_above in (("right", False), ("left", True)):
        anchors = [texts(getattr(one, side)[0]) for one in pattern.agreeing]
        if len(set(anchors)) < 2 or not all(anchors):
            continue
        size = min(same_start(anchors[0], other) for other in anchors[1:])
        ends = min(same_end(anchors[0], other) for other in anchors[1:])
        head = anchors[0][: min(size, 4)]
        if not any(map(has_word, head)):
            continue
        begin = r"[ \t]*".join(map(re.escape, head))
        closing = r"(?!\w)" if head[-1][-1:].isalnum() else ""
        indent = re.escape(_indent_of_anchor(pattern, same_above=same_above))
        regex = rf"(?:(?<=[\r\n])|\A){indent}{begin}{closing}[^\r\n]*"
        for match in view.find(regex):
            if match[0].rstrip()[-1:] != (anchors[0][-1][-1:] if ends else match[0].rstrip()[-1:]):
                continue
            at: int | None = match.start()
            if same_above:
                at = _next_line(view.text, match.end())
            if at is None or _stands_near(view, at, block):
                continue
            if any(one.start <= at <= one.end for one in pattern.agreeing):
                continue
            new = _indented(
                block,
                _indent_of_anchor(pattern, same_above=same_above),
                _indent(match[0]),
                view.eol,
            )
            more = {
                "anchors begin alike": min(size, 6) / 6,
                "anchors end alike": min(ends, 3) / 3,
                "lines": min(len(block), 6) / 6,
                "by the line above": float(same_above),
            }
            found.append(candidate(pattern, at, "", new, Rule.LINES_ADDED, more))
        break
    yield from with_counts(found, pattern)


def removed(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the same lines at other places, after a block was removed."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.LINES_REMOVED or not has_word(change.old):
        return
    block = [line.strip() for line in change.old.splitlines()]
    if len(block) > MAX_BLOCK_LINES:
        return
    ends = r"[ \t]*(?:\r\n|\n|\r)"
    body = ends.join(rf"[ \t]*{re.escape(line)}" for line in block)
    found = []
    for match in view.find(rf"(?:(?<=[\r\n])|\A){body}{ends}"):
        start, end = match.span()
        above = view.line_at(max(start - 1, 0)).strip() if start else ""
        below = view.line_at(end).strip()
        more = {
            "neighbours are the same": float(
                any(above == one.left[0] for one in pattern.agreeing)
            ) + float(any(below == one.right[0] for one in pattern.agreeing)),
            "lines": min(len(block), 6) / 6,
            "block is long": float(len("".join(block)) > 16),
        }  # fmt: skip
        found.append(
            candidate(pattern, start, view.text[start:end], "", Rule.LINES_REMOVED, more)
        )  # fmt: skip
    yield from with_counts(found, pattern)


def copied(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the lines that name a thing beside which a new one was listed, to be copied too."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.LINES_ADDED or len(change.new.splitlines()) != 1:
        return
    renaming = _sibling_renaming(view, change.start, change.new)
    if renaming is None:
        return
    old, new = renaming
    forms = dict(
        zip(casings(subwords(old)).values(), casings(subwords(new)).values(), strict=True)
    ) | {old: new}
    supported = 1
    for one in pattern.earlier:
        if one is change or one.form is not ChangeForm.LINES_ADDED:
            continue
        if any(form in one.new for form in forms.values()) and len(one.new.splitlines()) == 1:
            supported += 1
    found = []
    choices = "|".join(sorted(map(re.escape, forms), key=len, reverse=True))
    seen = set()
    for match in view.find(rf"(?<![^\W_])(?:{choices})(?![^\W_])"):
        start, end = line_start(view.text, match.start()), line_end(view.text, match.end())
        after = _next_line(view.text, end)
        if start in seen or after is None or end - start > 200:
            continue
        seen.add(start)
        line = view.text[start:end]
        copy = re.sub(choices, lambda one: forms[one[0]], line)
        if copy in view.text or after == change.start or start == change.end:
            continue
        more = {
            "copies agree": float(supported > 1),
            "ends with a comma": float(line.rstrip().endswith((",", ";"))),
            "opens a block": float(line.rstrip().endswith(("{", ":", "("))),
        }
        found.append(candidate(pattern, after, "", copy + view.eol, Rule.COPY, more))
    yield from with_counts(found, pattern)


def _sibling_renaming(view: View, at: int, new: str) -> tuple[str, str] | None:
    """Return the one word that differs between a new line and one near it, in both lines."""
    mine = texts(new.strip())
    if len(mine) > 60:
        return None
    above = below = at
    for _ in range(_SIBLING_LINES):
        above = line_start(view.text, max(above - 1, 0))
        for begin in (above, below + len(new)):
            line = texts(view.line_at(begin).strip())
            if len(line) != len(mine) or line == mine or len(line) < 2:
                continue
            differing = {(a, b) for a, b in zip(line, mine, strict=True) if a != b}
            words = {pair for pair in differing if is_word(pair[0]) and is_word(pair[1])}
            if len(words) == 1 and all(
                pair in words or pair[0].isdigit() for pair in differing
            ):  # fmt: skip
                (pair,) = words
                if len(pair[0]) > 3 and len(subwords(pair[0])) and len(subwords(pair[1])):
                    return pair
        below = _next_line(view.text, below) or below
    return None


def _next_line(text: str, offset: int) -> int | None:
    """Return where the next line starts; ``None`` at the end of the text."""
    end = line_end(text, offset)
    if end == len(text):
        return None
    return end + (2 if text[end : end + 2] == "\r\n" else 1)


def _stands_near(view: View, at: int, block: list[str]) -> bool:
    first = block[0].strip()
    low = max(at - 400, 0)
    near = view.text[low : at + 400].splitlines()
    position = len(view.text[low:at].splitlines())
    size = len(block) + 1
    return any(line.strip() == first for line in near[max(position - size, 0) : position + size])


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _indent_of_anchor(pattern: Pattern, *, same_above: bool) -> str:
    change, text = pattern.change, pattern.view.text
    at = max(change.start - 1, 0) if same_above else change.end
    return _indent(pattern.view.line_at(at)) if text else ""


def _indented(block: list[str], was: str, now: str, eol: str) -> str:
    lines = []
    for line in block:
        body = line[len(was) :] if line.startswith(was) else line.lstrip(" \t")
        lines.append((now + body if body.strip() else "") + eol)
    return "".join(lines)
