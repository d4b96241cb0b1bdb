"""Find installed editors, on the path and where installers put them. Pure."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath


@dataclass(frozen=True, slots=True)
class KnownEditor:
    """An editor, and by what its programs are known."""

    name: str
    commands: tuple[str, ...]
    """On the path, in a snap, in the folders of package managers."""
    flatpak: tuple[str, ...] = ()
    """The names of its applications."""
    mac_apps: tuple[str, ...] = ()
    """Under ``Applications``, up to the program."""
    windows: tuple[str, ...] = ()
    """Under the folders that programs are installed into; ``*`` stands for a version."""


def _like_vs_code(name: str, command: str, app: str, flatpak: str = "") -> KnownEditor:
    """Return an editor that is made from VS Code, and so is laid out like it."""
    return KnownEditor(
        name,
        (command,),
        (flatpak,) if flatpak else (),
        (f"{app}.app/Contents/Resources/app/bin/{command}",),
        (f"{app}/bin/{command}.cmd", f"{app}/resources/app/bin/{command}.cmd"),
    )


EDITORS = (
    KnownEditor(
        "VS Code",
        ("code",),
        ("com.visualstudio.code",),
        ("Visual Studio Code.app/Contents/Resources/app/bin/code",),
        ("Microsoft VS Code/bin/code.cmd",),
    ),
    KnownEditor(
        "VS Code Insiders",
        ("code-insiders",),
        ("com.visualstudio.code.insiders",),
        ("Visual Studio Code - Insiders.app/Contents/Resources/app/bin/code",),
        ("Microsoft VS Code Insiders/bin/code-insiders.cmd",),
    ),
    _like_vs_code("VSCodium", "codium", "VSCodium", "com.vscodium.codium"),
    _like_vs_code("Cursor", "cursor", "Cursor"),
    _like_vs_code("Windsurf", "windsurf", "Windsurf"),
    KnownEditor("Neovim", ("nvim",), ("io.neovim.nvim",), (), ("Neovim/bin/nvim.exe",)),
    KnownEditor(
        "Emacs",
        ("emacs",),
        ("org.gnu.emacs",),
        ("Emacs.app/Contents/MacOS/Emacs",),
        ("Emacs/emacs-*/bin/emacs.exe", "Emacs/bin/emacs.exe"),
    ),
    KnownEditor("Helix", ("hx", "helix"), ("com.helix_editor.Helix",), (), ("Helix/hx.exe",)),
    KnownEditor(
        "Zed",
        ("zed", "zeditor"),
        ("dev.zed.Zed",),
        ("Zed.app/Contents/MacOS/cli",),
        ("Zed/bin/zed.exe", "Zed/zed.exe"),
    ),
    KnownEditor(
        "Sublime Text",
        ("subl",),
        ("com.sublimetext.three",),
        ("Sublime Text.app/Contents/SharedSupport/bin/subl",),
        ("Sublime Text/subl.exe", "Sublime Text 3/subl.exe"),
    ),
    KnownEditor(
        "Kate",
        ("kate",),
        ("org.kde.kate",),
        ("kate.app/Contents/MacOS/kate",),
        ("Kate/bin/kate.exe",),
    ),
)

_BIN_FOLDERS = {
    "Linux": ("/snap/bin", "/usr/local/bin", "{home}/.local/bin", "/home/linuxbrew/.linuxbrew/bin"),
    "Darwin": ("/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin", "{home}/.local/bin"),
}
"""Folders that an editor started from a menu may not have on its path."""
_FLATPAK_FOLDERS = (
    "/var/lib/flatpak/exports/bin",
    "{home}/.local/share/flatpak/exports/bin",
)
_MAC_FOLDERS = ("/Applications", "{home}/Applications")
_WINDOWS_FOLDERS = (
    ("LOCALAPPDATA", "Programs"),
    ("LOCALAPPDATA", ""),
    ("ProgramFiles", ""),
    ("ProgramFiles(x86)", ""),
)
_WINDOWS_SHIMS = (
    ("USERPROFILE", "scoop/shims"),
    ("ProgramData", "chocolatey/bin"),
    ("LOCALAPPDATA", "Microsoft/WinGet/Links"),
)


def find_editors(
    system: str,
    environment: Mapping[str, str],
    which: Callable[[str], str | None],
    files_like: Callable[[str], Iterable[str]],
) -> dict[str, str]:
    """Return the program of each editor that is found, by its name.

    ``system`` is what ``platform.system`` says, ``which`` looks on the path, and ``files_like`` returns the
    files that a glob pattern matches.
    """
    found = {}
    for editor in EDITORS:
        path = next(filter(None, map(which, editor.commands)), None)
        if path is None:
            patterns = _patterns(editor, system, environment)
            # Of several versions the last.
            path = next((max(files) for one in patterns if (files := [*files_like(one)])), None)
        if path is not None:
            found[editor.name] = path
    return found


def _patterns(editor: KnownEditor, system: str, environment: Mapping[str, str]) -> list[str]:
    if system == "Windows":
        return _windows_patterns(editor, environment)
    home = glob.escape(environment.get("HOME", ""))
    folders = _BIN_FOLDERS.get(system, _BIN_FOLDERS["Linux"])
    pairs = [(folder, name) for folder in folders for name in editor.commands]
    if system == "Darwin":
        pairs += [(folder, app) for folder in _MAC_FOLDERS for app in editor.mac_apps]
    else:
        pairs += [(folder, name) for folder in _FLATPAK_FOLDERS for name in editor.flatpak]
    # Without a home folder, what would be in it is not looked for at the root.
    return [
        str(PurePosixPath(folder.replace("{home}", home)) / name)
        for folder, name in pairs
        if home or "{" not in folder
    ]


def _windows_patterns(editor: KnownEditor, environment: Mapping[str, str]) -> list[str]:
    names = {
        _WINDOWS_FOLDERS: editor.windows,
        _WINDOWS_SHIMS: [f"{name}.*" for name in editor.commands],
    }
    return [
        str(PureWindowsPath(glob.escape(environment[variable])) / folder / name)
        for folders, programs in names.items()
        for variable, folder in folders
        if environment.get(variable)
        for name in programs
    ]
