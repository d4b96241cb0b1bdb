"""Tests of which brackets, strings and comments are open at a place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.document.brackets import START, BracketKind, closed_by, scan
from infill_retrieval.syntax import LANGUAGES, PLAIN_TEXT, Language, language_named


def language(name: str) -> Language:
    found = language_named(name)
    assert found is not None
    return found


def brackets(name: str, text: str) -> tuple[str, str, str]:
    state = scan(language(name), text)
    is_open = "".join(one.char for one in state.open if one.kind is BracketKind.BRACKET)
    unmatched = "".join(bracket.char for bracket in state.unmatched)
    return is_open, unmatched, state.string or state.comment


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("python", "f(a, [1", ("([", "", "")),
        ("python", "f(')', \"]\") # (", ("", "", "#")),
        ("python", "x = 'it\\'s ('", ("", "", "")),
        ("python", "x = 'unfinished (\ny = (", ("(", "", "")),
        ("python", "x = 'unfinished (", ("", "", "'")),
        ("python", '"""Doc (\nmore', ("", "", '"""')),
        ("python", '"""Doc (\n""" + (', ("(", "", "")),
        ("python", "a)b]", ("", ")]", "")),
        ("javascript", "const r = /[\"'(]/; f(`(${x}`, '{'", ("(", "", "")),
        ("javascript", "a / b; (c / d", ("(", "", "")),
        ("javascript", "/* ( */ { // }", ("{", "", "//")),
        ("rust", "fn f<'a>(x: &'a str, y: char) { if y == '(' {", ("{{", "", "")),
        ("c", "char c = '\\''; f(", ("(", "", "")),
        ("go", 's := `raw\n"(`; f(', ("(", "", "")),
        ("yaml", "a: don't [\nb: 'x ('", ("[", "", "")),
        ("bash", "echo ${#a[@]} # (", ("", "", "#")),
        ("markdown", "it's (fine", ("", "", "")),
        ("html", "<!-- ( --> {", ("", "", "")),
        ("html", '<a href="x', ("", "", '"')),
        ("html", "<p>it's {{ f(a, [1", ("{{([", "", "")),
        ("python", "f'{a} {b[", ("{[", "", "")),
        ("python", "f'{{a (' + (", ("(", "", "")),
        ("python", "f'{a\nb = (", ("(", "", "")),
        ("javascript", "`${f(`a ${b}` + [", ("${([", "", "")),
        ("typescript", "const s = it's (", ("(", "", "")),
        ("csharp", 'var s = $@"a ""{x}"" (', ("", "", '"')),
        ("csharp", 'var s = @"\\" + (', ("(", "", "")),
        ("kotlin", '"${user.name[', ("${[", "", "")),
        ("ruby", '"a #{b.map { |x| x', ("#{{", "", "")),
        ("swift", 'print("a \\(b(', ("(\\((", "", "")),
        ("rust", 'r#"a " ( "# ; f(', ("(", "", "")),
        ("cpp", 'R"x(a )" ( )x" + (', ("(", "", "")),
        ("lua", "s = [==[ ( ]] ]==] .. f(", ("(", "", "")),
        ("sql", "select 'it''s (' || (", ("(", "", "")),
        ("bash", 'echo "$(ls "(" [', ("$([", "", "")),
        ("bash", "case $x in a) echo [", ("[", "", "")),
        ("clojure", '(f \\( "a ; [" ; {', ("(", "", ";")),
        ("cmake", 'set(A "x ) # y" # (', ("(", "", "#")),
        ("dart", "var s = 'a ${b['c'] + f(", ("${(", "", "")),
        ("dockerfile", 'RUN f "$(a [ # (', ("$([", "", "#")),
        ("erlang", 'f($(, "a % b", [', ("([", "", "")),
        ("fortran", "call f('it''s (', [ ! (", ("([", "", "!")),
        ("fsharp", '$"a {b [" (* {', ("{[", "", '"')),
        ("glsl", "vec2 v = f(a[ /* (", ("([", "", "/*")),
        ("graphql", 'type A { b(c: "( # {", # (', ("{(", "", "#")),
        ("groovy", "def a = \"x ${y['(']}\" + '${(' + [", ("[", "", "")),
        ("hcl", 'a = "x ${f("y")} (" // (', ("", "", "//")),
        ("less", "a { b: url(//x) // (", ("{", "", "//")),
        ("make", "a: # it's (", ("", "", "#")),
        ("matlab", "x = a'; f('it''s (', [ % (", ("([", "", "%")),
        ("nix", "{ a = ''it's ${b [", ("{${[", "", "")),
        ("objective-c", "[a b:@\"( ]\" c:'(' // (", ("[", "", "//")),
        ("ocaml", "f {a|( |} ]|a} (* [ *) (", ("(", "", "")),
        ("perl", "f('a (', { # [", ("({", "", "#")),
        ("powershell", 'f "a $(b [ <# (', ("$([", "", "<#")),
        ("protobuf", "message A { // (", ("{", "", "//")),
        ("scss", "a { b: #{f('(') + [", ("{{[", "", "")),
        ("svelte", "<p class='a (' b", ("", "", "")),
        ("vue", "<p>{{ f(`a ${b[", ("{{(${[", "", "")),
        ("xml", "<!-- a --> <b c='(", ("", "", "'")),
        ("zig", "f('(', .{ // (", ("({", "", "//")),
        ("latex", "it's \\f{a} (", ("", "", "")),
        ("rst", ":) it's [", ("", "", "")),
        ("css", "a { b: url(//x) } /* (", ("", "", "/*")),
    ],
)
def test_what_is_open(name: str, text: str, expected: tuple[str, str, str]) -> None:
    assert brackets(name, text) == expected


@given(
    st.sampled_from([*LANGUAGES, PLAIN_TEXT]),
    st.text("ab (){}[]'\"`\\#/*-\n", max_size=60),
    st.integers(0, 60),
)
def test_a_scan_goes_on_where_another_ended(known: Language, text: str, cut: int) -> None:
    # A mark of several characters is one only if it is read at once, as with every editor.
    head, tail = text[:cut], text[cut:]
    if set(head[-2:]) & set("'\"/*-\\#=") or known.name in ("yaml", "bash", "javascript"):
        return
    # Within a word a mark means nothing: the word must be read at once too.
    if known.words_hold_marks and head[-1:].strip():
        return
    whole, first = scan(known, text), scan(known, head)
    rest = scan(known, tail, first, head.rpartition("\n")[2])
    assert [b.char for b in rest.open] == [b.char for b in whole.open]
    later = [b.char for b in whole.unmatched if b.offset >= cut]
    assert [b.char for b in rest.unmatched] == later
    assert (rest.string, rest.comment) == (whole.string, whole.comment)


@pytest.mark.parametrize(
    ("before", "after", "closed"),
    [
        ("f(g(", "))", {0, 1}),
        ("f(g(", ")", {1}),
        ("f(\n", "\n)", {0}),
        ("{\n    f(", "\n}", {0}),
        ("{\n  if (a) {\n", "\n}", {0}),
        ("{\n  if (a) {\n", "\n  }\n}", {0, 1}),
        ("{\n  if (a) {\n", "\n    b; }\n}", {0, 1}),
        ("f(", "]", set()),
    ],
)
def test_which_brackets_the_text_below_closes(before: str, after: str, closed: set[int]) -> None:
    c = language("c")
    at = before.rpartition("\n")[2]
    assert closed_by(scan(c, before).open, scan(c, after, START, at).unmatched) == closed
