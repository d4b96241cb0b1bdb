"""Tests of parsing places such as ``FILE:LINE:COLUMN``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsprotocol import types as lsp

from infill_ls.cli.place import read_place
from infill_ls.errors import UsageError
from infill_ls.lsp.convert import offset_of

TEXTS = st.lists(st.sampled_from(["a", "é", "😀 ", "\n", "\r\n", "\r", "\u2028"])).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.integers(0, 9), st.integers(0, 9))
def test_a_place_is_where_lsp_says(tmp_path: Path, text: str, line: int, column: int) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(text.encode())
    try:
        place = read_place(f"{file}:{line + 1}:{column + 1}")
    except UsageError:
        return
    position = lsp.Position(line, column)
    assert place.offset == offset_of(text, position, lsp.PositionEncodingKind.Utf32)
    assert (place.line, place.column) == (line + 1, column + 1)


@pytest.mark.parametrize(
    ("at", "offset"), [("", 7), (":1", 2), (":2", 6), (":2:1", 4), (":2:3", 6), (":3", 7)]
)
def test_without_a_column_it_is_the_end_of_the_line(tmp_path: Path, at: str, offset: int) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"ab\r\ncd\n")
    assert read_place(f"{file}{at}").offset == offset


@pytest.mark.parametrize("at", [":4", ":2:4", ":0", ":1:9"])
def test_a_place_that_is_none(tmp_path: Path, at: str) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"ab\r\ncd\n")
    with pytest.raises(UsageError):
        read_place(f"{file}{at}")


def test_only_a_regular_file_of_a_fair_size_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(1 << 40)
    for name, words in ("pipe.py", "not a regular file"), ("huge.py", "larger than 50 MB"):
        with pytest.raises(UsageError, match=words):
            read_place(f"{tmp_path / name}:1")
    with pytest.raises(UsageError, match="not a regular file"):
        read_place("/dev/zero")


def test_a_command_starts_without_what_only_others_need() -> None:
    """Each takes a tenth of a second or more to import."""
    code = (
        "import sys, infill_ls.cli as c; c._parser(); "
        "print({'lsprotocol', 'numpy', 'pydantic', 'tree_sitter', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
