"""Tests of file discovery: which files are found, and that no disk error ends the walk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infill_retrieval.files.sources import (
    decode,
    find_source,
    find_sources,
    is_generated,
    is_wanted,
    read_source,
)
from infill_retrieval.settings import RetrievalSettings

SETTINGS = RetrievalSettings()


@pytest.fixture(autouse=True)
def _no_user_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def write(folder: Path, *names: str, text: str = "x = 1\n") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(folder: Path, settings: RetrievalSettings = SETTINGS) -> list[str]:
    found = list(find_sources(folder, settings))
    for source in found:
        assert find_source(Path(source.path), folder, settings) == source
    return [source.name for source in found]


def test_sources_are_found_in_a_stable_order(folder: Path) -> None:
    write(folder, "b.py", "a.py", "z/c.ts", "z/d.unknown", "node_modules/x.js", ".git/hook.py")
    assert names(folder) == ["a.py", "b.py", "z/c.ts"]


def test_gitignore_files_are_nested_and_negated(folder: Path) -> None:
    write(
        folder, "a.py", "gen/a.py", "gen/keep.py", "out/a.py", "sub/a.py", "sub/b.py", "sub/in/b.py"
    )
    (folder / ".gitignore").write_text("gen/*\n!gen/keep.py\n/out/\nb.py\n")
    (folder / "sub" / ".gitignore").write_text("!b.py\n")
    (folder / "sub" / "in" / ".gitignore").write_text("*.py\n")
    assert names(folder) == ["a.py", "gen/keep.py", "sub/a.py", "sub/b.py"]


def test_what_is_in_an_ignored_folder_cannot_come_back(folder: Path) -> None:
    write(folder, "out/keep.py")
    (folder / ".gitignore").write_text("out/\n!out/keep.py\n")
    assert names(folder) == []
    assert find_source(folder / "out" / "keep.py", folder, SETTINGS) is None


def test_infillignore_is_asked_before_gitignore(folder: Path) -> None:
    write(folder, "a.py", "b.py", "c.py")
    (folder / ".gitignore").write_text("a.py\n")
    (folder / ".infillignore").write_text("!a.py\nb.py\n")
    assert names(folder) == ["a.py", "c.py"]


def test_rules_of_the_repository_above_and_of_the_user_hold(folder: Path) -> None:
    write(folder, ".git/info/exclude", text="info.py\n")
    write(folder, ".gitignore", text="above.py\n")
    write(folder, "pkg/above.py", "pkg/info.py", "pkg/home.py", "pkg/set.py", "pkg/a.py")
    home = Path(os.environ["HOME"])
    (home / "excludes").write_text("home.py\n")
    (home / ".gitconfig").write_text(f"[core]\n\texcludesFile = {home}/excludes\n")
    assert names(folder / "pkg", RetrievalSettings(excluded=("set.*",))) == ["a.py"]


def test_git_looks_for_global_excludes_where_nothing_is_configured(folder: Path) -> None:
    write(folder, "a.py", "b.py")
    write(Path(os.environ["HOME"]), ".config/git/ignore", text="b.py\n")
    assert names(folder) == ["a.py"]


def test_a_bad_pattern_does_not_undo_the_others(folder: Path) -> None:
    write(folder, "a.py", "b.py")
    (folder / ".gitignore").write_text("!\nb.py\n")
    assert names(folder) == ["a.py"]


def test_secrets_generated_and_large_files_are_not_found(folder: Path) -> None:
    write(folder, ".env", "package-lock.json", "a.min.js", "x_pb2.py", "credentials.json", "a.js")
    write(folder, "big.py", text="x = 1\n" * 100_000)
    assert names(folder) == ["a.js"]


def test_links_are_not_followed(folder: Path) -> None:
    write(folder, "a.py", "sub/b.py")
    outside = folder.parent / "outside"
    write(outside, "secret.py")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "away").symlink_to(outside, target_is_directory=True)
    (folder / "away.py").symlink_to(outside / "secret.py")
    (folder / "dangling.py").symlink_to(folder / "nothing.py")
    assert names(folder) == ["a.py", "sub/b.py"]
    assert find_source(folder / "away" / "secret.py", folder, SETTINGS) is None
    assert find_source(folder / "away.py", folder, SETTINGS) is None
    assert read_source(str(folder / "away.py"), 1000) is None


def test_what_cannot_be_read_is_passed_over(folder: Path) -> None:
    write(folder, "a.py")
    os.mkfifo(folder / "pipe.py")
    assert names(folder) == ["a.py"]
    assert read_source(str(folder / "gone.py"), 1000) is None
    assert read_source(str(folder), 1000) is None
    assert read_source(str(folder / "nul\0.py"), 1000) is None
    assert find_source(folder / "nul\0.py", folder, SETTINGS) is None
    assert list(find_sources(folder / "gone", SETTINGS)) == []


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb", "a\r\nb"),
        ("grün".encode(), "grün"),
        ("grün".encode("latin-1"), "grün"),
        (b"\xef\xbb\xbfx", "x"),
        ("x".encode("utf-16"), "x"),
        (b"\xff\xfea", None),
        (b"x\0y", None),
        (b"", ""),
    ],
)
def test_decoding(data: bytes, text: str | None) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("text", "generated"),
    [
        ("# Code generated by protoc. DO NOT EDIT.\nx = 1\n", True),
        ("/* eslint-disable */\n// @generated by x\n", True),
        ("x=1;" * 1000, True),
        ("1, 2, 3, 44, 55,\n" * 300, True),
        ("x = call(a, b)\n" * 300, False),
        ("x" * 400, False),
    ],
)
def test_generated_files(text: str, generated: bool) -> None:
    assert is_generated("a.py", text) is generated


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("./x.py", ["a/x.py", "a/y.py"]),
        ("././/x.py", ["a/x.py", "a/y.py"]),
        ("/x.py", ["a/x.py", "a/y.py"]),
        ("**/x.py", ["a/y.py"]),
        ("x.py", ["a/y.py"]),
        ("./a/x.py", ["a/y.py", "x.py"]),
        ("./a", ["x.py"]),
        ("a/", ["x.py"]),
        ("{folder}/x.py", ["a/x.py", "a/y.py"]),
        ("{folder}/a", ["x.py"]),
        ("{folder}/a/", ["x.py"]),
        ("{folder}/a/x*", ["a/y.py", "x.py"]),
        ("{folder}/**/x.py", ["a/y.py"]),
        ("{link}/x.py", ["a/x.py", "a/y.py"]),
        ("{folder}", []),
        ("{folder}/", []),
        (".", []),
        ("./", []),
        ("/", []),
        ("*", []),
        ("/elsewhere/x.py", ["a/x.py", "a/y.py", "x.py"]),
        ("../x.py", ["a/x.py", "a/y.py", "x.py"]),
        ("", ["a/x.py", "a/y.py", "x.py"]),
    ],
)
def test_excluded_patterns_are_what_people_type(
    folder: Path, pattern: str, left: list[str]
) -> None:
    write(folder, "x.py", "a/x.py", "a/y.py")
    link = folder.parent / "link"
    link.symlink_to(folder)
    excluded = pattern.format(folder=folder, link=link)
    settings = RetrievalSettings(excluded=(excluded, "#no comment#"))
    assert sorted(names(folder, settings)) == left
    for name in ("x.py", "a/x.py", "a/y.py"):
        assert is_wanted(folder / name, folder, settings) == (name in left)


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("./x.py", ["a/y.py"]),
        ("a/x.py", ["a/y.py", "x.py"]),
        ("{folder}/x.py", ["a/x.py", "a/y.py"]),
    ],
)
def test_further_names_may_be_paths(folder: Path, pattern: str, left: list[str]) -> None:
    write(folder, "x.py", "a/x.py", "a/y.py")
    settings = RetrievalSettings(sensitive_names=(pattern.format(folder=folder),))
    assert sorted(names(folder, settings)) == left
    for name in ("x.py", "a/x.py", "a/y.py"):
        assert is_wanted(folder / name, folder, settings) == (name in left)


def test_what_is_excluded_is_so_outside_of_all_folders_too(folder: Path) -> None:
    settings = RetrievalSettings(excluded=("x.*", str(folder / "y.py")))
    assert not is_wanted(folder / "x.py", None, settings)
    assert not is_wanted(folder / "y.py", None, settings)
    assert is_wanted(folder / "z.py", None, settings)
    assert not is_wanted(folder / "z.py", None, RetrievalSettings(excluded=("*",)))
