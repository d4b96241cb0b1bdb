"""``infill-ls eval``: measure what the server writes."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infill_ls.evaluation.figures import Result

EXIT_INCOMPLETE = 1
"""Some cases could not be measured."""
LANES = 2
"""While the tests of one case run, the model works on the next."""

Evaluation = Callable[[argparse.Namespace], Coroutine[Any, Any, "Result"]]


def add_command(commands: Any) -> None:
    """Add the command, with one of its own for each evaluation."""
    parser = commands.add_parser(
        "eval",
        help="measure completions: on public benchmarks, on a repository",
        description="Measure what the server writes. Results go to a folder, as JSON and as a "
        "Markdown table; an evaluation that was interrupted goes on where it was.",
    )
    kinds = parser.add_subparsers(title="evaluations", metavar="EVALUATION", required=True)
    one = kinds.add_parser(
        "humaneval",
        help="HumanEval infilling: single-line, multi-line or random-span",
        description="Fill the holes of HumanEval's functions: exact match, and pass@1 by running "
        "the tests. FILE is one of the public JSONL files.",
    )
    one.add_argument("file", metavar="FILE", type=Path, help="a .jsonl or .jsonl.gz file")
    one.add_argument("--raw", action="store_true", help="what the model wrote, without filters")
    one.add_argument(
        "--without-suffix", action="store_true", help="let the model see only what is before"
    )
    _add_common_arguments(one)
    one.set_defaults(run=lambda options: run(options, _humaneval))


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", help="GGUF model (default: the bundled one)")
    parser.add_argument("--cases", type=int, metavar="N", help="so many, by chance (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (default: %(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("infill-ls-eval"),
        help="folder for the results (default: %(default)s)",
    )
    parser.add_argument("--fresh", action="store_true", help="measure again what is known")


def run(options: argparse.Namespace, evaluation: Evaluation) -> int:
    """Run an evaluation, write its result and print its tables."""
    result = asyncio.run(evaluation(options))
    result.write(options.out)
    print(result.markdown())
    if result.problems:
        print(f"{len(result.problems)} cases could not be measured", file=sys.stderr)
    return EXIT_INCOMPLETE if result.problems else 0


async def _humaneval(options: argparse.Namespace) -> Result:
    from infill_ls.engine_choice import engine_for
    from infill_ls.evaluation import humaneval
    from infill_ls.evaluation.datasets import sample
    from infill_ls.evaluation.driver import measure_cases
    from infill_ls.evaluation.figures import Result
    from infill_ls.evaluation.journal import Journal, fingerprint, source_fingerprint
    from infill_ls.pipeline import Pipeline
    from infill_retrieval import NO_SNIPPETS

    data = humaneval.read_problems(options.file)
    settings = humaneval.settings_for(data.cases, options.model)
    cases = sample(data.cases, options.cases, options.seed)
    run = {
        "model": settings.model_path.name,
        "file": options.file.name,
        "sha256": data.sha256,
        "cases": len(cases),
        "seed": options.seed,
        "raw": options.raw,
        "suffix": not options.without_suffix,
    }
    decides = {**run, "bytes": _size(settings.model_path), "source": source_fingerprint()}
    path = options.out / f"humaneval-{fingerprint(decides)}.jsonl"
    journal = Journal(path, fresh=options.fresh)
    engine = engine_for(settings, lambda _: None)
    try:
        measures = [
            humaneval.measure_with(
                Pipeline(engine, lambda *_: NO_SNIPPETS, settings),
                raw=options.raw,
                suffix=not options.without_suffix,
            )
            for _ in range(LANES)
        ]
        measured = await measure_cases("humaneval", cases, measures, journal)
    finally:
        journal.close()
        await engine.close()
    tables = humaneval.tables_of(measured.rows)
    return Result("humaneval", run, tables, (*data.problems, *measured.problems))


def _size(path: Path) -> int:
    """Return a file's size; 0 for one that cannot be read, which the engine will say."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
