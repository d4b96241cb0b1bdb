"""A model's chat template as a form: the text around the messages of a conversation.

The template is rendered once, with two words in the place of what is said. What it puts around them is
the form: its markers become special tokens, and what people write never does.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from infill_ls.errors import ModelError
from infill_ls.models.chat import ChatTemplate
from infill_retrieval.processes.own_python import python_command, starting_options

SYSTEM_WORD, USER_WORD = "infillLsSystemWords", "infillLsUserWords"
RENDER_LIMIT_S = 60.0
"""Of the clock, on a machine however busy; the process ends itself after less time of a processor."""


@dataclass(frozen=True, slots=True)
class ChatForm:
    """``opening + system + between + user + closing``; the assistant's answer follows."""

    opening: str
    between: str | None
    """``None`` for a model without a system's words: they go before the user's."""
    closing: str


async def chat_form(template: ChatTemplate) -> ChatForm:
    """Return the form of a template. Raises :class:`ModelError` if it cannot be rendered."""
    return await asyncio.to_thread(_form, template)


@lru_cache(maxsize=8)
def _form(template: ChatTemplate) -> ChatForm:
    attempts = [_values(template, with_system=True), _values(template, with_system=False)]
    answer = _render(template.text, attempts)
    if "error" in answer:
        raise ModelError(f"the model's chat template failed: {answer['error']}")
    return split_form(str(answer["text"]), has_system=answer["attempt"] == 0)


def split_form(rendered: str, *, has_system: bool) -> ChatForm:
    """Return the form in a template's rendering of the two placeholders.

    Raises :class:`ModelError` if it does not say each of them once, and in their order.
    """
    words = [SYSTEM_WORD, USER_WORD] if has_system else [USER_WORD]
    if has_system and SYSTEM_WORD not in rendered:
        words = [USER_WORD]  # it leaves the system's words out, and would leave ours out
    parts: list[str] = []
    rest = rendered
    for word in words:
        if rendered.count(word) != 1 or word not in rest:
            raise ModelError("the model's chat template leaves out the messages")
        before, _, rest = rest.partition(word)
        parts.append(before)
    parts.append(rest)
    return ChatForm(parts[0], parts[1] if len(parts) > 2 else None, parts[-1])


def _values(template: ChatTemplate, *, with_system: bool) -> dict[str, Any]:
    system = [{"role": "system", "content": SYSTEM_WORD}] if with_system else []
    return {
        "messages": [*system, {"role": "user", "content": USER_WORD}],
        "tools": None,
        "documents": None,
        "add_generation_prompt": True,
        "bos_token": template.bos,
        "eos_token": template.eos,
    }


def _render(template: str, attempts: list[dict[str, Any]]) -> dict[str, Any]:
    """Render in a child process, see :mod:`infill_ls.engine.chat_render`."""
    asked = json.dumps({"template": template, "attempts": attempts})
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            python_command("-m", "infill_ls.engine.chat_render"),
            input=asked.encode(),
            capture_output=True,
            timeout=RENDER_LIMIT_S,
            check=False,
            **starting_options(),
        )
    except subprocess.TimeoutExpired:
        raise ModelError("the model's chat template does not finish") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ModelError("the model's chat template exceeded its time or memory limit")
    return answer
