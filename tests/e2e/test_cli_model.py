"""End-to-end tests of ``infill-ls model``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.command_line import Outcome, Run, run
from infill_ls.engine.shape import default_kv_tokens, memory_bytes
from infill_ls.models.store import (
    BUNDLED_CONTEXT_TOKENS,
    BUNDLED_KV_BYTES_PER_TOKEN,
    bundled_model_path,
)
from unit.models.hub import FILE, REPOSITORY, Hub, serve

PLACE = f"{REPOSITORY}/{FILE}"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFILL_LS_MODEL_FOLDER", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve(Hub(bundled_model_path().read_bytes())) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


async def models(run: Run) -> dict[str, dict[str, object]]:
    listed = json.loads((await run("model", "list", "--json")).stdout)
    return {model["name"]: model for model in listed["models"]}


def failed(outcome: Outcome, words: str) -> None:
    assert outcome.status == 2, outcome
    assert words in outcome.stderr
    assert "Traceback" not in outcome.stderr


async def test_from_the_bundled_model_to_another_and_back(
    run_warm: Run, hub: Hub, folders: Path
) -> None:
    assert (await models(run_warm))["infill-ls-mini"]["inUse"] is True
    used = await run_warm("model", "use", PLACE)
    assert used.status == 0, used
    assert hub.ranges == [""]
    listed = await models(run_warm)
    assert listed["tiny"]["inUse"] is True
    assert listed["infill-ls-mini"]["inUse"] is False
    checked = await run_warm("model", "check", "tiny")
    assert checked.status == 0, checked
    assert "family deepseek" in checked.stdout
    again = await run_warm("model", "pull", PLACE)
    assert "is already on this machine" in again.stdout
    removed = await run_warm("model", "remove", "tiny")
    assert "the bundled one is used instead" in removed.stdout
    assert (await models(run_warm))["infill-ls-mini"]["inUse"] is True


async def test_the_list_shows_what_is_known() -> None:
    known = (await models(run))["deepseek-coder-6.7b"]
    assert known["installed"] is False
    assert known["licence"] == "DeepSeek"
    assert str(known["licenceUrl"]).startswith("https://")
    assert str(known["source"]).endswith(".gguf")
    assert str(known["source"]).count("/") == 2
    table = await run("model", "list")
    assert "deepseek-coder-6.7b:q5_k_m" in table.stdout


async def test_the_list_says_what_the_bundled_model_takes_as_its_file_does(run_warm: Run) -> None:
    told = json.loads((await run_warm("model", "info", "infill-ls-mini", "--json")).stdout)["facts"]
    assert told["shape"]["kv_bytes_per_token"] == BUNDLED_KV_BYTES_PER_TOKEN
    assert told["shape"]["context_tokens"] == BUNDLED_CONTEXT_TOKENS
    listed = (await models(run_warm))["infill-ls-mini"]
    kv_tokens = default_kv_tokens(BUNDLED_CONTEXT_TOKENS, BUNDLED_KV_BYTES_PER_TOKEN)
    needed = memory_bytes(told["file_bytes"], BUNDLED_KV_BYTES_PER_TOKEN, kv_tokens)
    assert listed["memoryBytes"] == needed


async def test_info_of_a_known_model_and_of_a_file(run_warm: Run) -> None:
    known = await run_warm("model", "info", "deepseek-coder-1.3b")
    assert "infill-ls model pull deepseek-coder-1.3b" in known.stdout
    assert ".gguf" in known.stdout, "where it comes from"
    file = await run_warm("model", "info", bundled_model_path())
    assert "family deepseek" in file.stdout
    assert json.loads((await run_warm("model", "info", "infill-ls-mini", "--json")).stdout)["facts"]


async def test_info_tells_editors_what_using_a_model_would_download(run_warm: Run) -> None:
    async def told(name: str) -> dict[str, Any]:
        done = await run_warm("model", "info", "--json", "--", name)
        assert done.status == 0, done
        return dict(json.loads(done.stdout))

    assert (await told("infill-ls-mini"))["download"] is None
    # The default file under its full name, which the list does not have.
    for name in ("deepseek-coder-1.3b", "DeepSeek-Coder-1.3b:q4_k_m"):
        known = (await told(name))["download"]
        assert known["name"] == "deepseek-coder-1.3b"
        assert known["licence"] == "DeepSeek"
        assert known["bytes"] > 0
    unknown = (await told("owner/repository/Some.gguf"))["download"]
    assert (unknown["name"], unknown["bytes"], unknown["licence"]) == ("some", None, "")
    assert unknown["source"] == "owner/repository/Some.gguf"
    failed(await run_warm("model", "info", "--json", "/nowhere/a.gguf"), "does not exist")
    failed(await run_warm("model", "info", "--json", "deepseek-coder-9b"), "infill-ls model list")


async def test_quantize_makes_a_smaller_file_that_works(run_warm: Run, folders: Path) -> None:
    made = await run_warm("model", "quantize", "infill-ls-mini", "q4_0")
    assert made.status == 0, made
    (path,) = (folders / "models").glob("*.gguf")
    assert path.name == "infill-ls-mini-q4_0-local.gguf"
    checked = await run_warm("model", "check", path.stem)
    assert checked.status == 0, checked
    failed(await run_warm("model", "quantize", "infill-ls-mini", "q4_0"), "already exists")


async def test_what_cannot_be_quantized_leaves_nothing(run_warm: Run, tmp_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(bundled_model_path().read_bytes()[:1_000_000])
    (tmp_path / "text.gguf").write_text("no model")
    failed(await run_warm("model", "quantize", tmp_path / "cut.gguf", "q4_0"), "llama.cpp")
    failed(await run_warm("model", "quantize", tmp_path / "text.gguf", "q4_0"), "not a GGUF file")
    failed(
        await run_warm("model", "quantize", "infill-ls-mini", "q8_0"), "start from a larger file"
    )
    failed(await run_warm("model", "quantize", "infill-ls-mini", "q3"), "invalid choice")
    assert list((tmp_path / "models").iterdir()) == []


async def test_wrong_names_and_damaged_files(run_warm: Run, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(bundled_model_path().read_bytes()[:2_000_000])
    for action in ("pull", "use", "remove", "info", "check"):
        failed(await run_warm("model", action, "deepseek-coder-9b"), "infill-ls model list")
    for action in ("use", "info", "check"):
        failed(await run_warm("model", action, tmp_path / "none.gguf"), "does not exist")
    failed(await run_warm("model", "check", cut), "could not be loaded")
    failed(
        await run_warm("model", "check", "deepseek-coder-1.3b"), "model pull deepseek-coder-1.3b"
    )
    failed(await run_warm("model"), "required")


async def test_offline(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    failed(await run("model", "pull", PLACE), "HF_HUB_OFFLINE forbids")
