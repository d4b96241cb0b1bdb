"""Features of a place that the rules pass to the judge."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from infill_ls.document.lines import line_start
from infill_ls.next_edit.candidate import NOT_OPEN, EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import CONTEXT_TOKENS, Change
from infill_ls.next_edit.rules.evidence import among_others, of_place
from infill_ls.next_edit.view import View


def same_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return how many tokens two contexts end with in common."""
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count


def same_start(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return how many tokens two contexts begin with in common."""
    return same_end(one[::-1], other[::-1])


def candidate(
    pattern: Pattern,
    start: int,
    old: str,
    new: str,
    rule: Rule,
    more: Mapping[str, float],
    view: View | None = None,
) -> EditCandidate:
    """Return a candidate with the features that all rules have."""
    view = view or pattern.view
    change = pattern.change
    left, right = view.context(start, start + len(old))
    agreeing = pattern.agreeing
    matched_left = max((_shared(same_end(left, one.left), one.left) for one in agreeing), default=0)
    matched_right = max(
        (_shared(same_start(right, one.right), one.right) for one in agreeing), default=0
    )
    both = max(
        (
            min(same_end(left, one.left), same_start(right, one.right))
            for one in agreeing
        ),
        default=0,
    )  # fmt: skip
    here = view.facts(start, start + len(old))
    there = pattern.view.facts(change.start, change.end)
    line = view.line_tokens(start)
    there_line = pattern.view.line_at(change.start)
    features = {
        f"rule {rule.value}": 1.0,
        **pattern.features,
        "left": matched_left / CONTEXT_TOKENS,
        "right": matched_right / CONTEXT_TOKENS,
        "both sides": float(both > 0),
        "line is the same": float(
            bool(change.old_line) and any(line == one.old_line for one in agreeing)
        ),
        "line begins the same": float(
            bool(line) and any(one.old_line[:1] == line[:1] for one in agreeing)
        ),
        "line is alike": max((_alike(line, one.old_line) for one in agreeing), default=0.0),
        "same node": float(here.node == there.node),
        "same parent": float(here.parent == there.parent),
        "in comment": float(here.kind == "comment" != there.kind),
        "in string": float(here.kind == "string" != there.kind),
        "declared here": float(here.is_declared),
        "same function": float(here.function == there.function and here.function >= 0),
        "other function": float(
            here.function != there.function and here.function >= 0 and there.function >= 0
        ),
        "other document": float(view is not pattern.view),
        "near": 1.0 / (1.0 + abs(start - change.start) / 800),
        "same indent": float(_indent(view.line_at(start)) == _indent(there_line)),
        "new is on the line": float(
            bool(change.new.strip()) and change.new.strip() in view.line_at(start)
        ),
        "line above is the same": float(
            bool(above := _line_above(view, start))
            and above == _line_above(pattern.view, change.start)
        ),
        **of_place(pattern, view, start, start + len(old)),
        **more,
    }
    if not view.is_open:
        features[NOT_OPEN] = 1.0
    return EditCandidate(view.uri, start, old, new, rule, change.key, features)


def with_counts(found: list[EditCandidate], pattern: Pattern) -> list[EditCandidate]:
    """Add the features that are known only when all candidates of a rule are found."""
    mine = [one for one in found if one.uri == pattern.view.uri]
    count = len(mine) or len(found)
    if not found:
        return found
    starts = [one.start for one in pattern.agreeing]
    low, high = min(starts), max(starts)
    passed = sum(1 for one in mine if low < one.start < high)
    is_downward = len(starts) > 1 and starts[0] >= starts[1]
    declared = any(one.features["declared here"] for one in found)
    for one in found:
        is_mine = one.uri == pattern.view.uri
        one.features["passed over"] = passed / (passed + pattern.support)
        one.features["was passed"] = float(is_mine and low < one.start < high)
        if len(starts) > 1 and is_mine:
            one.features["ahead"] = float((one.start > starts[0]) == is_downward)
        one.features["a declaration is left"] = float(declared)
        one.features["many"] = math.log2(1 + count) / 4
        one.features["done"] = pattern.support / (pattern.support + count)
        one.features["the only one"] = float(count == 1)
    among_others(found, pattern)
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _line_above(view: View, offset: int) -> str:
    start = line_start(view.text, offset)
    return view.line_at(start - 1).strip() if start > 0 else ""


def _shared(count: int, context: tuple[str, ...]) -> float:
    # All of a short context is as good as six tokens of a long one.
    return CONTEXT_TOKENS if context and count == len(context) else count


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    if not one or not other or len(one) > 200 or len(other) > 200:
        return 0.0
    if one == other:
        return 1.0
    common = (Counter(one) & Counter(other)).total()
    return 2 * common / (len(one) + len(other))


def is_done(change: Change, text: str, start: int) -> bool:
    """Tell whether a place already has the changed text."""
    offset = change.new.find(change.old) if change.old else -1
    if offset < 0:
        return False
    begin = start - offset
    return begin >= 0 and text[begin : begin + len(change.new)] == change.new
