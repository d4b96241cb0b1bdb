"""Results as records: written as JSON for programs and as Markdown tables for people.

Every result of ``infill-ls eval`` and of ``bench/`` is a :class:`Result`, and so a JSON object of one
form: ``name``, ``run`` (what decided it, with the date), and ``tables`` or ``figures``.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infill_ls.measuring import intervals

Row = dict[str, Any]
"""What was measured on one case, as the journal keeps it; ``group`` is what it has in common
with cases like it."""


@dataclass(frozen=True, slots=True)
class Figure(intervals.Interval):
    """One number of a table, with its 95 % bootstrap interval and how many cases it rests on."""

    cases: int


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by row, in the order of ``columns``. A figure that has no cases is missing."""

    title: str
    columns: tuple[str, ...]
    """Names with their units."""
    rows: dict[str, dict[str, Figure]]


@dataclass(frozen=True, slots=True)
class Result:
    """What one evaluation or benchmark found."""

    name: str
    run: dict[str, Any]
    """Everything that decided it: date, model, cases, seed, switches, machine."""
    tables: tuple[Table, ...] = ()
    problems: tuple[str, ...] = ()
    """Cases that could not be measured, and why."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Numbers by name, nested as the benchmark needs it, where they are no tables of cases."""

    def json(self) -> str:
        """Return the text of a result file; what is empty is left out."""
        # Not ``asdict`` for all: of a Counter among the figures it would make another.
        record = {
            "name": self.name,
            "run": self.run,
            "tables": [asdict(one) for one in self.tables],
            "problems": self.problems,
            "figures": self.figures,
        }
        return json.dumps({key: one for key, one in record.items() if one}, indent=1) + "\n"

    def write(self, folder: Path) -> None:
        """Write ``NAME.json`` and ``NAME.md`` into ``folder``."""
        (folder / f"{self.name}.json").write_text(self.json(), "utf-8")
        (folder / f"{self.name}.md").write_text(self.markdown(), "utf-8")

    def markdown(self) -> str:
        """Return the tables for people."""
        parts = [f"# {self.name}\n"]
        parts += [f"- {key}: {value}" for key, value in self.run.items()]
        for table in self.tables:
            parts += ["", *_markdown_lines(table)]
        if self.problems:
            parts += ["", f"{len(self.problems)} cases could not be measured:", ""]
            parts += [f"- {problem}" for problem in self.problems]
        return "\n".join(parts) + "\n"


def today() -> str:
    """Return the date that a result bears."""
    return datetime.now(UTC).date().isoformat()


def benchmark_result(
    path: Path | None, name: str, run: Mapping[str, Any], figures: Mapping[str, Any]
) -> Result:
    """Return a result with the date and the machine in it; write it to ``path``, if there is one."""
    machine = {
        "date": today(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_after": round(os.getloadavg()[0], 2),
    }
    result = Result(name, {**machine, **run}, figures=figures)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(result.json(), "utf-8")
    return result


def percent(rows: Sequence[Row], key: str) -> Figure | None:
    """Return the percentage of rows for which ``key`` is true, or 100 times its mean.

    Rows that lack the key, or have ``None`` there, do not count.
    """
    return _figure(rows, key, 100.0)


def average(rows: Sequence[Row], key: str) -> Figure | None:
    """Return the mean of ``key`` over the rows that have it."""
    return _figure(rows, key, 1.0)


def gain(
    rows: Sequence[Row], others: Sequence[Row], key: str, scale: float = 100.0
) -> Figure | None:
    """Return by how much the mean of ``key`` is higher in ``rows`` than in ``others``.

    Only cases count (rows with the same ``id``) that both have.
    """
    by_id = {row["id"]: row[key] for row in others if row.get(key) is not None}
    pairs = [
        {**row, key: float(row[key]) - float(by_id[row["id"]])}
        for row in rows
        if row.get(key) is not None and row["id"] in by_id
    ]
    return _figure(pairs, key, scale)


def quantile(rows: Sequence[Row], key: str, share: float) -> Figure | None:
    """Return the value of ``key`` that ``share`` of the rows do not exceed."""
    values = [float(row[key]) for row in rows if row.get(key) is not None]
    return _as_figure(len(values), lambda: intervals.quantile(values, share))


def without_gaps(**figures: Figure | None) -> dict[str, Figure]:
    """Return the figures that there are, under names with blanks for underscores."""
    return {
        name.replace("_", " "): figure for name, figure in figures.items() if figure is not None
    }


def table(title: str, rows: dict[str, dict[str, Figure]]) -> Table:
    """Return a table with the columns that its rows have, in the order of their first use."""
    columns = dict.fromkeys(column for figures in rows.values() for column in figures)
    return Table(title, tuple(columns), rows)


def _figure(rows: Sequence[Row], key: str, scale: float) -> Figure | None:
    having = [row for row in rows if row.get(key) is not None]
    values = [float(row[key]) * scale for row in having]
    groups = [str(row.get("group", row["id"])) for row in having]
    return _as_figure(len(values), lambda: intervals.mean(values, groups))


def _as_figure(cases: int, interval: Callable[[], intervals.Interval]) -> Figure | None:
    if not cases:
        return None
    one = interval()
    return Figure(one.value, one.low, one.high, cases)


def _markdown_lines(table: Table) -> list[str]:
    lines = [f"## {table.title}", "", "| | cases | " + " | ".join(table.columns) + " |"]
    lines.append("|---" * (len(table.columns) + 2) + "|")
    for name, figures in table.rows.items():
        most = max((figure.cases for figure in figures.values()), default=0)
        cells = []
        for column in table.columns:
            figure = figures.get(column)
            text = str(figure) if figure is not None else ""
            # Where a figure rests on fewer cases than the row, it says so itself.
            of = f", of {figure.cases}" if figure is not None and figure.cases != most else ""
            cells.append(text + of)
        lines.append("| " + " | ".join([name, str(most), *cells]) + " |")
    return lines
