"""Tests that a workspace folder cannot choose which model is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infill_ls.models.store import bundled_model_path
from infill_ls.settings import resolve_settings, settings_with

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "a.gguf").touch()
    return folder


def test_a_model_in_an_open_folder_is_not_loaded(folder: Path) -> None:
    inside = str(folder / "models" / "a.gguf")
    options = {"model": inside, "instructModel": inside, "remoteVocabulary": inside, "maxLines": 3}
    settings, warnings = resolve_settings(options, folders=[folder])
    assert settings.engine.model_path == settings_with().engine.model_path
    assert settings.instruct.model_path is None
    assert settings.remote.vocabulary == ""
    assert settings.completion.max_lines == 3
    assert len(warnings) == 3
    assert all("is in the open folder project" in warning for warning in warnings)
    # Where no folder is open, or another one, it is the user's own.
    for others in ([], [folder.parent / "other"]):
        settings, warnings = resolve_settings(options, folders=others)
        assert (str(settings.engine.model_path), warnings) == (inside, [])


def test_links_count_at_both_ends(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "b.gguf").touch()
    out = folder / "out.gguf"
    out.symlink_to(tmp_path / "b.gguf")
    into = tmp_path / "into.gguf"
    into.symlink_to(folder / "models" / "a.gguf")
    circle = tmp_path / "circle.gguf"
    circle.symlink_to(circle)
    another_name = tmp_path / "another-name"
    another_name.symlink_to(folder)
    for path in (
        out,
        into,
        another_name / "models" / "a.gguf",
        folder / ".." / "project" / "x.gguf",
    ):
        for folders in ([folder], [another_name]):
            settings, warnings = resolve_settings({"instructModel": str(path)}, folders=folders)
            assert settings.instruct.model_path is None, (path, folders)
            assert len(warnings) == 1


def test_a_relative_path_is_of_the_folder_the_server_runs_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for model in ("models/a.gguf", "./models/a.gguf", "models/a"):
        settings, warnings = resolve_settings({"instructModel": model}, folders=[folder])
        assert settings.instruct.model_path is None
        assert len(warnings) == 1


def test_our_own_models_are_loaded_wherever_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFILL_LS_MODEL_FOLDER", str(folder / "models"))
    bundled = str(bundled_model_path())
    for model in ("a", "infill-ls-mini", bundled, str(folder / "models" / "a.gguf")):
        folders = [folder, bundled_model_path().parent]
        settings, warnings = resolve_settings({"model": model}, folders=folders)
        assert warnings == []
        assert settings.engine.model_path.is_file()
    outside = folder / "models" / "b.gguf"
    outside.symlink_to(folder / "README")
    assert resolve_settings({"model": str(outside)}, folders=[folder])[1] != []


def test_a_name_on_a_server_is_no_file(folder: Path) -> None:
    options = {"instructUrl": "http://host:1", "instructModel": str(folder / "a.gguf")}
    settings, warnings = resolve_settings(options, folders=[folder])
    assert settings.written.instruct_model == str(folder / "a.gguf")
    assert warnings == []


@pytest.mark.parametrize(
    "name", ["model", "instructModel", "instructUrl", "remoteUrl", "remoteVocabulary"]
)
def test_a_workspace_of_vs_code_cannot_set_what_names_a_file_or_a_server(name: str) -> None:
    manifest = json.loads((ROOT / "editors" / "vscode" / "package.json").read_text("utf-8"))
    sections = manifest["contributes"]["configuration"]
    found = [one["properties"].get(f"infill-ls.{name}", {}).get("scope") for one in sections]
    assert [scope for scope in found if scope] == ["machine"]
