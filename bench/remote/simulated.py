"""A team at a simulated server: editors against answered pauses, with pacing and without.

The server has a front that takes requests one after the other and a fixed number of slots; its figures are set so
that asked at every key it does what vLLM did on an H200 (docs/team-server.md). Nothing is timed: the same
on every machine.

    python -m bench.remote.simulated --out bench/results/remote/simulated-team.json
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bench.command import finish, parser_of

from infill_ls.engine.remote.pacing import Pacing
from infill_ls.measuring.simulated_team import (
    Clock,
    EveryKey,
    Policy,
    SimulatedService,
    SimulatedTeam,
)

EDITORS = (1, 25, 50, 100, 150, 200, 300, 400)
COLLAPSED = 200
"""Without pacing no more is simulated: nobody is served, and the queue grows without an end."""
POLICIES: dict[str, Callable[[random.Random], Policy]] = {
    "every key": lambda _: EveryKey(),
    "after 150 ms": lambda _: EveryKey(0.15),
    "pacing": lambda draw: Pacing(draw.random),
}


def main() -> None:
    """Simulate and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, policy in POLICIES.items():
        for editors in EDITORS:
            if name == "every key" and editors > COLLAPSED:
                continue
            team = SimulatedTeam(editors, policy)
            team.work(50 if name == "pacing" else 25)  # until all have come, and know the server
            found = team.work(options.seconds * (10 if editors == 1 else 1))
            figures = asdict(found) | {
                "answered_share": found.answered_share,
                "requests_per_key": found.requests_per_key,
            }
            if not found.answered_pauses:
                figures |= {"p50_ms": None, "p95_ms": None}
            rows.append({"policy": name, **figures})
    service = SimulatedService(Clock())
    run = {
        "seconds": options.seconds,
        "slots": service.slots,
        "answer_ms": service.answer_s * 1000,
        "front_ms": service.front_s * 1000,
    }
    finish(options.out, "simulated team", run=run, figures={"rows": rows})


if __name__ == "__main__":
    main()
