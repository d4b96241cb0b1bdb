"""The record of a language: everything that is special about it."""

from __future__ import annotations

from dataclasses import dataclass

from infill_retrieval.syntax import strings
from infill_retrieval.syntax.strings import StringRule


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Language:
    """One programming or markup language. There is one object of each, compared by identity."""

    name: str
    grammar: str | None
    """``"module"`` or ``"module:function"`` of the tree-sitter wheel; ``None`` when there is no
    wheel: such a language is handled by lines alone."""
    query: str = ""
    """The language whose query for declarations and imports serves; its own if empty."""
    extensions: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    """Further LSP language ids and interpreter names that mean this language."""
    filenames: tuple[str, ...] = ()
    comment: str = "//"
    """Mark that opens a comment; ``comment_end`` closes it where the language needs that."""
    comment_end: str = ""
    further_comments: tuple[str, ...] = ()
    """Marks that open a comment, beside ``comment``."""
    strings: tuple[StringRule, ...] = strings.TWO_QUOTES
    """The kinds of strings, the first that fits is taken: long marks before short ones."""
    literals: tuple[str, ...] = ()
    """Patterns of what is neither string, comment nor bracket but may hold their marks."""
    stray_closers: str = ""
    """Closing brackets that may stand without an opening one, as in ``case x)``."""
    words_hold_marks: bool = False
    """Whether ``#`` and quotes inside a word are part of it."""
    is_markup: bool = False
    """Whether it consists of tags with text between them."""
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
    imports_bind: bool = False
    """Whether an import that takes no names can be used only by a word of what it imports."""
    types_before_names: bool = False
    """Whether declarations are written ``Type name``."""
    family: str = ""
    """Languages of one family import each other's files; empty for one that stands alone."""
    sees_folder: bool = False
    """Whether a file sees its folder (or namespace) without importing it."""
