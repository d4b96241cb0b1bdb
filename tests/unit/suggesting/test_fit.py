"""Tests of fitting the model's text between what stands left and right of the cursor."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infill_ls.document.cut import cut
from infill_ls.suggesting.filters import Site, conclude, filters_of
from infill_ls.suggesting.fit import is_closing
from infill_ls.suggesting.triggers import why_not
from infill_ls.types import Completion, EngineTimings, StopReason
from unit.documents import snapshot

TIMINGS = EngineTimings(0, 0, 0.0, 1, 1.0)

CASES = [
    # name, document, what the model wrote, the line afterwards, what is inserted without replacing
    ("a.py", "print(‸)", "a, b)", "print(a, b)", "a, b"),
    ("a.py", "def f(‸)", "a, b) -> int:", "def f(a, b) -> int:", "a, b"),
    ("a.py", "def find(self, name‸)", ": str) -> Item:", "def find(self, name: str) -> Item:", ": str"),
    ("a.py", "while len(‸)", "lines) > 0:", "while len(lines) > 0:", "lines"),
    ("a.py", "while len(‸)", "lines)", "while len(lines)", "lines"),
    ("a.py", "if isinstance(xs, ‸)", "list):", "if isinstance(xs, list):", "list"),
    ("a.py", "for i in range(‸)", "len(xs)):", "for i in range(len(xs)):", "len(xs)"),
    ("a.py", 'print(f"Bye {‸}")', 'name}")', 'print(f"Bye {name}")', "name"),
    ("a.py", 'print(f"Bye {‸}")', 'name} and {other}")', 'print(f"Bye {name} and {other}")', "name} and {other"),
    ("a.py", 'return f"<b>{x.‸}"', 'name}</b>"', 'return f"<b>{x.name}</b>"', "name"),
    ("a.py", 'print(f"{a} {‸}")', 'b}")', 'print(f"{a} {b}")', "b"),
    ("a.ts", "return `Hello ${user.‸}`;", "name} and you`;", "return `Hello ${user.name} and you`;", "name"),
    ("a.cs", 'return $"Hello {user.‸}";', 'Name}";', 'return $"Hello {user.Name}";', "Name"),
    ("a.kt", 'return "Hello ${user.‸}"', 'name} you"', 'return "Hello ${user.name} you"', "name"),
    ("a.rb", 'puts "Hello #{user.‸}"', 'name}"', 'puts "Hello #{user.name}"', "name"),
    ("a.tsx", "<input value={v} onChange={‸} />", "set} />", "<input value={v} onChange={set} />", "set"),
    ("a.tsx", "<p>{‸}</p>;", "name}</p>;", "<p>{name}</p>;", "name"),
    ("a.tsx", '<li><a href="‸"></a></li>', 'x">text</a></li>', '<li><a href="x">text</a></li>', "x"),
    ("a.html", '<a class="‸"', 'nav" href="x">', '<a class="nav" href="x">', "nav"),
    ("a.html", "<!-- The bar of ‸ -->", "the page -->", "<!-- The bar of the page -->", "the page"),
    ("a.js", "/** Adds ‸ */", "numbers. */", "/** Adds numbers. */", "numbers."),
    ("a.js", "foo(‸);", "a, () => {", "foo(a, () => {", ""),
    ("a.js", "foo(‸);", "a) + b;", "foo(a) + b;", "a"),
    ("a.js", "foo(‸) + 1", "a) + b", "foo(a) + 1", "a"),
    ("a.js", "foo(‸, 3)", "a, 3)", "foo(a, 3)", "a"),
    ("a.js", "x = [‸]", "1, 2]; // both", "x = [1, 2]; // both", "1, 2"),
    ("a.js", "if (‸)", "a) {", "if (a) {", "a"),
    ("a.md", "6‸", ") sixth step", "6) sixth step", ") sixth step"),
    ("a.md", "see [it](‸)", "http://x) and :)", "see [it](http://x) and :)", "http://x) and :"),
    ("a.md", "an interval ‸", "[0, 1) :)", "an interval [0, 1) :)", "[0, 1) :)"),
    ("a.scss", "  background: ‸", "darken(#336699, 40%);", "  background: darken(#336699, 40%);", "darken(#336699, 40%);"),
    ("a.php", "<h1><?php echo ‸ ?></h1>", "$title; ?></h1>", "<h1><?php echo $title; ?></h1>", "$title;"),
    ("a.go", "a := foo{‸}", "1, 2}", "a := foo{1, 2}", "1, 2"),
    ("a.java", "foo(bar(‸));", "x), y);", "foo(bar(x), y);", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "document", "written", "line", "inserted"), CASES)
def test_the_line_becomes_what_the_model_meant(
    name: str, document: str, written: str, line: str, inserted: str
) -> None:
    hole = cut(replace(snapshot(document, name=name), language_id=""))
    site = Site.of(hole)
    steps = filters_of(Completion(written, StopReason.LINES, -0.1, TIMINGS), site)
    suggestion, reason = conclude(steps, site)
    if line == document.replace("‸", ""):
        assert suggestion is None
        return
    assert suggestion is not None, reason
    before, _, rest = document.partition("‸")
    if inserted:
        assert before + suggestion.text + rest[suggestion.replaced :] == line
        assert suggestion.text_to_insert == inserted


def test_the_arm_of_a_case_in_a_shell_is_shown() -> None:
    document = 'case "$1" in\n    start)\n        start_it\n        ;;\n    stop‸\nesac\n'
    written = ")\n        stop_it\n        ;;"
    site = Site.of(cut(replace(snapshot(document, name="a.sh"), language_id="")))
    steps = filters_of(Completion(written, StopReason.LINES, -0.1, TIMINGS), site)
    suggestion, reason = conclude(steps, site)
    assert suggestion is not None, reason
    assert suggestion.text == written


@pytest.mark.parametrize(
    "rest",
    ["} />", "}</p>", " */", " -->", " ?>", " %}", "$", '"></a></li>', ") {"[:1], "];", "}}"],
)
def test_one_is_asked_where_only_closing_things_follow(rest: str) -> None:
    assert is_closing(rest)
    assert why_not(cut(snapshot(f"x = ‸{rest}"))) is None


@pytest.mark.parametrize("rest", [" + 1", "foo", ") => x", '"a"'])
def test_one_is_not_asked_in_the_middle_of_text(rest: str) -> None:
    assert not is_closing(rest)
