r"""The retrieval of CrossCodeEval, step by step as its prompt builder does it.

Ding et al., "CrossCodeEval", 2023, and the repository amazon-science/cceval, ``prompt_builder``:
files of the same extension by path distance, windows of 10 non-blank lines one after another, the
first 1,000 of them, words as they are written, ``rank_bm25.BM25Okapi``, a query of the last 10
non-blank lines before the cursor, and of the five best windows the ones that follow them, best
first, as comments, until the next would exceed the budget. Its NLTK tokenizer followed by ``\w+``
is ``\w+`` here: they differ in English contractions only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rank_bm25 import BM25Okapi

WINDOW_LINES = 10
MAX_WINDOWS = 1000
TOP_WINDOWS = 5
_HEADER = "Here are some relevant code fragments from other files of the repo:"
_FOUND_IN = "the below code fragment can be found in:"


def context(
    path: Path,
    prefix: str,
    folder: Path,
    texts: dict[Path, str],
    budget_tokens: int,
    count_tokens: Callable[[str], int],
) -> str:
    """Return the text that CrossCodeEval would put before the prompt."""
    others = [other for other in texts if other != path and other.suffix == path.suffix]
    others.sort(key=lambda other: (_distance(path, other), str(other)))
    windows: list[tuple[str, str]] = []
    for other in others:
        name = other.relative_to(folder).as_posix()
        windows += [(name, window) for window in _windows(texts[other])]
    windows = windows[:MAX_WINDOWS]
    query = _words("\n".join(_solid_lines(prefix)[-WINDOW_LINES:]))
    documents = [_words(window) for _, window in windows]
    if not query or not any(documents):
        return ""
    scores = BM25Okapi(documents).get_scores(query)
    mark = "#" if path.suffix == ".py" else "//"
    shown = f"{mark} {_HEADER}\n\n"
    added: set[int] = set()
    for place in np.argsort(-scores, kind="stable")[:TOP_WINDOWS]:
        following = int(place) + 1
        if following >= len(windows) or windows[following][0] != windows[place][0]:
            following = int(place)
        if following in added:
            continue
        added.add(following)
        name, window = windows[following]
        lines = [f"{mark} {_FOUND_IN}", f"{mark} {name}"]
        lines += [f"{mark} {line}" for line in window.split("\n")]
        block = "\n".join(lines) + "\n\n"
        if count_tokens(shown + block) > budget_tokens:
            break
        shown += block
    return shown if added else ""


def _solid_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _windows(text: str) -> list[str]:
    lines = _solid_lines(text)
    return ["\n".join(lines[n : n + WINDOW_LINES]) for n in range(0, len(lines), WINDOW_LINES)]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _distance(path: Path, other: Path) -> int:
    shared = 0
    for mine, theirs in zip(path.parts, other.parts, strict=False):
        if mine != theirs:
            break
        shared += 1
    return len(path.parts) + len(other.parts) - 2 * shared
