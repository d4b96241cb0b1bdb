"""An argument that was added to one call, for the other calls of the function."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_ls.next_edit.candidate import EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import Change, ChangeForm
from infill_ls.next_edit.rules.brackets import calls_of, is_declaration, list_around
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.tokens import bounded, has_word, texts
from infill_ls.next_edit.view import MAX_SITES, View

_NO_CALLS = frozenset({"if", "for", "while", "switch", "catch", "return", "elif", "match", "with"})


def added_argument(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the other calls of a function to one of whose calls an argument was added at the end."""
    change, view = pattern.change, pattern.view
    argument = _argument_of(change)
    if argument is None or change.right[:1] != (")",):
        return
    call = list_around(view, change.start)
    if call is None or not call.name or call.name in _NO_CALLS or not call.items:
        return
    if is_declaration(view, call.open):
        return
    supported = sum(1 for one in pattern.agreeing if _callee(view, one) == call.name)
    found = []
    others = list(calls_of(view, call.name))
    if len(others) >= 2 * MAX_SITES:
        return  # no edit by hand
    for other in others:
        if other.open == call.open or is_declaration(view, other.open):
            continue
        body = view.text[other.open : other.close + 1]
        if argument in body or body[1:-1].rstrip().endswith(","):
            continue
        name = argument.partition("=")[0].partition(":")[0].strip()
        if "=" in argument and re.search(rf"{bounded(name)}\s*=", body):
            continue
        end = other.items[-1][1] if other.items else other.close
        new = f", {argument}" if other.items else argument
        more = {
            "as many arguments": float(len(other.items) == len(call.items) - 1),
            "argument has a name": float(bool(re.match(r"\w+\s*[=:]", argument))),
            "calls agree": float(supported > 1),
            "name is in reach": float(
                all(word in view.function_text(other.open) for word in texts(argument)[-1:])
            ),
            "over many lines": float("\n" in body),
        }
        found.append(candidate(pattern, end, "", new, Rule.ARGUMENT, more))
    yield from with_counts(found, pattern)


def _argument_of(change: Change) -> str | None:
    if change.form is not ChangeForm.TOKENS or change.inner or change.old.strip():
        return None
    text = change.new.strip()
    if not text.startswith(",") or not has_word(text) or len(text) > 120:
        return None
    return text[1:].strip() or None


def _callee(view: View, change: Change) -> str:
    call = list_around(view, change.start)
    return call.name if call is not None else ""
