"""Tests of CrossCodeEval: its file format, its published prompt and its scores."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from infill_ls.engine.scripted import ScriptedEngine
from infill_ls.errors import UsageError
from infill_ls.evaluation.crosscodeeval import (
    CROSS_FILE_TOKENS,
    measure_with,
    read_cases,
    settings_for,
    tables_of,
)
from infill_ls.evaluation.statements import first_statement, identifiers, without_comments
from infill_retrieval.syntax import language_of

PYTHON, JAVA = language_of("a.py"), language_of("a.java")
CONTEXT = "# Here are some fragments:\n# def total(order):\n#     return order.sum\n\n"
CASE = {
    "prompt": "import shop\n\n\ndef show(order):\n    print(shop.",
    "groundtruth": "total(order))",
    "right_context": "\n    return None\n",
    "metadata": {"task_id": "project_cc_python/1", "repository": "shop", "file": "shop/show.py"},
    "crossfile_context": {
        "text": CONTEXT,
        "list": [
            {"filename": "shop/shop.py", "retrieved_chunk": "def total(order):", "score": 2.0},
            {"filename": "shop/tax.py", "retrieved_chunk": "RATE = 20", "score": 1.0},
        ],
    },
}


def write(tmp_path: Path, *records: Any) -> Path:
    path = tmp_path / "line_completion.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


async def rows_of(path: Path, engine: ScriptedEngine) -> list[dict[str, Any]]:
    measure = measure_with(engine, settings_for(""))
    return [{"id": case.id, **await measure(case)} for case in read_cases(path).cases]


async def test_all_four_ways_are_asked_and_scored(tmp_path: Path) -> None:
    engine = ScriptedEngine(["total(order))  # done\n    more = 1\n"])
    rows = await rows_of(write(tmp_path, CASE), engine)
    texts = ["".join(map(chr, (i for i in p.token_ids if i < 0x110000))) for p in engine.prompts]
    left, suffix, left_found, suffix_found = texts
    assert left == CASE["prompt"]
    assert left_found == CONTEXT + str(CASE["prompt"])
    assert "return None" not in left + left_found
    assert "return None" in suffix
    assert "def total" not in suffix
    # The best chunk stands nearest to the code.
    assert 0 <= suffix_found.index("RATE = 20") < suffix_found.index("def total")
    tables = tables_of(rows)
    assert [table.title for table in tables] == [
        "Left to right",
        "With suffix",
        "Left to right, with retrieval",
        "With suffix, with retrieval",
        "Gain by retrieval",
    ]
    for table in tables[:-1]:
        assert [figure.value for figure in table.rows["python"].values()] == [100.0] * 4


async def test_without_text_of_other_files_two_ways_are_left(tmp_path: Path) -> None:
    plain = {key: value for key, value in CASE.items() if key != "crossfile_context"}
    rows = await rows_of(write(tmp_path, plain), ScriptedEngine(["other(order))\n"]))
    tables = tables_of(rows)
    assert [table.title for table in tables] == ["Left to right", "With suffix"]
    figures = tables[0].rows["python"]
    assert figures["exact match, %"].value == 0.0
    # "other" and "total" differ, "order" is common.
    assert math.isclose(figures["identifiers F1, %"].value, 50.0)


async def test_no_more_of_other_files_than_the_paper_had(tmp_path: Path) -> None:
    long = {**CASE, "crossfile_context": {**CASE["crossfile_context"], "text": CONTEXT * 100}}  # type: ignore[dict-item]
    engine = ScriptedEngine(["x\n"])
    await rows_of(write(tmp_path, long), engine)
    context = len(engine.prompts[2].token_ids) - len(engine.prompts[0].token_ids)
    assert CROSS_FILE_TOKENS - len(CONTEXT) < context <= CROSS_FILE_TOKENS


def test_what_is_wrong_with_a_line_is_said(tmp_path: Path) -> None:
    broken = {**CASE, "metadata": {"task_id": "x"}}
    data = read_cases(write(tmp_path, broken, {**CASE, "metadata": 3}, CASE))
    assert len(data.cases) == 1
    assert "there is no field 'file'" in data.problems[0]
    with pytest.raises(UsageError):
        read_cases(write(tmp_path, {**CASE, "crossfile_context": "text"}))


@pytest.mark.parametrize(
    ("before", "written", "statement"),
    [
        ("x = f(", "a,\n  b)\ny = 2\n", "a,\n  b)"),
        ("if x:\n    ", "pass\nelse:\n", "pass"),
        ("x = f(", "a", "a"),
    ],
)
def test_first_statement_of_python(before: str, written: str, statement: str) -> None:
    assert first_statement(PYTHON, before, written) == statement


def test_first_statement_in_braces() -> None:
    assert first_statement(JAVA, "int x = ", "f(1);\nint y = 2;") == "f(1);"
    assert first_statement(JAVA, "if (", "x) {\n}") == "x) {"
    assert first_statement(JAVA, "f(", "x") == "x"


def test_identifiers() -> None:
    assert identifiers(PYTHON, "if not 'word' in self.words") == ["self", "words"]
    assert identifiers(JAVA, 'return "a b" + name1(name);') == ["name1", "name"]
    assert without_comments("x = 1  # one\n// two\ny") == "x = 1  \n\ny"
