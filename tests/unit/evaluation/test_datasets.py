"""Tests of reading public JSONL files: bad lines are reported, and the rest is read."""

import gzip
import json
from pathlib import Path

import pytest

from infill_ls.errors import UsageError
from infill_ls.evaluation.datasets import sample
from infill_ls.evaluation.humaneval import InfillingProblem, read_problems, settings_for

LINE = {
    "task_id": "SingleLineInfilling/HumanEval/0/L0",
    "prompt": "def one():\n",
    "suffix": "",
    "canonical_solution": "    return 1\n",
    "test": "def check(f):\n    assert f() == 1\n",
    "entry_point": "one",
}


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_a_broken_line_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    no_suffix = {key: value for key, value in LINE.items() if key != "suffix"}
    file = write(
        tmp_path / "cases.jsonl",
        json.dumps(LINE),
        '{"task_id": ',
        json.dumps(no_suffix),
        json.dumps({**LINE, "prompt": 7}),
        "[]",
        "",
    )
    data = read_problems(file)
    assert [case.id for case in data.cases] == [LINE["task_id"]]
    assert len(data.problems) == 4
    assert data.problems[0].startswith("cases.jsonl:2: ")
    assert "there is no field 'suffix'" in data.problems[1]


def test_gzip_is_read(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(LINE).encode()))
    assert len(read_problems(file).cases) == 1


@pytest.mark.parametrize("content", [b"", b"\n\n", b"no json", b"\xff\xfe", b"\x1f\x8b broken"])
def test_a_file_without_a_case_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"cases\.jsonl"):
        read_problems(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_problems(tmp_path / "none.jsonl")


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    cases = list(range(100))
    small, large = sample(cases, 10, 3), sample(cases, 40, 3)
    assert set(small) < set(large)
    assert small == sorted(small)
    assert sample(cases, None, 3) == cases


def problem(prompt: str, solution: str, suffix: str) -> InfillingProblem:
    return InfillingProblem("A/HumanEval/0/L0", prompt, suffix, solution, "", "f")


def test_a_hole_of_lines_keeps_the_end_of_its_last_line() -> None:
    assert problem("a\n", "b\n", "c\n").rest == "\nc\n"
    assert problem("x = ", "y", " + 1\n").rest == " + 1\n"
    assert problem("x = ", "y\nz\n", "c\n").rest == "c\n"


def test_one_line_is_written_only_where_all_holes_are_one_line() -> None:
    one, two = problem("a\n", "b\n", ""), problem("a\n", "b\nc\n", "")
    assert settings_for([one, one], "").completion.max_lines == 1
    assert settings_for([one, two], "").completion.max_lines > 1
