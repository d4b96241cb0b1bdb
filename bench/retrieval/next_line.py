"""Measure how often the bundled model writes the rest of a line right, with retrieval and without.

    python -m bench.retrieval.next_line --cases 300 --out bench/results/retrieval/next_line.json

The cases are those of coverage.py. The editor's buffer ends its line at the cursor: what has to be
written is neither in the prompt nor, as the file being edited is never searched, in a snippet.
The server's own pipeline runs, with the settings that an editor gets, but for the time limit.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.command import finish, parser_of
from bench.packages import EvaluationPackage, fetch, packages

from infill_ls.engine.fallback import engine_for
from infill_ls.measuring.cross_file import NeededIdentifier
from infill_ls.measuring.holes import CutHole
from infill_ls.measuring.intervals import Comparison, compare
from infill_ls.measuring.next_lines import NextLines, shown_line, snapshot_of, uses_in
from infill_ls.settings import settings_with
from infill_retrieval import RetrievalSettings
from infill_retrieval.index import WorkspaceIndex


@dataclass(frozen=True, slots=True)
class NextLineOutcome:
    """Whether the line, and the identifier it begins with, was written without and with snippets."""

    language: str
    exact: tuple[bool, bool]
    named: tuple[bool, bool]
    snippet_tokens: int


def main() -> None:
    """Run the evaluation as the command line says."""
    parser = parser_of(__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--model", default="", help="GGUF model (default: the bundled one)")
    options = parser.parse_args()
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    outcomes: list[NextLineOutcome] = []
    async for some in measure(options.cases, options.model):
        outcomes += some
        print(f"{len(outcomes)} cases, load {os.getloadavg()[0]:.1f}", flush=True)
        # After each package: a run that is cut short has a result.
        run = {"model": Path(options.model or settings_with().engine.model_path).name}
        finish(options.out, "next_line", run=run, figures=_rows(outcomes))
    print("| | cases | line right without % | with % | gain, points | name right without % | with % "
          "| gain, points |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name, figures in _table(outcomes).items():
        cells = [str(figures["line"].cases)]
        for one in figures.values():
            cells += [str(one.theirs), str(one.ours), str(one.gain_points)]
        print("|", " | ".join([name, *cells]), "|")


def _table(outcomes: list[NextLineOutcome]) -> dict[str, dict[str, Comparison]]:
    rows: defaultdict[str, list[NextLineOutcome]] = defaultdict(list)
    for outcome in outcomes:
        rows[outcome.language].append(outcome)
        rows["all"].append(outcome)
    return {name: _figures(found) for name, found in sorted(rows.items())}


def _rows(outcomes: list[NextLineOutcome]) -> dict[str, object]:
    return {
        "rows": {
            name: {key: _as_without_and_with(one) for key, one in figures.items()}
            for name, figures in _table(outcomes).items()
        },
    }


async def measure(cases: int, model: str) -> AsyncIterator[list[NextLineOutcome]]:
    """Yield the outcomes of each package: about ``cases`` cases, spread evenly over them."""
    engine = engine_for(settings_with(model=model), lambda _: None)
    chosen = _by_turns(packages())
    try:
        for package in chosen:
            folder = fetch(package).resolve()
            with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=False)) as index:
                index.crawl()
                lines = NextLines(engine, index.retrieve, folder, model)
                found = uses_in(folder, package.language, -(-cases // len(chosen)), package.name)
                yield [await _ask(lines, case, hole) for case, hole in found]
    finally:
        await engine.close()


def _by_turns(chosen: list[EvaluationPackage]) -> list[EvaluationPackage]:
    """Return packages so that their languages take turns: a run may be cut short."""
    turns: defaultdict[str, int] = defaultdict(int)
    order: list[tuple[int, int]] = []
    for place, package in enumerate(chosen):
        order.append((turns[package.language], place))
        turns[package.language] += 1
    return [chosen[place] for _, place in sorted(order)]


async def _ask(lines: NextLines, case: NeededIdentifier, hole: CutHole) -> NextLineOutcome:
    snapshot = snapshot_of(lines.folder, hole)
    reports = [await lines.ask(snapshot, with_snippets=flag) for flag in (False, True)]
    first, second = map(shown_line, reports)
    return NextLineOutcome(
        language=case.language,
        exact=(first.strip() == hole.wanted.strip(), second.strip() == hole.wanted.strip()),
        named=(_starts_with(first, case.name), _starts_with(second, case.name)),
        snippet_tokens=reports[1].retrieval.tokens,
    )


def _starts_with(line: str, name: str) -> bool:
    rest = line.lstrip().removeprefix(name)
    return line.lstrip().startswith(name) and not (rest[:1].isalnum() or rest[:1] in {"_", "$"})


def _figures(found: list[NextLineOutcome]) -> dict[str, Comparison]:
    return {
        "line": compare([o.exact[0] for o in found], [o.exact[1] for o in found]),
        "name": compare([o.named[0] for o in found], [o.named[1] for o in found]),
    }


def _as_without_and_with(one: Comparison) -> dict[str, object]:
    row = asdict(one)
    row["without"], row["with"] = row.pop("theirs"), row.pop("ours")
    return row


if __name__ == "__main__":
    main()
