"""Languages and syntax trees, shared by cutting (server) and chunking (retrieval)."""

from infill_retrieval.syntax.grammar import SyntaxTree, load_grammar, parse
from infill_retrieval.syntax.incremental import TreeCache
from infill_retrieval.syntax.language import Language
from infill_retrieval.syntax.language_table import LANGUAGES, PLAIN_TEXT
from infill_retrieval.syntax.languages import family_of, language_named, language_of
from infill_retrieval.syntax.outline import outline
from infill_retrieval.syntax.records import (
    EMPTY_OUTLINE,
    Declaration,
    DeclarationKind,
    Import,
    Outline,
)

__all__ = [
    "EMPTY_OUTLINE",
    "LANGUAGES",
    "PLAIN_TEXT",
    "Declaration",
    "DeclarationKind",
    "Import",
    "Language",
    "Outline",
    "SyntaxTree",
    "TreeCache",
    "family_of",
    "language_named",
    "language_of",
    "load_grammar",
    "outline",
    "parse",
]
