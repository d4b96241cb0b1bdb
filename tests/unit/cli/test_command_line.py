"""Tests of the command line's output on all kinds of terminals."""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from infill_ls.cli import _parser, main
from infill_ls.cli.layout import print_pair
from infill_ls.cli.place import read_place
from infill_ls.cli.show import print_answer
from infill_ls.lsp.client import ServerAnswer
from infill_ls.reporting import statistics

WRONG = [
    (["--tcp", "--port", "99999"], "a port is a number from 1 to 65535, not 99999"),
    (["stats", "--days", "-3"], "at least one day, not -3"),
    (["stats", "--days", "week"], "a number of days, not 'week'"),
    (["stats", "--days", "9999999999"], "at most 36500 days"),
    (["stats", "--json", "--html", "x"], "not allowed with"),
    (["model"], "the following arguments are required: ACTION"),
    (["complet"], "argument COMMAND: invalid choice: 'complet'"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_wrong_usage_is_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert said in capsys.readouterr().err


def test_alone_on_a_terminal_it_says_what_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main([]) == 2
    said = capsys.readouterr().err
    assert "this is a language server" in said
    assert "infill-ls doctor" in said


def shown(capsys: pytest.CaptureFixture[str], folder: Path, suggestion: str, replaced: int) -> str:
    file = folder / "a.py"
    file.write_text("for i in range():  # é\n")
    explanation: dict[str, Any] = {
        "snippets": [],
        "snippetTokens": 0,
        "stepMs": {},
        "completion": None,
        "prompt": None,
        "replaces": "):"[:replaced],
    }
    answer = ServerAnswer(suggestion, explanation, 1.0, 1)
    print_answer(read_place(f"{file}:1:16"), answer, [])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "for i" in line)
    return line.partition("for")[2]


def test_without_colour_marks_tell_what_is_suggested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(capsys, tmp_path, "len(xs)):", 2) == " i in range(⟦len(xs)):⟧  # é"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "⟦" not in shown(capsys, tmp_path, "x", 0)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "⟦x⟧" in shown(capsys, tmp_path, "x", 0)


def offers(path: Path, *latencies_ms: float) -> None:
    events = [
        {"at": 4e9, "event": "offered", "id": str(number), "language": "python", "ms": latency}
        for number, latency in enumerate(latencies_ms)
    ]
    path.write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "statistics.jsonl"
    monkeypatch.setattr(statistics, "default_path", lambda: path)
    return path


def test_the_table_and_json_give_the_same_median(
    counted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offers(counted, 10.0, 30.0)
    assert main(["stats", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["latencyMsMedian"] == 20.0
    assert main(["stats"]) == 0
    assert " 20 " in capsys.readouterr().out


def test_a_narrow_terminal_that_knows_ascii_only(
    counted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers(counted, 10.0)
    monkeypatch.setenv("COLUMNS", "50")
    for encoding in ("ascii", "cp1252"):
        screen = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, encoding=encoding))
        assert main(["stats"]) == 0
        assert main(["model", "list"]) == 0
        sys.stdout.flush()
        lines = [line.rstrip() for line in screen.getvalue().decode(encoding).splitlines()]
        assert lines[2].split() == ["python", "1", "0%", "0", "10"]
        assert any(line.endswith("# 0 of 1, 0 keys, 10 ms") or "?" in line for line in lines)
        models = lines[next(n for n, line in enumerate(lines) if "memory" in line) :]
        table = lines[:4] + models[: models.index("")]
        assert max(map(len, table)) <= 50, table


@pytest.mark.parametrize("command", ["complete", "ask", "doctor", "explain", "stats"])
def test_help_is_wrapped_for_narrow_terminals(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    _usage, _, text = capsys.readouterr().out.partition("\n\n")
    prose, _, _ = text.partition("examples:")
    assert max(len(line) for line in prose.splitlines()) <= 50


def commands_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of the commands, and of their own commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield command
                yield from commands_of(command)


COMMANDS = [command.prog for command in commands_of(_parser())]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_are_right(name: str) -> None:
    """The examples of each command are of that command, and are understood."""
    whole = _parser()
    (command,) = (one for one in commands_of(whole) if one.prog == name)
    examples = command.format_help().partition("examples:\n")[2].partition("\n\n")[0]
    # Two spaces or a shell's sign end what is typed.
    pattern = rf"^.*?infill-ls ({name.partition(' ')[2]}\b.*?)(?:  | >|$)"
    found = re.findall(pattern, examples, re.MULTILINE)
    assert found, examples
    for example in found:
        try:
            whole.parse_args(shlex.split(example))
        except SystemExit:
            pytest.fail(f"infill-ls {example}")


def _printed_pair(columns: int, *, is_terminal: bool) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=columns, force_terminal=is_terminal, no_color=True)
    words = Text("no larger model in the list is fast enough here or fits")
    print_pair(console, Text("  model             "), words)
    return file.getvalue().splitlines()


def test_values_are_wrapped_between_words_on_a_terminal_only() -> None:
    lines = _printed_pair(50, is_terminal=True)
    assert len(lines) == 2
    assert all(len(line) <= 50 for line in lines)
    assert " ".join(line.strip() for line in lines).endswith("is fast enough here or fits")
    assert len(_printed_pair(50, is_terminal=False)) == 1


def test_the_path_of_a_model_is_whole_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info", "infill-ls-mini"]) == 0
    assert "infill-ls-mini.gguf\n" in capsys.readouterr().out
