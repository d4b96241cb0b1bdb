"""Measure identifier coverage for CrossCodeEval's retrieval and ours, and write it down.

python bench/retrieval/coverage.py [--limit 100] [--set dev] [--out bench/results/...json]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from retrieval_bench.corpus import packages
from retrieval_bench.coverage import BUDGET_TOKENS, Outcome, measure

from infill_ls.evaluation.intervals import Comparison, compare

Pairs = list[tuple[Outcome, Outcome]]


def main() -> None:
    """Run the evaluation as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=100, help="most cases of a package")
    parser.add_argument("--set", choices=["dev", "test"], help="only these packages")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    rows: defaultdict[str, Pairs] = defaultdict(list)
    for package in packages():
        if options.set in {None, package.set}:
            theirs, ours = measure(package, options.limit)
            pairs = list(zip(theirs, ours, strict=True))
            for name in (f"{package.language}: {package.name} {package.version}",
                         package.language, f"set {package.set}", "all"):  # fmt: skip
                rows[name] += pairs
    table = {name: _figures(pairs) for name, pairs in sorted(rows.items())}
    print("| | cases | mentioned: CrossCodeEval % | ours % | times | declared: theirs % | ours % "
          "| times |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name, figures in table.items():
        cells = [str(figures["mentioned"].cases)]
        for key in ("mentioned", "declared"):
            cells += [str(figures[key].theirs), str(figures[key].ours), str(figures[key].ratio)]
        print("|", " | ".join([name, *cells]), "|")
    if options.out:
        result = {
            "budget_tokens": BUDGET_TOKENS,
            "mean_tokens": {
                "theirs": _mean([theirs.tokens for theirs, _ in rows["all"]]),
                "ours": _mean([ours.tokens for _, ours in rows["all"]]),
            },
            "rows": {
                name: {key: asdict(one) for key, one in figures.items()}
                for name, figures in table.items()
            },
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n")


def _figures(pairs: Pairs) -> dict[str, Comparison]:
    hidden = [pair for pair in pairs if not pair[0].case.in_suffix]
    figures = {
        "mentioned": compare([a.mentioned for a, _ in pairs], [b.mentioned for _, b in pairs]),
        "declared": compare([a.declared for a, _ in pairs], [b.declared for _, b in pairs]),
    }
    if hidden:
        figures["mentioned_where_not_in_suffix"] = compare(
            [a.mentioned for a, _ in hidden], [b.mentioned for _, b in hidden]
        )
    return figures


def _mean(values: list[int]) -> float:
    return round(sum(values) / len(values), 1)


if __name__ == "__main__":
    main()
