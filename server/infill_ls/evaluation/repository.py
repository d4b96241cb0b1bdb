"""Replay holes cut from a repository, and record what the server would have shown, and when.

Each hole is asked for with retrieval and without, with nothing, four and eight characters typed.
The file being edited is never searched, so the hole cannot come back as a snippet of itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_ls.errors import UsageError
from infill_ls.evaluation.ablation import Part
from infill_ls.evaluation.text_scores import edit_similarity, kept_chars, saved_keystrokes
from infill_ls.measuring import cross_file
from infill_ls.measuring.driver import Measure
from infill_ls.measuring.figures import (
    Figure,
    Row,
    Table,
    gain,
    percent,
    quantile,
    table,
    without_gaps,
)
from infill_ls.measuring.holes import CutHole, HoleKind, block_holes, line_holes
from infill_ls.measuring.next_lines import snapshot_of, uses_in
from infill_ls.pipeline import Pipeline
from infill_ls.types import Report, Trigger
from infill_retrieval.files.sources import find_sources
from infill_retrieval.settings import DEFAULT_SETTINGS
from infill_retrieval.syntax import language_of

TYPED_CHARS = (0, 4, 8)
HOLES_OF_A_FILE = 2
LEAST_LEFT_CHARS = 3
"""With less left to write, a hole is not asked for."""
_SEARCH = {True: "with", False: "without"}
_NO_CODE = frozenset({"", "text", "plaintext", "json", "yaml", "toml", "html", "css", "markdown"})


@dataclass(frozen=True, slots=True)
class HoleQuestion:
    """One question about a hole."""

    hole: CutHole
    typed_chars: int
    with_retrieval: bool

    @property
    def id(self) -> str:
        """What tells requests apart."""
        how = "with" if self.with_retrieval else "without"
        return f"{self.hole.id}:{self.typed_chars}:{how}"

    @property
    def wanted(self) -> str:
        """What is left to write."""
        return self.hole.wanted[self.typed_chars :]


def cut_holes(folder: Path, count: int, seed: int) -> list[CutHole]:
    """Return up to ``count`` holes of each kind from the code in ``folder``.

    Raises :class:`UsageError` if there is no code.
    """
    texts = {
        source.name: cross_file.read(Path(source.path))
        for source in find_sources(folder, DEFAULT_SETTINGS)
        if language_of(source.path).name not in _NO_CODE
    }
    if not texts:
        raise UsageError(f"{folder} has no file with code that would be searched")
    names = sorted(texts)
    random.Random(seed).shuffle(names)  # noqa: S311 - a sample, not a secret
    lines: list[CutHole] = []
    blocks: list[CutHole] = []
    for name in names:
        for found, cut in ((lines, line_holes), (blocks, block_holes)):
            most = min(HOLES_OF_A_FILE, count - len(found))
            found.extend(cut(name, texts[name], most, seed))
    calls = [
        hole
        for language in sorted({language_of(name).name for name in names})
        for _, hole in uses_in(folder, language, count)
    ]
    random.Random(seed).shuffle(calls)  # noqa: S311
    return [*lines, *blocks, *sorted(calls[:count], key=lambda hole: hole.id)]


def requests_for(
    holes: Sequence[CutHole], searches: Sequence[bool] = (True, False)
) -> list[HoleQuestion]:
    """Return all questions, in an order in which neighbours share much of their prompts.

    ``searches`` says whether to ask with retrieval, without, or both ways.
    """
    return [
        HoleQuestion(hole, typed, with_retrieval)
        for hole in holes
        for with_retrieval in searches
        for typed in (TYPED_CHARS if hole.kind is not HoleKind.BLOCK else TYPED_CHARS[:1])
        if len(hole.wanted.rstrip()) - typed >= LEAST_LEFT_CHARS
    ]


def measure_with(
    with_retrieval: Pipeline, without: Pipeline, folder: Path, parts: frozenset[Part] = frozenset()
) -> Measure[HoleQuestion]:
    """Return what measures one request as an editor makes it while somebody types."""

    async def measure(request: HoleQuestion) -> Row:
        hole = request.hole
        snapshot = snapshot_of(
            folder,
            hole,
            typed_chars=request.typed_chars,
            document=request.id,
            is_end_of_file=Part.SUFFIX in parts,
            trigger=Trigger.AUTOMATIC,
        )
        pipeline = with_retrieval if request.with_retrieval else without
        report = await pipeline.run(snapshot)
        shown = _shown(report, request, raw=Part.FILTERS in parts)
        wanted = request.wanted.rstrip()
        is_shown = bool(shown.strip())
        exact = shown.rstrip() == wanted
        return {
            "id": request.id,
            "hole": f"{hole.id}:{request.typed_chars}",
            "group": hole.path,
            "kind": hole.kind.value,
            "typed_chars": request.typed_chars,
            "retrieval": request.with_retrieval,
            "shown": is_shown,
            "exact": exact,
            "exact_of_shown": exact if is_shown else None,
            "similarity": edit_similarity(shown.rstrip(), wanted),
            "kept_of_shown": kept_chars(shown, wanted) / len(shown) if is_shown else None,
            "saved": saved_keystrokes(shown, wanted) / len(wanted),
            "answer_ms": sum(report.step_ms.values()),
            "reason": report.reason,
        }

    return measure


def _shown(report: Report, request: HoleQuestion, *, raw: bool) -> str:
    if raw:
        text = report.completion.text if report.completion is not None else ""
    else:
        text = report.suggestion.text if report.suggestion is not None else ""
    # Where the rest of a line is wanted, more lines may be right, but nobody can say.
    return text if request.hole.kind is HoleKind.BLOCK else text.partition("\n")[0]


def tables_of(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Return the figures by kind and retrieval, what retrieval brings, and what typing does."""
    kinds = {kind.value: [row for row in rows if row["kind"] == kind] for kind in HoleKind}
    groups = {"all": list(rows), **{kind: some for kind, some in kinds.items() if some}}
    by_kind, gains, by_typed = {}, {}, {}
    for kind, some in groups.items():
        searched = {flag: [row for row in some if row["retrieval"] is flag] for flag in _SEARCH}
        for flag, word in _SEARCH.items():
            if searched[flag]:
                by_kind[f"{kind}, {word} retrieval"] = figures_of(searched[flag])
        if searched[False]:
            gains[kind] = _gains(searched[True], searched[False])
        for typed in TYPED_CHARS:
            chosen = [row for row in searched[True] if row["typed_chars"] == typed]
            if chosen:
                by_typed[f"{kind}, {typed} typed"] = figures_of(chosen)
    return (
        table("By kind", by_kind),
        table("What retrieval brings", gains),
        table("By what is typed, with retrieval", by_typed),
    )


def _gains(searched: Sequence[Row], alone: Sequence[Row]) -> dict[str, Figure]:
    one, other = ([{**row, "id": row["hole"]} for row in rows] for rows in (searched, alone))
    return without_gaps(
        **{
            "exact, points": gain(one, other, "exact"),
            "similarity, points": gain(one, other, "similarity"),
            "keys saved, points": gain(one, other, "saved"),
        }
    )


def figures_of(rows: Sequence[Row]) -> dict[str, Figure]:
    """Return the figures of some requests."""
    return without_gaps(
        **{
            "exact, %": percent(rows, "exact"),
            "similarity, %": percent(rows, "similarity"),
            "shown, %": percent(rows, "shown"),
            "exact of shown, %": percent(rows, "exact_of_shown"),
            "kept of shown, %": percent(rows, "kept_of_shown"),
            "keys saved, %": percent(rows, "saved"),
            "answer, ms, median": quantile(rows, "answer_ms", 0.5),
            "p95": quantile(rows, "answer_ms", 0.95),
        }
    )
