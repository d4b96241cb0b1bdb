"""Split an edit into changes: tokens of a line, or whole lines.

An edit may be several changes at once, as when a line gets both of its names replaced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum

from infill_ls.document.lines import line_end, line_start
from infill_ls.next_edit.tokens import CodeToken, has_word, tokens

MAX_LINES = 40
"""An edit of more lines is looked at as lines that came or went only."""
MAX_LINE_TOKENS = 200
MAX_STRETCH_CHARS = 10_000
"""Of the lines that an edit lies in."""
CONTEXT_TOKENS = 6
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
LARGEST_ACROSS_TOKENS = 4
"""Of a change that is found although its line was broken in another way."""
LEAST_COMMON = 0.5
"""The share of tokens that such lines have in common."""
_ALIKE = 0.4
"""Two lines are one line that was changed from this share of common tokens on."""


class ChangeForm(StrEnum):
    """What a change did."""

    TOKENS = "tokens"
    LINES_ADDED = "lines added"
    LINES_REMOVED = "lines removed"


@dataclass(frozen=True, slots=True)
class Change:
    """``old`` became ``new`` at ``start`` of the document as it is now."""

    form: ChangeForm
    start: int
    old: str
    new: str
    left: tuple[str, ...] = ()
    """Tokens before it on its line, the nearest last; for lines, the line before, stripped."""
    right: tuple[str, ...] = ()
    """Tokens after it on its line; for lines, the line after, stripped."""
    old_line: tuple[str, ...] = ()
    """The tokens of its line as it was."""
    inner: str = field(default="", compare=False)
    """What a call was put around, or taken off."""
    suffix: tuple[str, str] = ("", "")
    """What became of the text behind ``inner``, old and new."""
    is_across: bool = field(default=False, compare=False)
    """Whether its lines were broken in another way too: it lies within changes of whole lines."""

    @property
    def end(self) -> int:
        """Where ``new`` ends."""
        return self.start + len(self.new)

    @property
    def key(self) -> tuple[str, str]:
        """What agrees in changes that are the same, at whatever place."""
        if self.form is ChangeForm.TOKENS:
            return self.old + self.suffix[0], self.new + self.suffix[1]
        return _dedented(self.old), _dedented(self.new)


def changes_of(text: str, start: int, old: str, new: str) -> list[Change]:
    """Return what an edit changed; ``text`` is the document after it, with ``new`` at ``start``."""
    end = start + len(new)
    first, last = line_start(text, start), line_end(text, end)
    if new.endswith(("\n", "\r")) and (not old or old.endswith(("\n", "\r"))) and start == first:
        last = end  # whole lines
    if last - first + len(old) > MAX_STRETCH_CHARS:
        return []
    before = text[first:start] + old + text[end:last]
    after = text[first:last]
    olds, news = _lines(before), _lines(after)
    head = 0
    while head < min(len(olds), len(news)) and _bare(olds[head]) == _bare(news[head]):
        head += 1
    tail = 0
    while tail < min(len(olds), len(news)) - head and _bare(olds[len(olds) - tail - 1]) == _bare(
        news[len(news) - tail - 1]
    ):
        tail += 1
    at = first + sum(map(len, news[:head]))
    olds, news = olds[head : len(olds) - tail], news[head : len(news) - tail]
    changes: list[Change] = []
    begin, pairs = at, _pairs(olds, news)
    for one, other in pairs:
        if one is not None and other is not None:
            changes += _in_line(at, _bare(one), _bare(other))
        else:
            changes.append(_whole_lines(text, at, one or "", other or ""))
        at += len(other or "")
    if olds and news and any(None in pair for pair in pairs):
        known = {change.key for change in changes}
        across = _across_lines(begin, "".join(olds), "".join(news))
        changes += [change for change in across if change.key not in known]
    return changes


def _lines(text: str) -> list[str]:
    return _LINE.findall(text)


def _bare(line: str) -> str:
    return line.rstrip("\r\n")


def _dedented(block: str) -> str:
    return "\n".join(line.strip() for line in _lines(block))


def _pairs(olds: list[str], news: list[str]) -> list[tuple[str | None, str | None]]:
    """Return which line became which; a block that came or went is one pair with ``None``."""
    if not olds or not news or len(olds) > MAX_LINES or len(news) > MAX_LINES:
        return _block(olds, is_old=True) + _block(news, is_old=False)
    bags = [[token.text for token in tokens(_bare(line))] for line in olds]
    others = [[token.text for token in tokens(_bare(line))] for line in news]
    worth = [[_likeness(one, other) for other in others] for one in bags]
    if len(olds) == len(news) == 1:
        worth[0][0] = max(worth[0][0], _ALIKE)
    best = [[0.0] * (len(news) + 1) for _ in range(len(olds) + 1)]
    for i in range(len(olds) - 1, -1, -1):
        for j in range(len(news) - 1, -1, -1):
            pair = best[i + 1][j + 1] + worth[i][j] if worth[i][j] >= _ALIKE else 0.0
            best[i][j] = max(pair, best[i + 1][j], best[i][j + 1])
    found: list[tuple[str | None, str | None]] = []
    i = j = 0
    gone: list[str] = []
    come: list[str] = []

    def flush() -> None:
        found.extend(_block(gone, is_old=True) + _block(come, is_old=False))
        gone.clear()
        come.clear()

    while i < len(olds) or j < len(news):
        if (
            i < len(olds)
            and j < len(news)
            and worth[i][j] >= _ALIKE
            and best[i][j] == best[i + 1][j + 1] + worth[i][j]
        ):
            flush()
            found.append((olds[i], news[j]))
            i, j = i + 1, j + 1
        elif j == len(news) or (i < len(olds) and best[i][j] == best[i + 1][j]):
            gone.append(olds[i])
            i += 1
        else:
            come.append(news[j])
            j += 1
    flush()
    return found


def _block(lines: list[str], *, is_old: bool) -> list[tuple[str | None, str | None]]:
    if not lines:
        return []
    return [("".join(lines), None)] if is_old else [(None, "".join(lines))]


def _likeness(one: list[str], other: list[str]) -> float:
    """Return the share of tokens that two lines have in common, by number."""
    if not one or not other:
        return 0.0
    left = list(other)
    common = 0
    for token in one[:MAX_LINE_TOKENS]:
        if token in left:
            left.remove(token)
            common += 1
    return 2 * common / (len(one) + len(other))


def _whole_lines(text: str, at: int, old: str, new: str) -> Change:
    before = text[line_start(text, max(at - 1, 0)) : at].strip() if at else ""
    below = at + len(new)
    after = text[below : line_end(text, below)].strip()
    form = ChangeForm.LINES_ADDED if new else ChangeForm.LINES_REMOVED
    return Change(form, at, old, new, (before,), (after,))


def _in_line(at: int, old: str, new: str) -> list[Change]:
    """Return the changes between two versions of a line; the new one stands at ``at``."""
    ones, others = tokens(old), tokens(new)
    if len(ones) > MAX_LINE_TOKENS or len(others) > MAX_LINE_TOKENS:
        return []
    old_line = tuple(token.text for token in ones)
    matcher = SequenceMatcher(None, old_line, tuple(t.text for t in others), autojunk=False)
    spans = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    wrapped = _wrapping(old, new, ones, others, spans)
    if wrapped is not None:
        old_part, new_part, start, inner, suffix, span = wrapped
        left, right = old_line[: span[0]], old_line[span[1] :]
        return [
            Change(
                ChangeForm.TOKENS, at + start, old_part, new_part, left[-CONTEXT_TOKENS:],
                right[:CONTEXT_TOKENS], old_line, inner, suffix,
            )
        ]  # fmt: skip
    changes = []
    for i1, i2, j1, j2 in spans:
        one_from, one_to = _gap(ones, i1, i2, len(old))
        other_from, other_to = _gap(others, j1, j2, len(new))
        was, became = old[one_from:one_to], new[other_from:other_to]
        head = _common_blanks(was, became)
        was, became = was[head:], became[head:]
        tail = _common_blanks(was[::-1], became[::-1])
        was, became = was[: len(was) - tail], became[: len(became) - tail]
        if was == became:
            continue
        changes.append(
            Change(
                ChangeForm.TOKENS, at + other_from + head, was, became,
                old_line[:i1][-CONTEXT_TOKENS:], old_line[i2:][:CONTEXT_TOKENS], old_line,
            )
        )  # fmt: skip
    return changes


def _across_lines(at: int, old: str, new: str) -> list[Change]:
    """Return the few tokens that were replaced in lines that were also broken in another way."""
    ones, others = _in_a_row(old), _in_a_row(new)
    if max(len(ones), len(others)) > MAX_LINE_TOKENS:
        return []
    olds, news = tuple(t.text for t in ones), tuple(t.text for t in others)
    matcher = SequenceMatcher(None, olds, news, autojunk=False)
    if matcher.ratio() < LEAST_COMMON:
        return []  # other code
    changes = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind != "replace" or max(i2 - i1, j2 - j1) > LARGEST_ACROSS_TOKENS:
            continue
        start, end = others[j1].start, others[j2 - 1].end
        was, became = old[ones[i1].start : ones[i2 - 1].end], new[start:end]
        if "\n" in was + became or not (has_word(was) and has_word(became)):
            continue
        changes.append(
            Change(
                ChangeForm.TOKENS, at + start, was, became, olds[:i1][-CONTEXT_TOKENS:],
                olds[i2:][:CONTEXT_TOKENS], olds, is_across=True,
            )
        )  # fmt: skip
    return changes


def _in_a_row(text: str) -> list[CodeToken]:
    return [token for token in tokens(text) if token.text[0] not in "\r\n"]


def _gap(line: list[CodeToken], first: int, last: int, length: int) -> tuple[int, int]:
    """Return the stretch between the tokens around ``first..last``."""
    start = line[first - 1].end if first else 0
    end = line[last].start if last < len(line) else length
    return start, end


def _common_blanks(one: str, other: str) -> int:
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count] and one[count] in " \t":
        count += 1
    return count


def _wrapping(
    old: str,
    new: str,
    ones: list[CodeToken],
    others: list[CodeToken],
    spans: list[tuple[int, int, int, int]],
) -> tuple[str, str, int, str, tuple[str, str], tuple[int, int]] | None:
    """Return a call that was put around something, or taken off: two pieces with a bracket each."""
    if len(spans) != 2:
        return None
    (a1, a2, b1, b2), (c1, c2, d1, d2) = spans
    # What was put in or taken out may as well lie a token further on, if that is the same.
    while a1 == a2 < c1 and b2 > b1 and others[b2 - 1].text != "(" and b2 < d1:
        if others[b1].text != others[b2].text:
            break
        a1, a2, b1, b2 = a1 + 1, a2 + 1, b1 + 1, b2 + 1
    while b1 == b2 < d1 and a2 > a1 and ones[a2 - 1].text != "(" and a2 < c1:
        if ones[a1].text != ones[a2].text:
            break
        a1, a2, b1, b2 = a1 + 1, a2 + 1, b1 + 1, b2 + 1
    if a1 == a2 and c1 == c2 and c1 > a1 and _is_pair(others[b2 - 1].text, others[d1].text):
        inner = old[ones[a1].start : ones[c1 - 1].end]
        prefix = new[others[b1].start : others[b2].start]
        suffix = new[others[d1 - 1].end : others[d2 - 1].end]
        return "", prefix, others[b1].start, inner, ("", suffix), (a1, c1)
    if b1 == b2 and d1 == d2 and d1 > b1 and ones[a2 - 1].text == "(" and ones[c1].text == ")":
        inner = new[others[b1].start : others[d1 - 1].end]
        prefix = old[ones[a1].start : ones[a2].start]
        suffix = old[ones[c1 - 1].end : ones[c2 - 1].end]
        return prefix, "", others[b1].start, inner, (suffix, ""), (a1, c2)
    return None


def _is_pair(opening: str, closing: str) -> bool:
    """Tell whether two tokens are the brackets of a call, or of the arguments of a type."""
    return (opening, closing) in {("(", ")"), ("<", ">")}
