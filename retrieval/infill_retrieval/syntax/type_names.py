"""Type names in the head of a declaration: bases, return type, field type.

The grammar has found the declaration; its head, a line or a few, is then read as text, since the
parts that matter here look alike in most languages and each grammar has its own nodes for them.
"""

from __future__ import annotations

import re

from infill_retrieval.syntax.records import DeclarationKind

MAX_HEAD_CHARS = 600
"""Of a declaration, without its body; what comes later is not read."""
MAX_TYPE_NAMES = 4
CALLED = "()"
"""Ends the name of a function whose result a field holds: ``make_config()``."""

_WORD = re.compile(r"[^\W\d][\w$]*")
_BRACKETS = {"(": ")", "[": "]", "<": ">", "{": "}"}
_NO_TYPES = frozenset(
    [
        "abstract",
        "any",
        "async",
        "auto",
        "bool",
        "boolean",
        "boxed",
        "byte",
        "char",
        "class",
        "const",
        "constexpr",
        "def",
        "default",
        "double",
        "dyn",
        "enum",
        "error",
        "export",
        "extends",
        "extern",
        "final",
        "float",
        "fn",
        "for",
        "func",
        "function",
        "get",
        "impl",
        "implements",
        "in",
        "inline",
        "int",
        "interface",
        "internal",
        "let",
        "long",
        "metaclass",
        "mut",
        "never",
        "none",
        "null",
        "number",
        "object",
        "out",
        "override",
        "partial",
        "permits",
        "private",
        "protected",
        "pub",
        "public",
        "readonly",
        "ref",
        "register",
        "return",
        "sealed",
        "set",
        "short",
        "signed",
        "static",
        "str",
        "string",
        "struct",
        "super",
        "synchronized",
        "throws",
        "trait",
        "type",
        "typedef",
        "typename",
        "undefined",
        "union",
        "unknown",
        "unsafe",
        "unsigned",
        "val",
        "var",
        "virtual",
        "void",
        "volatile",
        "where",
        "with",
        "as",
        "crate",
        "dict",
        "list",
        "tuple",
    ]
)
"""Words of the languages and their plain types: no file of a workspace declares them."""
_ANNOTATED = re.compile(r"\s*[?!]?\s*:(?![:=])\s*")
_RETURNED = re.compile(r"\s*(?:->|:(?![:=]))\s*")
_ASSIGNED = re.compile(r"\s*:?=\s*(?!=)")
_LAMBDA = re.compile(r"(?:async\s+)?(?=\()")
_MADE = re.compile(
    r"(?:(?:await|new|yield|try)\s+|[&*])*(?P<path>[^\W\d][\w$]*(?:(?:\.|::|->)[^\W\d][\w$]*){0,4})"
    r"(?:<[^<>()\n]{0,80}>|\[[^\[\]\n]{0,80}\])?\s*(?P<opens>[({]?)"
)
_STRING = re.compile(r'"[^"\n]*"')
_END_OF_TYPE = re.compile(r"=(?!>)|[;{\n]|\bwhere\b")


def type_names(
    kind: DeclarationKind, name: str, head: str, *, before_names: bool
) -> tuple[str, ...]:
    """Return the names of types that a declaration's head gives, the outermost first.

    Of a type they are its bases. ``before_names`` says that the language writes ``Type name``.
    """
    head = head[:MAX_HEAD_CHARS]
    place = re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", head)
    if place is None:
        return ()
    before, after = head[: place.start()], head[place.end() :]
    if kind is DeclarationKind.TYPE:
        return _bases(before, after)
    after = _after_brackets(after, "<") if after.lstrip().startswith("<") else after
    found = _names(before[-200:])[-MAX_TYPE_NAMES:] if before_names else ()
    return found or _types_behind(after)[:MAX_TYPE_NAMES]


def _types_behind(after: str) -> tuple[str, ...]:
    """Return the types that follow a name."""
    if after.startswith("[") and _after_brackets(after, "[").startswith("("):
        after = _after_brackets(after, "[")  # what a function is generic over
    if after.startswith("("):
        return _result(_after_brackets(after, "("))
    if annotated := _ANNOTATED.match(after):
        return _names(_type_at(after[annotated.end() :]))
    if _ASSIGNED.match(after):
        return _of_value(after)
    return _names(_type_at(after))  # Go: ``name Type``


def annotation_of(parameter: str, head: str) -> tuple[str, ...]:
    """Return the names of the type that a function's head gives to one of its parameters."""
    found = re.search(rf"(?<![\w$]){re.escape(parameter)}\s*:\s*", head[:MAX_HEAD_CHARS])
    if found is None:
        return ()
    rest = head[found.end() :]
    depth = 0
    for place, char in enumerate(rest[:200]):
        if char in "([{<":
            depth += 1
        elif char in ")]}>":
            depth -= 1
        if depth < 0 or (depth == 0 and char in ",="):
            rest = rest[:place]
            break
    return _names(rest)[:MAX_TYPE_NAMES]


def _bases(before: str, after: str) -> tuple[str, ...]:
    # Rust: ``impl Trait for Type``.
    head = re.search(r"\bimpl\b(.*)\bfor\b\s*\S*$", before, re.DOTALL)
    if head is not None:
        trait = re.sub(r"<[^<>]*>", "", head[1])
        return _names(trait)[-1:]
    if after.lstrip().startswith("<"):
        after = _after_brackets(after.lstrip(), "<")
    return _names(after)[:MAX_TYPE_NAMES]


def _result(after: str) -> tuple[str, ...]:
    if returned := _RETURNED.match(after):
        return _names(_type_at(after[returned.end() :]))[:MAX_TYPE_NAMES]
    return _names(_type_at(after))[:MAX_TYPE_NAMES] if after[:1] == " " else ()  # Go


def _of_value(after: str) -> tuple[str, ...]:
    assigned = _ASSIGNED.match(after)
    if assigned is None:
        return ()
    value = after[assigned.end() :]
    if function := _LAMBDA.match(value):
        return _result(_after_brackets(value[function.end() :], "("))
    made = _MADE.match(value)
    if made is None or not made["opens"]:
        return ()
    words = _WORD.findall(made["path"])
    types = [word for word in words if word[:1].isupper()]
    return tuple(types[-1:]) or (words[-1] + CALLED,)


def _type_at(text: str) -> str:
    if text.startswith("{"):
        return ""
    return _END_OF_TYPE.split(text, maxsplit=1)[0]


def _names(text: str) -> tuple[str, ...]:
    found = dict.fromkeys(word for word in _WORD.findall(text) if len(word) <= 64)
    return tuple(word for word in found if word not in _NO_TYPES and len(word) > 1)


def _after_brackets(text: str, opening: str) -> str:
    """Return what follows the brackets that ``text`` begins with; nothing if they do not close."""
    text = text.lstrip()
    closing, depth, last = _BRACKETS[opening], 0, ""
    for place, char in enumerate(_STRING.sub(lambda found: " " * len(found[0]), text)):
        if char == opening:
            depth += 1
        elif char == closing and not (closing == ">" and last in "-="):
            depth -= 1
            if depth == 0:
                return text[place + 1 :]
        last = char
    return ""
