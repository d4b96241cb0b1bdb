"""Programs of the evaluation: what is right passes, and nothing outlives its limits."""

import os
import textwrap
import time

import pytest

from infill_ls.evaluation.sandbox import Limits, Verdict, namespace_command, run_program

SHORT = Limits(seconds=3, memory_bytes=300_000_000)


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("assert 1 + 1 == 2\n", Verdict.PASSED),
        ("assert 1 + 1 == 3\n", Verdict.FAILED),
        ("if True\n", Verdict.FAILED),
        ("import sys\nsys.exit(3)\n", Verdict.FAILED),
        ("import sys\nsys.exit(0)\nassert False\n", Verdict.FAILED),
        ("input()\n", Verdict.FAILED),
        ("x = bytearray(2_000_000_000)\n", Verdict.FAILED),
        ("open('big', 'wb').write(b'x' * 5_000_000)\n", Verdict.FAILED),
        ("while True:\n    pass\n", Verdict.TIMEOUT),
        ("import time\ntime.sleep(60)\n", Verdict.TIMEOUT),
    ],
)
def test_verdict(source: str, verdict: Verdict) -> None:
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
    assert run_program(source, SHORT) is Verdict.PASSED
    last = beat.read_text()
    time.sleep(0.3)
    assert beat.read_text() == last


@pytest.mark.skipif(not namespace_command(), reason="the kernel gives no namespaces here")
def test_there_is_no_network() -> None:
    source = "import socket\nsocket.create_connection(('127.0.0.1', 9), 1)\n"
    assert run_program(source, SHORT) is Verdict.FAILED
    alone = "import os\nassert os.getpid() < 10\n"
    assert run_program(alone, SHORT) is Verdict.PASSED
    assert os.getpid() > 10
