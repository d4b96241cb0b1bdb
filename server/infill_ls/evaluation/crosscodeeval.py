"""CrossCodeEval (Ding et al., 2023): next statements that need declarations from other files.

Measured four ways: from left to right with the published prompt (2 048 tokens in all, 512 of them
of other files, 50 new ones, as in table 7 of DeepSeek-Coder's paper), and with the text behind the
cursor in the server's prompt; each without and with what the file's own retrieval found. What the
model writes is cut to a statement and scored as the benchmark's ``scripts/eval_metric.py`` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infill_ls.document.lines import split_lines
from infill_ls.engine import CompletionRequest, Engine
from infill_ls.errors import ModelError
from infill_ls.evaluation.datasets import Dataset, read_jsonl, text_field
from infill_ls.evaluation.statements import first_statement, identifiers, without_comments
from infill_ls.evaluation.text_scores import edit_similarity
from infill_ls.gathering import Gathering
from infill_ls.measuring.driver import Measure
from infill_ls.measuring.figures import Figure, Row, Table, gain, percent, table, without_gaps
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings, settings_with
from infill_ls.types import Prompt, Snapshot, StopRule, Trigger
from infill_retrieval import Channel, CountTokens, Query, Retrieval, Snippet
from infill_retrieval.render import render_snippet
from infill_retrieval.syntax import Language, language_of

ALL_TOKENS, CROSS_FILE_TOKENS, NEW_TOKENS = 2048, 512, 50
SUFFIX_TOKENS = 256
RESERVED_TOKENS = 64
"""Of the server's prompt, for markers, header and typed text."""
LEFT_TO_RIGHT, WITH_SUFFIX = "left to right", "with suffix"
STOP = StopRule(max_tokens=NEW_TOKENS, max_lines=NEW_TOKENS, time_budget_ms=20_000)
SETTINGS: dict[str, Any] = {
    "candidates": 1,
    "cold_target_ms": 0,
    "max_tokens": NEW_TOKENS,
    "snippet_tokens": CROSS_FILE_TOKENS,
    "suffix_tokens": SUFFIX_TOKENS,
    "prefix_tokens": ALL_TOKENS - NEW_TOKENS - CROSS_FILE_TOKENS - SUFFIX_TOKENS - RESERVED_TOKENS,
}


@dataclass(frozen=True, slots=True)
class CrossFileCase:
    """A place in a file of a repository, and what was found for it in the other files."""

    id: str
    repository: str
    file: str
    prompt: str
    groundtruth: str
    right_context: str
    context: str
    """Comments with chunks of other files, best first, as the published prompt has them."""
    chunks: tuple[tuple[str, str], ...]
    """The same as names of files and texts, best first."""

    @property
    def language(self) -> Language:
        """The language, by the name of the file."""
        return language_of(self.file)


def settings_for(model: str) -> Settings:
    """Return the server's settings for the prompts with a suffix."""
    return settings_with(model=model, **SETTINGS)


def read_cases(path: Path) -> Dataset[CrossFileCase]:
    """Read ``line_completion.jsonl`` or ``line_completion_rg1_bm25.jsonl``.

    The first has no text of other files. Raises :class:`~infill_ls.errors.UsageError`.
    """
    return read_jsonl(path, _case)


def measure_with(engine: Engine, settings: Settings) -> Measure[CrossFileCase]:
    """Return what measures one case in all ways that its file allows."""

    async def measure(case: CrossFileCase) -> Row:
        row: Row = {"group": case.repository, "language": case.language.name}
        contexts = [False, True] if case.chunks else [False]
        for retrieval in contexts:
            prompts = {
                LEFT_TO_RIGHT: await _left_to_right(engine, case, retrieval=retrieval),
                WITH_SUFFIX: await _with_suffix(engine, settings, case, retrieval=retrieval),
            }
            for way, prompt in prompts.items():
                (completion, *_) = await engine.complete(
                    CompletionRequest(prompt=prompt, stop=STOP)
                )
                row[_way(way, retrieval=retrieval)] = _scores(case, completion.text)
        return row

    return measure


def tables_of(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Return the figures: a table for each way, and one for what retrieval brings."""
    tables = []
    for retrieval in (False, True):
        for way in (LEFT_TO_RIGHT, WITH_SUFFIX):
            name = _way(way, retrieval=retrieval)
            if having := [row for row in rows if name in row]:
                title = name[0].upper() + name[1:]
                tables.append(
                    table(title, {k: _figures(_flat(v, name)) for k, v in _named(having)})
                )
    having = [row for row in rows if _way(LEFT_TO_RIGHT, retrieval=True) in row]
    if having:
        tables.append(table("Gain by retrieval", _gains(having)))
    return tuple(tables)


def _case(record: dict[str, Any]) -> CrossFileCase:
    metadata = record["metadata"]
    if not isinstance(metadata, dict):
        raise ValueError("field 'metadata' is no object")  # noqa: TRY004 - see read_jsonl
    found = record.get("crossfile_context") or {}
    if not isinstance(found, dict):
        raise ValueError("field 'crossfile_context' is no object")  # noqa: TRY004
    file = text_field(metadata, "file")
    chunks = tuple(
        (text_field(chunk, "filename"), text_field(chunk, "retrieved_chunk"))
        for chunk in found.get("list", ())
    )
    return CrossFileCase(
        text_field(metadata, "task_id"),
        str(metadata.get("repository", "")),
        file,
        text_field(record, "prompt"),
        text_field(record, "groundtruth"),
        text_field(record, "right_context"),
        text_field(found, "text") if chunks else "",
        chunks,
    )


async def _left_to_right(engine: Engine, case: CrossFileCase, *, retrieval: bool) -> Prompt:
    """Return the published prompt: the context, then as much of the file's end as there is room."""
    info = await engine.start()
    if info.context_tokens < ALL_TOKENS:
        raise ModelError(
            f"the model has a context of {info.context_tokens} tokens, not {ALL_TOKENS}"
        )
    begin = info.fim_tokens().bos
    bos = () if begin is None else (begin,)
    lines = split_lines(case.context) if retrieval else []
    *by_line, prompt_ids = await engine.tokenize([*lines, case.prompt])
    context_ids: list[int] = []
    for ids in by_line:
        if len(context_ids) + len(ids) > CROSS_FILE_TOKENS:
            break
        context_ids += ids
    room = ALL_TOKENS - NEW_TOKENS - len(bos) - len(context_ids)
    ids = (*bos, *context_ids, *prompt_ids[-room:])
    return Prompt(ids, len(ids), fragment="", text=case.prompt)


async def _with_suffix(
    engine: Engine, settings: Settings, case: CrossFileCase, *, retrieval: bool
) -> Prompt:
    def find(_query: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
        snippets: list[Snippet] = []
        left = budget_tokens
        for rank, (name, chunk) in enumerate(case.chunks if retrieval else ()):
            text = chunk.rstrip("\n") + "\n"
            (tokens,) = count_tokens([render_snippet(name, text)])
            if tokens <= left:
                left -= tokens
                snippets.append(Snippet(name, text, 0, Channel.USAGE, -float(rank), tokens))
        return Retrieval(tuple(reversed(snippets)), budget_tokens - left)

    snapshot = Snapshot(
        uri=f"untitled:{case.id}", path="", name=case.file, language_id=case.language.name,
        text=case.prompt + case.right_context, offset=len(case.prompt), trigger=Trigger.INVOKED,
    )  # fmt: skip
    report = await Pipeline(Gathering(engine, find, settings)).prepare(snapshot)
    assert report.prompt is not None, report.reason  # asked for, in a language that is not off
    return report.prompt


def _scores(case: CrossFileCase, written: str) -> dict[str, float]:
    prediction = without_comments(first_statement(case.language, case.prompt, written))
    wanted = without_comments(case.groundtruth)
    names, wanted_names = (identifiers(case.language, text) for text in (prediction, wanted))
    common = len(set(names) & set(wanted_names))
    total = len(set(names)) + len(set(wanted_names))
    return {
        "exact": _solid_lines(prediction) == _solid_lines(wanted),
        "similarity": edit_similarity(prediction.strip(), wanted.strip()),
        "names_exact": names == wanted_names,
        "names_f1": 2 * common / total if total else 1.0,
    }


def _solid_lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _way(way: str, *, retrieval: bool) -> str:
    return f"{way}, with retrieval" if retrieval else way


def _named(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    languages = sorted({row["language"] for row in rows})
    by_language = [(name, [row for row in rows if row["language"] == name]) for name in languages]
    return by_language if len(languages) == 1 else [("all", list(rows)), *by_language]


def _flat(rows: Sequence[Row], way: str) -> list[Row]:
    return [{"id": row["id"], "group": row["group"], **row[way]} for row in rows]


def _figures(rows: Sequence[Row]) -> dict[str, Figure]:
    return without_gaps(
        **{
            "exact match, %": percent(rows, "exact"),
            "edit similarity, %": percent(rows, "similarity"),
            "identifiers exact, %": percent(rows, "names_exact"),
            "identifiers F1, %": percent(rows, "names_f1"),
        }
    )


def _gains(rows: Sequence[Row]) -> dict[str, dict[str, Figure]]:
    found = {}
    for way in (LEFT_TO_RIGHT, WITH_SUFFIX):
        without, having = (_flat(rows, _way(way, retrieval=one)) for one in (False, True))
        found[way] = without_gaps(
            **{
                "exact match, points": gain(having, without, "exact"),
                "edit similarity, points": gain(having, without, "similarity"),
                "identifiers F1, points": gain(having, without, "names_f1"),
            }
        )
    return found
