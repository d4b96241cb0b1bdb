"""Test with planted secrets in a session of the real server: none is in its files, logs or answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from attack.test_planted_secrets import PLANTED
from e2e.conftest import Start
from e2e.lsp import AUTOMATIC, explain, initialize, inline, open_document, position
from infill_retrieval.indexing.store import SUFFIX, load_segment
from infill_retrieval.syntax import language_of

MARKER = "zebra_weigh_crate"


def plant(folder: Path) -> list[Path]:
    """Write each secret into a file of its own, between lines that a search finds."""
    planted = []
    for number, (name, text, _) in enumerate(PLANTED):
        below = folder / f"f{number}"
        below.mkdir(parents=True)
        marked = f"{MARKER}_{number}"
        (below / name).write_text(f"{marked} = 1\n{text}\n{marked}_two = 2\n", "utf-8")
        planted.append(below / name)
    return planted


def everything_in(folder: Path) -> dict[str, str]:
    """Return what is in all files below ``folder``; of segments also what is packed in them."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[str(path)] = path.read_text("utf-8", "replace")
        if path.suffix == SUFFIX:
            segment = load_segment(path)
            packed = [segment.packed_details_of(number) for number in range(len(segment))]
            found[f"{path} (packed)"] = b"\n".join(packed).decode("utf-8", "replace")
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
async def test_none_is_anywhere(
    start_warm: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    left = tmp_path / "left"
    left.mkdir(mode=0o700)
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "INFILL_LS_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(left))
    folder = tmp_path / "work"
    planted = plant(folder)
    script = tmp_path / "script.json"
    prompts = left / "prompts"
    # The model repeats what it was shown, and what it was not.
    answers = [secret for _, _, secret in PLANTED]
    script.write_text(json.dumps({"answers": ["(1)"] * 2000, "prompts_file": str(prompts)}))
    log = left / "server.log"
    editor = await start_warm(
        *("--scripted-engine", str(script), "--log-level", level, "--log-file", str(log))
    )
    await initialize(editor, folders=[folder], options={"snippetTokens": 4000})
    await editor.until(lambda: editor.statuses and editor.statuses[-1]["indexedFiles"] > 50)
    await editor.until_ready()
    said: list[object] = []
    for number, path in enumerate(planted):
        if number % 4 == 0:  # the file itself is edited
            text = path.read_text("utf-8") + "zebra = "
            uri, lines = path.as_uri(), text.split("\n")
            open_document(editor, text, uri, language_of(path.name).name)
            at = position(len(lines) - 1, len(lines[-1]))
            said += await inline(editor, at, uri)
        uri = (folder / f"ask{number}.py").as_uri()
        open_document(editor, f"x = {MARKER}_{number}\ny = {MARKER}_{number}_two\nz = ", uri)
        items = await inline(editor, position(2, 4), uri, trigger=AUTOMATIC)
        said += items
        said.append(await explain(editor, uri))
        for item in items:
            await editor.ask("workspace/executeCommand", item["command"])
    await asyncio.sleep(0.3)  # thinks ahead
    await editor.shut_down()
    texts = everything_in(left) | {"what was said": json.dumps(said), "stderr": editor.stderr}
    assert prompts.exists()
    assert MARKER in texts[str(prompts)]
    assert [name for name in texts if name.endswith("statistics.jsonl")]
    assert [name for name in texts if name.endswith("(packed)")]
    assert str(log) in texts
    assert level == "INFO" or texts[str(log)]
    leaks = [
        (name, secret)
        for name, text in texts.items()
        for secret in {*answers, *(json.dumps(secret)[1:-1] for secret in answers)}
        if secret in text
    ]
    assert leaks == []
