"""Tests of the JSON-RPC 2.0 errors for invalid messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infill_ls.lsp.json_rpc import BadMessage, read_message

NOT_JSON = [
    b"",
    b" ",
    b"{",
    b'{"jsonrpc": "2.0", "id": 1, "method": "a", "params": {"text": "\xff\xfe"}}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "\xed\xa0\x80"}',
    '{"jsonrpc": "2.0"}'.encode("utf-16"),
    b"\xef\xbb\xbf{}",
    b"{'jsonrpc': '2.0'}",
    b'{"jsonrpc": "2.0", "id": 1, "method": "a", "params": [NaN]}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "a", "params": [-Infinity]}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "a"} {}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"jsonrpc": "2.0", "id": ' + b"1" * 10_000 + b', "method": "a"}',
]
REQUEST: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "a"}


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:30]))
def test_what_is_no_json_is_a_parse_error_without_an_id(body: bytes) -> None:
    refused = read_message(body)
    assert isinstance(refused, BadMessage)
    assert (refused.code, refused.id, refused.is_answer) == (-32700, None, False)


@pytest.mark.parametrize(
    ("message", "answered_id"),
    [
        ([], None),
        ([REQUEST], None),
        ([1, 2], None),
        (None, None),
        (1, None),
        ("text", None),
        ({}, None),
        ({"foo": "boo"}, None),
        ({"id": 7, "method": "a"}, 7),
        ({"id": "x", "method": "a"}, "x"),
        ({"method": "a"}, None),
        ({**REQUEST, "jsonrpc": "1.0"}, 1),
        ({**REQUEST, "jsonrpc": 2.0}, 1),
        ({**REQUEST, "jsonrpc": None}, 1),
        ({**REQUEST, "id": [1]}, None),
        ({**REQUEST, "id": {}}, None),
        ({**REQUEST, "id": None}, None),
        ({**REQUEST, "id": True}, None),
        ({**REQUEST, "id": 1.5}, None),
        ({**REQUEST, "method": 1}, 1),
        ({**REQUEST, "method": None}, 1),
        ({**REQUEST, "method": ["a"]}, 1),
        ({"jsonrpc": "2.0", "id": 1}, 1),
        ({"jsonrpc": "2.0", "method": 1, "params": "bar"}, None),
    ],
    ids=repr,
)
def test_what_is_no_message_is_an_invalid_request(
    message: object, answered_id: int | str | None
) -> None:
    refused = read_message(json.dumps(message).encode())
    assert isinstance(refused, BadMessage)
    assert (refused.code, refused.id, refused.is_answer) == (-32600, answered_id, False)


@pytest.mark.parametrize(
    "message",
    [
        {"id": 1, "result": None},
        {"jsonrpc": "2.0", "result": 1},
        {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "not JSON"}},
        {"jsonrpc": "2.0", "id": [1], "result": 1},
    ],
    ids=repr,
)
def test_a_wrong_answer_is_not_answered(message: object) -> None:
    refused = read_message(json.dumps(message).encode())
    assert isinstance(refused, BadMessage)
    assert refused.is_answer


@pytest.mark.parametrize(
    "message",
    [
        REQUEST,
        {**REQUEST, "id": "text"},
        {**REQUEST, "id": 0},
        {**REQUEST, "id": ""},
        {**REQUEST, "params": None},
        {**REQUEST, "params": [{"jsonrpc": "2.0", "id": 2, "method": "shutdown"}]},
        {"jsonrpc": "2.0", "method": "a", "params": {"id": [1]}},
        {"jsonrpc": "2.0", "id": 1, "result": None},
        {"jsonrpc": "2.0", "id": 1, "result": [1], "error": None},
        {"jsonrpc": "2.0", "id": "x", "error": {"code": 1, "message": "a"}},
        {**REQUEST, "method": "lone \ud83d"},
    ],
    ids=repr,
)
def test_messages_are_taken_as_they_are(message: object) -> None:
    assert read_message(json.dumps(message).encode()) == message
