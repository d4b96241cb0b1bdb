"""The languages we know, in one table: everything that is peculiar to one is in its entry.

Names, file endings and grammar; comment marks and quotes; what an import looks like; which words
open and close a block. To add a language is to add an entry here, with its tests.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath

CHARACTER = r"'(?:\\[^'\n]{1,8}|\\'|[^'\\\n])'"
"""A character between apostrophes, as a pattern; other apostrophes then mean nothing (lifetimes)."""
SCRIPT_REGEX = (
    r"(?:(?<=[=(,:!&|?{};\n])|\breturn)[ \t]*"
    r"/(?![*/\s])(?:\\.|\[(?:\\.|[^\]\\\n]){0,300}+\]|[^/\\\n\[]){1,500}+/"
)
"""A regular expression where JavaScript may have one, as a pattern."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Language:
    """One programming or markup language. There is one object of each, compared by identity."""

    name: str
    grammar: str | None
    """``"module"`` or ``"module:function"`` of the tree-sitter wheel; ``None`` when there is no
    wheel: such a language is handled by lines alone."""
    extensions: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    """Further LSP language ids and interpreter names that mean this language."""
    filenames: tuple[str, ...] = ()
    comment: str = "//"
    """Mark that opens a comment; ``comment_end`` closes it where the language needs that."""
    comment_end: str = ""
    further_comments: tuple[str, ...] = ()
    """Marks that open a comment, beside ``comment``."""
    quotes: tuple[str, ...] = ('"', "'")
    """Marks that open and close a string, those of three before those of one."""
    literals: tuple[str, ...] = ()
    """Patterns of what is neither string, comment nor bracket but may hold their marks."""
    words_hold_marks: bool = False
    """Whether ``#`` and quotes inside a word are part of it."""
    is_prose: bool = False
    """Whether it is written for people: no blocks, no statements."""
    indented: bool = False
    """Whether blocks are told by indentation, not by brackets or keywords."""
    block_words: tuple[str, ...] = ("do", "then", "else", "begin", "ensure", "rescue")
    """Words that open a block at the end of a line."""
    words_close: bool = False
    """Whether a block may end with a word (``end``, ``fi``, ``done``, ``esac``)."""
    imports: str = ""
    """Pattern of the beginning of a line that imports something; empty if none does."""
    family: str = ""
    """Languages of one family import each other's files; empty for one that stands alone."""
    sees_folder: bool = False
    """Whether a file sees its folder (or namespace) without importing it."""


LANGUAGES: tuple[Language, ...] = (
    Language(
        name="bash",
        grammar="tree_sitter_bash",
        extensions=(".sh", ".bash", ".zsh"),
        aliases=("shellscript", "sh", "zsh", "shell"),
        filenames=(".bashrc", ".bash_profile", ".profile", ".zshrc"),
        comment="#",
        quotes=('"', "'", "`"),
        words_hold_marks=True,
        words_close=True,
        imports=r"(?:source|\.)\s",
    ),
    Language(
        name="c",
        grammar="tree_sitter_c",
        extensions=(".c", ".h"),
        further_comments=("/*",),
        quotes=('"',),
        literals=(CHARACTER,),
        imports=r"#\s*include\b",
        family="c",
    ),
    Language(
        name="cpp",
        grammar="tree_sitter_cpp",
        extensions=(".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".cu", ".cuh"),
        aliases=("c++", "cuda-cpp", "cuda"),
        further_comments=("/*",),
        quotes=('"',),
        literals=(CHARACTER,),
        imports=r"(?:#\s*include\b|using\s+namespace\b)",
        family="c",
    ),
    Language(
        name="csharp",
        grammar="tree_sitter_c_sharp",
        extensions=(".cs",),
        aliases=("c_sharp", "cs", "c#"),
        further_comments=("/*",),
        quotes=('"',),
        literals=(CHARACTER,),
        imports=r"(?:global\s+)?using\s+(?![\w\s]*\()",
        sees_folder=True,
    ),
    Language(
        name="css",
        grammar="tree_sitter_css",
        extensions=(".css",),
        comment="/*",
        comment_end="*/",
    ),
    Language(
        name="elixir",
        grammar="tree_sitter_elixir",
        extensions=(".ex", ".exs"),
        comment="#",
        quotes=('"""', '"', "'"),
        words_close=True,
        imports=r"(?:import|alias|use|require)\b",
    ),
    Language(
        name="go",
        grammar="tree_sitter_go",
        extensions=(".go",),
        further_comments=("/*",),
        quotes=('"', "`"),
        literals=(CHARACTER,),
        imports=r"import\b",
        sees_folder=True,
    ),
    Language(
        name="haskell",
        grammar="tree_sitter_haskell",
        extensions=(".hs",),
        comment="--",
        further_comments=("{-",),
        quotes=('"',),
        literals=(CHARACTER,),
        imports=r"import\b",
        indented=True,
    ),
    Language(
        name="html",
        grammar="tree_sitter_html",
        extensions=(".html", ".htm"),
        comment="<!--",
        comment_end="-->",
        quotes=(),
        is_prose=True,
    ),
    Language(
        name="java",
        grammar="tree_sitter_java",
        extensions=(".java",),
        further_comments=("/*",),
        quotes=('"""', '"'),
        literals=(CHARACTER,),
        imports=r"import\b",
        family="jvm",
        sees_folder=True,
    ),
    Language(
        name="javascript",
        grammar="tree_sitter_javascript",
        extensions=(".js", ".mjs", ".cjs", ".jsx"),
        aliases=("javascriptreact", "js", "jsx", "node"),
        further_comments=("/*",),
        quotes=('"', "'", "`"),
        literals=(SCRIPT_REGEX,),
        imports=r"(?:import\b(?!\s*\()|export\s.*\bfrom\b)",
        family="js",
    ),
    Language(
        name="json",
        grammar="tree_sitter_json",
        extensions=(".json", ".jsonc"),
        aliases=("jsonc",),
        further_comments=("/*",),
    ),
    Language(
        name="julia",
        grammar="tree_sitter_julia",
        extensions=(".jl",),
        comment="#",
        quotes=('"""', '"'),
        literals=(CHARACTER,),
        words_close=True,
        imports=r"(?:import|using)\b",
    ),
    Language(
        name="kotlin",
        grammar="tree_sitter_kotlin",
        extensions=(".kt", ".kts"),
        further_comments=("/*",),
        quotes=('"""', '"', "`"),
        literals=(CHARACTER,),
        imports=r"import\b",
        family="jvm",
        sees_folder=True,
    ),
    Language(
        name="lua",
        grammar="tree_sitter_lua",
        extensions=(".lua",),
        comment="--",
        words_close=True,
    ),
    Language(
        name="markdown",
        grammar=None,
        extensions=(".md", ".markdown"),
        comment="<!--",
        comment_end="-->",
        quotes=(),
        is_prose=True,
    ),
    Language(
        name="php",
        grammar="tree_sitter_php:language_php",
        extensions=(".php",),
        further_comments=("/*", "#"),
        quotes=('"', "'", "`"),
        imports=r"(?:use|require|require_once|include)\b",
        sees_folder=True,
    ),
    Language(
        name="python",
        grammar="tree_sitter_python",
        extensions=(".py", ".pyi", ".pyw"),
        aliases=("py", "python3"),
        comment="#",
        quotes=('"""', "'''", '"', "'"),
        imports=r"(?:from|import)\b",
        indented=True,
    ),
    Language(
        name="r",
        grammar=None,
        extensions=(".r", ".R"),
        comment="#",
    ),
    Language(
        name="ruby",
        grammar="tree_sitter_ruby",
        extensions=(".rb", ".rake", ".gemspec"),
        aliases=("rb",),
        filenames=("Rakefile", "Gemfile"),
        comment="#",
        words_close=True,
        imports=r"(?:require|require_relative)\b",
    ),
    Language(
        name="rust",
        grammar="tree_sitter_rust",
        extensions=(".rs",),
        further_comments=("/*",),
        quotes=('"',),
        literals=(CHARACTER,),
        imports=r"(?:pub(?:\(\w+\))?\s+)?(?:use|extern crate)\b",
    ),
    Language(
        name="scala",
        grammar="tree_sitter_scala",
        extensions=(".scala", ".sc"),
        further_comments=("/*",),
        quotes=('"""', '"', "`"),
        literals=(CHARACTER,),
        imports=r"import\b",
        family="jvm",
        sees_folder=True,
    ),
    Language(
        name="sql",
        grammar="tree_sitter_sql",
        extensions=(".sql",),
        comment="--",
    ),
    Language(
        name="swift",
        grammar="tree_sitter_swift",
        extensions=(".swift",),
        further_comments=("/*",),
        quotes=('"""', '"'),
        literals=(CHARACTER,),
        imports=r"import\b",
        sees_folder=True,
    ),
    Language(
        name="toml",
        grammar="tree_sitter_toml",
        extensions=(".toml",),
        comment="#",
        quotes=('"""', "'''", '"', "'"),
    ),
    Language(
        name="tsx",
        grammar="tree_sitter_typescript:language_tsx",
        extensions=(".tsx",),
        aliases=("typescriptreact",),
        further_comments=("/*",),
        quotes=('"', "'", "`"),
        literals=(SCRIPT_REGEX,),
        imports=r"(?:import\b(?!\s*\()|export\s.*\bfrom\b)",
        family="js",
    ),
    Language(
        name="typescript",
        grammar="tree_sitter_typescript:language_typescript",
        extensions=(".ts", ".mts", ".cts"),
        aliases=("ts",),
        further_comments=("/*",),
        quotes=('"', "'", "`"),
        literals=(SCRIPT_REGEX,),
        imports=r"(?:import\b(?!\s*\()|export\s.*\bfrom\b)",
        family="js",
    ),
    Language(
        name="yaml",
        grammar="tree_sitter_yaml",
        extensions=(".yaml", ".yml"),
        aliases=("dockercompose",),
        comment="#",
        words_hold_marks=True,
        indented=True,
    ),
)

PLAIN_TEXT = Language(
    name="plaintext",
    grammar=None,
    extensions=(".txt",),
    comment="#",
    quotes=(),
    is_prose=True,
)

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


def family_of(language: Language) -> str:
    """Return the group of languages whose files import each other."""
    return language.family or language.name
