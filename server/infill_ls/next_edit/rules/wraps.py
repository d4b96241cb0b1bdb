"""Rules for a call put around an expression, or removed from around one: ``x`` and ``str(x)``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_ls.next_edit.candidate import EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import ChangeForm
from infill_ls.next_edit.rules.brackets import calls_of, is_declaration, list_around, list_at
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.tokens import bounded, has_word, texts

MAX_INNER_CHARS = 200


def wrapped(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield other places of an expression that a call was put around."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.TOKENS or not change.inner or change.old:
        return
    if len(change.inner) > MAX_INNER_CHARS or not has_word(change.inner):
        return
    prefix, suffix = change.new, change.suffix[1]
    heads = {texts(one.inner)[:2] for one in pattern.agreeing if one.inner}
    call = re.match(r"[\w.:]+\(", change.inner)
    found = []
    by_head = call is not None and len(pattern.agreeing) > 1 and len(heads) == 1
    regex = bounded(call[0]) if by_head and call is not None else bounded(change.inner)
    for match in view.find(regex):
        start, end = match.span()
        if by_head:
            inner = list_at(view.text, end - 1)
            if inner is None:
                continue
            end = inner.close + 1
        old = view.text[start:end]
        if view.text[max(start - len(prefix), 0) : start] == prefix or "\n" in old:
            continue
        if any(one.start <= start <= one.end + len(one.inner) for one in pattern.agreeing):
            continue
        more = {"the same inside": float(old == change.inner)}
        found.append(
            candidate(pattern, start, old, f"{prefix}{old}{suffix}", Rule.WRAP, more)
        )  # fmt: skip
    yield from with_counts(found, pattern)


def wrapped_in_calls(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the same argument of like calls, after a call was put around one: ``f(str(x))``, ``f(y)``."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.TOKENS or not change.inner or change.old:
        return
    call = list_around(view, change.start)
    if call is None or not call.name or is_declaration(view, call.open):
        return
    place = next((n for n, (start, _) in enumerate(call.items) if start == change.start), None)
    if place is None:
        return
    prefix, suffix = change.new, change.suffix[1]
    inside = {one.inner for one in pattern.agreeing}
    found = []
    for other in calls_of(view, call.name):
        if other.open == call.open or len(other.items) != len(call.items):
            continue
        start, end = other.items[place]
        old = view.text[start:end]
        if old.startswith(prefix) or "\n" in old or old in inside or not has_word(old):
            continue
        if is_declaration(view, other.open):
            continue
        more = {"in like calls": 1.0, "only argument": float(len(call.items) == 1)}
        new = f"{prefix}{old}{suffix}"
        found.append(candidate(pattern, start, old, new, Rule.WRAP, more))
    yield from with_counts(found, pattern)


def unwrapped(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield other uses of a call that was removed from around an expression."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.TOKENS or not change.inner or change.new:
        return
    prefix, suffix = change.old, change.suffix[0]
    if not has_word(prefix) or not prefix.endswith("("):
        return
    found = []
    for match in view.find(bounded(prefix)):
        call = list_at(view.text, match.end() - 1)
        if call is None:
            continue
        finish = call.close + len(suffix)
        if view.text[call.close : finish] != suffix:
            continue
        inner = view.text[match.end() : call.close]
        if len(call.items) != 1 or "\n" in inner:
            continue
        old = view.text[match.start() : finish]
        more = {"the same inside": float(inner == change.inner)}
        found.append(candidate(pattern, match.start(), old, inner, Rule.UNWRAP, more))
    yield from with_counts(found, pattern)
