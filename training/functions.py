"""Find the functions of a Python file that read well on their own.

A hole in a short function with its docstring is what people complete most, and what HumanEval
asks; in windows cut at random it is rare. Found by indentation, not by parsing: a file that no
longer parses gives functions too, and the cost is one pass over its lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_LINES, MOST_LINES = 3, 70

_DEF = re.compile(r"(\s*)(?:async )?def \w+\((.*)")
_DECORATOR = re.compile(r"\s*@\w")
_DOCSTRING = re.compile(r"\s*[rbuRBU]{0,2}(\"\"\"|''')")
_BRANCH = re.compile(r"\s*(?:for|while|if)\b")
_DOTTED = re.compile(r"\b[A-Za-z_]\w*\.[A-Za-z_]\w*")


@dataclass(frozen=True)
class FunctionLines:
    """Lines of a function: decorators, signature, docstring and body."""

    first: int
    """Index of the first line, a decorator or the signature."""
    last: int
    """Index after the last line."""
    body: int
    """Index of the first line after the signature and the docstring."""
    has_docstring: bool
    is_algorithm: bool
    """It branches, returns, is no method and calls little by dotted names: it can be understood
    without the file that it stands in."""


def functions_of(lines: Sequence[str]) -> list[FunctionLines]:
    """Return the functions of a file's ``lines``, nested ones too, in order."""
    found = []
    for at, line in enumerate(lines):
        match = _DEF.match(line)
        if match:
            function = _function_at(lines, at, len(match[1]), match[2])
            if function is not None:
                found.append(function)
    return found


def _function_at(
    lines: Sequence[str], at: int, indent: int, arguments: str
) -> FunctionLines | None:
    signature_end = at
    while signature_end < len(lines) and not lines[signature_end].rstrip().endswith(":"):
        signature_end += 1
        if signature_end - at > 15:
            return None
    body = signature_end + 1
    end = last = body
    while end < len(lines) and end - at <= MOST_LINES:
        line = lines[end]
        if line.strip():
            if len(line) - len(line.lstrip()) <= indent:
                break
            last = end + 1
        end += 1
    if end - at > MOST_LINES or last - at < LEAST_LINES:
        return None
    after = _after_docstring(lines, body, last)
    has_docstring = after > body
    if after >= last:
        return None
    first = at
    while first > 0 and _DECORATOR.match(lines[first - 1]):
        first -= 1
    code = lines[after:last]
    dotted = sum(len(_DOTTED.findall(line)) for line in code)
    is_algorithm = (
        not arguments.startswith(("self", "cls"))
        and any(_BRANCH.match(line) for line in code)
        and any("return" in line or "yield" in line for line in code)
        and dotted <= 0.4 * len(code)
    )
    return FunctionLines(first, last, after, has_docstring, is_algorithm)


def _after_docstring(lines: Sequence[str], body: int, last: int) -> int:
    if body >= last:
        return body
    match = _DOCSTRING.match(lines[body])
    if not match:
        return body
    if match[1] in lines[body][match.end() :]:
        return body + 1
    for at in range(body + 1, last):
        if match[1] in lines[at]:
            return at + 1
    return body
