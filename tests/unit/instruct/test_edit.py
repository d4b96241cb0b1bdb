"""Tests of turning answers into edits: extracted by syntax, indented for their place, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.instruct.answer import read_answer
from infill_ls.instruct.edit import code_of_tests, edit_of
from infill_ls.instruct.place import find_place
from infill_ls.instruct.task import AnswerRefusedError, OutlineUse, Task
from infill_retrieval.syntax import language_named, parse


def edited(
    text: str,
    language: str,
    at: str,
    answer: str,
    task: Task = Task.IMPLEMENT,
    outline: OutlineUse = OutlineUse.DISCARD,
    end: str = "",
) -> str:
    start = text.index(at)
    stop = text.index(end) + len(end) if end else start
    place = find_place(text, "", language, start, stop, task)
    edit = edit_of(read_answer(answer), place, task, outline)
    assert edit.fits(text)
    return edit.of(text)


CASES = [
    (
        "rust",
        "impl A {\n    /// Doubles.\n    fn f(&self, x: i32) -> i32 {\n        todo!()\n    }\n}\n",
        "```rust\nfn f(&self, x: i32) -> i32 {\n  x * 2\n}\n```",
        "impl A {\n    /// Doubles.\n    fn f(&self, x: i32) -> i32 {\n        x * 2\n    }\n}\n",
    ),
    (
        "go",
        "package a\n\nfunc f(x int) int {\n}\n",
        "```go\npackage a\n\nfunc f(x int) int {\n    if x > 0 {\n        return x\n    }\n    return 0\n}\n```",
        "package a\n\nfunc f(x int) int {\n    if x > 0 {\n        return x\n    }\n    return 0\n}\n",
    ),
    (
        "go",
        "package a\n\nfunc g() {\n\tprintln()\n}\n\nfunc f(x int) int {\n}\n",
        "```\nfunc f(x int) int {\n    if x > 0 {\n        return x\n    }\n    return 0\n}\n```",
        "package a\n\nfunc g() {\n\tprintln()\n}\n\nfunc f(x int) int {\n\tif x > 0 {\n\t\treturn x\n\t}\n\treturn 0\n}\n",
    ),
    (
        "typescript",
        "class A {\n  f(x: number): number {\n  }\n  g() { return 1; }\n}\n",
        "```ts\nf(x: number): number {\n    return x;\n}\n```",
        "class A {\n  f(x: number): number {\n    return x;\n  }\n  g() { return 1; }\n}\n",
    ),
    (
        "java",
        "class A {\n    int f(int x) {\n        throw new UnsupportedOperationException();\n    }\n}\n",
        "Sure.\n\n~~~java\nclass A {\n    int f(int x) {\n        return x;\n    }\n}\n~~~\nDone.",
        "class A {\n    int f(int x) {\n        return x;\n    }\n}\n",
    ),
    (
        "c",
        "int f(int x) {\n}\n",
        "```c\nint f(int x)\n{\n\treturn x;\n}\n```",
        "int f(int x) {\n    return x;\n}\n",
    ),
    (
        "ruby",
        "class A\n  def f(x)\n  end\nend\n",
        "```ruby\ndef f(x)\n  x + 1\nend\n```",
        "class A\n  def f(x)\n    x + 1\n  end\nend\n",
    ),
    (
        "php",
        "<?php\nclass A {\n    public function f($x) {\n    }\n}\n",
        "```php\npublic function f($x) {\n    return $x;\n}\n```",
        "<?php\nclass A {\n    public function f($x) {\n        return $x;\n    }\n}\n",
    ),
    (
        "python",
        'def f(x):\n    """Doc."""\n',
        "```python\nx += 1\nreturn x\n```",
        'def f(x):\n    """Doc."""\n    x += 1\n    return x\n',
    ),
    (
        "python",
        "class A:\n    def f(self):\n        pass\n",
        'def f(self):\n    return """a\n  b\n"""\n',
        'class A:\n    def f(self):\n        return """a\n  b\n"""\n',
    ),
]


@pytest.mark.parametrize(("language", "text", "answer", "expected"), CASES)
def test_a_body_is_put_in_its_place(language: str, text: str, answer: str, expected: str) -> None:
    assert edited(text, language, "f(", answer) == expected


def test_a_file_of_one_documented_function_is_not_repeated_by_that_function() -> None:
    """The first model that was ever asked wrote what it was asked for, and was refused in nine of ten functions."""
    head = (
        "def below_zero(operations):\n"
        '    """Tell whether an account falls below zero.\n\n'
        "    It starts at zero.\n    Each operation adds to it or takes from it.\n"
        "    >>> below_zero([1, 2])\n    False\n"
        '    """\n'
    )
    body = "    return any(True for _ in operations)\n"
    assert edited(head, "python", "below", f"```python\n{head}{body}```") == head + body


def test_line_ends_of_the_document_do_not_matter() -> None:
    text = "def f(x):\r\n    pass\r\n\r\n\r\ndef g():\r\n    return 1\r\n"
    assert edited(text, "python", "f(", "```\ndef f(x):\n    return x\n```") == text.replace(
        "\r\n    pass", "\n    return x"
    )


def test_the_outline_becomes_a_comment_in_the_languages_form() -> None:
    answer = "1. Add.\n\n2. Done */\n```css\na { color: red; }\n```"
    text = "b { color: blue; }\nc { color: blue; }\n"
    found = edited(
        text, "css", "b", answer, Task.REWRITE, OutlineUse.COMMENT, end="b { color: blue; }"
    )
    assert found == "/* 1. Add. */\n/* 2. Done  */\na { color: red; }\nc { color: blue; }\n"


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        (
            "class A:\n    def f(self):\n        return 1\n",
            '```\ndef f(self):\n    """Return one.\n\n    Always.\n    """\n    return 2\n```',
            'class A:\n    def f(self):\n        """Return one.\n\n        Always.\n        """\n        return 1\n',
        ),
        (
            'def f():\n    """Old."""\n    return 1\n',
            '"""New."""',
            'def f():\n    """New."""\n    return 1\n',
        ),
    ],
)
def test_documentation_changes_no_code(text: str, answer: str, expected: str) -> None:
    assert edited(text, "python", "f(", answer, Task.DOCUMENT) == expected


def test_documentation_stands_above_where_the_language_has_it_there() -> None:
    text = "class A {\n  // old\n  f() { return 1; }\n}\n"
    answer = "```js\n/**\n * Returns one.\n */\nf() { return 2; }\n```"
    expected = "class A {\n  /**\n   * Returns one.\n   */\n  f() { return 1; }\n}\n"
    assert edited(text, "javascript", "f(", answer, Task.DOCUMENT) == expected


def test_an_answer_in_words_is_no_tests() -> None:
    language = language_named("python")
    assert language is not None
    with pytest.raises(AnswerRefusedError):
        code_of_tests(read_answer("x"), language)
    with pytest.raises(AnswerRefusedError):
        code_of_tests(read_answer("```python\ndef test(:\n```"), language)
    assert code_of_tests(read_answer("```python\ndef test():\n    pass\n```"), language)


def test_a_rewrite_without_marks_must_be_code() -> None:
    text = "x = 1\ny = 2\n"
    with pytest.raises(AnswerRefusedError, match="with correct syntax"):
        edited(text, "python", "x", "I would rather not do that!", Task.REWRITE, end="x = 1")
    assert edited(text, "python", "x", "x = 3", Task.REWRITE, end="x = 1") == "x = 3\ny = 2\n"


PIECES = st.sampled_from(
    ["```", "```python\n", "~~~", "\n", "    ", "def f(x):\n", "    return x\n", "f(", "'''", "é", "pass\n", "1. "]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from(OutlineUse))
def test_whatever_the_answer_no_edit_adds_an_error(answer: str, outline: OutlineUse) -> None:
    text = "def g():\n    return 2\n\n\ndef f(x):\n    pass\n"
    language = language_named("python")
    assert language is not None
    for task in (Task.IMPLEMENT, Task.DOCUMENT, Task.REWRITE):
        try:
            after = edited(text, "python", "f(", answer, task, outline)
        except AnswerRefusedError:
            continue
        tree = parse(language, after)
        assert tree is not None
        assert tree.error_count() == 0
        assert after.startswith("def g():\n    return 2\n")
