"""End-to-end tests of the command line, except for ``ask``, ``doctor`` and ``model``."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bounds import WITHIN_S
from e2e.command_line import Outcome, Run, run
from infill_ls import __version__

UNCUT = ("--option", "coldTargetMs=0")
"""The budgets as they are set, however slow the machine is."""


@pytest.fixture(scope="module", autouse=True)
def engine_at_hand() -> Iterator[None]:
    """Keep one engine running for these commands, which would otherwise each start their own."""
    holder = Path(__file__).with_name("held_engine.py")
    process = subprocess.Popen(
        [sys.executable, "-P", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
        process.communicate()
    assert process.returncode == 0


@pytest.fixture
def orders(wallet: Path) -> Path:
    """Return a file whose completion needs ``refunds.py`` beside it."""
    path = wallet / "orders.py"
    path.write_text("def cancel_order(wallet, amount):\n    wallet.\n")
    return path


@pytest.mark.same_on_windows
async def test_version() -> None:
    outcome = await run("--version")
    assert outcome == Outcome(0, f"infill-ls {__version__}\n", "")


async def test_complete_shows_place_snippets_ghost_text_and_times(
    run_warm: Run, orders: Path
) -> None:
    outcome = await run_warm("complete", f"{orders}:2:12")
    assert outcome.status == 0, outcome
    assert "orders.py:2:12" in outcome.stdout
    assert "refunds.py:1" in outcome.stdout
    assert "wallet.⟦deposit_zlotys(amount)⟧" in outcome.stdout
    assert "request" in outcome.stdout
    assert " ms" in outcome.stdout
    assert "\x1b" not in outcome.stdout  # colours are for terminals
    assert outcome.stderr == ""


@pytest.mark.same_on_windows
async def test_complete_works_on_the_example(shop: Path) -> None:
    """What ``make run`` shows: names that are defined in another file only."""
    assert "net_price" not in (shop / "shop" / "orders.py").read_text("utf-8")
    outcome = await run("complete", shop / "shop" / "orders.py:4", "--prompt")
    assert outcome.status == 0, outcome
    assert "shop/pricing.py" in outcome.stdout
    assert "def net_price(amount_cents, quantity):" in outcome.stdout
    (line,) = (line for line in outcome.stdout.splitlines() if line.startswith("    4 │"))
    assert "net_price" in line


@pytest.mark.same_on_windows
async def test_complete_as_json(run_warm: Run, orders: Path) -> None:
    outcome = await run_warm("complete", "--json", f"{orders}:2")
    assert outcome.status == 0, outcome
    answer = json.loads(outcome.stdout)
    assert answer["suggestion"] == "deposit_zlotys(amount)"
    assert {snippet["path"] for snippet in answer["snippets"]} == {"refunds.py"}
    assert answer["requestMs"] > 0


@pytest.mark.skipif(
    sys.platform != "linux", reason="the folder of the statistics is set as on Linux"
)
async def test_complete_leaves_no_statistics_unless_told_to(
    run_warm: Run, orders: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    statistics = data / "infill-ls" / "statistics.jsonl"
    place = f"{orders}:2"
    outcome = await run_warm("complete", place, XDG_DATA_HOME=str(data))
    assert outcome.status == 0, outcome
    assert "⟦" in outcome.stdout
    assert not statistics.exists(), "nobody could accept it: it is no offer"
    counting = ("--option", "statistics=true")
    outcome = await run_warm("complete", place, *counting, XDG_DATA_HOME=str(data))
    assert outcome.status == 0, outcome
    assert '"event": "offered"' in statistics.read_text("utf-8")


@pytest.mark.same_on_windows
async def test_explain_says_what_was_considered_taken_and_dropped(
    run_warm: Run, orders: Path
) -> None:
    usages = [f"def use_{n}(wallet):\n    wallet.deposit_zlotys({n})\n" for n in range(40)]
    (orders.parent / "usages.py").write_text("from refunds import *\n" + "\n".join(usages))
    (orders.parent / "copy.py").write_text(orders.read_text())
    options = ("--option", "snippetTokens=96", *UNCUT)
    outcome = await run_warm("explain", f"{orders}:2:12", *options)
    assert outcome.status == 0, outcome
    said = outcome.stdout
    assert "orders.py:2:12" in said
    assert "snippetTokens 96" in said
    assert " of 96 tokens, " in said
    assert "declaration: " in said
    assert "usage: " in said
    for verdict in ("taken", "shown already", "no room"):
        assert f"\n    {verdict}" in said, said
    assert "refunds.py:1" in said
    assert "blank_end" in said
    for step in ("retrieve", "engine", "refresh", "rank", "pack", "tokenize"):
        assert f"  {step} " in said, step
    assert "\x1b" not in said


@pytest.mark.same_on_windows
async def test_explain_as_json_adds_up(run_warm: Run, orders: Path) -> None:
    outcome = await run_warm("explain", "--json", f"{orders}:2", *UNCUT)
    assert outcome.status == 0, outcome
    said = json.loads(outcome.stdout)
    assert said["settings"]["snippetTokens"] == said["snippetBudgetTokens"] == 512
    assert said["snippetTokens"] == sum(one["tokens"] for one in said["snippets"])
    taken = {one["path"] for one in said["considered"] if one["verdict"] == "taken"}
    assert taken == {one["path"] for one in said["snippets"]} == {"refunds.py"}
    assert said["filters"][-1] == {"name": "blank_end", "text": said["suggestion"], "reason": ""}


@pytest.mark.same_on_windows
async def test_explain_where_nothing_is_offered(run_warm: Run, orders: Path) -> None:
    outcome = await run_warm("explain", f"{orders}:2", "--option", "enabled=false")
    assert outcome.status == 0, outcome
    assert "enabled False" in outcome.stdout
    assert "reason completions are switched off" in outcome.stdout


NO_PLACES = [
    ("orders.py:99", "there is no line 99"),
    ("orders.py:0", "there is no line 0"),
    ("orders.py:2:99", "columns 1 to 12, not 99"),
    ("orders.py:2:0", "columns 1 to 12, not 0"),
    ("missing.py:1", "cannot read"),
    (".", "cannot read"),
    ("binary.bin", "is a binary file"),
    ("latin.py:1", "is not UTF-8 text"),
]


async def test_a_place_that_is_none(run_warm: Run, orders: Path) -> None:
    (orders.parent / "binary.bin").write_bytes(b"\x7fELF\x00\x01")
    (orders.parent / "latin.py").write_bytes(b"# caf\xe9\n")
    for place, words in NO_PLACES:
        outcome = await run_warm("complete", orders.parent / place)
        assert outcome.status == 2
        assert outcome.stdout == ""
        assert outcome.stderr.startswith("infill-ls: error: ")
        assert words in outcome.stderr
        assert outcome.stderr.count("\n") == 1


async def test_a_bad_model(run_warm: Run, orders: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.gguf"
    text.write_text("no model")
    for model, words in ((text, "is not a GGUF file"), (tmp_path / "none.gguf", "does not exist")):
        outcome = await run_warm("complete", f"{orders}:2", "--model", model)
        assert outcome.status == 2
        assert outcome.stdout == ""
        assert str(model) in outcome.stderr
        assert words in outcome.stderr
        assert "Traceback" not in outcome.stderr


async def test_modules_of_the_working_directory_are_not_imported(orders: Path) -> None:
    for name in ("queue", "infill_ls", "lsprotocol"):
        (orders.parent / f"{name}.py").write_text("raise SystemExit('imported')\n")
    outcome = await run("complete", "orders.py:2", cwd=orders.parent)
    assert outcome.status == 0, outcome


async def test_a_long_log_does_not_stop_the_server(run_warm: Run, orders: Path) -> None:
    orders.write_text("# much to log\n" * 5_000 + orders.read_text())
    outcome = await run_warm("--log-level", "DEBUG", "complete", "--json", orders)
    assert outcome.status == 0, outcome
    assert json.loads(outcome.stdout)["suggestion"] is not None
    assert "DEBUG" in outcome.stderr


@pytest.mark.same_on_windows
async def test_options(run_warm: Run, orders: Path) -> None:
    outcome = await run_warm(
        "complete", f"{orders}:2", "--option", "maxTokenz=3", "--option", "snippetTokens=0"
    )
    assert outcome.status == 0, outcome
    assert (
        "warning: settings: there is no option 'maxTokenz' (did you mean 'maxTokens'?); ignored"
        in outcome.stdout
    )
    assert "0 snippets" in outcome.stdout
    outcome = await run_warm("complete", f"{orders}:2", "--option", "maxTokens")
    assert outcome.status == 2
    assert "NAME=VALUE" in outcome.stderr


@pytest.mark.same_on_windows
async def test_wrong_usage() -> None:
    for arguments in (["--nonsense"], ["nonsense"], ["complete"], ["--tcp", "--stdio"]):
        outcome = await run(*arguments)
        assert outcome.status == 2
        assert "usage: infill-ls" in outcome.stderr
        assert outcome.stdout == ""


async def test_a_script_that_cannot_be_used(tmp_path: Path) -> None:
    outcome = await run("--scripted-engine", tmp_path / "missing.json")
    assert outcome.status == 2
    assert "missing.json" in outcome.stderr


async def test_a_port_that_is_taken() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await run("--tcp", "--port", str(port))
    assert outcome.status == 2
    assert f"cannot serve 127.0.0.1:{port}" in outcome.stderr


async def test_an_error_is_told_once(run_warm: Run, orders: Path) -> None:
    outcome = await run_warm("complete", orders, "--option", "model=/nowhere/model.gguf")
    assert outcome.status == 2
    assert outcome.stderr.count("/nowhere/model.gguf") == 1, outcome.stderr


COLUMNS = 50
ESCAPE = re.compile(r"\x1b\[[\d;]*m")
CODE = re.compile(r" *\d* \| ")


def run_on_narrow_terminal(encoding: str, *arguments: str | Path) -> tuple[int, list[str]]:
    """Run a command on a terminal of its own; return its status and the lines that it wrote."""
    import pty  # not on Windows

    ours, its = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "infill_ls", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=its,
            stderr=its,
            env={
                **os.environ,
                "COLUMNS": str(COLUMNS),
                "NO_COLOR": "1",
                "PYTHONIOENCODING": encoding,
                "TERM": "xterm",
            },
        )
    finally:
        os.close(its)
    written = b""
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while piece := terminal.read(65536):
                written += piece
        except OSError:  # how Linux says that nobody has the terminal open any more
            pass
        status = process.wait(WITHIN_S)
    return status, ESCAPE.sub("", written.decode(encoding)).splitlines()


@pytest.mark.same_on_windows
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", ["complete", "explain", "doctor"])
def test_a_narrow_terminal_that_knows_few_characters(
    orders: Path, command: str, encoding: str
) -> None:
    place = [f"{orders}:2"] if command != "doctor" else []
    status, lines = run_on_narrow_terminal(encoding, command, *place)
    assert status == 0, lines
    assert len(lines) > 10, lines
    assert not any("Traceback" in line for line in lines), lines
    wide = [line for line in lines if len(line.rstrip()) > COLUMNS]
    # A path is no good in parts, and code has the lines that its author gave it.
    assert [line for line in wide if " " in line and not CODE.match(line)] == []
