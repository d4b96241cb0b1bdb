"""Measure how often the bundled model writes the rest of a line right, with retrieval and without.

    python bench/retrieval/next_line.py --cases 300 --out bench/results/retrieval/next_line.json

The cases are those of coverage.py. The editor's buffer ends its line at the cursor: what has to be
written is neither in the prompt nor, as the file being edited is never searched, in a snippet.
The server's own pipeline runs, with the settings that an editor gets, but for the time limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from retrieval_bench.corpus import Package, fetch, packages

from infill_ls.engine.fallback import engine_for
from infill_ls.evaluation.cross_file import Case, cases_of, read
from infill_ls.evaluation.intervals import Comparison, compare
from infill_ls.evaluation.running import settings_for_a_line
from infill_ls.gathering import Gathering
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings
from infill_ls.types import Snapshot, Trigger
from infill_retrieval import RetrievalSettings, WorkspaceIndex
from infill_retrieval.syntax import language_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the line, and the identifier it begins with, was written without and with snippets."""

    language: str
    exact: tuple[bool, bool]
    named: tuple[bool, bool]
    snippet_tokens: int


def main() -> None:
    """Run the evaluation as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--model", default="", help="GGUF model (default: the bundled one)")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    outcomes: list[Outcome] = []
    async for some in measure(options.cases, options.model):
        outcomes += some
        print(f"{len(outcomes)} cases, load {os.getloadavg()[0]:.1f}", flush=True)
        if options.out:  # after each package: a run that is cut short has a result
            options.out.write_text(json.dumps(_result(options.model, outcomes), indent=1) + "\n")
    print("| | cases | line right without % | with % | gain, points | name right without % | with % "
          "| gain, points |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name, figures in _table(outcomes).items():
        cells = [str(figures["line"].cases)]
        for one in figures.values():
            cells += [str(one.theirs), str(one.ours), str(one.gain_points)]
        print("|", " | ".join([name, *cells]), "|")


def _table(outcomes: list[Outcome]) -> dict[str, dict[str, Comparison]]:
    rows: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        rows[outcome.language].append(outcome)
        rows["all"].append(outcome)
    return {name: _figures(found) for name, found in sorted(rows.items())}


def _result(model: str, outcomes: list[Outcome]) -> dict[str, object]:
    return {
        "model": Path(model or Settings().model_path).name,
        "rows": {
            name: {key: _as_without_and_with(one) for key, one in figures.items()}
            for name, figures in _table(outcomes).items()
        },
    }


async def measure(cases: int, model: str) -> AsyncIterator[list[Outcome]]:
    """Yield the outcomes of each package: about ``cases`` cases, spread evenly over them."""
    plain = settings_for_a_line(model)
    engine = engine_for(plain, lambda _: None)
    chosen = _by_turns(packages())
    try:
        for package in chosen:
            folder = fetch(package).resolve()
            with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=False)) as index:
                index.crawl()
                with_snippets = plain.model_copy(update={"snippet_tokens": 512})
                pipelines = [
                    Pipeline(Gathering(engine, index.retrieve, one))
                    for one in (plain, with_snippets)
                ]
                limit = -(-cases // len(chosen))
                found = cases_of(package.name, package.language, folder, limit)
                yield [await _ask(case, package, folder, pipelines) for case in found]
    finally:
        await engine.close()


def _by_turns(chosen: list[Package]) -> list[Package]:
    """Return packages so that their languages take turns: a run may be cut short."""
    turns: defaultdict[str, int] = defaultdict(int)
    order: list[tuple[int, int]] = []
    for place, package in enumerate(chosen):
        order.append((turns[package.language], place))
        turns[package.language] += 1
    return [chosen[place] for _, place in sorted(order)]


async def _ask(case: Case, package: Package, folder: Path, pipelines: list[Pipeline]) -> Outcome:
    prefix, suffix = case.split(text := read(case.path))
    wanted = text[case.offset : len(text) - len(suffix)]
    name = case.path.relative_to(folder).as_posix()
    snapshot = Snapshot(
        case.path.as_uri(), str(case.path), name, language_of(name).name, prefix + suffix,
        len(prefix), Trigger.INVOKED,
    )  # fmt: skip
    written, tokens = [], 0
    for pipeline in pipelines:
        report = await pipeline.run(snapshot)
        line = report.suggestion.text.partition("\n")[0] if report.suggestion else ""
        written.append(line)
        tokens = report.retrieval.tokens
        # What has to be written must not come back through the search.
        assert all(snippet.path != name for snippet in report.retrieval.snippets)
    first, second = (line.strip() == wanted.strip() for line in written)
    return Outcome(
        package.language, (first, second),
        (_starts_with(written[0], case.name), _starts_with(written[1], case.name)), tokens,
    )  # fmt: skip


def _starts_with(line: str, name: str) -> bool:
    rest = line.lstrip().removeprefix(name)
    return line.lstrip().startswith(name) and not (rest[:1].isalnum() or rest[:1] in {"_", "$"})


def _figures(found: list[Outcome]) -> dict[str, Comparison]:
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
