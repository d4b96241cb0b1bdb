"""Retrieval: find the snippets of a workspace that help to complete code at a place.

No LSP and no engine in here: text goes in, snippets come out, tokens are counted by a
function that the caller injects. The façade is :mod:`infill_retrieval.index`; it is not loaded with the
records here, which processes use that search nothing.
"""

from infill_retrieval.settings import DEFAULT_SETTINGS, RetrievalSettings
from infill_retrieval.types import (
    NO_SNIPPETS,
    Channel,
    Considered,
    CountTokens,
    Query,
    Retrieval,
    Snippet,
    Verdict,
)

__all__ = [
    "DEFAULT_SETTINGS",
    "NO_SNIPPETS",
    "Channel",
    "Considered",
    "CountTokens",
    "Query",
    "Retrieval",
    "RetrievalSettings",
    "Snippet",
    "Verdict",
]
