"""Tests of the statistics page: self-contained, with the figures of the table."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from infill_ls.cli import main
from infill_ls.reporting import statistics
from infill_ls.reporting.page import MOST_DAYS, page
from infill_ls.reporting.statistics import StatisticsEvent
from infill_ls.reporting.tally import summarize

DAY = 86_400
EVENTS = [
    *(StatisticsEvent("offered", f"p{n}", at=n * DAY, language="python", place="string", ms=20 + n, chars=5)
      for n in range(10, 14)),
    StatisticsEvent("offered", "l", at=12 * DAY, language="<script>", place="block", ms=50, chars=5),
    StatisticsEvent("accepted", "p10", chars=5),
    StatisticsEvent("kept", "p10", after=30, chars=5, kept=4),
    StatisticsEvent("edit offered", "e"),
]  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    text = page(summarize(EVENTS), 30)
    parser = Tags()
    parser.feed(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(parser.tags)
    assert not {"src", "href", "onload", "onclick"} & set(parser.attributes)
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "default-src 'none'" in text
    assert "&lt;script&gt;" in text, "what an editor calls a language is text"


def test_the_plots_have_a_shape_for_each_figure() -> None:
    text = page(summarize(EVENTS), 30)
    plots = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    days, latency, kept, languages, places = plots
    assert len(days.findall(".//g/title")) == 4
    assert [one.get("height") for one in days.iter("rect")][:2] == ["80.0", "80.0"]
    assert len(list(latency.iter("circle"))) == 4
    assert len(list(languages.iter("rect"))) == len(list(places.iter("rect"))) == 4
    assert [text.text for text in kept.iter("text")] == ["all, 30 s", "80%", "python, 30 s", "80%"]
    widths = [float(one.get("width", "")) for one in kept.iter("rect")]
    assert widths[1] / widths[0] == pytest.approx(0.8)
    for shape in days.iter("rect"):
        assert 0 <= float(shape.get("y", "")) <= 160


def test_a_page_of_nothing_says_so() -> None:
    assert "There were no suggestions" in page(summarize([]), 30)


def test_a_date_that_is_wrong_does_not_make_a_page_of_millions_of_days() -> None:
    text = page(summarize([*EVENTS, StatisticsEvent("offered", "x", at=2e11)]), 30)
    assert text.count("<title>") < 3 * MOST_DAYS


def test_table_json_and_page_have_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, html = tmp_path / "statistics.jsonl", tmp_path / "page.html"
    monkeypatch.setattr(statistics, "default_path", lambda: file)
    monkeypatch.setenv("COLUMNS", "120")
    events = [
        {"event": "offered", "id": "1", "at": 4e9, "language": "lua", "place": "block", "ms": 10},
        {"event": "offered", "id": "2", "at": 4e9, "language": "lua", "place": "block", "ms": 31},
        {"event": "accepted", "id": "1", "chars": 9},
        {"event": "kept", "id": "1", "after": 30, "chars": 8, "kept": 6},
        {"event": "kept", "id": "1", "after": 300, "chars": 8, "kept": 2},
    ]
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert main(["stats", "--html", str(html)]) == 0
    assert html.as_uri() in capsys.readouterr().out
    assert main(["stats", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["byPlace"]["block"] == figures["byLanguage"]["lua"]
    assert figures["byPlace"]["block"].items() <= figures.items()
    assert (figures["acceptedShare"], figures["savedKeystrokes"]) == (0.5, 8)
    assert (figures["keptShareAfter30s"], figures["keptShareAfter5min"]) == (0.75, 0.25)
    assert figures["latencyMsMedian"] == 20.5
    assert figures["byLanguageAndPlace"] == {"lua": figures["byPlace"]}
    assert main(["stats"]) == 0
    shown = capsys.readouterr().out
    (row,) = (line for line in shown.splitlines() if "block" in line)
    assert re.sub(r"[^\w %]", "", row).split() == [
        "block",
        "2",
        "1",
        "50%",
        "8",
        "20",
        "31",
        "75%",
        "25%",
    ]
    assert "75% was still there after 30 s, 25% after 5 min" in shown
    cells = re.findall(r"<td>(.*?)</td>", html.read_text())
    assert cells[-4:] == ["", "block", "lua", "50% of 2"]
    assert cells[:8] == ["lua", "2", "1", "50%", "75%", "25%", "8", "20"]


def test_a_file_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(statistics, "default_path", lambda: tmp_path / "none")
    assert main(["stats", "--html", str(tmp_path / "no" / "page.html")]) == 2
    assert "cannot write" in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    assert main(["stats"]) == 2
    assert "cannot read the statistics" in capsys.readouterr().err
