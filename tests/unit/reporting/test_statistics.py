"""Tests of the statistics: what is counted, and what must never be stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infill_ls.cli import main
from infill_ls.reporting import statistics
from infill_ls.reporting.statistics import Statistics, StatisticsEvent, read_events
from infill_ls.reporting.tally import summarize
from infill_ls.types import Hole, Mode, Report, Snapshot, Suggestion
from infill_retrieval.syntax import PLAIN_TEXT

SECRET = "secret_name"


def report(typed: str, rest: str) -> tuple[Report, Suggestion]:
    snapshot = Snapshot(
        uri="file:///a/secret.py",
        path="/a/secret.py",
        name="secret.py",
        language_id="python",
        text=typed,
        offset=len(typed),
    )
    suggestion = Suggestion(rest)
    hole = Hole("", (), typed, "", "", 0, PLAIN_TEXT, Mode.ARGUMENT)
    return Report(snapshot, suggestion, "shown", hole=hole), suggestion


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "data" / "statistics.jsonl"
    counted = Statistics(path)
    identity = counted.offered(*report("x = ", SECRET), latency_ms=12.34)
    counted.shown(identity)
    counted.accepted(identity)
    events = list(read_events(path))
    assert [event.event for event in events] == ["offered", "shown", "accepted"]
    assert events[0].ms == 12.3
    assert events[0].chars == len(SECRET)
    assert (events[0].language, events[0].place) == ("python", "argument")
    assert "secret" not in path.read_text(), "neither text nor names are kept"


def test_typing_along_is_one_suggestion(tmp_path: Path) -> None:
    counted = Statistics(tmp_path / "s")
    first = counted.offered(*report("x = ", "one"), latency_ms=1)
    assert counted.offered(*report("x = o", "ne"), latency_ms=1) == first
    assert counted.offered(*report("x = o", "ther"), latency_ms=1) != first


def test_of_an_item_that_repeats_the_line_only_the_suggestion_counts(tmp_path: Path) -> None:
    counted = Statistics(tmp_path / "s")
    identity = counted.offered(*report("x = ", "one two"), latency_ms=1)
    counted.partially_accepted(identity, item_chars=len("x = one two"), chars=len("x = one"))
    counted.partially_accepted(identity, item_chars=len("x = one two"), chars=len("x ="))
    (_, partly) = read_events(tmp_path / "s")
    assert partly.chars == len("one")


def test_unknown_ids_are_ignored(tmp_path: Path) -> None:
    counted = Statistics(tmp_path / "s")
    counted.accepted("x")
    counted.shown("")
    counted.partially_accepted("x", 3, 2)
    assert not (tmp_path / "s").exists()


def test_a_large_file_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "LARGEST_FILE_BYTES", 10)
    counted = Statistics(tmp_path / "s")
    for text in "abc":
        counted.offered(*report("", text), latency_ms=1)
    assert [len(list(read_events(tmp_path / "s"))), (tmp_path / "s.1").exists()] == [2, True]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    counted = Statistics(tmp_path / "file" / "s")
    assert counted.offered(*report("", "a"), latency_ms=1)


def test_lines_cut_short_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "s").write_text('{"event": "offered", "id": "1", "at": 5}\n{"event": "acc\n3\n')
    assert [event.id for event in read_events(tmp_path / "s")] == ["1"]


def test_a_damaged_file_loses_nothing_but_its_damaged_lines(tmp_path: Path) -> None:
    good = json.dumps({"event": "offered", "id": "1", "at": 5}).encode()
    bad = [
        b'\xff\xfe{"event": "offered", "id": "2"}',
        b'{"event": "offered", "id": "3", "at": "yesterday"}',
        b'{"event": "offered", "id": "4", "at": 1e300}',
        b'{"event": "offered", "id": "5", "ms": -1}',
        b'{"event": "offered", "id": {}}',
        b'{"event": "accepted", "id": "1", "chars": "many"}',
        b'{"event": "offered", "id": "6", "language": "' + b"x" * 30_000 + b'"}',
        b"\0" * 50_000,
        b"[" * 5_000,
    ]
    (tmp_path / "s").write_bytes(b"\n".join([good, *bad, good.replace(b'"1"', b'"7"')]))
    assert [event.id for event in read_events(tmp_path / "s")] == ["1", "7"]


EVENTS = [
    StatisticsEvent("offered", "1", at=100, language="python", place="string", ms=10, chars=9),
    StatisticsEvent("offered", "2", at=100, language="lua", place="block", ms=30, chars=4),
    StatisticsEvent("offered", "0", at=1, language="lua", place="block", ms=30, chars=4),
    StatisticsEvent("partly", "1", chars=3),
    StatisticsEvent("accepted", "1", chars=9),
    StatisticsEvent("accepted", "0", chars=4),
    StatisticsEvent("kept", "1", after=30, chars=8, kept=6),
    StatisticsEvent("kept", "1", after=300, chars=8, kept=2),
    StatisticsEvent("kept", "1", after=7, chars=8, kept=8),
    StatisticsEvent("kept", "0", after=30, chars=4, kept=4),
]


def test_the_summary() -> None:
    summary = summarize(EVENTS, since=50)
    assert (summary.total.offered, summary.total.taken, summary.total.saved_chars) == (2, 1, 8)
    assert summary.by_language["python"].share_taken == 1
    assert summary.by_place["block"].share_taken == 0
    assert summary.by_place["string"].share_kept(30) == 0.75
    assert summary.total.share_kept(300) == 0.25
    assert summary.by_place["block"].share_kept(30) is None, "nobody looked"
    assert len(summary.by_day) == 1


def test_nothing_of_the_accepted_text_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s"
    counted = Statistics(path)
    watched = counted.accepted(counted.offered(*report("x = ", SECRET), latency_ms=1), "x = ")
    assert watched is not None
    counted.text_changed("file:///a/secret.py", f"x = {SECRET}")
    counted.look(watched, 30)
    counted.text_changed("file:///a/secret.py", "x = ")
    counted.document_closed("file:///a/secret.py")
    *_, soon, late = lines_of(path)
    assert (soon["after"], soon["kept"], soon["chars"]) == (30, len(SECRET), len(SECRET))
    assert (late["after"], late["kept"]) == (300, 0)
    assert "secret" not in path.read_text()


def test_switched_off_nothing_is_looked_after(tmp_path: Path) -> None:
    off = Statistics(None)
    identity = off.offered(*report("x = ", "one"), latency_ms=1)
    assert off.accepted(identity, "x = one") is None
    counted = Statistics(tmp_path / "s")
    watched = counted.accepted(counted.offered(*report("x = ", "one"), latency_ms=1), "x = one")
    assert watched is not None
    lines = lines_of(tmp_path / "s")
    counted.stop()
    counted.look(watched, 30)
    counted.document_closed(watched.uri)
    assert lines_of(tmp_path / "s") == lines


def test_the_command_prints_a_table_and_a_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["stats"]) == 0
    assert "No suggestions" in capsys.readouterr().out
    counted = Statistics(statistics.default_path())
    counted.accepted(counted.offered(*report("", "abcd"), latency_ms=20))
    assert main(["stats"]) == 0
    shown = capsys.readouterr().out
    assert "python" in shown
    assert "█ 1 of 1, 3 keys, 20 ms" in shown
    assert main(["stats", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["savedKeystrokes"] == 3


@pytest.mark.parametrize("columns", [50, 79, 100])
def test_no_heading_is_cut(
    columns: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", str(columns))
    counted = Statistics(statistics.default_path())
    counted.accepted(counted.offered(*report("", "abcd"), latency_ms=20))
    assert main(["stats"]) == 0
    shown = capsys.readouterr().out
    assert "language" in shown
    assert "offered" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= columns
