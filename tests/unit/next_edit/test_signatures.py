"""Tests of calls that follow a changed signature: only if parameters were added, removed or moved."""

from __future__ import annotations

import pytest

from infill_ls.next_edit.candidate import Rule
from unit.next_edit.editing import applied, found_by


def calls_after(text: str, old: str, new: str, language: str) -> str:
    """Return the document with what the rule makes of the calls."""
    assert text.count(old) >= 1
    once = text.replace(old, new, 1)
    return applied(once, found_by(Rule.SIGNATURE, text, once, language=language))


@pytest.mark.parametrize(
    ("language", "text", "old", "new"),
    [
        ("python", "def f(now, x=1):\n    pass\nf(clock(), 2)\n", "now", "at_ms"),
        ("kotlin", "fun f(now: Instant) {}\nval x = f(clock())\n", "now: Instant", "ms: Long"),
        ("c", "int f(char *str, int n) { return n; }\nint x = f(a, b);\n", "char *str", "cchar *s"),
        ("typescript", "function f(a: A<B, C>) {}\nf(x);\n", "A<B, C>", "D<B, E>"),
        ("java", "class A { void f(T t) {} void g() { f(x); } }\n", "T t", "final U t"),
    ],
)
def test_another_name_or_type_of_a_parameter_asks_nothing(
    language: str, text: str, old: str, new: str
) -> None:
    once = text.replace(old, new, 1)
    assert found_by(Rule.SIGNATURE, text, once, language=language) == []


def test_a_call_with_another_number_of_arguments_is_of_another_function() -> None:
    text = "int area(int w, int h);\nint area(int w);\nint x = area(1);\nint y = area(2, 3);\n"
    done = calls_after(text, "area(int w, int h)", "area(int w)", "cpp")
    assert "x = area(1)" in done
    assert "y = area(2)" in done


def test_what_is_passed_on_comes_from_the_parameters_around_the_call() -> None:
    text = "def load(key):\n    pass\n\n\ndef run(context):\n    load(\n        key,\n    )\n"
    once = text.replace("load(key)", "load(context, key)")
    (offer,) = found_by(Rule.SIGNATURE, text, once)
    assert (offer.old, offer.new) == ("", "context, ")
    assert "load(\n        context, key,\n    )" in offer.applied_to(once)


def test_the_only_argument_goes_and_comes() -> None:
    text = "function f(a) {}\nf(x + 1);\n"
    assert "f();" in calls_after(text, "f(a)", "f()", "javascript")
    text = "function f() {}\nfunction g(a) { f(); }\n"
    assert "{ f(a); }" in calls_after(text, "f()", "f(a)", "javascript")


def test_a_named_argument_of_a_removed_parameter_goes() -> None:
    text = "def f(a, b=1):\n    pass\n\n\nf(1, b=2)\n"
    assert "f(1)\n" in calls_after(text, ", b=1", "", "python")


def test_a_prototype_follows_its_function() -> None:
    text = "static int area(int w, int h);\n\nstatic int area(int w, int h) {\n  return w * h;\n}\n"
    done = calls_after(text, "int w, int h) {", "int w, int h, int d) {", "c")
    assert done.startswith("static int area(int w, int h, int d);")


def test_constructors_of_other_classes_are_no_twins() -> None:
    text = (
        "class A\n  def initialize(app)\n  end\nend\nclass B\n  def initialize(app)\n  end\nend\n"
    )
    once = text.replace("initialize(app)", "initialize(app, **)", 1)
    assert found_by(Rule.SIGNATURE, text, once, language="ruby") == []


def test_calls_in_other_open_documents() -> None:
    text = "def area(w, h, unit):\n    return w * h\n"
    once = text.replace(", unit", "")
    others = {"file:///project/b": "from a import area\n\nprint(area(1, 2, 'm'))\n"}
    (offer,) = found_by(Rule.SIGNATURE, text, once, others=others)
    assert offer.applied_to(others[offer.uri]).endswith("print(area(1, 2))\n")
