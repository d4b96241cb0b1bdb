"""Identifier coverage: is what must be known in the context, and as a declaration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from infill_ls.evaluation.cross_file import Case, cases_of, read
from infill_retrieval import Query, RetrievalSettings, WorkspaceIndex
from infill_retrieval.render import render_snippet
from infill_retrieval.syntax import language_of
from retrieval_bench import crosscodeeval
from retrieval_bench.corpus import Package, fetch
from retrieval_bench.tokens import count_all, count_tokens

BUDGET_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one method made of one case."""

    case: Case
    mentioned: bool
    declared: bool
    tokens: int


def measure(
    package: Package, limit: int, settings: RetrievalSettings | None = None
) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of CrossCodeEval's method and of ours on the cases of a package."""
    folder = fetch(package).resolve()
    return measure_folder(package.name, package.language, folder, limit, settings)


def measure_folder(
    name: str,
    language: str,
    folder: Path,
    limit: int,
    settings: RetrievalSettings | None = None,
) -> tuple[list[Outcome], list[Outcome]]:
    """Do what :func:`measure` does for code in ``folder``, wherever it came from."""
    cases = cases_of(name, language, folder, limit)
    index = WorkspaceIndex([folder], settings or RetrievalSettings(crawl_in_process=False))
    index.crawl()
    texts = {
        path: read(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and language_of(path.name).name == language
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
