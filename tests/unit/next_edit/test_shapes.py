"""Tests of generalising two different edits to a third place."""

from __future__ import annotations

from infill_ls.next_edit.candidate import Rule
from unit.next_edit.editing import applied, found_by


def test_what_differs_between_two_lines_is_a_hole() -> None:
    text = 'x = a.get("k")\ny = bb.get("l")\nz = c(1, 2).get("m")\nq = get("n")\n'
    once = text.replace('a.get("k")', 'a["k"]')
    twice = once.replace('bb.get("l")', 'bb["l"]')
    offers = found_by(Rule.TEXT, text, once, twice)
    assert ('.get("m")', '["m"]') in [(one.old, one.new) for one in offers]


def test_a_hole_never_takes_half_of_a_bracket() -> None:
    text = "check(a == 1)\ncheck(b == 2)\ncheck((c == 3)\n"
    once = text.replace("check(a == 1)", "check_equal(a, 1)")
    twice = once.replace("check(b == 2)", "check_equal(b, 2)")
    assert all(one.start < twice.index("((c") for one in found_by(Rule.TEXT, text, once, twice))


def test_the_same_put_in_between_tokens_of_the_same_kinds() -> None:
    text = "int f(void) {\n  size_t len;\n  int err;\n  char c;\n  int *p;\n  return 0;\n}\n"
    once = text.replace("len;", "len = 0;")
    twice = once.replace("err;", "err = 0;")
    offers = found_by(Rule.INSERTION, text, once, twice, language="c")
    done = applied(twice, offers)
    assert "char c = 0;" in done
    assert "int *p;" in done


def test_lines_put_in_above_declarations_of_one_kind() -> None:
    text = (
        "impl A {\n    fn a() {}\n\n    unsafe fn b() {}\n\n    fn c() {}\n\n"
        "    const X: u8 = 1;\n\n    pub fn d() {\n        x();\n    }\n}\n"
    )
    once = text.replace("    fn a", "    #[inline]\n    fn a")
    twice = once.replace("    unsafe fn b", "    #[inline]\n    unsafe fn b")
    done = applied(twice, found_by(Rule.LINES_ADDED, text, once, twice, language="rust"))
    assert done.count("#[inline]") == 4
    assert "#[inline]\n    const" not in done


def test_something_put_in_once_beside_a_name_is_found_beside_other_names() -> None:
    text = "def f():\n    yield line\n    yield\n    yield rest\n    send(rest)\n"
    once = text.replace("yield line", "yield line.rstrip()")
    assert "yield rest.rstrip()" in applied(once, found_by(Rule.INSERTION, text, once))
    text = "struct Options {\n};\nstruct ReadOptions {\n};\nclass Slice {\n};\n"
    once = text.replace("struct Options", "struct EXPORT Options")
    done = applied(once, found_by(Rule.INSERTION, text, once, language="cpp"))
    assert "struct EXPORT ReadOptions {" in done
    assert "class Slice {" in done


def test_a_decorator_put_in_once_is_found_for_declarations_of_the_kind() -> None:
    text = "class A:\n    x = 1\n\n\nclass B:\n    pass\n\n\ndef f():\n    pass\n"
    once = text.replace("class A", "@final\nclass A")
    done = applied(once, found_by(Rule.LINES_ADDED, text, once))
    assert "@final\nclass B" in done
    assert done.count("@final") == 2
    statement = text.replace("    x = 1\n", "    x = 1\n    y = 2\n")
    assert found_by(Rule.LINES_ADDED, text, statement) == []
