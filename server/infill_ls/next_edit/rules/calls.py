"""Rules for calls: changed arguments of one call, and calls of a changed signature."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_ls.next_edit.candidate import Candidate, Pattern, Rule
from infill_ls.next_edit.changes import Change, Form
from infill_ls.next_edit.rules.brackets import Bracket, list_around, list_at
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.tokens import bounded, has_word, is_word, texts
from infill_ls.next_edit.view import View

_SELVES = frozenset({"self", "cls", "this", "&self", "&mut self", "mut self"})
_LAST_WORD = re.compile(r"[^\W\d]\w*(?=\W*\Z)")
_FIRST_WORD = re.compile(r"[^\W\d]\w*")
_NO_CALLS = frozenset({"if", "for", "while", "switch", "catch", "return", "elif", "match", "with"})


def added_argument(pattern: Pattern) -> Iterator[Candidate]:
    """Yield the other calls of a function to one of whose calls an argument was added at the end."""
    change, view = pattern.change, pattern.view
    argument = _argument_of(change)
    if argument is None or change.right[:1] != (")",):
        return
    call = list_around(view, change.start)
    if call is None or not call.name or call.name in _NO_CALLS or not call.items:
        return
    if _is_declaration(view, call.open):
        return
    supported = sum(1 for one in pattern.agreeing if _callee(view, one) == call.name)
    found = []
    for other in _calls(view, call.name):
        if other.open == call.open or _is_declaration(view, other.open):
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


def changed_signature(pattern: Pattern) -> Iterator[Candidate]:
    """Yield what calls must become when parameters were added, removed or put in another order."""
    change, view = pattern.change, pattern.view
    if change.form is not Form.TOKENS or change.inner:
        return
    parameters = list_around(view, change.start)
    if parameters is None or not _is_declaration(view, parameters.open):
        return
    tongue = view.language.name
    now = [view.text[start:end] for start, end in parameters.items]
    was = _before(view, parameters, pattern)
    if was is None:
        return
    old, new = [_parameter(one, tongue) for one in was], [_parameter(one, tongue) for one in now]
    name = _called_as(view, parameters)
    if old == new or not name or len(set(old)) != len(old) or len(set(new)) != len(new):
        return
    defaults = {_parameter(one, tongue) for one in now if "=" in one or "?" in one}
    declarations = [
        call.open for call in _calls(view, parameters.name) if _is_declaration(view, call.open)
    ]
    found = []
    for call in _calls(view, name):
        if call.open == parameters.open or _is_declaration(view, call.open):
            continue
        arguments = [view.text[start:end] for start, end in call.items]
        became = _arguments(arguments, old, new, defaults, view.function_text(call.open))
        if became is None or became == arguments:
            continue
        start, end = call.open + 1, call.close
        text = view.text[start:end]
        if "\n" in text:
            continue
        more = {
            "removed": float(len(new) < len(old)),
            "reordered": float(set(new) == set(old)),
            "added": float(len(new) > len(old)),
            "as many arguments": float(len(arguments) == len(old)),
            "proved by signature": float(
                len(declarations) == 1
                and len(new) <= len(old)
                and _is_of_this(view, call, parameters)
            ),
        }
        found.append(
            candidate(pattern, start, text, ", ".join(became), Rule.SIGNATURE, more)
        )  # fmt: skip
    yield from with_counts(found, pattern)


def _argument_of(change: Change) -> str | None:
    if change.form is not Form.TOKENS or change.inner or change.old.strip():
        return None
    text = change.new.strip()
    if not text.startswith(",") or not has_word(text) or len(text) > 120:
        return None
    return text[1:].strip() or None


def _callee(view: View, change: Change) -> str:
    call = list_around(view, change.start)
    return call.name if call is not None else ""


def _calls(view: View, name: str) -> Iterator[Bracket]:
    for match in view.find(rf"(?<!\w){re.escape(name)}[!?]?\s*\("):
        call = list_at(view.text, match.end() - 1)
        if call is not None:
            yield call


def _is_declaration(view: View, opening: int) -> bool:
    facts = view.facts(opening, opening + 1)
    if "param" in facts.node or "param" in facts.parent:
        return True
    head = view.text[max(view.text.rfind("\n", 0, opening), opening - 200) + 1 : opening]
    return re.search(r"\b(?:def|func|fn|function|fun|sub)\b[^(]*\Z", head) is not None


def _called_as(view: View, parameters: Bracket) -> str:
    """Return by which name a function is called: a constructor by that of its class."""
    if parameters.name not in {"__init__", "constructor", "__construct", "initialize"}:
        return parameters.name
    above = view.text[max(parameters.open - 20_000, view.low) : parameters.open]
    found = re.findall(r"^[^\S\n]*(?:\w+ )*class (\w+)", above, re.MULTILINE)
    return str(found[-1]) if found else ""


def _is_of_this(view: View, call: Bracket, parameters: Bracket) -> bool:
    """Tell whether a call is one of the very function: by its bare name, or on the object itself."""
    start = view.text.rfind(call.name, 0, call.open)
    before = view.text[max(start - 6, 0) : start]
    is_method = re.search(r"\((?:&?(?:mut )?self|cls)\b", view.text[parameters.open :][:20])
    if before.endswith("."):
        return re.search(r"\b(?:self|this|cls)\.\Z", before) is not None
    return is_method is None and not before.endswith(("::", "->", "@"))


def _before(view: View, parameters: Bracket, pattern: Pattern) -> list[str] | None:
    """Return the parameters as they were before the changes of this list."""
    text = view.text
    start, end = parameters.open, parameters.close + 1
    inside = sorted(
        (one for one in pattern.earlier if start < one.start < end and one.end <= end),
        key=lambda one: one.start,
        reverse=True,
    )
    piece = text[start:end]
    for one in inside:
        if one.form is not Form.TOKENS or one.inner or text[one.start : one.end] != one.new:
            return None
        piece = piece[: one.start - start] + one.old + piece[one.end - start :]
    was = list_at(piece, 0)
    return [piece[begin:finish] for begin, finish in was.items] if was is not None else None


def _parameter(text: str, language: str) -> str:
    """Return the name of a parameter, whether its type stands before or behind it."""
    if text in _SELVES:
        return "self"
    head = text.partition("=")[0].strip()
    if ":" in head:
        head = head.partition(":")[0].strip()
        found = _LAST_WORD.search(head.rstrip("?"))
        return found[0] if found else head
    words = _FIRST_WORD.findall(head)
    if not words:
        return head
    return str(words[0] if language == "go" else words[-1])


def _arguments(
    arguments: list[str], old: list[str], new: list[str], defaults: set[str], around: str
) -> list[str] | None:
    """Return the arguments of a call after the change, or ``None`` if that cannot be known."""
    old, new = [one for one in old if one != "self"], [one for one in new if one != "self"]
    if any(one.startswith(("*", "...")) for one in arguments):
        return None
    named = {}
    for one in arguments:
        match = re.match(r"([^\W\d]\w*)\s*[:=](?!=)\s*", one)
        if match and match[1] in {*old, *new}:
            named[match[1]] = one
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
        elif name in defaults:
            return None
        elif is_word(name) and re.search(bounded(name), around):
            became.append(name)
        else:
            return None
    return became
