"""Tests of the sandbox for evaluated programs: right ones pass, and none outlives its limits."""

import os
import textwrap
import time

import pytest

from infill_ls.evaluation.sandbox import Limits, ProgramEnd, namespace_command, run_program

SHORT = Limits(seconds=3, memory_bytes=300_000_000)


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("assert 1 + 1 == 2\n", ProgramEnd.PASSED),
        ("assert 1 + 1 == 3\n", ProgramEnd.FAILED),
        ("if True\n", ProgramEnd.FAILED),
        ("import sys\nsys.exit(3)\n", ProgramEnd.FAILED),
        ("import sys\nsys.exit(0)\nassert False\n", ProgramEnd.FAILED),
        ("input()\n", ProgramEnd.FAILED),
        ("x = bytearray(2_000_000_000)\n", ProgramEnd.FAILED),
        ("open('big', 'wb').write(b'x' * 5_000_000)\n", ProgramEnd.FAILED),
        ("while True:\n    pass\n", ProgramEnd.TIMEOUT),
        ("import time\ntime.sleep(60)\n", ProgramEnd.TIMEOUT),
    ],
)
def test_verdict(source: str, verdict: ProgramEnd) -> None:
    assert run_program(source, SHORT) is verdict


def test_a_child_ends_with_its_program(tmp_path_factory: pytest.TempPathFactory) -> None:
    beat = tmp_path_factory.mktemp("child") / "beat"
    source = textwrap.dedent(
        f"""
        import subprocess, sys
        child = "import time, pathlib\\nwhile True:\\n pathlib.Path({str(beat)!r}).write_text(str(time.time()))\\n time.sleep(0.05)"
        subprocess.Popen([sys.executable, "-c", child])
        import pathlib, time
        while not pathlib.Path({str(beat)!r}).exists():
            time.sleep(0.01)
        """
    )
    assert run_program(source, SHORT) is ProgramEnd.PASSED
    last = beat.read_text()
    time.sleep(0.3)
    assert beat.read_text() == last


@pytest.mark.skipif(not namespace_command(), reason="the kernel gives no namespaces here")
def test_there_is_no_network() -> None:
    source = "import socket\nsocket.create_connection(('127.0.0.1', 9), 1)\n"
    assert run_program(source, SHORT) is ProgramEnd.FAILED
    alone = "import os\nassert os.getpid() < 10\n"
    assert run_program(alone, SHORT) is ProgramEnd.PASSED
    assert os.getpid() > 10
