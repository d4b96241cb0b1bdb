"""Resolve the words of an import to the workspace files that it may mean.

No build tool is asked. A module is looked for where the language says that it is (relative to
the importing file), or else by the end of its path: ``com.acme.Box`` is a file whose path ends in
``com/acme/Box.java``. Of several the nearest to the importing file come first.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from infill_retrieval.syntax import Language, family_of, language_of

MAX_FILES = 6
"""Most files that one import is taken to mean."""
MAX_PACKAGE_FILES = 24
"""Most files that the import of a whole package or namespace is taken to mean."""
FOLDER_STEMS = frozenset({"__init__", "index", "mod", "init", "lib", "main"})
"""Files that stand for their folder."""
_Value = TypeVar("_Value")


class ModuleTable:
    """The files of a workspace, found by what an import calls them. Paths are absolute."""

    def __init__(self) -> None:
        self._packages: dict[str, str] = {}
        self._by_stem: dict[str, set[str]] = defaultdict(set)
        self._by_folder: dict[str, set[str]] = defaultdict(set)
        self._folders_by_name: dict[str, set[str]] = defaultdict(set)
        self._by_package: dict[str, set[str]] = defaultdict(set)
        self._types: dict[str, tuple[str, ...]] = {}
        self._by_type: dict[str, set[tuple[str, str]]] = defaultdict(set)

    def __contains__(self, path: str) -> bool:
        return path in self._packages

    def __len__(self) -> int:
        return len(self._packages)

    def add(self, path: str, package: str = "", types: Sequence[str] = ()) -> None:
        """Add a file, or change the namespace and the types that it declares."""
        self.remove(path)
        self._packages[path] = package
        folder = posixpath.dirname(path)
        self._by_stem[_module_parts(path)[-1]].add(path)
        self._by_folder[folder].add(path)
        self._folders_by_name[posixpath.basename(folder)].add(folder)
        if package:
            self._by_package[package].add(path)
        if types:
            self._types[path] = tuple(types)
            for name in types:
                for key in _type_keys(name):
                    self._by_type[key].add((name, path))

    def remove(self, path: str) -> None:
        """Forget a file; one that is not there is no error."""
        package = self._packages.pop(path, None)
        if package is None:
            return
        folder = posixpath.dirname(path)
        _discard(self._by_stem, _module_parts(path)[-1], path)
        _discard(self._by_folder, folder, path)
        if folder not in self._by_folder:
            _discard(self._folders_by_name, posixpath.basename(folder), folder)
        if package:
            _discard(self._by_package, package, path)
        for name in self._types.pop(path, ()):
            for key in _type_keys(name):
                _discard(self._by_type, key, (name, path))

    def siblings(self, importer: str, language: Language, package: str) -> list[str]:
        """Return the files that ``importer`` sees without an import, in a stable order."""
        if not language.sees_folder:
            return []
        found = self._by_folder.get(posixpath.dirname(importer), set())
        if package and language.name != "go":
            found = found | self._by_package.get(package, set())
        same = [path for path in found if family_of(language_of(path)) == family_of(language)]
        return sorted(path for path in same if path != importer)

    # -- the ways of looking ---------------------------------------------------------------

    def existing(self, paths: Iterable[str]) -> list[str]:
        """Return those of some absolute paths that are files of the workspace."""
        return [path for path in map(posixpath.normpath, paths) if path in self._packages]

    def ending_in(self, parts: Sequence[str], importer: str) -> list[str]:
        """Return the files whose path, endings left out, ends in ``parts``; the nearest first."""
        wanted = tuple(part for part in parts if part)
        if not wanted:
            return []
        candidates = self._by_stem.get(wanted[-1], ())
        found = [path for path in candidates if _module_parts(path)[-len(wanted) :] == wanted]
        return sorted(found, key=lambda path: (-_shared_folders(path, importer), path))[:MAX_FILES]

    def in_folder_ending_in(self, parts: Sequence[str], importer: str) -> list[str]:
        """Return the files of the folder whose path shares the longest end with ``parts``."""
        folders = self._folders_by_name.get(parts[-1], ()) if parts else ()
        wanted = list(parts)

        def likeness(folder: str) -> tuple[int, int, str]:
            ends = zip(reversed(folder.split("/")), reversed(wanted), strict=False)
            shared = 0
            for mine, theirs in ends:
                if mine != theirs:
                    break
                shared += 1
            return -shared, -_shared_folders(folder + "/", importer), folder

        best = min(folders, key=likeness, default=None)
        return sorted(self._by_folder[best])[:MAX_PACKAGE_FILES] if best is not None else []

    def sources_named(self, project: str, source: str) -> list[str]:
        """Return where ``source`` would be in each folder of the name ``project``."""
        inside = self._folders_by_name.get(posixpath.basename(posixpath.dirname(source)), ())
        roots = sorted(posixpath.dirname(folder) for folder in inside)
        return [f"{root}/{source}" for root in roots if posixpath.basename(root) == project]

    def types_called(self, folded: str, importer: str) -> list[tuple[str, str]]:
        """Return types, with their files, by folded name or its last word; exact ones first."""
        found = self._by_type.get(folded, ())
        return sorted(
            (pair for pair in found if pair[1] != importer),
            key=lambda pair: (
                pair[0].replace("_", "").lower() != folded,
                -_shared_folders(pair[1], importer),
                pair,
            ),
        )

    def in_package(self, package: str) -> list[str]:
        """Return the files that declare a namespace."""
        return sorted(self._by_package.get(package, ()))[:MAX_PACKAGE_FILES]


def _type_keys(name: str) -> set[str]:
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return {name.replace("_", "").lower(), parts[-1].lower() if parts else ""} - {""}


def _discard(table: dict[str, set[_Value]], key: str, value: _Value) -> None:
    table[key].discard(value)
    if not table[key]:
        del table[key]


def _module_parts(path: str) -> tuple[str, ...]:
    folder, name = posixpath.split(path)
    stem = name.split(".", 1)[0] if not name.startswith(".") else name
    parts = tuple(part for part in folder.split("/") if part)
    return parts if stem in FOLDER_STEMS and parts else (*parts, stem)


def _shared_folders(path: str, other: str) -> int:
    return len(posixpath.commonpath((posixpath.dirname(path), posixpath.dirname(other))))
