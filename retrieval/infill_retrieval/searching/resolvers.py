"""Resolvers: how each family of languages locates an imported module.

Each function gets the table of the workspace's files, an import in the words of its language, and
the importing file, and returns the files that may be meant, the likeliest first.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from infill_retrieval.searching.modules import FOLDER_STEMS, ModuleTable
from infill_retrieval.syntax import Import, Language, family_of, language_of

_JS_ENDINGS = (
    "", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json", ".css",
    "/index.ts", "/index.tsx", "/index.js", "/index.jsx", "/index.mjs", "/index.d.ts",
)  # fmt: skip


def resolve(table: ModuleTable, imported: Import, importer: str, language: Language) -> list[str]:
    """Return the files that an import may mean, the likeliest first; often none."""
    family = family_of(language)
    found = dict.fromkeys(_RESOLVERS.get(family, _resolve_any)(table, imported, importer))
    return [
        path
        for path in found
        if path != importer
        and path in table
        and (family_of(language_of(path)) == family or family in {"html", "js"})
    ]


Resolver: TypeAlias = Callable[[ModuleTable, Import, str], list[str]]


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
        nested = folder if stem in FOLDER_STEMS else f"{folder}/{stem}"
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


_RESOLVERS: dict[str, Resolver] = {
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
