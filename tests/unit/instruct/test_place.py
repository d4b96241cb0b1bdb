"""Tests of which code an instruction is about: the function at the cursor, or the selection."""

from __future__ import annotations

import pytest

from infill_ls.instruct.place import find_place, has_empty_body
from infill_ls.instruct.task import NothingToDoError, Task
from infill_retrieval.syntax import language_named

PYTHON = '''\
import os


class Basket:
    size = 0

    # Adds up.
    @property
    def total(self) -> int:
        """Return the sum."""
        raise NotImplementedError

    def clear(self):
        self.items = []
'''


def test_the_function_at_the_cursor_comes_with_its_comments_and_decorators() -> None:
    place = find_place(
        PYTHON, "a.py", "python", PYTHON.index("Return"), PYTHON.index("Return"), Task.IMPLEMENT
    )
    function = place.needs_function()
    assert function.name == "total"
    assert place.target.startswith("# Adds up.\n    @property")
    assert place.target.endswith("raise NotImplementedError")
    assert PYTHON[function.inner_start : function.inner_end].strip() == "raise NotImplementedError"
    assert place.base_indent == "    "


@pytest.mark.parametrize(
    ("name", "text", "is_empty"),
    [
        ("python", "def f(x):\n    pass\n", True),
        ("python", 'def f(x):\n    """Doc."""\n', True),
        ("python", "def f(x):\n    # later\n    ...\n", True),
        ("python", "def f(x):\n    return x\n", False),
        ("python", "def f(x): raise NotImplementedError('x')\n", True),
        ("rust", "fn f(x: i32) -> i32 {\n    todo!()\n}\n", True),
        ("rust", "fn f(x: i32) -> i32 {\n    x\n}\n", False),
        ("go", "package a\n\nfunc f(x int) int {\n}\n", True),
        ("go", 'package a\n\nfunc f() {\n\tpanic("not implemented")\n}\n', True),
        ("typescript", 'function f(): number {\n  throw new Error("not implemented");\n}\n', True),
        ("typescript", "class A {\n  f(): number {\n  }\n}\n", True),
        (
            "java",
            "class A {\n  int f() {\n    throw new UnsupportedOperationException();\n  }\n}\n",
            True,
        ),
        ("c", "int f(void) {\n}\n", True),
        ("c", "int f(void) {\n    return 1;\n}\n", False),
        ("ruby", "def f(x)\nend\n", True),
        ("ruby", "def f(x)\n  x\nend\n", False),
        ("php", "<?php\nfunction f($x) {\n}\n", True),
        ("lua", "function f(x)\nend\n", True),
        ("bash", "f() {\n  # later\n  :\n}\n", False),
    ],
)
def test_a_body_that_is_still_to_be_written_is_told(name: str, text: str, is_empty: bool) -> None:
    language = language_named(name)
    assert language is not None
    at = text.index("f(")
    place = find_place(text, "a", name, at, at, Task.IMPLEMENT)
    assert has_empty_body(place.needs_function(), text, language) is is_empty


def test_a_selection_is_taken_by_whole_lines() -> None:
    start = PYTHON.index("self.items") + 3
    place = find_place(PYTHON, "a.py", "python", start, start + 4, Task.REWRITE)
    assert place.target == "self.items = []"
    assert place.base_indent == "        "


def test_without_a_selection_the_function_is_rewritten_without_its_comments() -> None:
    at = PYTHON.index("total")
    place = find_place(PYTHON, "a.py", "python", at, at, Task.REWRITE)
    assert place.target.startswith("@property")


@pytest.mark.parametrize("task", Task)
def test_where_there_is_nothing_that_is_said(task: Task) -> None:
    with pytest.raises(NothingToDoError):
        find_place("import os\n", "a.py", "python", 0, 0, task)
    with pytest.raises(NothingToDoError, match="no grammar"):
        find_place("some words\n", "a.xyz", "", 0, 0, task)
