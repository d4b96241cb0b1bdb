"""What the code at the cursor is about to use, read from the text around it. Pure.

The text before a cursor seldom parses: the statement has no end yet. So a few forms that nearly all
languages share are read backwards from the cursor: ``a.b(c)[d].``, ``callee(x, ``, ``Type{``, a member
declared in the body of a class that has bases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_retrieval.syntax import DeclarationKind
from infill_retrieval.syntax.type_names import MAX_HEAD_CHARS, type_names

MAX_STEPS = 6
MAX_CHARS = 2_000
"""Read backwards from the cursor, at most; a chain or a call is rarely longer."""
MAX_CLASS_LINES = 400
"""Lines above the cursor in which the class around it is looked for."""
MAX_MEMBER_START_CHARS = 200
"""Longer lines begin no declaration of a member."""

_CLOSING = {")": "(", "]": "[", "}": "{", ">": "<"}
_SEPARATOR = re.compile(r"(?:\?\.|!\.|\.|->|::)$")
_LAST_NAME = re.compile(r"[^\W\d][\w$]*\Z")
_PARTIAL = re.compile(r"[^\W\d][\w$]*\Z")
_CAST = re.compile(r"(?:\bas|\bis)\s+([^\W\d][\w.]*)\s*[?!]?\s*$")
_CLASS = re.compile(
    r"^(?P<indent>[ \t]*)(?:(?:export|default|abstract|public|private|protected|internal|static|final|sealed|"
    r"partial|open|data|pub(?:\([^)\n]{0,20}\))?|unsafe|declare|readonly|ref|inner|override|case)\s+){0,6}"
    r"(?P<kind>class|struct|interface|impl|trait|object|enum|record|extension|protocol|module|mixin)\b"
    r"(?P<rest>[^\n]{0,400})"
)
_MEMBER_START = re.compile(
    r"^\s*(?:@[\w.]+(?:\([^()\n]*\))?\s*){0,3}(?:(?:pub(?:\([^)\n]{0,20}\))?|async|public|protected|private|"
    r"internal|static|override|final|virtual|abstract|export|unsafe|get|set|suspend|open)\s+){0,5}"
    r"(?P<word>def|fn|fun|func|function|public|protected|override|const|type)?"
    r"(?:\s+[\w<>\[\],.?]+){0,2}\s*$"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One name of ``a.b(c)[d]`` and what is done with it."""

    name: str
    is_called: bool = False
    is_indexed: bool = False


Chain = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Enclosing:
    """The class around the cursor."""

    name: str
    bases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the text says about the place at the cursor. Parts that do not apply are empty."""

    receiver: Chain = ()
    """What stands before the dot at the cursor."""
    is_path: bool = False
    """Whether that dot is ``::``."""
    partial: str = ""
    """What is typed already of the name at the cursor."""
    callee: Chain = ()
    """What is called, or filled in, in whose brackets the cursor stands."""
    is_literal: bool = False
    """Whether those brackets are braces: fields of a type are about to be named."""
    overridden: tuple[str, ...] = ()
    """Types of which a member is about to be declared once more."""
    enclosing: Enclosing | None = None


def read_cursor(before: str, *, before_names: bool = False) -> Cursor:
    """Read the facts about the cursor's place from the text before it."""
    text = before[-MAX_CHARS:]
    word = _PARTIAL.search(text[-200:])
    partial = word[0] if word is not None else ""
    head = text[: len(text) - len(partial)]
    receiver: Chain = ()
    separator = _SEPARATOR.search(head.rstrip()[-3:])
    if separator is not None and not head.rstrip().endswith(".."):
        receiver = chain_before(head.rstrip()[: -len(separator[0])])
    callee, is_literal = _callee(head)
    around = _enclosing(before, before_names)
    line = text[text.rfind("\n") + 1 :]
    declares = (
        not receiver
        and around is not None
        and len(line) <= MAX_MEMBER_START_CHARS
        and _MEMBER_START.match(line) is not None
    )
    return Cursor(
        receiver=receiver,
        is_path=separator is not None and separator[0] == "::",
        partial=partial,
        callee=callee,
        is_literal=is_literal,
        overridden=around.bases if declares and around is not None else (),
        enclosing=around,
    )


def chain_before(text: str) -> Chain:
    """Return the names of the expression that ends ``text``: ``x = a.b(c)[d]`` gives a, b, d."""
    steps: list[Step] = []
    while len(steps) < MAX_STEPS:
        text = text.rstrip(" \t\n?!")
        is_called = is_indexed = False
        inside = ""
        while text and text[-1] in ")]}>" and not text.endswith(("->", "=>")):
            opening = _opening_of(text)
            if opening < 0:
                return _reversed(steps)
            inside = text[opening + 1 : -1]
            is_called |= text[-1] in ")}"
            is_indexed |= text[-1] == "]"
            text = text[:opening].rstrip(" \t?!").removesuffix("::")
        name = _LAST_NAME.search(text[-100:])
        if name is None or name[0] in _KEYWORDS:
            if is_called and inside:
                steps += _parenthesised(inside)
            return _reversed(steps)
        steps.append(Step(name[0], is_called, is_indexed))
        text = text[: len(text) - len(name[0])].rstrip(" \t\n")
        separator = _SEPARATOR.search(text[-3:])
        if separator is None:
            return _reversed(steps)
        text = text[: -len(separator[0])]
    return _reversed(steps)


_KEYWORDS = frozenset(
    [
        "await",
        "return",
        "new",
        "yield",
        "in",
        "if",
        "while",
        "match",
        "switch",
        "assert",
        "not",
        "and",
        "or",
        "case",
        "else",
        "do",
        "throw",
        "raise",
        "go",
        "defer",
        "with",
        "for",
        "typeof",
        "delete",
        "print",
    ]
)


def _reversed(steps: list[Step]) -> Chain:
    return tuple(reversed(steps))


def _parenthesised(inside: str) -> list[Step]:
    """Return the steps, last first, of what stands in brackets of its own."""
    if cast := _CAST.search(inside[-100:]):
        return [Step(cast[1].rpartition(".")[2], is_called=True)]
    return list(reversed(chain_before(inside[-400:])))


def _opening_of(text: str) -> int:
    """Return where the bracket that ends ``text`` opens, or -1."""
    closing = text[-1]
    opening, depth = _CLOSING[closing], 0
    for place in range(len(text) - 1, -1, -1):
        char = text[place]
        if char == closing:
            depth += 1
        elif char == opening:
            depth -= 1
            if depth == 0:
                return place
        elif closing == ">" and char in ";{}()\n":
            return -1
    return -1


def _callee(text: str) -> tuple[Chain, bool]:
    """Return what is called or filled in at the end of ``text``, and whether that is in braces."""
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        char = text[place]
        if char in ")]}":
            depth += 1
        elif char in "([{":
            depth -= 1
            if depth < 0:
                if char == "[":
                    return (), False
                before = text[:place].rstrip()
                if char == "{":
                    return _filled(before), True
                return chain_before(before), False
        elif char == ";" and depth == 0:
            return (), False
    return (), False


_ANNOTATED = re.compile(r":\s*([^\W\d][\w.]*)(?:<[^<>\n]*>)?\s*=$")
_HEADER = re.compile(
    r"\b(?:if|for|while|switch|match|struct|class|interface|enum|impl|trait|func|fn|union|try|do|else|namespace|"
    r"return|mod|extern|when|object|type|loop|unsafe|package)\b[^\n;]*$"
)


def _filled(before: str) -> Chain:
    """Return the type that a ``{`` after ``before`` begins a value of."""
    line = before[before.rfind("\n") + 1 :]
    if annotated := _ANNOTATED.search(line[-200:]):
        return (Step(annotated[1].rpartition(".")[2]),)
    chain = chain_before(before) if before[-1:].isalnum() or before.endswith((">", "]")) else ()
    if not chain or not chain[-1].name[:1].isupper():
        return ()
    without_return = line.rpartition("return ")[2]
    return () if _HEADER.search(without_return[-300:]) else chain


def _enclosing(before: str, before_names: bool) -> Enclosing | None:
    """Return the class whose body holds the cursor, told by its indentation."""
    lines = before.rsplit("\n", MAX_CLASS_LINES)[-MAX_CLASS_LINES:]
    current = lines[-1]
    indent = len(current) - len(current.lstrip())
    if not current.strip():
        indent = len(current) or 1
    for place in range(len(lines) - 2, -1, -1):
        line = lines[place]
        code = line.lstrip()
        if not code:
            continue
        at = len(line) - len(code)
        if at >= indent:
            continue
        if code[0] not in "})]@#/*":
            indent = at
        found = _CLASS.match(line[:500])
        if found is not None:
            head = "\n".join((line[:500], *lines[place + 1 : place + 4]))
            rest = head[found.start("rest") : found.start("rest") + MAX_HEAD_CHARS]
            return _class_of(found["kind"], rest, before_names)
        if at == 0 and code[0] not in "})]@#/*":
            return None
    return None


_HEAD_END = re.compile(r"\{|:\s*(?:\n|$)|;|\n\s*(?:def|fn|func|@|#|//|\"\"\")")


def _class_of(kind: str, rest: str, before_names: bool) -> Enclosing | None:
    head = _HEAD_END.split(rest, maxsplit=1)[0][:400]
    if kind == "impl":
        body = re.sub(r"<[^<>]*>", "", re.sub(r"<[^<>]*>", "", head))
        trait, _, owner = body.rpartition(" for ")
        names = re.findall(r"[^\W\d]\w*", owner.partition(" where ")[0])
        bases = re.findall(r"[^\W\d]\w*", trait)[-1:]
        return Enclosing(names[-1], tuple(bases)) if names else None
    name = re.search(r"[^\W\d]\w*", head)
    if name is None:
        return None
    return Enclosing(
        name[0], type_names(DeclarationKind.TYPE, name[0], head, before_names=before_names)
    )
