"""Measure identifier coverage for CrossCodeEval's retrieval and ours, and write it down.

python bench/retrieval/coverage.py [--limit 150] [--set dev] [--out bench/results/...json]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

from retrieval_bench.corpus import packages
from retrieval_bench.coverage import Outcome, measure


def main() -> None:
    """Run the evaluation as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=100, help="most cases of a package")
    parser.add_argument("--set", choices=["dev", "test"], help="only these packages")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    rows: defaultdict[str, list[tuple[Outcome, Outcome]]] = defaultdict(list)
    for package in packages():
        if options.set in {None, package.set}:
            theirs, ours = measure(package, options.limit)
            pairs = list(zip(theirs, ours, strict=True))
            rows[f"{package.language}: {package.name}"] += pairs
            rows[f"{package.language}: all"] += pairs
            rows[f"set: {package.set}"] += pairs
            rows["all"] += pairs
    table = {name: _summary(pairs) for name, pairs in sorted(rows.items()) if pairs}
    for name, row in table.items():
        print(f"{name:34}", "  ".join(f"{key} {value}" for key, value in row.items()))
    if options.out:
        options.out.write_text(json.dumps(table, indent=2) + "\n")


def _summary(pairs: list[tuple[Outcome, Outcome]]) -> dict[str, float]:
    count = len(pairs)
    alone = [pair for pair in pairs if not pair[0].case.in_suffix]
    row: dict[str, float] = {"cases": count}
    for method, place in (("theirs", 0), ("ours", 1)):
        outcomes = [pair[place] for pair in pairs]
        row[f"{method}_mentioned_percent"] = _percent(sum(o.mentioned for o in outcomes), count)
        row[f"{method}_declared_percent"] = _percent(sum(o.declared for o in outcomes), count)
        row[f"{method}_mentioned_not_in_suffix_percent"] = _percent(
            sum(pair[place].mentioned for pair in alone), len(alone)
        )
        row[f"{method}_mean_tokens"] = round(sum(o.tokens for o in outcomes) / count, 1)
    return row


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


if __name__ == "__main__":
    main()
