"""Render a chat template in a separate process: JSON on stdin, JSON on stdout.

The template comes from a model file, which may come from anybody. Jinja's sandbox keeps it from our
objects, the process bounds its time and its memory. Rendered as Hugging Face's transformers do.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

CPU_S = 3
MEMORY_BYTES = 1 << 30
MAX_RENDERED_CHARS = 200_000
HUGE_WIDTH = re.compile(r"%[^a-zA-Z%]{0,99}(?:\d{5}|\*)")


class Generation(Extension):
    """``{% generation %}``: marks what the assistant has said, for training; here it is just text."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the content between the tags."""
        next(parser.stream)
        return list(parser.parse_statements(("name:endgeneration",), drop_needle=True))


class _Environment(ImmutableSandboxedEnvironment):
    """Refuses operations whose result is huge before they are done: not all systems limit memory."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return the result of an operation. Raises ``MemoryError`` for a huge one."""
        if _is_huge(operator, left, right):
            raise MemoryError
        return super().call_binop(context, operator, left, right)


def _is_huge(operator: str, left: Any, right: Any) -> bool:
    if operator == "%":
        return isinstance(left, str) and HUGE_WIDTH.search(left) is not None
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * (right if operator == "**" else 1) + right.bit_length()
        return bits > MAX_RENDERED_CHARS
    for many, times in ((left, right), (right, left)):
        if isinstance(times, int) and hasattr(many, "__len__"):
            return len(many) * times > MAX_RENDERED_CHARS
    return False


def render(template: str, values: dict[str, Any]) -> str:
    """Return the template filled in. Raises ``TemplateError`` and whatever its expressions raise."""
    environment = _Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _now
    parts: list[str] = []
    chars = 0
    for part in environment.from_string(template).generate(**values):
        chars += len(part)
        if chars > MAX_RENDERED_CHARS:
            raise TemplateError(f"it makes more than {MAX_RENDERED_CHARS} characters")
        parts.append(part)
    return "".join(parts)


def _to_json(value: Any, indent: int | None = None, **_how: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: object) -> str:
    raise TemplateError(str(message))


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(str(form))


def _limit_process() -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits, only our clock
        import resource

        limits: tuple[tuple[int, int], ...] = (
            (resource.RLIMIT_CPU, CPU_S),
            (resource.RLIMIT_AS, MEMORY_BYTES),
        )
        for kind, value in limits:
            resource.setrlimit(kind, (value, value))


def _answer(attempts: list[dict[str, Any]], template: str) -> dict[str, Any]:
    """Return the result of the first attempt that the template accepts, and its number."""
    said = ""
    for number, values in enumerate(attempts):
        try:
            return {"text": render(template, values), "attempt": number}
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a template may raise anything
            said = f"{type(error).__name__}: {error}"
    return {"error": said[:500]}


def main(read: Callable[[], str] = sys.stdin.read) -> int:
    """Render what stdin asks for."""
    asked = json.loads(read())
    _limit_process()
    sys.stdout.write(json.dumps(_answer(asked["attempts"], asked["template"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
