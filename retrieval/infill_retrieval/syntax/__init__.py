"""Languages and syntax trees, shared by cutting (server) and chunking (retrieval)."""

from infill_retrieval.syntax.grammar import SyntaxTree, load_grammar, parse
from infill_retrieval.syntax.languages import (
    LANGUAGES,
    PLAIN_TEXT,
    Language,
    language_named,
    language_of,
)

__all__ = [
    "LANGUAGES",
    "PLAIN_TEXT",
    "Language",
    "SyntaxTree",
    "language_named",
    "language_of",
    "load_grammar",
    "parse",
]
