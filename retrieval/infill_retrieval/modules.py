"""From the words of an import to the files of the workspace that it may mean.

No build tool is asked. A module is looked for where the language says that it is (relative to
the importing file), or else by the end of its path: ``com.acme.Box`` is a file whose path ends in
``com/acme/Box.java``. Of several the nearest to the importing file come first.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from infill_retrieval.syntax import Import, Language, language_of

MAX_FILES = 6
"""Most files that one import is taken to mean."""
MAX_PACKAGE_FILES = 24
"""Most files that the import of a whole package or namespace is taken to mean."""

_FAMILIES = {
    "javascript": "js",
    "typescript": "js",
    "tsx": "js",
    "java": "jvm",
    "kotlin": "jvm",
    "scala": "jvm",
    "c": "c",
    "cpp": "c",
}
_FOLDER_STEMS = frozenset({"__init__", "index", "mod", "init", "lib", "main"})
"""Files that stand for their folder."""
_SAME_FOLDER_LANGUAGES = frozenset({"go", "java", "kotlin", "scala", "csharp", "swift", "php"})
"""Languages in which a file sees its folder (or namespace) without importing it."""
_JS_ENDINGS = (
    "", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json", ".css",
    "/index.ts", "/index.tsx", "/index.js", "/index.jsx", "/index.mjs", "/index.d.ts",
)  # fmt: skip


def family_of(language: Language) -> str:
    """Return the group of languages whose files import each other."""
    return _FAMILIES.get(language.name, language.name)


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

    def resolve(self, imported: Import, importer: str, language: Language) -> list[str]:
        """Return the files that an import may mean, the likeliest first; often none."""
        family = family_of(language)
        find = _RESOLVERS.get(family, _resolve_any)
        found = dict.fromkeys(find(self, imported, importer))
        return [
            path
            for path in found
            if path != importer
            and path in self._packages
            and (family_of(language_of(path)) == family or family in {"html", "js"})
        ]

    def siblings(self, importer: str, language: Language, package: str) -> list[str]:
        """Return the files that ``importer`` sees without an import, in a stable order."""
        if language.name not in _SAME_FOLDER_LANGUAGES:
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
    return parts if stem in _FOLDER_STEMS and parts else (*parts, stem)


def _shared_folders(path: str, other: str) -> int:
    return len(posixpath.commonpath((posixpath.dirname(path), posixpath.dirname(other))))


# -- languages -------------------------------------------------------------------------------

_Resolver = Callable[[ModuleTable, Import, str], list[str]]


def _resolve_python(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    name = imported.module.lstrip(".")
    dots = len(imported.module) - len(name)
    parts = [part for part in name.split(".") if part]
    submodules = [n for n in imported.names if n.isidentifier()]
    if dots:
        base = posixpath.dirname(importer)
        for _ in range(dots - 1):
            base = posixpath.dirname(base)
        stem = posixpath.join(base, *parts)
        stems = [*(f"{stem}/{sub}" for sub in submodules), stem]
        endings = (".py", ".pyi", "/__init__.py", "/__init__.pyi")
        return table.existing(stem + ending for stem in stems for ending in endings)
    found = [p for sub in submodules for p in table.ending_in([*parts, sub], importer)]
    found += table.ending_in(parts, importer)
    # An absolute import begins at a root: nothing above the found package is itself a package.
    return [path for path in found if _is_at_root(table, path, parts)]


def _is_at_root(table: ModuleTable, path: str, parts: Sequence[str]) -> bool:
    folders = posixpath.dirname(path).split("/")
    places = [i for i, folder in enumerate(folders) if parts and folder == parts[0]]
    top = folders[: places[-1]] if places and len(parts) > 1 else folders
    if len(parts) == 1 and places and places[-1] == len(folders) - 1:
        top = folders[:-1]
    return f"{'/'.join(top)}/__init__.py" not in table


def _resolve_js(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    module = imported.module.split("?", 1)[0]
    if module.startswith("."):
        path = posixpath.join(posixpath.dirname(importer), module)
        stem = re.sub(r"\.[cm]?jsx?$", "", path)
        return table.existing(base + ending for base in (path, stem) for ending in _JS_ENDINGS)
    parts = [part for part in re.sub(r"^[@~#$]?/|^src/", "", module).split("/") if part]
    if len(parts) < 2:
        return []
    parts[-1] = parts[-1].split(".", 1)[0]
    found = table.ending_in(parts, importer)
    return found or (table.ending_in(parts[1:], importer) if len(parts) > 2 else [])


def _resolve_jvm(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    module = re.sub(r"^import\s+(static\s+)?", "", imported.module).strip(" ;*._")
    head, _, braces = module.partition("{")
    base = [part.strip() for part in head.split(".") if part.strip()]
    names = [name.split("=>")[0].split(" as ")[0].strip() for name in braces.strip("} ").split(",")]
    found: list[str] = []
    for name in names:
        parts = [*base, name] if name else base
        here = table.ending_in(parts, importer) or table.ending_in(parts[:-1], importer)
        if not here and len(parts) > 1:
            here = table.in_package(".".join(parts)) or table.in_package(".".join(parts[:-1]))
        found += here
    return found


def _resolve_go(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    parts = imported.module.split("/")
    if "." not in parts[0] and len(parts) == 1:
        return []
    found = table.in_folder_ending_in(parts, importer)
    return [path for path in found if not path.endswith("_test.go")]


def _resolve_rust(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    folder, name = posixpath.split(importer)
    stem = name.removesuffix(".rs")
    if re.fullmatch(r"\w+", imported.module):  # mod name;
        nested = folder if stem in _FOLDER_STEMS else f"{folder}/{stem}"
        below = [f"{base}/{imported.module}" for base in (nested, folder)]
        found = table.existing(base + end for base in below for end in (".rs", "/mod.rs"))
        if found:
            return found
    found = []
    for parts in rust_paths(imported.module):
        names = [part for part in parts if part not in {"crate", "self", "super", "*"}]
        for length in range(len(names), max(0, len(names) - 3), -1):
            if here := table.ending_in(names[:length], importer):
                found += here[:1]
                break
        else:
            if names and parts[0] not in {"crate", "self", "super"}:
                # Another crate of the workspace: its folder has its name, with dashes or not.
                for crate in (names[0], names[0].replace("_", "-")):
                    found += table.existing(table.sources_named(crate, "src/lib.rs"))
    return found


def rust_paths(text: str) -> list[list[str]]:
    """Return the paths of a ``use`` declaration with its braces multiplied out."""
    text = re.sub(r"\s+as\s+\w+|\s", "", text)
    paths: list[list[str]] = []
    prefixes: list[str] = [""]
    word = ""
    for char in text:
        if char == "{":
            prefixes.append(prefixes[-1] + word)
            word = ""
        elif char in ",}":
            if word:
                paths.append((prefixes[-1] + word).split("::"))
            word = ""
            if char == "}" and len(prefixes) > 1:
                prefixes.pop()
        else:
            word += char
    if word:
        paths.append((prefixes[-1] + word).split("::"))
    return paths


def _resolve_c(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    near = table.existing([posixpath.join(posixpath.dirname(importer), imported.module)])
    if near:
        return near
    name = posixpath.basename(imported.module)
    candidates = table.ending_in([name.split(".", 1)[0]], importer)
    tail = "/" + posixpath.normpath(imported.module).lstrip("./")
    return [path for path in candidates if path.endswith(tail)]


def _resolve_csharp(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    del importer
    return table.in_package(imported.module)


def _resolve_php(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    if imported.module.endswith(".php"):
        return _resolve_any(table, imported, importer)
    parts = imported.module.strip("\\").split("\\")
    found = table.ending_in(parts[-2:], importer) or table.ending_in(parts[-1:], importer)
    package = "\\".join(parts[:-1])
    inside = [path for path in found if path in table.in_package(package)]
    return inside or found[:1]


def _resolve_elixir(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    parts = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", p).lower() for p in imported.module.split(".")]
    return table.ending_in(parts, importer)


def _resolve_any(table: ModuleTable, imported: Import, importer: str) -> list[str]:
    """Take the import for a path, then for words with any separator between them."""
    path = posixpath.join(posixpath.dirname(importer), imported.module)
    extension = posixpath.splitext(importer)[1]
    if found := table.existing([path, path + extension]):
        return found
    parts = [part for part in re.split(r"[./\\:\s]+", imported.module) if part]
    if parts and f".{parts[-1]}" == extension:
        parts.pop()
    return table.ending_in(parts, importer)


_RESOLVERS: dict[str, _Resolver] = {
    "python": _resolve_python,
    "js": _resolve_js,
    "jvm": _resolve_jvm,
    "go": _resolve_go,
    "rust": _resolve_rust,
    "c": _resolve_c,
    "csharp": _resolve_csharp,
    "php": _resolve_php,
    "elixir": _resolve_elixir,
}
