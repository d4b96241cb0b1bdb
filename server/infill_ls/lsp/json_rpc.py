"""Validate a message by JSON-RPC 2.0, before its method is looked at. Pure.

LSP has no batches and no ids but whole numbers and texts. What cannot be a message is refused with
the error that the specification wants, under the id of the request if that can be told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

PARSE_ERROR = -32700
INVALID_REQUEST = -32600

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadMessage:
    """A message that cannot be taken."""

    code: int
    reason: str
    id: int | str | None = None
    is_answer: bool = False
    """Whether it is an answer to us: answers are not answered, however wrong they are."""


def read_message(body: bytes) -> Message | BadMessage:
    """Return the message of a frame's body."""
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_no_json)
    except UnicodeDecodeError:
        return BadMessage(PARSE_ERROR, "not UTF-8")
    except (ValueError, RecursionError):
        return BadMessage(PARSE_ERROR, "not JSON")
    if isinstance(message, list):
        return BadMessage(INVALID_REQUEST, "LSP has no batches")
    if not isinstance(message, dict):
        return BadMessage(INVALID_REQUEST, "not an object")
    return _checked(message)


def _checked(message: Message) -> Message | BadMessage:
    message_id = message.get("id")
    has_id = isinstance(message_id, int | str) and not isinstance(message_id, bool)
    known_id = message_id if has_id else None
    is_answer = "method" not in message and ("result" in message or "error" in message)

    def refused(reason: str) -> BadMessage:
        return BadMessage(INVALID_REQUEST, reason, known_id, is_answer)

    if message.get("jsonrpc") != "2.0":
        return refused('jsonrpc must be "2.0"')
    if not has_id and ("id" in message or is_answer):
        return refused("the id must be an integer or a string")
    if not is_answer and not isinstance(message.get("method"), str):
        return refused("the method must be a string")
    return message


def _no_json(constant: str) -> NoReturn:
    raise ValueError(constant)
