"""``infill-ls stats``: what came of the suggestions, from the file on this machine."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from statistics import median
from typing import Any

DAY_S = 86_400
BAR_WIDTH = 40
NARROW = 70
"""Columns below which bars are shorter and figures fewer."""


@dataclass
class Tally:
    """What came of some suggestions."""

    offered: int = 0
    taken: int = 0
    """Accepted, whole or in part."""
    saved_chars: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def share_taken(self) -> float:
        """The part of the suggestions that was taken, 0 to 1."""
        return self.taken / self.offered if self.offered else 0.0


@dataclass
class Summary:
    """Tallies of all suggestions, by language and by day."""

    total: Tally = field(default_factory=Tally)
    by_language: dict[str, Tally] = field(default_factory=dict)
    by_day: dict[date, Tally] = field(default_factory=dict)
    edits: int = 0
    """Next edits that were offered."""
    edits_taken: int = 0


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "stats",
        help="show how many suggestions were accepted, and how fast they came",
        description="Show what came of the suggestions. The numbers are kept on this machine only; "
        "the setting statistics switches them off.",
    )
    parser.add_argument(
        "--days", type=_days, default=30, metavar="N", help="how far back (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the totals as JSON")
    parser.set_defaults(run=run)


def _days(text: str) -> int:
    days = int(text)
    if days < 1:
        raise argparse.ArgumentTypeError(f"at least one day, not {days}")
    return days


def run(options: argparse.Namespace) -> int:
    """Print the statistics."""
    from infill_ls.reporting.statistics import default_path, read_events

    path = default_path()
    summary = summarize(read_events(path), since=time.time() - options.days * DAY_S)
    if options.json:
        edits = {"editsOffered": summary.edits, "editsAccepted": summary.edits_taken}
        print(json.dumps(_totals(summary.total) | edits, indent=2))
    else:
        _print_summary(summary, options.days, path)
    return 0


def summarize(events: Iterable[dict[str, Any]], since: float = 0.0) -> Summary:
    """Count the events of suggestions that were offered after ``since``."""
    offers: dict[str, dict[str, Any]] = {}
    edits: set[str] = set()
    edits_taken: set[str] = set()
    taken_chars: dict[str, int] = {}
    for event in events:
        identity = str(event["id"])
        if event["event"] == "offered" and event.get("at", 0) >= since:
            offers[identity] = event
        elif event["event"] in {"partly", "accepted"} and identity in offers:
            taken_chars[identity] = max(taken_chars.get(identity, 0), int(event.get("chars", 0)))
        elif event["event"] == "edit offered" and event.get("at", 0) >= since:
            edits.add(identity)
        elif event["event"] == "edit accepted":
            edits_taken.add(identity)
    summary = Summary(edits=len(edits), edits_taken=len(edits & edits_taken))
    for identity, offer in offers.items():
        # The day as the user lived it.
        day = datetime.fromtimestamp(offer["at"]).astimezone().date()
        for tally in (
            summary.total,
            summary.by_language.setdefault(str(offer.get("language", "?")), Tally()),
            summary.by_day.setdefault(day, Tally()),
        ):
            tally.offered += 1
            tally.latencies_ms.append(float(offer.get("ms", 0)))
            if identity in taken_chars:
                tally.taken += 1
                # Accepting is a key too.
                tally.saved_chars += max(taken_chars[identity] - 1, 0)
    return summary


def _totals(tally: Tally) -> dict[str, float]:
    return {
        "offered": tally.offered,
        "accepted": tally.taken,
        "acceptedShare": round(tally.share_taken, 4),
        "savedKeystrokes": tally.saved_chars,
        "latencyMsMedian": round(median(tally.latencies_ms or [0.0]), 1),
        "latencyMs95": _percentile(tally.latencies_ms, 0.95),
    }


def _print_summary(summary: Summary, days: int, path: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if summary.edits:
        console.print(f"Next edits: {summary.edits_taken} of {summary.edits} accepted.")
    if not summary.total.offered:
        console.print(f"No suggestions in the last {days} days. They are counted in {path}.")
        return
    is_narrow = console.width < NARROW
    table = Table(
        title=f"Suggestions of the last {days} days",
        title_justify="left",
        box=None if is_narrow else box.HEAVY_HEAD,
        pad_edge=not is_narrow,
    )
    table.add_column("language")
    titles = ("offered", "accepted", "share", "saved keys", "median ms", "95 % ms")
    # On a narrow terminal the share says what is accepted, and the median how fast it was.
    shown = (0, 2, 3, 4) if is_narrow else range(len(titles))
    for index in shown:
        table.add_column(titles[index], justify="right")
    by_use = sorted(summary.by_language.items(), key=lambda item: -item[1].offered)
    for language, tally in by_use:
        table.add_row(language, *(_cells(tally)[index] for index in shown))
    table.add_section()
    table.add_row("all", *(_cells(summary.total)[index] for index in shown))
    console.print(table)
    console.print("\nAccepted of offered, saved keys and median latency, by day", soft_wrap=True)
    most = max(tally.offered for tally in summary.by_day.values())
    width = BAR_WIDTH // 4 if is_narrow else BAR_WIDTH
    full, empty = ("#", ".") if console.options.ascii_only else ("█", "░")
    for day, tally in sorted(summary.by_day.items()):
        offered = max(round(tally.offered / most * width), 1)
        taken = round(tally.taken / most * width)
        bar = (
            f"[green]{full * taken}[/][dim]{empty * (offered - taken)}[/]{' ' * (width - offered)}"
        )
        figures = f"{tally.taken} of {tally.offered}, {tally.saved_chars} keys"
        console.print(
            f"{day:%d %b} {bar} {figures}, {median(tally.latencies_ms):.0f} ms", soft_wrap=True
        )


def _cells(tally: Tally) -> list[str]:
    return [
        str(tally.offered),
        str(tally.taken),
        f"{tally.share_taken:.0%}",
        str(tally.saved_chars),
        f"{median(tally.latencies_ms):.0f}",
        f"{_percentile(tally.latencies_ms, 0.95):.0f}",
    ]


def _percentile(values: list[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed."""
    if not values:
        return 0.0
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
