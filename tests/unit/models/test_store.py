"""Tests of the models known by name and of their files on disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infill_ls.errors import ModelError, UnknownModelError, UsageError
from infill_ls.models import registry, store
from infill_ls.models.store import bundled_model_path, choice_path, choose, chosen_model, locate
from infill_ls.settings import settings_with


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFILL_LS_MODEL_FOLDER", str(tmp_path / "models"))
    monkeypatch.setattr(store, "user_config_path", lambda _: tmp_path / "config")
    monkeypatch.delenv("INFILL_LS_MODEL", raising=False)
    (tmp_path / "models").mkdir()
    return tmp_path


def test_every_known_file_is_described() -> None:
    names = [known.name for known in registry.known_files()]
    assert len(names) == len(set(names))
    for known in registry.known_files():
        assert re.fullmatch(r"[a-z0-9.:_-]+", known.name)
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", known.source.repository)
        assert known.source.file.endswith(".gguf")
        assert known.source.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", known.source.sha256)
        assert known.model.kv_bytes_per_token > 0


def test_deepseek_coder_is_known_in_all_sizes() -> None:
    for size in ("1.3b", "5.7b", "6.7b", "33b", "v2-lite"):
        assert registry.find(f"DeepSeek-Coder-{size}") is not None


def test_models_that_follow_instructions_are_told_from_those_that_fill_in() -> None:
    names = {known.name for known in registry.known_files() if known.model.is_instruct}
    assert names == {
        "deepseek-coder-1.3b-instruct",
        "deepseek-coder-6.7b-instruct",
        "deepseek-coder-33b-instruct",
        "deepseek-coder-v2-lite-instruct",
        "qwen2.5-coder-1.5b-instruct",
        "qwen2.5-coder-7b-instruct",
    }
    for known in registry.known_files():
        assert known.model.is_instruct == ("instruct" in known.source.file.lower())


def test_a_file_goes_by_its_model_and_quantization() -> None:
    default, other = (
        registry.find("deepseek-coder-1.3b:q4_k_m"),
        registry.find("deepseek-coder-1.3b:Q8_0"),
    )
    assert default is not None
    assert default.name == "deepseek-coder-1.3b"
    assert other is not None
    assert other.name == "deepseek-coder-1.3b:q8_0"


def test_a_file_of_the_hub_by_its_place() -> None:
    assert registry.hub_file("owner/repo/sub/Some-Model.Q4_0.gguf") == (
        "some-model.q4_0",
        registry.HubFile("owner/repo", "sub/Some-Model.Q4_0.gguf"),
    )


@pytest.mark.parametrize("name", ["deepseek-coder-1.4b", "owner/repo", "./x/y/z.gguf", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UnknownModelError, match="model list"):
        registry.hub_file(name)


def test_a_slip_in_a_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(UnknownModelError, match=r"did you mean 'deepseek-coder-1.3b'"):
        registry.hub_file("deepseek-coder-1.3")


def test_what_a_model_means(folders: Path) -> None:
    pulled = folders / "models" / "deepseek-coder-1.3b-q8_0.gguf"
    assert locate("deepseek-coder-1.3b:Q8_0") == pulled
    assert locate("infill-ls-mini") == bundled_model_path()
    assert locate("~/a.gguf") == Path.home() / "a.gguf"
    assert locate("rel/a.gguf") == Path("rel/a.gguf")
    (folders / "models" / "mine.gguf").touch()
    assert locate("mine") == folders / "models" / "mine.gguf"


def test_what_to_do_about_a_missing_model() -> None:
    assert "infill-ls model pull deepseek-coder-6.7b" in store.why_missing(
        locate("deepseek-coder-6.7b")
    )
    assert "does not exist" in store.why_missing(Path("/none.gguf"))


def test_the_choice_is_for_all_editors_and_their_setting_goes_first(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = folders / "models" / "mine.gguf"
    mine.touch()
    assert settings_with().engine.model_path == bundled_model_path()
    assert choose("mine") == mine
    assert settings_with().engine.model_path == mine
    monkeypatch.setenv("INFILL_LS_MODEL", "/env.gguf")
    assert settings_with().engine.model_path == Path("/env.gguf")
    assert settings_with(model="/set.gguf").engine.model_path == Path("/set.gguf")
    monkeypatch.delenv("INFILL_LS_MODEL")
    choose("")
    assert settings_with().engine.model_path == bundled_model_path()


def test_a_path_is_chosen_whole_and_may_hold_any_character(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folders / 'ä "b"\\c.gguf'
    path.touch()
    monkeypatch.chdir(folders)
    choose(path.name)
    assert chosen_model() == str(path)


def test_what_is_not_there_is_not_chosen() -> None:
    for model in ("deepseek-coder-1.3b", "/none.gguf", "nonsense"):
        with pytest.raises(ModelError):
            choose(model)
    assert chosen_model() == ""


@pytest.mark.parametrize("content", [b"model = 3", b"not toml", b"\xff\xfe", b"other = 1"])
def test_a_broken_choice_counts_as_none(content: bytes) -> None:
    choice_path().parent.mkdir()
    choice_path().write_bytes(content)
    assert chosen_model() == ""


def test_a_choice_that_cannot_be_written_is_said() -> None:
    choice_path().parent.write_text("a file in its place")
    with pytest.raises(UsageError, match="cannot write"):
        choose("")


def test_only_our_own_files_are_removed(folders: Path) -> None:
    mine, foreign = folders / "models" / "mine.gguf", folders / "foreign.gguf"
    part = mine.with_name("mine.gguf.0123456789ab.part")
    for path in (mine, foreign, part):
        path.write_bytes(b"GGUF")
    assert store.remove("mine").bytes == 4
    assert not mine.exists()
    assert not part.exists()
    for name, words in (
        (str(foreign), "delete it yourself"),
        ("infill-ls-mini", "bundled"),
        ("mine", "no model"),
    ):
        with pytest.raises(UsageError, match=words):
            store.remove(name)
    assert foreign.exists()
    assert bundled_model_path().exists()
