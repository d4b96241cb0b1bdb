"""Tests of how installed editors are found."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

import pytest

from infill_ls.cli.editors import EDITORS, find_editors

WINDOWS = {
    "LOCALAPPDATA": r"C:\Users\Ada [1]\AppData\Local",
    "ProgramFiles": r"C:\Program Files",
    "USERPROFILE": r"C:\Users\Ada [1]",
}
UNIX = {"HOME": "/home/ada"}


def found(
    system: str, environment: Mapping[str, str], *files: str, on_path: Mapping[str, str] = {}
) -> dict[str, str]:
    return find_editors(
        system, environment, on_path.get, lambda pattern: fnmatch.filter(files, pattern)
    )


@pytest.mark.parametrize(
    ("system", "file", "editor"),
    [
        ("Linux", "/snap/bin/code", "VS Code"),
        ("Linux", "/var/lib/flatpak/exports/bin/com.visualstudio.code", "VS Code"),
        ("Linux", "/home/ada/.local/share/flatpak/exports/bin/com.vscodium.codium", "VSCodium"),
        ("Linux", "/home/ada/.local/bin/nvim", "Neovim"),
        ("Darwin", "/Applications/Cursor.app/Contents/Resources/app/bin/cursor", "Cursor"),
        ("Darwin", "/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code", "VS Code"),
        ("Darwin", "/Applications/Emacs.app/Contents/MacOS/Emacs", "Emacs"),
        ("Darwin", "/opt/homebrew/bin/hx", "Helix"),
        ("Windows", r"C:\Users\Ada [1]\AppData\Local\Programs\Microsoft VS Code\bin\code.cmd", "VS Code"),
        ("Windows", r"C:\Program Files\Neovim\bin\nvim.exe", "Neovim"),
        ("Windows", r"C:\Program Files\VSCodium\bin\codium.cmd", "VSCodium"),
        ("Windows", r"C:\Users\Ada [1]\scoop\shims\emacs.exe", "Emacs"),
    ],
)  # fmt: skip
def test_where_installers_put_them(system: str, file: str, editor: str) -> None:
    environment = WINDOWS if system == "Windows" else UNIX
    assert found(system, environment, file) == {editor: file}


def test_the_path_comes_first() -> None:
    on_path = {"code": "/opt/code/bin/code", "helix": "/usr/bin/helix"}
    assert found("Linux", UNIX, "/snap/bin/code", on_path=on_path) == {
        "VS Code": "/opt/code/bin/code",
        "Helix": "/usr/bin/helix",
    }


def test_of_several_versions_the_last() -> None:
    files = [rf"C:\Program Files\Emacs\emacs-{version}\bin\emacs.exe" for version in (30.1, 29.4)]
    assert found("Windows", WINDOWS, *files) == {"Emacs": files[0]}


def test_nothing_is_looked_for_at_the_root_without_a_home() -> None:
    asked: list[str] = []
    for system in ("Linux", "Darwin", "Windows"):
        find_editors(system, {}, lambda _: None, lambda pattern: asked.append(pattern) or [])  # type: ignore[func-returns-value]
    assert asked
    assert not [
        one for one in asked if "{" in one or one.startswith(("/.local", "/Applications/.."))
    ]


def test_every_editor_is_found_by_its_command_on_any_system() -> None:
    for editor in EDITORS:
        for system in ("Linux", "Darwin", "Windows"):
            on_path = {editor.commands[-1]: "x"}
            assert found(system, {}, on_path=on_path) == {editor.name: "x"}
