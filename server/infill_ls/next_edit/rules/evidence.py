"""Features of a repeated pattern, and of one place among all that have it, for the judge."""

from __future__ import annotations

import math
import re

from infill_ls.document.lines import line_end, line_start
from infill_ls.next_edit.candidate import EditCandidate, Pattern
from infill_ls.next_edit.changes import Change, ChangeForm
from infill_ls.next_edit.tokens import bounded, has_word, is_word, subwords, texts
from infill_ls.next_edit.view import View, is_import

LINES_BESIDE = 2
"""Lines around an edit that its author has certainly seen."""
_TESTS = re.compile(r"(?:^|[/_.\-])(?:tests?|specs?)(?:[/_.\-]|$)|(?:Tests?|Spec)\.", re.ASCII)


def of_pattern(pattern: Pattern) -> dict[str, float]:
    """Return what is the same at all places of a pattern."""
    change, view = pattern.change, pattern.view
    old, new = change.old.strip(), change.new.strip()
    there = view.facts(change.start, change.end)
    found = {
        "support 2": float(pattern.support >= 2),
        "support 3": float(pattern.support >= 3),
        "in two edits": float(pattern.edits > 1),
        "alone in its edit": _share_of(pattern),
        "edit is long": min(sum(len(one.old) + len(one.new) for one in pattern.together), 400) / 400,
        "new is a word of the language": float(bool(new) and there.node == new),
        "old is in new": float(bool(old) and old in new),
        "new is in old": float(bool(new) and new in old),
        "only the case differs": float(old != new and old.lower() == new.lower()),
        "old tokens": min(len(texts(old)), 8) / 8,
        "new tokens": min(len(texts(new)), 8) / 8,
        "old has a word": float(has_word(old)),
        "new has a word": float(has_word(new)),
        "is called there": float(_is_called(view, change.end)),
        "edit in an import": float(_is_import(view, change.start)),
        "in a test": float(bool(_TESTS.search(view.uri))),
        "edit in comment": float(there.kind == "comment"),
        "edit in string": float(there.kind == "string"),
        "declared there": float(there.is_declared),
        "more was changed": float(len(pattern.earlier) > 2 * pattern.support),
    }  # fmt: skip
    keys, others = {one.key for one in pattern.together}, {one.key for one in pattern.beside}
    found["edits agree"] = len(keys & others) / len(keys | others) if others else 0.0
    found["changes of the edit"] = min(len(pattern.together), 8) / 8
    if change.form is ChangeForm.TOKENS:
        elsewhere = [one for one in (*pattern.together, *pattern.beside) if one.key != change.key]
        found["new comes with another change"] = float(
            has_word(new) and any(_has(one.new, new) for one in elsewhere)
        )
        found["old goes with another change"] = float(
            has_word(old)
            and any(_has(one.old, old) and not _has(one.new, old) for one in elsewhere)
        )
        found["old is left in another change"] = float(
            has_word(old) and any(_has(one.new, old) for one in elsewhere)
        )
        if has_word(old):
            found["old stands"] = math.log2(1 + view.count(old)) / 7
    if is_word(old) and is_word(new):
        was, became = set(subwords(old)), set(subwords(new))
        found["new is declared"] = float(view.is_declared(new))
        found["old is declared"] = float(view.is_declared(old))
        found["names have words in common"] = len(was & became) / max(len(was | became), 1)
    if has_word(old) and change.form is ChangeForm.TOKENS:
        found["old is left beside"] = min(_left_beside(pattern, old), 3) / 3
    if has_word(new) and change.form is ChangeForm.TOKENS:
        found["new stands elsewhere"] = min(max(view.count(new) - pattern.support, 0), 8) / 8
    starts = [start for start, _ in pattern.spans]
    if len(starts) > 1:
        low, high = min(starts), max(starts)
        lines = view.text.count("\n", low, high)
        found["edits are apart"] = math.log2(1 + lines) / 8
    return found


def of_place(pattern: Pattern, view: View, start: int, end: int) -> dict[str, float]:
    """Return what is to be known of a place beside its tokens and nodes."""
    change = pattern.change
    tokens_there = view.line_tokens(start)
    found = {
        "place in the document": start / max(len(view.text), 1),
        "is called here": float(_is_called(view, end)),
        "called as there": float(_is_called(view, end) == _is_called(pattern.view, change.end)),
        "in an import": float(_is_import(view, start)),
        "is a member": float(view.text[max(start - 1, 0) : start] == "."),
        "old is a word of the language": float(
            start < end and view.facts(start, end).node == view.text[start:end]
        ),
        "line is long": min(len(tokens_there), 40) / 40,
        "line ends the same": float(
            bool(tokens_there)
            and any(o.old_line[-1:] == tokens_there[-1:] for o in pattern.agreeing)
        ),
    }
    if view is pattern.view:
        lines = min((_lines_between(view, start, end, span) for span in pattern.spans), default=100)
        found["on an edited line"] = float(lines == 0)
        found["beside an edited line"] = float(0 < lines <= LINES_BESIDE)
        found["lines away"] = math.log2(1 + min(lines, 1000)) / 10
        found["below"] = float(start > view.around)
    else:
        found["imports the edited document"] = float(view.imports(pattern.view.uri))
    fit, unfit = _companions(pattern, set(tokens_there))
    if fit + unfit:
        found["the rest of the edit fits"] = fit / (fit + unfit)
        found["the rest of the edit does not"] = unfit / (fit + unfit)
    return found


def among_others(found: list[EditCandidate], pattern: Pattern) -> None:
    """Add what is known of places only beside the others of the pattern."""
    alike = [one.features.get("line is alike", 0.0) for one in found]
    near = sorted(range(len(found)), key=lambda n: _turn(found[n], pattern))
    rank = {number: place for place, number in enumerate(near)}
    mean = sum(alike) / len(alike) if alike else 0.0
    best = max(alike, default=0.0)
    on_edited = sum(one.features.get("on an edited line", 0.0) for one in found)
    lines: dict[int, int] = {}
    for one in found:
        number = one.start // 200
        lines[number] = lines.get(number, 0) + 1
    kinds: dict[tuple[float, float], int] = {}
    for one in found:
        kind = one.features.get("left", 0.0), one.features.get("right", 0.0)
        kinds[kind] = kinds.get(kind, 0) + 1
    for number, one in enumerate(found):
        one.features["others are near"] = min(lines[one.start // 200] - 1, 4) / 4
        one.features["the next"] = 1 / (1 + rank[number])
        one.features["others are alike"] = mean
        one.features["most alike"] = float(alike[number] == best)
        one.features["left on edited lines"] = min(on_edited, 3) / 3
        kind = one.features.get("left", 0.0), one.features.get("right", 0.0)
        one.features["others have its context"] = kinds[kind] / len(found)


def _turn(one: EditCandidate, pattern: Pattern) -> tuple[bool, bool, int]:
    return one.uri != pattern.view.uri, one.start < pattern.view.around, one.start


def _has(text: str, part: str) -> bool:
    return part in text and re.search(bounded(part), text) is not None


def _share_of(pattern: Pattern) -> float:
    """Return which share of the changes of its edit a pattern is."""
    if not pattern.together:
        return 1.0
    return sum(one.key == pattern.change.key for one in pattern.together) / len(pattern.together)


def _is_called(view: View, end: int) -> bool:
    return view.text[end : end + 1] == "("


def _is_import(view: View, start: int) -> bool:
    return is_import(view.line_at(start))


def _left_beside(pattern: Pattern, old: str) -> int:
    """Return how often the old text is left on and beside the lines of the edits."""
    text, count = pattern.view.text, 0
    for start, end in pattern.spans:
        low, high = line_start(text, start), line_end(text, end)
        for _ in range(LINES_BESIDE):
            low = line_start(text, max(low - 1, 0))
            high = line_end(text, min(high + 1, len(text)))
        count += sum(1 for _ in re.finditer(bounded(old), text[low : min(high, low + 4_000)]))
    if old in pattern.change.new:
        count -= pattern.support
    return max(count, 0)


def _lines_between(view: View, start: int, end: int, span: tuple[int, int]) -> int:
    if start > span[1]:
        return view.text.count("\n", span[1], start)
    if end < span[0]:
        return view.text.count("\n", end, span[0])
    return 0


def _companions(pattern: Pattern, line: set[str]) -> tuple[int, int]:
    """Return how many other changes of the edit's line could be made on another line too."""
    fit = unfit = 0
    for one in pattern.together:
        if one.key == pattern.change.key or not _is_beside(one, pattern):
            continue
        words = [token for token in texts(one.old) if has_word(token)]
        if not words:
            continue
        if all(word in line for word in words):
            fit += 1
        else:
            unfit += 1
    return fit, unfit


def _is_beside(one: Change, pattern: Pattern) -> bool:
    return one.old_line == pattern.change.old_line and one.form is ChangeForm.TOKENS
