"""How a snippet, and the head of the current file, look in the prompt.

DeepSeek-Coder was trained on whole repositories in which each file is preceded by a comment
line with its path (README of DeepSeek-Coder, "Repository Level Code Completion"); models that
were not still read it as what it is.
"""

from __future__ import annotations

from functools import lru_cache

from infill_retrieval.syntax import Language, language_of


@lru_cache(maxsize=4096)  # some hundred times a query
def path_comment(path: str, language: Language | None = None) -> str:
    """Return the comment line, with its newline, that names ``path`` in the prompt."""
    lang = language or language_of(path)
    end = f" {lang.comment_end}" if lang.comment_end else ""
    return f"{lang.comment} {path}{end}\n"


def render_snippet(path: str, text: str) -> str:
    """Return ``text`` (whole lines, newline at the end) under the comment that names ``path``."""
    return path_comment(path) + text
