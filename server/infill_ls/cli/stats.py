"""``infill-ls stats``: show how many suggestions were accepted, from the statistics file."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infill_ls.cli.layout import HelpWithExamples
from infill_ls.errors import InfillError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from infill_ls.reporting.tally import Summary, Tally

DAY_S = 86_400
MOST_DAYS = 36_500
BAR_WIDTH = 40
NARROW = 70
"""Columns below which bars are shorter and figures fewer."""
LONGEST_NAME_COLUMNS = 16
"""Only a longer name of a language may be cut."""
TITLES = ("offered", "accepted", "share", "saved keys", "median ms", "95 % ms")
KEPT_TITLES = ("kept 30 s", "5 min")
NARROW_COLUMNS = (0, 2, 3, 4)
"""On a narrow terminal the share says what is accepted, and the median how fast it was."""
EXAMPLES = """examples:
  infill-ls stats                    of the last 30 days
  infill-ls stats --days 7           of the last week
  infill-ls stats --html stats.html  as a page with plots"""


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "stats",
        help="show how many suggestions were accepted, what was kept, and how fast they came",
        description="Show how many suggestions were accepted, by language and by kind of place; how much "
        "of the accepted text was still there 30 seconds and 5 minutes later (or when its file was "
        "closed, if that was earlier); how many keys were saved; how fast suggestions came. The numbers "
        "stay on this machine; the setting statistics switches them off.",
        epilog=EXAMPLES,
        formatter_class=HelpWithExamples,
    )
    parser.add_argument(
        "--days",
        type=_days,
        default=30,
        metavar="N",
        help="number of days to look back (default: %(default)s)",
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print the figures as JSON")
    forms.add_argument(
        "--html", type=Path, metavar="FILE", help="write the figures to FILE as a page with plots"
    )
    parser.set_defaults(run=run)


def _days(text: str) -> int:
    try:
        days = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a number of days, not {text!r}") from None
    if days < 1:
        raise argparse.ArgumentTypeError(f"at least one day, not {days}")
    if days > MOST_DAYS:
        raise argparse.ArgumentTypeError(f"at most {MOST_DAYS} days, not {days}")
    return days


def run(options: argparse.Namespace) -> int:
    """Print the statistics, or write the page."""
    from infill_ls.reporting.page import page
    from infill_ls.reporting.statistics import default_path, read_events
    from infill_ls.reporting.tally import summarize

    path = default_path()
    try:
        summary = summarize(read_events(path), since=time.time() - options.days * DAY_S)
    except OSError as error:
        raise InfillError(f"cannot read the statistics in {path}: {error.strerror}") from error
    if options.html is not None:
        _write_page(options.html, page(summary, options.days))
    elif options.json:
        print(json.dumps(_as_json(summary), indent=2))
    else:
        _print_summary(summary, options.days, path)
    return 0


def _write_page(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    print(f"Written: {file.absolute().as_uri()}")


def _as_json(summary: Summary) -> dict[str, Any]:
    groups = {
        "byLanguage": summary.by_language,
        "byPlace": summary.by_place,
        "byDay": {day.isoformat(): tally for day, tally in sorted(summary.by_day.items())},
    }
    return (
        _figures(summary.total)
        | {"editsOffered": summary.edits, "editsAccepted": summary.edits_taken}
        | {name: _all_figures(tallies) for name, tallies in groups.items()}
        | {
            "byLanguageAndPlace": {
                language: _all_figures(places)
                for language, places in summary.by_language_and_place.items()
            }
        }
    )


def _all_figures(tallies: Mapping[str, Tally]) -> dict[str, dict[str, float | None]]:
    return {name: _figures(tally) for name, tally in tallies.items()}


def _figures(tally: Tally) -> dict[str, float | None]:
    return {
        "offered": tally.offered,
        "accepted": tally.taken,
        "acceptedShare": round(tally.share_taken, 4),
        "keptShareAfter30s": _rounded(tally.share_kept(30)),
        "keptShareAfter5min": _rounded(tally.share_kept(300)),
        "savedKeystrokes": tally.saved_chars,
        "latencyMsMedian": round(tally.median_ms, 1),
        "latencyMs95": tally.ms_95,
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _print_summary(summary: Summary, days: int, path: Path) -> None:
    from rich.console import Console

    from infill_ls.reporting.tally import by_use

    console = Console(highlight=False)
    if summary.edits:
        console.print(f"Next edits: {summary.edits_taken} of {summary.edits} accepted.")
    if not summary.total.offered:
        console.print(f"No suggestions in the last {days} days. The counts are kept in {path}.")
        return
    title = f"Suggestions of the last {days} days"
    languages = [*by_use(summary.by_language), ("all", summary.total)]
    _print_table(console, title, "language", languages)
    console.print()
    _print_table(console, "By kind of place", "place", by_use(summary.by_place))
    _print_kept(console, summary.total)
    _print_days(console, summary)


def _print_table(
    console: Console, title: str, first: str, tallies: Sequence[tuple[str, Tally]]
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    is_narrow = console.width < NARROW
    table = Table(
        title=title,
        title_justify="left",
        box=None if is_narrow else box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    # Headings are broken between words where it is narrow, and never cut.
    names = max((len(name) for name, _ in tallies), default=0)
    table.add_column(first, min_width=max(len(first), min(names, LONGEST_NAME_COLUMNS)))
    titles = TITLES + KEPT_TITLES
    shown = NARROW_COLUMNS if is_narrow else range(len(titles))
    for index in shown:
        widest = max(map(len, titles[index].split()))
        table.add_column(titles[index], justify="right", min_width=widest)
    for name, tally in tallies:
        if name == "all":
            table.add_section()
        cells = _cells(tally)
        # What an editor calls a language is text, and no markup.
        table.add_row(Text(name), *(cells[index] for index in shown))
    console.print(table)


def _print_kept(console: Console, tally: Tally) -> None:
    soon, late = (_percent(tally.share_kept(after_s)) for after_s in (30, 300))
    if tally.looked_chars:
        console.print(
            f"\nOf the accepted text, {soon} was still there after 30 s, {late} after 5 min."
        )


def _print_days(console: Console, summary: Summary) -> None:
    is_narrow = console.width < NARROW
    console.print("\nAccepted suggestions, saved keys and median latency, by day")
    most = max(tally.offered for tally in summary.by_day.values())
    width = BAR_WIDTH // 4 if is_narrow else BAR_WIDTH
    full, empty = ("#", ".") if console.options.ascii_only else ("█", "░")
    for day, tally in sorted(summary.by_day.items()):
        offered = max(round(tally.offered / most * width), 1)
        taken = min(round(tally.taken / most * width), offered)
        bar = (
            f"[green]{full * taken}[/][dim]{empty * (offered - taken)}[/]{' ' * (width - offered)}"
        )
        figures = f"{tally.taken} of {tally.offered}, {tally.saved_chars} keys"
        console.print(f"{day:%d %b} {bar} {figures}, {tally.median_ms:.0f} ms", soft_wrap=True)


def _cells(tally: Tally) -> list[str]:
    return [
        str(tally.offered),
        str(tally.taken),
        _percent(tally.share_taken),
        str(tally.saved_chars),
        f"{tally.median_ms:.0f}",
        f"{tally.ms_95:.0f}",
        _percent(tally.share_kept(30)),
        _percent(tally.share_kept(300)),
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
