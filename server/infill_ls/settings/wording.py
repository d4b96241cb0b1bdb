"""What is wrong with a setting's value, in words for people. The value itself is not repeated: it may be a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MUST_BE = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "string": "a text",
    "tuple": "a list",
    "list": "a list",
    "dict": "an object",
}
"""By how the names of pydantic's errors begin."""
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def what_is_wrong(problem: Mapping[str, Any]) -> str:
    """Return what one of pydantic's errors asks for, such as "must be at least 1"."""
    kind, context = str(problem["type"]), problem.get("ctx", {})
    if kind in _LIMITS:
        words, limit = _LIMITS[kind]
        return f"must be {words} {context[limit]}"
    if kind in {"literal_error", "enum"}:
        return f"must be {context['expected']}"
    if (needed := _MUST_BE.get(kind.partition("_")[0])) is not None:
        return f"must be {needed}"
    return f"cannot be used ({problem['msg']})"
