"""Evidence for a variable's type around the cursor: annotations, values, loops. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_retrieval.searching.cursor import Chain, Step

MAX_EVIDENCE = 3
"""Pieces of evidence that are followed; the nearest above the cursor come first."""
MAX_OCCURRENCES = 40
AROUND_CHARS = 160

_ANNOTATION = re.compile(r"\s*[?!]?\s*:(?![:=])\s*([^=;\n){}]{1,120})")
_VALUE = re.compile(r"(?:\s*,\s*\w+){0,3}\s*:?=(?![=>~])\s*")
_UNPACKED = re.compile(r"\s*\)\s*=(?!=)\s*")
_LOOP = re.compile(r"(?:\s*,\s*\w+){0,2}\s*\)?\s*(?:\bin\b|\bof\b|:=\s*range\b|\s:\s)\s*")
_LOOP_BEFORE = re.compile(r"\b(?:for|foreach)\b[^;\n]{0,40}$")
_NAMED_BEHIND = re.compile(r"\b(?:with|except|using)\s+([^\n]{1,120}?)\s+as\s+$")
_TYPE_BEHIND = re.compile(r"[ \t]+(?:\[\]|\*|\.\.\.)*(?:\w+\.)?(?P<name>[A-Z]\w*|(?<=\*)\w+)")
_TYPE_BEFORE = re.compile(
    r"(?<![\w.])(?:\w+(?:\.|::))*(?P<name>[A-Z]\w*|[a-z]\w*_t|[a-z]\w*(?=[ \t]*[*&])|(?<=struct )\w+)"
    r"(?:<(?P<of>[^<>\n]{1,80}(?:<[^<>\n]{0,40}>)?)>)?(?:\[\])?\??[ \t*&]+$"
)
_STEP = re.compile(
    r"(?P<name>[^\W\d][\w$]*)(?:::)?(?:<[^<>()\n]{0,60}>)?"
    r"(?P<use>\([^()\n]*\)|\([^()\n]*\([^()\n]*\)[^()\n]*\)|\[[^\[\]\n]*\]|[({])?[?!]?"
    r"(?P<more>\?\.|\.|->|::)?(?:await\b)?\s*"
)
_BEFORE_VALUE = re.compile(r"(?:(?:await|new|yield|try|from|move|mut|ref)\s+|[&*(])+")
_WORD = re.compile(r"[^\W\d][\w$]*")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a variable is, as somewhere said: one of some types, or the value of an expression."""

    types: tuple[str, ...] = ()
    value: Chain = ()


def evidence_of(name: str, before: str, after: str, *, of_self: bool = False) -> list[Evidence]:
    """Return the evidence for a variable, or a member of ``self``; the nearest above first."""
    start = r"(?<=self\.|this\.)" if of_self else r"(?<![\w$.])"
    pattern = re.compile(rf"{start}{re.escape(name)}(?![\w$])")
    above = list(pattern.finditer(before))[-MAX_OCCURRENCES:]
    found: dict[Evidence, None] = {}
    for text, matches in (
        (before, reversed(above)),
        (after, iter(list(pattern.finditer(after))[:8])),
    ):
        for match in matches:
            left = text[max(0, match.start() - AROUND_CHARS) : match.start()]
            right = text[match.end() : match.end() + AROUND_CHARS]
            if (one := _evidence(left, right)) is not None:
                found[one] = None
                if len(found) == MAX_EVIDENCE:
                    return list(found)
    return list(found)


def _evidence(left: str, right: str) -> Evidence | None:
    line = left[left.rfind("\n") + 1 :]
    return _as_value(line, right) or _as_type(line, right)


def _as_value(line: str, right: str) -> Evidence | None:
    """Return the expression that a variable is an item of, or is bound to by a statement."""
    if _LOOP_BEFORE.search(line) and (loop := _LOOP.match(right)):
        return _valued(right[loop.end() :])
    named = _NAMED_BEHIND.search(line)
    return _valued(named[1]) if named is not None else None


def _as_type(line: str, right: str) -> Evidence | None:
    """Return the type that stands before or behind a variable, or the value it is given."""
    if (before := _TYPE_BEFORE.search(line)) and before["name"] not in _NO_TYPE:
        return Evidence((before["name"], *_WORD.findall(before["of"] or "")))
    if annotated := _ANNOTATION.match(right):
        types = tuple(dict.fromkeys(_WORD.findall(_first_type(annotated[1]))))[:4]
        return Evidence(types) if types else None
    if value := _UNPACKED.match(right) or _VALUE.match(right):
        return _valued(right[value.end() :])
    behind = _TYPE_BEHIND.match(right)
    if behind is not None and line.rstrip()[-1:] in {"(", ",", "", "r"}:
        return Evidence((behind["name"],))
    return None


_NO_TYPE = frozenset({"await", "return", "new", "else", "in", "not", "and", "or", "delete"})


def _first_type(text: str) -> str:
    depth = 0
    for place, char in enumerate(text):
        if char in "[<(":
            depth += 1
        elif char in "]>)":
            depth -= 1
        if depth < 0 or (depth == 0 and char == ","):
            return text[:place]
    return text


def _valued(text: str) -> Evidence | None:
    """Return the chain that ``text`` begins with, if it is no literal."""
    if start := _BEFORE_VALUE.match(text):
        text = text[start.end() :]
    steps: list[Step] = []
    place = 0
    while len(steps) < 6 and (step := _STEP.match(text, place)):
        use = step["use"] or ""
        steps.append(Step(step["name"], use[:1] in ("(", "{") and bool(use), use.startswith("[")))
        place = step.end()
        if not step["more"]:
            break
    return Evidence(value=tuple(steps)) if steps else None
