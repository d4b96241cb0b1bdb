"""Tests of commit messages: the prompt has the staged diff, without secrets."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from e2e.conftest import StartScripted
from e2e.lsp import explain, inline, open_document, position


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "orders.py").write_text("def total(order):\n    return sum(order)\n")
    (folder / ".env").write_text("WORD=hunter2hunter2\n")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    for arguments in (("init", "--quiet"), ("add", "orders.py", ".env")):
        subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True)
    return folder


def stage(folder: Path, name: str) -> None:
    subprocess.run(["git", "add", name], cwd=folder, check=True)


@pytest.mark.parametrize("kind", ["box", "remote box", "file"])
async def test_the_staged_changes_stand_in_front_of_the_message(
    start_scripted: StartScripted, repository: Path, kind: str
) -> None:
    scheme = "vscode-remote://127.0.0.1:1234" if kind == "remote box" else "file://"
    root = quote(f"{scheme}{repository}", safe="")
    uri = {
        "file": (repository / ".git" / "COMMIT_EDITMSG").as_uri(),
    }.get(kind, f"vscode-scm:git/scm0/input?rootUri%3D{quote(root)}")
    editor = await start_scripted("prices of an order")
    open_document(editor, "Add the ", uri, "scminput")
    (item,) = await inline(editor, position(0, 8), uri)
    assert item["insertText"].endswith("prices of an order")
    prompt = (await explain(editor, uri))["prompt"]["text"]
    assert "# orders.py\n# +def total(order):\n# +    return sum(order)\n" in prompt
    assert "hunter2" not in prompt
    # What is staged later is there too.
    (repository / "refunds.py").write_text("refunded = 0\n")
    stage(repository, "refunds.py")
    change = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": "Count "}]}
    editor.notify("textDocument/didChange", change)
    await inline(editor, position(0, 6), uri)
    assert "# +refunded = 0" in (await explain(editor, uri))["prompt"]["text"]


async def test_a_box_of_no_repository_is_completed_without(
    start_scripted: StartScripted, tmp_path: Path
) -> None:
    editor = await start_scripted("prices of an order")
    for query in ("", "?rootUri%3Dfile%3A%2F%2F%2Fnowhere", f"?rootUri={tmp_path}", "?%%%"):
        uri = f"vscode-scm:git/scm0/input{query}"
        open_document(editor, "Add the ", uri, "scminput")
        assert await inline(editor, position(0, 8), uri)


async def test_a_commit_of_vc_is_of_its_files_as_they_are_on_disk(
    start_scripted: StartScripted, repository: Path
) -> None:
    (repository / "a b=c.py").write_text("refunded = 0\n")
    stage(repository, "a b=c.py")
    (repository / "a b=c.py").write_text("refunded = 1\n")
    root = quote(repository.as_uri(), safe="")
    uri = f"vc-log:%2Avc-log%2A?rootUri={root}&file={quote('a b=c.py', safe='')}&file=.env"
    editor = await start_scripted("refunds")
    open_document(editor, "Count ", uri, "git-commit")
    await inline(editor, position(0, 6), uri)
    prompt = (await explain(editor, uri))["prompt"]["text"]
    assert "# +refunded = 1" in prompt
    assert "total" not in prompt
    assert "hunter2" not in prompt
