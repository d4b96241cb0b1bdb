"""Tests of holes cut from a file: they fit back in, and are not trivial."""

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.measuring.holes import CutHole, block_holes, line_holes

SOURCE = '''"""A module."""

import os


def first(path):
    # look whether it is there
    if os.path.exists(path):
        size = os.path.getsize(path)
        return size
    return 0


def second():
    pass
'''


def whole(hole: CutHole) -> str:
    return hole.text[: hole.start] + hole.wanted + hole.text[hole.end :]


def test_a_line_is_cut_behind_its_indentation() -> None:
    holes = line_holes("a.py", SOURCE, 100, 0)
    wanted = {hole.wanted for hole in holes}
    assert "if os.path.exists(path):" in wanted
    assert "return size" in wanted
    assert not any(text.startswith(("#", '"""')) or not text for text in wanted)
    assert all(whole(hole) == SOURCE for hole in holes)


def test_a_block_is_what_stands_below_its_header() -> None:
    wanted = {hole.wanted for hole in block_holes("a.py", SOURCE, 100, 0)}
    assert "size = os.path.getsize(path)\n        return size" in wanted
    assert "pass" not in wanted  # one line is no block


def test_what_is_typed_stands_before_the_cursor() -> None:
    hole = next(h for h in line_holes("a.py", SOURCE, 100, 0) if h.wanted == "return size")
    text, offset = hole.buffer(4)
    assert text[:offset].endswith("        retu")
    assert text[offset:].startswith("\n    return 0")


@given(st.text(alphabet="ab:{}\n \t#é", max_size=200), st.integers(0, 5))
def test_every_hole_fits_back_in(text: str, seed: int) -> None:
    holes = [*line_holes("x", text, 5, seed), *block_holes("x", text, 5, seed)]
    assert all(whole(hole) == text for hole in holes)
    assert len({hole.id for hole in holes}) == len(holes)
    assert holes == [*line_holes("x", text, 5, seed), *block_holes("x", text, 5, seed)]
