"""The page that says how many GPUs a team needs: the measured curves put into ``docs/team-size.html``.

The page computes by itself, in the browser, and asks nobody.

    python -m bench.remote.team_size RESULT.json...
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "team-size.html"
FEWEST_KEYS = 500
"""Of fewer keys the share of answered pauses says little: one editor makes a dozen pauses in a quarter of a minute."""
BLOCK = re.compile(r'(<script id="curves" type="application/json">\n).*?(\n</script>)', re.DOTALL)


def curve(*results: dict[str, Any]) -> dict[str, Any]:
    """Return what the page needs of one server's measurements: a point for each number of editors."""
    run = results[0]["run"]
    rows = sorted(
        (row for result in results for row in result["figures"]["rows"]),
        key=lambda row: row["editors"],
    )
    rows = [row for row in rows if row["keys"] >= FEWEST_KEYS]
    return {
        "name": f"{run['server']}, {run['hardware']}",
        "date": run["date"],
        "points": [
            {
                "editors": row["editors"],
                "pauses": round(row["answered_pauses_share"], 3),
                "p95_ms": round(row["latency_ms"].get("p95", 99_999)),
            }
            for row in rows
        ],
    }


def with_curves(page: str, curves: list[dict[str, Any]]) -> str:
    """Return the page with other curves in it."""
    data = json.dumps(curves, indent=1).replace("</", "<\\/")
    changed, count = BLOCK.subn(lambda found: found[1] + data + found[2], page)
    if count != 1:
        raise SystemExit("the page has no place for the curves")
    return changed


def main() -> None:
    """Put the curves of some results into the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", type=Path, nargs="+")
    options = parser.parse_args()
    servers: dict[str, list[dict[str, Any]]] = {}
    for path in options.results:
        result = json.loads(path.read_text("utf-8"))
        servers.setdefault(result["run"]["server"], []).append(result)
    curves = [curve(*results) for results in servers.values()]
    PAGE.write_text(with_curves(PAGE.read_text("utf-8"), curves), "utf-8")


if __name__ == "__main__":
    main()
