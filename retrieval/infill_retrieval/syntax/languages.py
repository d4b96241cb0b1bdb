"""The languages we know: names, file endings, comment marks and where each grammar lives.

This table is data. Everything that depends on a language (cutting, chunking, rendering a
path as a comment) looks it up here, by LSP language id or by file name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Language:
    """One programming or markup language.

    ``grammar`` is ``"module"`` or ``"module:function"`` of the tree-sitter wheel, or ``None``
    when no wheel exists; such a language is handled by lines alone.
    """

    name: str
    grammar: str | None
    extensions: tuple[str, ...]
    comment: str = "//"
    """Mark that opens a comment; ``comment_end`` closes it where the language needs that."""
    comment_end: str = ""
    aliases: tuple[str, ...] = ()
    """Further LSP language ids and interpreter names that mean this language."""
    filenames: tuple[str, ...] = ()
    indented: bool = False
    """Whether blocks are told by indentation, not by brackets or keywords."""


LANGUAGES: tuple[Language, ...] = (
    Language(
        "bash",
        "tree_sitter_bash",
        (".sh", ".bash", ".zsh"),
        "#",
        aliases=("shellscript", "sh", "zsh", "shell"),
        filenames=(".bashrc", ".bash_profile", ".profile", ".zshrc"),
    ),
    Language("c", "tree_sitter_c", (".c", ".h")),
    Language(
        "cpp",
        "tree_sitter_cpp",
        (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".cu", ".cuh"),
        aliases=("c++", "cuda-cpp", "cuda"),
    ),
    Language("csharp", "tree_sitter_c_sharp", (".cs",), aliases=("c_sharp", "cs", "c#")),
    Language("css", "tree_sitter_css", (".css",), "/*", "*/"),
    Language("elixir", "tree_sitter_elixir", (".ex", ".exs"), "#"),
    Language("go", "tree_sitter_go", (".go",)),
    Language("haskell", "tree_sitter_haskell", (".hs",), "--", indented=True),
    Language("html", "tree_sitter_html", (".html", ".htm"), "<!--", "-->"),
    Language("java", "tree_sitter_java", (".java",)),
    Language(
        "javascript",
        "tree_sitter_javascript",
        (".js", ".mjs", ".cjs", ".jsx"),
        aliases=("javascriptreact", "js", "jsx", "node"),
    ),
    Language("json", "tree_sitter_json", (".json", ".jsonc"), aliases=("jsonc",)),
    Language("julia", "tree_sitter_julia", (".jl",), "#"),
    Language("kotlin", "tree_sitter_kotlin", (".kt", ".kts")),
    Language("lua", "tree_sitter_lua", (".lua",), "--"),
    Language("markdown", None, (".md", ".markdown"), "<!--", "-->"),
    Language("php", "tree_sitter_php:language_php", (".php",)),
    Language(
        "python",
        "tree_sitter_python",
        (".py", ".pyi", ".pyw"),
        "#",
        aliases=("py", "python3"),
        indented=True,
    ),
    Language("r", None, (".r", ".R"), "#"),
    Language(
        "ruby",
        "tree_sitter_ruby",
        (".rb", ".rake", ".gemspec"),
        "#",
        aliases=("rb",),
        filenames=("Rakefile", "Gemfile"),
    ),
    Language("rust", "tree_sitter_rust", (".rs",)),
    Language("scala", "tree_sitter_scala", (".scala", ".sc")),
    Language("sql", "tree_sitter_sql", (".sql",), "--"),
    Language("swift", "tree_sitter_swift", (".swift",)),
    Language("toml", "tree_sitter_toml", (".toml",), "#"),
    Language("tsx", "tree_sitter_typescript:language_tsx", (".tsx",), aliases=("typescriptreact",)),
    Language(
        "typescript",
        "tree_sitter_typescript:language_typescript",
        (".ts", ".mts", ".cts"),
        aliases=("ts",),
    ),
    Language(
        "yaml",
        "tree_sitter_yaml",
        (".yaml", ".yml"),
        "#",
        indented=True,
        aliases=("dockercompose",),
    ),
)

PLAIN_TEXT = Language("plaintext", None, (".txt",), "#")

_BY_NAME = {name: lang for lang in LANGUAGES for name in (lang.name, *lang.aliases)}
_BY_EXTENSION = {ext: lang for lang in LANGUAGES for ext in lang.extensions}
_BY_FILENAME = {name: lang for lang in LANGUAGES for name in lang.filenames}


def language_named(language_id: str) -> Language | None:
    """Return the language with this LSP language id, name or alias, or ``None``."""
    return _BY_NAME.get(language_id.lower())


def language_of(path: str, language_id: str = "") -> Language:
    """Return the language of a document; the editor's ``language_id`` wins over the file name.

    Unknown documents are ``PLAIN_TEXT``, never an error.
    """
    if language_id and (known := language_named(language_id)):
        return known
    return _language_of_name(os.path.basename(path))  # noqa: PTH119  # a hundred times a query


@lru_cache(maxsize=4096)
def _language_of_name(name: str) -> Language:
    suffix = PurePath(name).suffix
    return (
        _BY_FILENAME.get(name)
        or _BY_EXTENSION.get(suffix)
        or _BY_EXTENSION.get(suffix.lower())
        or PLAIN_TEXT
    )
