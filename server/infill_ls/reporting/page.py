"""The statistics as one page with plots: it opens from disk, and needs neither scripts nor a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from html import escape

from infill_ls.reporting.tally import Summary, Tally, by_use

WIDTH = 720
PLOT_HEIGHT = 160
ROW_HEIGHT = 24
LABEL_WIDTH = 150
MOST_DAYS = 400
"""A longer time is shown without the days on which there was nothing, and from its end."""
MOST_ROWS = 20
"""Languages with a bar of their own; the table has all."""
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --faint: #d0d7de; --good: #1a7f37; --line: #0969da; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --faint: #3d444d; --good: #3fb950; --line: #4493f8; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem; }
svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.offered { fill: var(--faint); } .taken { fill: var(--good); } .dot { fill: var(--line); }
.curve { fill: none; stroke: var(--line); stroke-width: 2; }
.axis { stroke: var(--faint); }
table { border-collapse: collapse; display: block; overflow-x: auto; } td, th { padding: .1rem .7rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr + tr { border-top: 1px solid var(--faint); }
.figures { display: flex; flex-wrap: wrap; gap: 2rem; } .figures b { display: block; font-size: 1.6rem; }
"""
_KEPT = """<p>The share that was still there this long after it was accepted, or when its file or the editor was closed, if
that was earlier.</p>"""


def page(summary: Summary, days: int) -> str:
    """Return the page as HTML."""
    total = summary.total
    parts = [
        f"<h1>Suggestions of the last {days} days</h1>",
        "<p>Counted on this machine, for you alone. None of your text is in here.</p>",
        _headline(summary),
    ]
    if total.offered:
        parts += [
            "<h2>Accepted suggestions by day</h2>",
            _days_plot(summary.by_day),
            "<h2>By day: median latency</h2>",
            _latency_plot(summary.by_day),
            "<h2>How much accepted text was kept</h2>",
            _KEPT,
            _kept_plot(summary),
            "<h2>Accepted share by language</h2>",
            _shares_plot(by_use(summary.by_language)),
            _table("language", by_use(summary.by_language)),
            "<h2>Accepted share by kind of place</h2>",
            _shares_plot(by_use(summary.by_place)),
            _table("place", by_use(summary.by_place)),
            "<h2>Accepted share by language and kind of place</h2>",
            _matrix(summary),
        ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width">'
        f"<title>infill-ls: statistics</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _headline(summary: Summary) -> str:
    total = summary.total
    if not total.offered:
        return "<p>There were no suggestions in this period.</p>"
    figures = [
        (_percent(total.share_taken), f"accepted: {total.taken} of {total.offered}"),
        (_percent(total.share_kept(30)), "of the accepted text kept after 30 s"),
        (_percent(total.share_kept(300)), "kept after 5 min"),
        (str(total.saved_chars), "keys saved"),
        (f"{total.median_ms:.0f} ms", f"median latency (95 %: {total.ms_95:.0f} ms)"),
    ]
    if summary.edits:
        figures.append((f"{summary.edits_taken} of {summary.edits}", "next edits accepted"))
    shown = "".join(f"<div><b>{value}</b>{what}</div>" for value, what in figures)
    return f'<div class="figures">{shown}</div>'


def _days_plot(by_day: dict[date, Tally]) -> str:
    days = _every_day(by_day)
    most = max(tally.offered for tally in by_day.values())
    step = WIDTH / len(days)
    bars = []
    for index, day in enumerate(days):
        tally = by_day.get(day, Tally())
        title = f"{day.isoformat()}: {tally.taken} of {tally.offered} accepted"
        bars.append(f"<g><title>{title}</title>")
        for kind, count in (("offered", tally.offered), ("taken", tally.taken)):
            height = count / most * PLOT_HEIGHT
            bars.append(
                f'<rect class="{kind}" x="{index * step:.1f}" y="{PLOT_HEIGHT - height:.1f}" '
                f'width="{step * 0.8:.1f}" height="{height:.1f}"/>'
            )
        bars.append("</g>")
    return _plot(bars, days, f"{most} a day")


def _latency_plot(by_day: dict[date, Tally]) -> str:
    days = _every_day(by_day)
    most = max(tally.median_ms for tally in by_day.values()) or 1.0
    step = WIDTH / len(days)
    points, dots = [], []
    for index, day in enumerate(days):
        if (tally := by_day.get(day)) is not None:
            x = (index + 0.4) * step
            y = PLOT_HEIGHT - tally.median_ms / most * PLOT_HEIGHT
            points.append(f"{x:.1f},{y:.1f}")
            title = f"{day.isoformat()}: {tally.median_ms:.0f} ms"
            dots.append(
                f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{title}</title></circle>'
            )
    curve = f'<polyline class="curve" points="{" ".join(points)}"/>'
    return _plot([curve, *dots], days, f"{most:.0f} ms")


def _plot(shapes: Iterable[str], days: Sequence[date], most: str) -> str:
    """Return a plot over days, with the first and the last below and the largest value above."""
    below = PLOT_HEIGHT + 16
    last = "" if len(days) == 1 else _text(WIDTH, below, days[-1].isoformat(), anchor="end")
    return _svg(
        PLOT_HEIGHT + 40,
        f'<g transform="translate(0 16)">{"".join(shapes)}'
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{PLOT_HEIGHT}" y2="{PLOT_HEIGHT}"/>'
        f"{_text(0, -4, most)}{_text(0, below, days[0].isoformat())}{last}</g>",
    )


def _shares_plot(tallies: Sequence[tuple[str, Tally]]) -> str:
    return _bars(
        (name, tally.share_taken, f"{_percent(tally.share_taken)} of {tally.offered}")
        for name, tally in tallies[:MOST_ROWS]
    )


def _kept_plot(summary: Summary) -> str:
    groups = [("all", summary.total), *by_use(summary.by_language)[:MOST_ROWS]]
    shares = [
        (f"{name}, {after}", share)
        for name, tally in groups
        for after_s, after in ((30, "30 s"), (300, "5 min"))
        if (share := tally.share_kept(after_s)) is not None
    ]
    return _bars((name, share, _percent(share)) for name, share in shares)


def _bars(bars: Iterable[tuple[str, float, str]]) -> str:
    """Return a bar for each name and share of 1, with what is to be said behind it."""
    rows = []
    width = WIDTH - LABEL_WIDTH - 130
    for index, (name, share, said) in enumerate(bars):
        y = index * ROW_HEIGHT
        rows.append(
            _text(0, y + 14, name)
            + f'<rect class="offered" x="{LABEL_WIDTH}" y="{y}" width="{width}" height="18"/>'
            f'<rect class="taken" x="{LABEL_WIDTH}" y="{y}" width="{share * width:.1f}" height="18"/>'
            + _text(LABEL_WIDTH + width + 8, y + 14, said)
        )
    return _svg(max(len(rows), 1) * ROW_HEIGHT, "".join(rows))


def _table(first: str, tallies: Sequence[tuple[str, Tally]]) -> str:
    titles = (
        first,
        "offered",
        "accepted",
        "share",
        "kept 30 s",
        "kept 5 min",
        "saved keys",
        "median ms",
    )
    rows = [
        (
            name,
            str(tally.offered),
            str(tally.taken),
            _percent(tally.share_taken),
            _percent(tally.share_kept(30)),
            _percent(tally.share_kept(300)),
            str(tally.saved_chars),
            f"{tally.median_ms:.0f}",
        )
        for name, tally in tallies
    ]
    head = "".join(f"<th>{title}</th>" for title in titles)
    body = "".join(map(_row, rows))
    return f"<table><tr>{head}</tr>{body}</table>"


def _matrix(summary: Summary) -> str:
    """Return a table of languages by kinds of places, with the share that was accepted and of how many."""
    places = [name for name, _ in by_use(summary.by_place)]
    rows = [["", *places]]
    for language, _ in by_use(summary.by_language)[:MOST_ROWS]:
        tallies = summary.by_language_and_place[language]
        cells = [tallies.get(place) for place in places]
        rows.append(
            [
                language,
                *(f"{_percent(one.share_taken)} of {one.offered}" if one else "" for one in cells),
            ]
        )
    return "<table>" + "".join(map(_row, rows)) + "</table>"


def _row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _every_day(by_day: dict[date, Tally]) -> list[date]:
    first, last = min(by_day), max(by_day)
    if (last - first).days >= MOST_DAYS:
        return sorted(by_day)[-MOST_DAYS:]
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


def _svg(height: int, content: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{content}</svg>'


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
