"""A team at a simulated GPU: first as it was measured, then to judge how its editors take turns at a full server.

``like`` does what was measured on an H200 again, with the engine's judgement of that time, and puts both side by side:
what follows is worth as much as that agrees. ``judge`` compares pacing alone with taking turns. The figures of the server
were fitted to those rows, all but the memory, which vLLM itself had told.

    python -m bench.remote.simulated_gpu like --out bench/results/remote/simulated-gpu-like.json
    python -m bench.remote.simulated_gpu judge --out bench/results/remote/simulated-gpu.json
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.command import finish, parser_of

from infill_ls.engine.remote.pacing import (
    LATE_S,
    LATE_TIMES,
    MOST_UNREAD,
    QUICK_S,
    QUICK_TIMES,
    UNKNOWN_LATE_S,
    Pacing,
)
from infill_ls.measuring.simulated_gpu import GpuFigures
from infill_ls.measuring.simulated_gpu_team import GpuTeam, GpuTeamFigures, Habits

RESULTS = Path(__file__).parents[1] / "results" / "remote"
H200 = {
    "1.3b-bf16": GpuFigures(600_736, 0.0066, 0.00013, 250_000, 0.00027, 0.003),
    "6.7b-bf16": GpuFigures(217_088, 0.0073, 0.00015, 56_000, 0.00011, 0.013),
    "6.7b-fp8": GpuFigures(450_560, 0.0059, 0.0002, 105_000, 0.000115, 0.025),
}


class PacingAsMeasured(Pacing):
    """Pacing as the engine had it when the H200 was measured: each editor went by the best answer that it had seen."""

    @property
    def late_from_s(self) -> float:
        """Time from which an answer is late."""
        best_s = min(self._bests_s)
        return UNKNOWN_LATE_S if math.isinf(best_s) else max(best_s * LATE_TIMES, LATE_S)

    def _is_quick(self, latency_s: float) -> bool:
        quick_until_s = max(min(self._bests_s) * QUICK_TIMES, QUICK_S)
        return latency_s <= quick_until_s and self.unread_share <= MOST_UNREAD


AS_MEASURED = Habits(judged_tokens=1, takes_turns=False, pacing=PacingAsMeasured)
"""What the engine did then."""
COME_WITHIN_S = 120.0
FIRST_S = 180.0
"""Until all have come and have had time to learn."""
SHORT_S, LONG_S = 120.0, 600.0
"""Turns last minutes: where there are any, ten are judged."""


@dataclass(frozen=True)
class Job:
    """A team to simulate."""

    model: str
    editors: int
    habits: Habits

    @property
    def policy(self) -> str:
        """Its name in the results."""
        short = "" if self.habits.prompt_tokens == 1400 else f", {self.habits.prompt_tokens} tokens"
        return ("turns" if self.habits.takes_turns else "pacing") + short


PACING, TURNS = Habits(takes_turns=False), Habits()
SHORT = 700
EDITORS = (50, 150, 200, 300, 400, 800)
JOBS = (
    *(Job("6.7b-fp8", n, habits) for n in EDITORS for habits in (PACING, TURNS)),
    *(Job("6.7b-bf16", n, habits) for n in (150, 200, 400) for habits in (PACING, TURNS)),
    *(Job("6.7b-fp8", n, replace(PACING, prompt_tokens=SHORT)) for n in (400, 800)),
)


def like(name: str) -> list[dict[str, Any]]:
    """Return the rows of one measured file, each beside what the simulation makes of it."""
    measured = json.loads((RESULTS / f"h200-{name}.json").read_text("utf-8"))
    run, rows = measured["run"], measured["figures"]["rows"]
    model = name.removesuffix("-every-key")
    habits = replace(AS_MEASURED, every_key=run["every_key"])
    team = GpuTeam(max(row["editors"] for row in rows), H200[model], habits)
    found = []
    for row in rows:
        team.type_with(row["editors"], within_s=0.7)
        team.work(run["learning_s"])
        figures = team.work(run["seconds"])
        found.append(
            {
                "model": name,
                "editors": row["editors"],
                "measured": {
                    "answered_share": row["answered_pauses_share"],
                    "p50_ms": row["latency_ms"]["p50"],
                    "p95_ms": row["latency_ms"]["p95"],
                    "requests_per_s": row["requests_per_s"],
                    "answers_per_s": row["answers_per_s"],
                    "jain": row["jain_index_of_shares"],
                },
                "simulated": _told(figures),
            }
        )
    return found


def judge(job: Job) -> dict[str, Any]:
    """Return what a team gets."""
    memory = H200[job.model].prompt_memory_tokens
    team = GpuTeam(job.editors, H200[job.model], job.habits)
    team.type_with(job.editors, COME_WITHIN_S)
    team.work(FIRST_S)
    has_turns = job.habits.takes_turns and job.editors * job.habits.prompt_tokens > 0.8 * memory
    figures = team.work(LONG_S if has_turns else SHORT_S)
    return {"model": job.model, "policy": job.policy, **_told(figures)}


def _told(figures: GpuTeamFigures) -> dict[str, Any]:
    told = asdict(figures) | {
        "answered_share": figures.answered_share,
        "answered_share_of_those_in": figures.answered_share_in,
    }
    if not figures.answers_per_s:
        told |= {"p50_ms": None, "p95_ms": None}
    return told


def main() -> None:
    """Simulate and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("what", choices=("like", "judge"))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    run = {"servers": {name: asdict(figures) for name, figures in H200.items()}}
    with ProcessPoolExecutor(options.processes) as pool:
        done: Iterable[dict[str, Any]]
        if options.what == "like":
            names = (*H200, "6.7b-bf16-every-key")
            done = (row for rows in pool.map(like, names) for row in rows)
        else:
            done = pool.map(judge, sorted(JOBS, key=lambda job: -job.editors))
        for row in done:
            rows.append(row)
            print(json.dumps(row), flush=True)
    finish(options.out, f"simulated GPU, {options.what}", run=run, figures={"rows": rows})


if __name__ == "__main__":
    main()
