"""Tests of the whole server with a remote inference server: completions and messages in the editor."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from e2e.client import Editor
from e2e.conftest import Start
from e2e.lsp import ERROR, WARNING, explain, initialize, inline, open_document, position
from unit.engine.remote import fakes
from unit.engine.remote.fakes import FakeServer, json_reply, raw_reply, serving, sse

KEY = "sk-very-secret-1234567890"
QUIET = {"snippetTokens": 0, "thinkAhead": False, "candidates": 1}
CURSOR = position(0, 4)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with serving(fakes.vllm(lambda _: "remote_answer()")) as server:
        yield server


async def start_with(start: Start, server: FakeServer, log_file: Path, **options: object) -> Editor:
    environment = {
        **os.environ,
        "INFILL_LS_REMOTE_KEY": KEY,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    arguments = ("--log-level", "DEBUG", "--log-file", str(log_file))
    editor = await start(*arguments, env=environment)
    headers = {"X-Team-Secret": "hidden-header"}
    settings = {"remoteUrl": server.url, "remoteHeaders": headers, **QUIET, **options}
    await initialize(editor, options=settings)
    open_document(editor, "x = ")
    return editor


def nothing_secret(editor: Editor, log_file: Path) -> None:
    for text in (editor.transcript(), editor.stderr, log_file.read_text()):
        # What the test itself sent as an option is in the transcript, and pygls' own DEBUG lines.
        ours = [line for line in text.splitlines() if "initializationOptions" not in line]
        assert KEY not in "\n".join(ours)


async def test_a_completion_of_the_server(
    start_warm: Start, server: FakeServer, tmp_path: Path
) -> None:
    editor = await start_with(start_warm, server, tmp_path / "log")
    assert [one["insertText"] for one in await inline(editor, CURSOR)] == ["x = remote_answer()"]
    label = f"{fakes.MODEL} on {server.url}"
    assert (await explain(editor))["settings"]["model"] == label
    await editor.until(lambda: editor.statuses[-1]["message"] == f"Ready: {label}")
    assert server.asked("/v1/completions")[0].headers["x-team-secret"] == "hidden-header"
    nothing_secret(editor, tmp_path / "log")


def wrong_key(server: FakeServer) -> str:
    server.routes["/v1/models"] = json_reply({"error": f"bad key {KEY}"}, 401)
    return "refused the API key"


def nobody(server: FakeServer) -> str:
    server.url = "http://127.0.0.1:9"
    return "does not answer"


def no_infilling(server: FakeServer) -> str:
    server.routes["/tokenize"] = json_reply({"tokens": [1, 2]})
    return "cannot fill in the middle"


def another_model(server: FakeServer) -> str:
    models = [{"id": "gpt", "owned_by": "vllm"}]
    server.routes["/v1/models"] = json_reply({"data": models})
    error = {"message": "The model `gpt` does not exist.", "code": 404}
    server.routes["/v1/completions"] = json_reply({"error": error}, 404)
    return "The model `gpt` does not exist."


def half_an_answer(server: FakeServer) -> str:
    event = sse({"choices": [{"text": "half", "finish_reason": None}]})
    server.routes["/v1/completions"] = server.stream(lambda _: [event])
    return "closed the connection in the middle"


def a_web_page(server: FakeServer) -> str:
    server.routes = {"/v1/models": raw_reply(b"<html>Welcome</html>")}
    return "web page"


FAULTS = [wrong_key, nobody, no_infilling, another_model, half_an_answer, a_web_page]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_fault_is_told_once(
    start_warm: Start, server: FakeServer, tmp_path: Path, fault: Callable[[FakeServer], str]
) -> None:
    words = fault(server)
    editor = await start_with(start_warm, server, tmp_path / "log", remoteFallback=False)
    for _ in range(3):
        assert await inline(editor, CURSOR) == []
    message = await editor.expect("window/showMessage")
    assert message["type"] == ERROR
    assert words in message["message"]
    assert server.url in message["message"]
    nothing_secret(editor, tmp_path / "log")


async def test_the_local_model_steps_in(
    start_warm: Start, server: FakeServer, tmp_path: Path
) -> None:
    wrong_key(server)
    editor = await start_with(start_warm, server, tmp_path / "log")
    message = await editor.expect("window/showMessage")
    assert message["type"] == WARNING
    assert "refused the API key" in message["message"]
    assert "the model on this machine is used" in message["message"]
    await editor.until_loaded()
    assert editor.engine()
    await editor.until(lambda: "this machine" in editor.statuses[-1]["message"])
    nothing_secret(editor, tmp_path / "log")
