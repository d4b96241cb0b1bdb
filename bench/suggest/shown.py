"""What is shown, and how often it is right: the curve that the least probability is chosen from.

Takes single lines out of code (HumanEval's infilling cases, and files of this repository with 0, 4
and 8 characters of the line typed), asks the pipeline for each as an editor would, and compares
what is shown with what stood there. A line is right if it is the same but for white space at its
end; for a suggestion of several lines, its first.

    python -m bench.suggest.shown --humaneval FILE.jsonl.gz --out bench/results/suggest/shown.json
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from bench.command import finish, parser_of
from rich.progress import track

from infill_ls.engine import CompletionRequest, Engine, EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.gathering import Gathering
from infill_ls.measuring.engines import ForwardingEngine, KeptAnswers, key_of
from infill_ls.pipeline import Pipeline
from infill_ls.settings import Settings, settings_with
from infill_ls.types import (
    Completion,
    OnWritten,
    Report,
    Snapshot,
    Trigger,
)
from infill_retrieval import NO_SNIPPETS

HERE = Path(__file__).resolve().parents[2]
OWN_FILES = ("server/**/*.py", "retrieval/**/*.py", "editors/vscode/src/*.ts", "editors/**/*.lua")
TYPED_CHARS = (0, 4, 8)
SETTINGS = settings_with(
    prefix_tokens=512,
    suffix_tokens=128,
    snippet_tokens=0,
    min_probability=0.0,
    time_budget_ms=20_000,
    think_ahead=False,
    cold_target_ms=0,
)
"""The clock is not what is measured here."""
KEPT_SHARE = 0.98
"""The threshold to use keeps so many of the right suggestions."""
SAVE_EVERY = 20
THRESHOLDS = [step / 20 for step in range(20)]


@dataclass(frozen=True)
class LineCase:
    """A hole in a line, and what stood there."""

    group: str
    name: str
    before: str
    truth: str
    after: str


@dataclass(frozen=True)
class CaseOutcome:
    """What came of a case."""

    group: str
    case: str
    mode: str
    stop: str
    probability: float
    """Geometric mean of the probabilities of the tokens written."""
    raw_is_right: bool
    """Whether the first line that the model wrote is right, before any filter."""
    shown: str
    is_right: bool
    reason: str


def main() -> None:
    """Run the cases and write what was found."""
    parser = parser_of(__doc__)
    parser.add_argument("--humaneval", type=Path, help="HumanEval-SingleLineInfilling.jsonl.gz")
    parser.add_argument("--repo", type=Path, default=HERE, help="a checkout of this repository")
    parser.add_argument("--cases", type=int, default=200, help="cases of each source")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="", help="GGUF file (default: the bundled one)")
    parser.add_argument("--answers", type=Path, help="file that keeps what the model wrote")
    parser.add_argument("--verbose", action="store_true", help="print what was lost by the filters")
    options = parser.parse_args()
    cases = own_cases(options.repo, options.cases, options.seed)
    if options.humaneval is not None:
        cases = [*humaneval_cases(options.humaneval, options.cases, options.seed), *cases]
    settings = SETTINGS.changed(model=options.model)
    outcomes = asyncio.run(run(cases, settings, options.answers))
    points = curve(outcomes)
    figures = {
        "groups": {group: summary(of) for group, of in by_group(outcomes).items()},
        "curve": points,
        "threshold": threshold_of(points),
        "reasons": Counter(outcome.reason for outcome in outcomes if not outcome.shown),
        "lostByFilters": sum(o.raw_is_right and not o.is_right for o in outcomes),
        "wonByFilters": sum(o.is_right and not o.raw_is_right for o in outcomes),
    }
    print_curve(points)
    if options.verbose:
        for outcome in outcomes:
            if outcome.raw_is_right and not outcome.is_right:
                print(json.dumps(asdict(outcome)))
    run_with = {"model": settings.engine.model_path.name, "seed": options.seed}
    finish(options.out, "shown", run=run_with, figures=figures)


def humaneval_cases(path: Path, number: int, seed: int) -> list[LineCase]:
    """Return so many of the cases of the file, the indentation of the line typed already."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    cases = []
    for record in random.Random(seed).sample(records, min(number, len(records))):
        line = record["canonical_solution"].rstrip("\n")
        truth = line.lstrip()
        before = record["prompt"] + line[: len(line) - len(truth)]
        cases.append(
            LineCase("humaneval", record["task_id"], before, truth, "\n" + record["suffix"])
        )
    return cases


def own_cases(root: Path, number: int, seed: int) -> list[LineCase]:
    """Return holes in lines of the repository that are code."""
    chance = random.Random(seed)
    files = sorted(path for pattern in OWN_FILES for path in root.glob(pattern))
    cases: list[LineCase] = []
    while len(cases) < number:
        path = chance.choice(files)
        lines = path.read_text("utf-8").split("\n")
        place = chance.randrange(len(lines))
        line = lines[place]
        code = line.strip()
        if len(code) < 12 or code.startswith(("#", "//", "--", '"""', "*")):
            continue
        typed = len(line) - len(line.lstrip()) + TYPED_CHARS[len(cases) % len(TYPED_CHARS)]
        before = "\n".join(lines[:place]) + "\n" * bool(place) + line[:typed]
        name = f"{path.relative_to(root).as_posix()}:{place + 1}"
        after = "\n" + "\n".join(lines[place + 1 :])
        group = f"own {TYPED_CHARS[len(cases) % len(TYPED_CHARS)]}"
        cases.append(LineCase(group, name, before, line[typed:], after))
    return cases


class RememberingEngine(ForwardingEngine):
    """Keeps what the model wrote in a file, so that filters can be tried without it."""

    def __init__(self, engine: Engine, path: Path | None) -> None:
        super().__init__(engine)
        self._answers = KeptAnswers(path)

    async def complete(
        self,
        request: CompletionRequest,
        on_written: OnWritten | None = None,  # noqa: ARG002
    ) -> tuple[Completion, ...]:
        """Return what is in the file, or ask the model."""
        key = key_of(request.prompt, request.stop, request.sampling, request.candidates)
        answer = self._answers.get(key)
        if answer is None:
            found = await super().complete(request)
            answer = msgspec.to_builtins(found)
            self._answers.put(key, answer)
            if len(self._answers) % SAVE_EVERY == 0:
                self.save()
        return msgspec.convert(answer, tuple[Completion, ...])

    def save(self) -> None:
        """Write the file."""
        self._answers.save()


async def run(
    cases: Sequence[LineCase], settings: Settings, answers: Path | None
) -> list[CaseOutcome]:
    """Ask the pipeline for each case, automatically, with no threshold."""
    engine = RememberingEngine(
        EngineProcess(EngineOptions(settings.engine.model_path), on_loading=lambda _: None), answers
    )
    pipeline = Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, settings))
    outcomes = []
    try:
        for number, case in enumerate(track(cases, "cases", disable=not sys.stderr.isatty())):
            name = case.name.partition(":")[0] if case.group != "humaneval" else "solution.py"
            snapshot = Snapshot(
                uri=f"file:///{number}",
                path=f"/project/{name}",
                name=name,
                language_id="",
                text=case.before + case.after,
                offset=len(case.before),
                trigger=Trigger.AUTOMATIC,
            )
            outcomes.append(_outcome(case, await pipeline.run(snapshot)))
    finally:
        engine.save()
        await engine.close()
    return outcomes


def _outcome(case: LineCase, report: Report) -> CaseOutcome:
    completion, hole = report.completion, report.hole
    written = completion.text if completion is not None else ""
    shown = report.suggestion.text if report.suggestion is not None else ""
    return CaseOutcome(
        group=case.group,
        case=case.name,
        mode=hole.mode.value if hole is not None else "",
        stop=completion.stop.value if completion is not None else "",
        probability=math.exp(completion.mean_logprob) if completion is not None else 0.0,
        raw_is_right=_is_right(written, case.truth),
        shown=shown,
        is_right=_is_right(shown, case.truth),
        reason=report.reason,
    )


def _is_right(text: str, truth: str) -> bool:
    return text.partition("\n")[0].rstrip() == truth.rstrip() != ""


def by_group(outcomes: Sequence[CaseOutcome]) -> dict[str, list[CaseOutcome]]:
    """Return the outcomes of each group, and of all."""
    groups: dict[str, list[CaseOutcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.group, []).append(outcome)
    return {**groups, "all": list(outcomes)}


def summary(outcomes: Sequence[CaseOutcome]) -> dict[str, Any]:
    """Return how often something is shown and right."""
    shown = [outcome for outcome in outcomes if outcome.shown]
    right = sum(outcome.is_right for outcome in shown)
    return {
        "cases": len(outcomes),
        "shownRate": round(len(shown) / len(outcomes), 4),
        "right": right,
        "exactMatch": round(right / len(outcomes), 4),
        "rawExactMatch": round(sum(o.raw_is_right for o in outcomes) / len(outcomes), 4),
        "precision": round(right / max(len(shown), 1), 4),
        "lines": round(sum(o.shown.count("\n") + 1 for o in shown) / max(len(shown), 1), 2),
        "modes": Counter(outcome.mode for outcome in outcomes),
    }


def curve(outcomes: Sequence[CaseOutcome]) -> list[dict[str, float]]:
    """Return what each threshold on the probability would show, and how much of that is right."""
    return [{"threshold": at, **point} for at, point in _points(outcomes)]


def threshold_of(points: Sequence[dict[str, float]]) -> float:
    """Return the highest threshold that keeps nearly all right suggestions."""
    return max((one["threshold"] for one in points if one["rightKept"] >= KEPT_SHARE), default=0.0)


def _points(outcomes: Sequence[CaseOutcome]) -> Iterator[tuple[float, dict[str, float]]]:
    all_right = sum(outcome.is_right for outcome in outcomes)
    for threshold in THRESHOLDS:
        kept = [
            outcome if outcome.probability >= threshold else replace(outcome, shown="")
            for outcome in outcomes
        ]
        found = summary(kept)
        yield (
            threshold,
            {
                "shownRate": found["shownRate"],
                "precision": found["precision"],
                "rightKept": round(found["right"] / max(all_right, 1), 4),
            },
        )


def print_curve(points: Sequence[dict[str, float]]) -> None:
    """Print the curve as a Markdown table."""
    print("| threshold | shown | right of those shown | right ones kept |")
    print("|---|---|---|---|")
    for point in points:
        shown, precision, kept = point["shownRate"], point["precision"], point["rightKept"]
        print(f"| {point['threshold']:.2f} | {shown:.1%} | {precision:.1%} | {kept:.1%} |")


if __name__ == "__main__":
    main()
