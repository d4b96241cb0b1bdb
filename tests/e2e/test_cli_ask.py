"""End-to-end tests of ``infill-ls ask``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import pytest

from e2e.command_line import Outcome, Run, run

pytestmark = pytest.mark.same_on_windows

TEXT = 'def area(radius):\r\n    """Return the area of a circle."""\r\n    pass\r\n'
ANSWER = "1. Square.\n\n```python\ndef area(radius):\n    return 3 * radius**2\n```\n"
DIFF = """\
--- circle.py
+++ circle.py
@@ -1,3 +1,3 @@
 def area(radius):\r
     \"\"\"Return the area of a circle.\"\"\"\r
-    pass\r
+    return 3 * radius**2\r
"""


@pytest.fixture
def circle(tmp_path: Path) -> Path:
    path = tmp_path / "shapes" / "circle.py"
    path.parent.mkdir()
    path.write_bytes(TEXT.encode())
    return path


class Ask(Protocol):
    """Runs ``infill-ls ask`` in the folder of ``circle.py``."""

    async def __call__(
        self, *arguments: str, answer: str = ANSWER, model: bool = True, fills: str = "answer"
    ) -> Outcome: ...


def asks(circle: Path, run_one: Run) -> Ask:
    async def ask_about(
        *arguments: str, answer: str = ANSWER, model: bool = True, fills: str = "answer"
    ) -> Outcome:
        script = circle.parent.parent / "script.json"
        script.write_text(json.dumps({"answers": [fills], "instruct": [answer]}))
        known = ("--instruct-model", "some-instruct.gguf") if model else ()
        return await run_one(
            "--scripted-engine", script, "ask", *arguments, *known, cwd=circle.parent
        )

    return ask_about


@pytest.fixture
def ask(circle: Path, run_warm: Run) -> Ask:
    return asks(circle, run_warm)


async def test_the_difference_is_printed_and_nothing_is_written(ask: Ask, circle: Path) -> None:
    outcome = await ask("circle.py:1")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout.replace("\r", "") == DIFF.replace("\r", "")
    assert circle.read_bytes() == TEXT.encode()


async def test_it_is_written_where_that_is_asked_for(circle: Path) -> None:
    outcome = await asks(circle, run)("circle.py:3", "--apply")
    assert outcome.status == 0
    assert circle.read_bytes() == TEXT.replace("pass", "return 3 * radius**2").encode()


async def test_lines_are_rewritten_by_an_instruction(ask: Ask, circle: Path) -> None:
    outcome = await ask(
        "circle.py:3-3", "return four", "--task", "rewrite", answer="```\nreturn 4\n```"
    )
    assert outcome.status == 0
    assert "+    return 4" in outcome.stdout


async def test_an_explanation_is_printed(ask: Ask, circle: Path) -> None:
    outcome = await ask("circle.py:1", "--task", "explain", answer="It is empty.")
    assert outcome == Outcome(0, "It is empty.\n", "")


async def test_tests_are_a_new_file(ask: Ask, circle: Path) -> None:
    (circle.parent / "pyproject.toml").write_text("")
    answer = "```python\ndef test_area():\n    assert True\n```"
    outcome = await ask("circle.py:1", "--task", "tests", "--apply", answer=answer)
    assert outcome.status == 0
    assert "--- /dev/null\n" in outcome.stdout
    made = list(circle.parent.rglob("test_circle.py"))
    assert [one.read_text() for one in made] == ["def test_area():\n    assert True\n"]


async def test_without_a_model_it_is_filled_in_place_and_said(ask: Ask, circle: Path) -> None:
    outcome = await ask("circle.py:1", model=False, fills="return radius")
    assert outcome.status == 0
    assert "+    return radius" in outcome.stdout
    assert "written by the completion model" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "answer", "model", "says"),
    [
        (("circle.py:1", "make it faster"), ANSWER, False, "needs an instruct model"),
        (("circle.py:1",), "no code at all", True, "no function area"),
        (("circle.py:1",), "```java\nint x;\n```", True, "the answer is in java"),
        (("circle.py",), "", True, "expected FILE:LINE"),
        (("circle.py:9",), "", True, "there is no line 9"),
        (("circle.py:3-1",), "", True, "comes before"),
    ],
)
async def test_what_goes_wrong_is_said_and_changes_nothing(
    ask: Ask, circle: Path, arguments: tuple[str, ...], answer: str, model: bool, says: str
) -> None:
    outcome = await ask(*arguments, answer=answer, model=model)
    assert outcome.status == 2
    assert outcome.stdout == ""
    assert says in outcome.stderr
    assert circle.read_bytes() == TEXT.encode()
