"""What a changed list of parameters asks of the calls, and of the declaration's twin.

A parameter that only got another name or type asks nothing of a call by position. Where a function
has several declarations, a call with as many arguments as there were parameters may be any of them's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infill_ls.next_edit.candidate import EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import ChangeForm
from infill_ls.next_edit.rules.brackets import (
    BracketedList,
    calls_of,
    is_declaration,
    list_around,
    list_at,
)
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.tokens import bounded, is_word, texts
from infill_ls.next_edit.view import View

MAX_NESTING = 4
"""Brackets around a change within the list of parameters."""
_SELVES = frozenset({"self", "cls", "this", "&self", "&mut self", "mut self"})
_SELF_OF_PYTHON = re.compile(r"(?:self|cls)\b")
_OPEN_ENDED = ("*", "...", "&", "params ", "vararg ")
_LAST_WORD = re.compile(r"[^\W\d]\w*(?=\W*\Z)")
_WORD = re.compile(r"[^\W\d]\w*")
_NAMED = re.compile(r"([^\W\d]\w*)\s*[:=](?![:=])\s*")
_CONSTRUCTORS = frozenset({"__init__", "constructor", "__construct", "initialize"})


@dataclass(frozen=True, slots=True)
class _Signature:
    """A list of parameters before and after."""

    old: tuple[str, ...]
    """Names, without the object itself."""
    new: tuple[str, ...]
    with_default: frozenset[str]

    @property
    def removed(self) -> frozenset[str]:
        return frozenset(self.old) - frozenset(self.new)

    @property
    def added(self) -> frozenset[str]:
        return frozenset(self.new) - frozenset(self.old)


def changed_signature(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield what calls must become when parameters were added, removed or put in another order."""
    change, view = pattern.change, pattern.view
    if change.form is not ChangeForm.TOKENS or change.inner:
        return
    parameters = _declared_around(view, change.start)
    if parameters is None:
        return
    now = [view.text[start:end] for start, end in parameters.items]
    was = _before(view, parameters, pattern)
    if was is None:
        return
    found = list(_twins(pattern, parameters, was, now))
    signature = _signature(was, now, view.language.name)
    name = _called_as(view, parameters)
    if signature is not None and name:
        declarations = sum(
            is_declaration(view, one.open) for one in calls_of(view, parameters.name)
        )
        for place in (view, *(other for other in pattern.others if name in other.text)):
            for call in calls_of(place, name):
                is_here = place is view and call.open == parameters.open
                if not is_here and not is_declaration(place, call.open):
                    found += _at_call(pattern, signature, parameters, place, call, declarations)
    yield from with_counts(found, pattern)


def _at_call(
    pattern: Pattern,
    signature: _Signature,
    parameters: BracketedList,
    view: View,
    call: BracketedList,
    declarations: int,
) -> list[EditCandidate]:
    arguments = [view.text[start:end] for start, end in call.items]
    around = view.function_text(call.open)
    became = _arguments(arguments, signature, around)
    if became is None or became == arguments:
        return []
    start, old, new = _smallest(view.text, call, arguments, became)
    head = list_at(around, around.find("(")) if "(" in around else None
    own = around[head.open : head.close] if head is not None else ""
    more = {
        "removed": float(bool(signature.removed)),
        "reordered": float(not signature.removed and not signature.added),
        "added": float(bool(signature.added)),
        "added and removed": float(bool(signature.added) and bool(signature.removed)),
        "one declaration": float(declarations <= 1),
        "of this object": float(view is pattern.view and _is_of_this(view, call, parameters)),
        "passed on": float(
            bool(signature.added) and all(re.search(bounded(name), own) for name in signature.added)
        ),
        "over many lines": float("\n" in view.text[call.open : call.close]),
    }
    return [candidate(pattern, start, old, new, Rule.SIGNATURE, more, view)]


def _twins(
    pattern: Pattern, parameters: BracketedList, was: list[str], now: list[str]
) -> Iterator[EditCandidate]:
    """Yield what becomes of another declaration with the very list: a prototype and its function."""
    view = pattern.view
    if not was or not parameters.name or parameters.name in _CONSTRUCTORS:
        return  # other classes have constructors of the same name
    before = [texts(_without_default(one)) for one in was]
    for other in calls_of(view, parameters.name):
        if other.open == parameters.open or len(other.items) != len(was):
            continue
        items = [view.text[start:end] for start, end in other.items]
        if [texts(_without_default(one)) for one in items] != before or items == now:
            continue
        if not is_declaration(view, other.open) and view.language.name not in {"c", "cpp"}:
            continue
        wanted = [_without_default(one) for one in now]
        items = [_without_default(one) for one in items]
        if items == wanted:
            continue
        start, old, new = _smallest(view.text, other, items, wanted)
        more = {
            "twin": 1.0,
            "added": float(len(now) > len(was)),
            "removed": float(len(now) < len(was)),
        }
        yield candidate(pattern, start, old, new, Rule.SIGNATURE, more)


def _declared_around(view: View, offset: int) -> BracketedList | None:
    """Return the list of parameters of the declaration that holds a place."""
    for _ in range(MAX_NESTING):
        found = list_around(view, offset)
        if found is None:
            return None
        if is_declaration(view, found.open):
            return found
        offset = found.open
    return None


def _before(view: View, parameters: BracketedList, pattern: Pattern) -> list[str] | None:
    """Return the parameters as they were before the changes of this list."""
    text = view.text
    start, end = parameters.open, parameters.close + 1
    inside = sorted(
        (
            one
            for one in pattern.earlier
            if start < one.start < end and one.end <= end and not one.is_across
        ),
        key=lambda one: one.start,
        reverse=True,
    )
    piece = text[start:end]
    for one in inside:
        if one.form is not ChangeForm.TOKENS or one.inner or text[one.start : one.end] != one.new:
            return None
        piece = piece[: one.start - start] + one.old + piece[one.end - start :]
    was = list_at(piece, 0)
    if was is None or was.close != len(piece) - 1:
        return None
    return [piece[begin:finish] for begin, finish in was.items]


def _signature(was: list[str], now: list[str], language: str) -> _Signature | None:
    """Return the change of the names, or ``None`` if it asks nothing of a call, or is not clear."""
    old = [_parameter(one, language) for one in was if not _is_self(one, language)]
    new = [_parameter(one, language) for one in now if not _is_self(one, language)]
    if None in old or None in new:
        return None
    before, after = tuple(filter(None, old)), tuple(filter(None, new))
    if before == after or len(set(before)) != len(before) or len(set(after)) != len(after):
        return None
    if len(before) == len(after) and set(before) != set(after):
        return None  # another name for the same
    defaults = frozenset(
        name
        for one in now
        if ("=" in one or "?" in one) and (name := _parameter(one, language)) is not None
    )
    return _Signature(before, after, defaults)


def _is_self(text: str, language: str) -> bool:
    return text in _SELVES or (language == "python" and bool(_SELF_OF_PYTHON.match(text)))


def _parameter(text: str, language: str) -> str | None:
    """Return the name of a parameter, whether its type stands before or behind it."""
    if text == "void" or text.lstrip().startswith(_OPEN_ENDED) or "..." in text:
        return "" if text == "void" else None
    head = _without_default(text)
    if ":" in head and language not in {"c", "cpp", "java", "csharp", "php"}:
        head = head.partition(":")[0].strip()
        found = _LAST_WORD.search(head.rstrip("?"))
        return found[0] if found else None
    words = _WORD.findall(head)
    if not words or "(" in head:
        return None
    if language in {"c", "cpp", "java", "csharp"} and len(words) < 2:
        return None  # a type without a name
    return str(words[0] if language == "go" else words[-1])


def _without_default(text: str) -> str:
    found = re.search(r"(?<![=!<>])=(?!=)", text)
    return (text[: found.start()] if found else text).strip()


def _called_as(view: View, parameters: BracketedList) -> str:
    """Return by which name a function is called: a constructor by that of its class."""
    if parameters.name not in _CONSTRUCTORS:
        return parameters.name
    above = view.text[max(parameters.open - 20_000, view.low) : parameters.open]
    found = re.findall(r"^[^\S\n]*(?:\w+ )*class (\w+)", above, re.MULTILINE)
    return str(found[-1]) if found else ""


def _is_of_this(view: View, call: BracketedList, parameters: BracketedList) -> bool:
    """Tell whether a call is one of the very function: by its bare name, or on the object itself."""
    start = view.text.rfind(call.name, 0, call.open)
    before = view.text[max(start - 6, 0) : start]
    is_method = re.search(r"\((?:&?(?:mut )?self|cls)\b", view.text[parameters.open :][:20])
    if before.endswith((".", "->")):
        return re.search(r"(?:\b(?:self|this|cls)\.|\bthis->)\Z", before) is not None
    return is_method is None and not before.endswith(("::", "@"))


def _arguments(arguments: list[str], signature: _Signature, around: str) -> list[str] | None:
    """Return the arguments of a call after the change, or ``None`` if that cannot be known."""
    old, new = signature.old, signature.new
    if any(one.startswith(("*", "...")) for one in arguments):
        return None
    named = {
        match[1]: one
        for one in arguments
        if (match := _NAMED.match(one)) and match[1] in {*old, *new}
    }
    if named:
        gone = [one for name, one in named.items() if name not in new]
        return [one for one in arguments if one not in gone] if gone else None
    if len(arguments) != len(old):
        return None
    value = dict(zip(old, arguments, strict=True))
    became = []
    for name in new:
        if name in value:
            became.append(value[name])
        elif name in signature.with_default:
            if signature.new.index(name) < len(new) - 1:
                return None
        elif is_word(name) and re.search(bounded(name), around):
            became.append(name)
        else:
            return None
    return became


def _smallest(
    text: str, call: BracketedList, items: list[str], became: list[str]
) -> tuple[int, str, str]:
    """Return the smallest edit that makes of a call's items what they became: start, old, new."""
    head = tail = 0
    least = min(len(items), len(became))
    while head < least and items[head] == became[head]:
        head += 1
    while tail < least - head and items[-1 - tail] == became[-1 - tail]:
        tail += 1
    spans = call.items
    gone = spans[head : len(items) - tail]
    come = became[head : len(became) - tail]
    if gone and come:
        start, end = gone[0][0], gone[-1][1]
        return start, text[start:end], ", ".join(come)
    if come:
        if head:
            return spans[head - 1][1], "", "".join(f", {one}" for one in come)
        at = spans[0][0] if spans else call.open + 1
        return at, "", "".join(f"{one}, " for one in come) if spans else ", ".join(come)
    if head:
        start, end = spans[head - 1][1], gone[-1][1]
    else:
        start, end = gone[0][0], spans[len(gone)][0] if len(spans) > len(gone) else gone[-1][1]
    return start, text[start:end], ""
