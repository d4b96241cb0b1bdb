"""Identifier coverage: is what must be known in the context, and as a declaration."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_retrieval import Query, RetrievalSettings, WorkspaceIndex
from infill_retrieval.render import render_snippet
from infill_retrieval.syntax import language_of
from retrieval_bench import crosscodeeval
from retrieval_bench.cases import Case, cases_of, read
from retrieval_bench.corpus import Package, fetch

BUDGET_TOKENS = 512
CHARS_PER_TOKEN = 3.3
"""A fixed stand-in for a tokenizer, near to what code takes with DeepSeek-Coder's."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one method made of one case."""

    case: Case
    mentioned: bool
    declared: bool
    tokens: int


def count_tokens(text: str) -> int:
    """Return the length of ``text`` in stand-in tokens."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)


def count_all(texts: Sequence[str]) -> list[int]:
    """Count the tokens of each text, as an index wants it done."""
    return [count_tokens(text) for text in texts]


def measure(
    package: Package, limit: int, settings: RetrievalSettings | None = None
) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of CrossCodeEval's method and of ours on the cases of a package."""
    folder = fetch(package).resolve()
    cases = cases_of(package.name, package.language, folder, limit)
    index = WorkspaceIndex([folder], settings or RetrievalSettings(crawl_in_process=False))
    index.crawl()
    texts = {
        path: read(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and language_of(path.name).name == package.language
    }
    theirs, ours = [], []
    for case in cases:
        prefix, suffix = case.split(texts[case.path])
        context = crosscodeeval.context(
            case.path, prefix, folder, texts, BUDGET_TOKENS, count_tokens
        )
        theirs.append(_judge(case, context))
        ours.append(_judge(case, our_context(index, case.path, prefix, suffix)))
    index.close()
    return theirs, ours


def our_context(index: WorkspaceIndex, path: Path, prefix: str, suffix: str) -> str:
    """Return what our retrieval puts before the prompt."""
    found = index.retrieve(Query(str(path), "", prefix, suffix), BUDGET_TOKENS, count_all)
    return "".join(render_snippet(snippet.path, snippet.text) for snippet in found.snippets)


def _judge(case: Case, context: str) -> Outcome:
    pattern = re.compile(rf"(?<![\w$]){re.escape(case.name)}(?![\w$])")
    shown = [line for line in context.split("\n") if pattern.search(line)]
    return Outcome(
        case, bool(shown), any(_declares(line, case) for line in shown), count_tokens(context)
    )


def _declares(line: str, case: Case) -> bool:
    # A signature may be cut where its body begins, or have its lines put together; theirs has a
    # comment mark before it.
    code = re.sub(r"^(#|//) ", "", line).strip()
    return any(
        declared.startswith(code) or code.startswith(declared) for declared in case.declared_as
    )
