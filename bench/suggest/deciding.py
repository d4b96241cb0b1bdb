"""What deciding costs at a key: the mode before the model is asked, the filters after.

Types lines into the middle of a file of a thousand lines and times both at every key, and as a
measure of the machine a full parse of the file. Times are those of the processor, so that other
programs disturb little; the ratio is what to compare between machines.

    python -m bench.suggest.deciding --out bench/results/suggest/deciding.json
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish, parser_of

from infill_ls.document.cut import cut
from infill_ls.document.modes import mode_of
from infill_ls.measuring.intervals import spread
from infill_ls.suggesting.filters import Site, filters_of
from infill_ls.types import Completion, EngineTimings, Hole, Snapshot, StopReason
from infill_retrieval.syntax import language_of, parse

HERE = Path(__file__).resolve().parents[2]
FILES = ("retrieval/infill_retrieval/indexing/bm25.py", "retrieval/infill_retrieval/index.py")
LINES = 1_000
TYPED = (
    "        completions = self.rank(report, key='mean')\n",
    "        if not completions:\n",
    "            return [one for one in completions if one.text]\n",
)
TIMINGS = EngineTimings(0, 0, 0.0, 1, 1.0)


def main() -> None:
    """Measure and write the result."""
    options = parser_of(__doc__).parse_args()
    mode_ms, filters_ms, parse_ms = measure()
    figures = {
        "mode_ms": spread(mode_ms, 3),
        "filters_ms": spread(filters_ms, 3),
        "full_parse_ms": spread(parse_ms, 3),
        "mode_to_full_parse": round(median(mode_ms) / median(parse_ms), 4),
        "filters_to_full_parse": round(median(filters_ms) / median(parse_ms), 4),
    }
    finish(options.out, "deciding", run={"lines": LINES}, figures=figures)


def measure() -> tuple[list[float], list[float], list[float]]:
    """Return the times of mode, filters and full parse in milliseconds."""
    lines = "".join((HERE / name).read_text("utf-8") for name in FILES).splitlines(keepends=True)
    text = "".join(lines[:LINES])
    place = text.index("\n    def ", len(text) * 2 // 3)
    mode_ms, filters_ms, parse_ms = [], [], []
    for line in TYPED * 5:
        for typed in range(len(line)):
            now = text[:place] + "\n" + line[:typed] + text[place:]
            snapshot = Snapshot(
                uri="file:///a.py",
                path="/a.py",
                name="a.py",
                language_id="python",
                text=now,
                offset=place + 1 + typed,
            )
            if not typed:
                first = cut(snapshot)
            # As with an anchor that is held: this text has not been parsed yet.
            hole = replace(first, typed=line[:typed])
            mode_ms.append(timed(partial(mode_of, hole)))
            hole = replace(hole, mode=mode_of(hole))
            completion = Completion(line[typed:].rstrip(), StopReason.END, -0.1, TIMINGS)
            filters_ms.append(timed(partial(_filter, completion, hole)))
        text = text[:place] + "\n" + line.rstrip("\n") + text[place:]
        place += len(line)
        language = language_of("a.py")
        parse_ms.append(timed(partial(parse, language, text)))
    return mode_ms, filters_ms, parse_ms


def _filter(completion: Completion, hole: Hole) -> None:
    filters_of(completion, Site.of(hole))


def timed(work: Callable[[], Any]) -> float:
    """Return how many milliseconds of processor time ``work`` takes: others may be at work too."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


if __name__ == "__main__":
    main()
