"""Make the committed report: the bundled model on HumanEval and on real packages, and an ablation.

    make evaluation

runs ``infill-ls eval`` again and again, keeps each result under ``bench/results/evaluation`` and
writes the tables of ``docs/evaluation.md`` between its two marks. What was measured before with
the same code and model is not measured again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.packages import EvaluationPackage, fetch

ROOT = Path(__file__).parents[2]
HUMANEVAL = ROOT / "tests" / "data" / "humaneval-single-line.jsonl.gz"
DOCS = ROOT / "docs" / "evaluation.md"
RESULTS = ROOT / "bench" / "results" / "evaluation"
JOURNALS = ROOT / "build" / "evaluation"
BEGIN, END = "<!-- report: written by `make evaluation` -->", "<!-- /report -->"
# Held out from the training of the bundled model, by name and by content (training/filters.py).
PACKAGES = (
    EvaluationPackage("click", "8.1.8", "pypi", "python", "click", "BSD-3-Clause", "test"),
    EvaluationPackage("moleculer", "0.14.36", "npm", "javascript", "package/src", "MIT", "test"),
    EvaluationPackage("ethers", "6.17.0", "npm", "typescript", "package/src.ts", "MIT", "test"),
)
ABLATION_PACKAGE = PACKAGES[0]
ABLATED = ("healing", "suffix", "imported", "declarations", "usages", "filters", "syntax-end")

Result = dict[str, Any]


def main() -> None:
    """Measure everything and write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="", help="GGUF model (default: the bundled one)")
    parser.add_argument("--cases", type=int, help="of HumanEval (default: all)")
    parser.add_argument("--holes", type=int, default=8, help="of each kind in a package")
    parser.add_argument("--ablation-holes", type=int, default=5, help="the same, in the ablation")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=DOCS)
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    model = ["--model", options.model] if options.model else []
    some = ["--cases", str(options.cases)] if options.cases else []
    humaneval = _measure(options, "humaneval", ["humaneval", str(HUMANEVAL), *some, *model])
    repositories = {}
    for package in PACKAGES:
        command = ["repo", str(fetch(package)), "--cases", str(options.holes), *model]
        repositories[package] = _measure(options, f"repo-{package.name}", command)
    ablation = {}
    for part in ("", *ABLATED):
        command = ["repo", str(fetch(ABLATION_PACKAGE)), "--cases", str(options.ablation_holes)]
        command += [*model, *(["--without", part] if part else [])]
        ablation[part] = _measure(options, f"without-{part or 'nothing'}", command)
    text = options.docs.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = [BEGIN, "", *_report(humaneval, repositories, ablation), "", END]
    options.docs.write_text(head + "\n".join(lines) + tail, "utf-8")


def _measure(options: argparse.Namespace, name: str, command: Sequence[str]) -> Result:
    """Run ``infill-ls eval`` and keep its result under ``name``."""
    folder = JOURNALS / name
    print(f"{name}: infill-ls eval {' '.join(command)}", flush=True)
    subprocess.run(
        [sys.executable, "-m", "infill_ls", "eval", *command, "--out", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    text = (folder / f"{command[0]}.json").read_text("utf-8")
    (options.results / f"{name}.json").write_text(text, "utf-8")
    result: Result = json.loads(text)
    return result


def _report(
    humaneval: Result, repositories: dict[EvaluationPackage, Result], ablation: dict[str, Result]
) -> list[str]:
    of_humaneval = _rows(humaneval)["all"]
    lines = [
        f"Model: `{humaneval['run']['model']}`. In brackets, 95 % bootstrap intervals.",
        "",
        *_table(
            ["HumanEval single-line", "cases", "exact match, %", "pass@1, %"],
            [["all", *_cells(of_humaneval, "exact match, %", "pass@1, %")]],
        ),
        "",
    ]
    columns = ["exact, %", "similarity, %", "shown, %", "exact of shown, %", "keys saved, %"]
    rows = []
    for package, result in repositories.items():
        title = f"{package.name} {package.version} ({package.language})"
        for name, figures in _rows(result).items():
            rows.append([f"{title}: {name}", *_cells(figures, *columns)])
    lines += [*_table(["holes of", "requests", *columns], rows), ""]
    base = _rows(ablation[""])["all, with retrieval"]
    rows = [["nothing", *_cells(base, *columns)]]
    rows += [
        [part, *_cells(_rows(result)["all, with retrieval"], *columns)]
        for part, result in ablation.items()
        if part
    ]
    alone = _rows(ablation[""])["all, without retrieval"]
    rows.append(["retrieval", *_cells(alone, *columns)])
    what = f"{ABLATION_PACKAGE.name}, left out"
    return [*lines, *_table([what, "requests", *columns], rows)]


def _rows(result: Result) -> dict[str, dict[str, dict[str, float]]]:
    rows: dict[str, dict[str, dict[str, float]]] = result["tables"][0]["rows"]
    return rows


def _cells(figures: dict[str, dict[str, float]], *columns: str) -> list[str]:
    cells = [str(max(int(figure["cases"]) for figure in figures.values()))]
    for column in columns:
        figure = figures.get(column)
        if figure is None:
            cells.append("")
        else:
            cells.append(f"{figure['value']:.1f} ({figure['low']:.1f} to {figure['high']:.1f})")
    return cells


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return [lines[0], "|---" * len(head) + "|", *lines[1:]]


if __name__ == "__main__":
    main()
