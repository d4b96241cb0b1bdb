r"""Measure the lines of HumanEval through llama-server's ``/infill``, as other programs ask for them.

    python tests/integration/serve_xllamacpp.py MODEL.gguf 8012     # or any other llama-server
    python -m bench.model.infill_endpoint tests/data/humaneval-single-line.jsonl.gz \
        --url http://127.0.0.1:8012 --cases 240 --out bench/results/model/infill-endpoint.json

In the raw form the hole holds its line's end and the suffix begins right behind it, as the benchmark
cuts it; in the editor's form an empty line stands where the cursor is, so that the suffix begins with
the line's end. The server puts the markers around the texts; it knows neither the comment that names
the file nor our rules for the end of a line.
"""

from __future__ import annotations

import argparse
import json
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.command import finish, parser_of

from infill_ls.evaluation.datasets import sample
from infill_ls.evaluation.humaneval import InfillingProblem, read_problems
from infill_ls.measuring.intervals import compare

MOST_TOKENS = 96
EDITOR, RAW = "editor's form", "raw form"


def texts_of(problem: InfillingProblem, way: str) -> tuple[str, str]:
    """Return what stands before the hole and behind it, in one of the forms."""
    return problem.prompt, problem.suffix if way == RAW else problem.rest


def written(url: str, before: str, behind: str) -> str:
    """Return the first line that the server's model writes between two texts."""
    body = {
        "input_prefix": before,
        "input_suffix": behind,
        "prompt": "",
        "n_predict": MOST_TOKENS,
        "top_k": 1,
        "samplers": ["top_k"],  # without any, it would draw by chance
        "stop": ["\n"],
        "cache_prompt": True,
    }
    request = urllib.request.Request(
        f"{url}/infill", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        found: Any = json.load(answer)
    return str(found["content"]).partition("\n")[0]


def figures(wanted: Sequence[str], answers: dict[str, list[str]]) -> dict[str, object]:
    """Return the share of right lines in each form, and how the raw one compares."""
    right = {
        way: [line.rstrip() == one.rstrip() for line, one in zip(lines, wanted, strict=True)]
        for way, lines in answers.items()
    }
    return asdict(compare(right[EDITOR], right[RAW]))


def main() -> None:
    """Measure as the command line says."""
    parser = parser_of(__doc__)
    parser.add_argument("file", type=Path, help="HumanEval's single lines, .jsonl.gz")
    parser.add_argument("--url", required=True, help="of a running llama-server")
    parser.add_argument("--cases", type=int, help="size of a random sample (default: all)")
    options: argparse.Namespace = parser.parse_args()
    problems = sample(read_problems(options.file).cases, options.cases, 0)
    answers: dict[str, list[str]] = {EDITOR: [], RAW: []}
    for number, problem in enumerate(problems, start=1):
        for way, lines in answers.items():
            lines.append(written(options.url, *texts_of(problem, way)))
        if number % 40 == 0:
            print(number, "of", len(problems), flush=True)
    wanted = [problem.solution.partition("\n")[0] for problem in problems]
    with urllib.request.urlopen(f"{options.url}/props", timeout=30) as answer:
        served = Path(str(json.load(answer).get("model_path", ""))).name
    run = {"model": served, "cases": len(problems), "theirs": EDITOR, "ours": RAW}
    finish(options.out, "infill-endpoint", run=run, figures=figures(wanted, answers))


if __name__ == "__main__":
    main()
