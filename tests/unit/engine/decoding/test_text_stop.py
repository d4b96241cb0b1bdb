"""Tests of where a completion ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine.decoding.text_stop import TextStop
from infill_ls.types import Ending, EndKind, StopReason, StopRule
from infill_retrieval.syntax import TreeCache


@pytest.fixture(autouse=True, scope="module")
def unhurried_parsing() -> Iterator[None]:
    """Remove parsing's limit in real time, which a busy machine would reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infill_ls.engine.decoding.syntax_end.PARSE_LIMIT_MS", 60_000.0)
        yield


def feed_all(rule: StopRule, pieces: list[bytes]) -> tuple[str, StopReason | None]:
    stop = TextStop(rule, TreeCache())
    for piece in pieces:
        if (reason := stop.feed(piece)) is not None:
            return stop.text(), reason
    return stop.text(), None


@pytest.mark.parametrize(
    ("rule", "pieces", "text", "reason"),
    [
        (StopRule(9, 1), [b"a", b"b"], "ab", None),
        (StopRule(9, 1), [b"a", b"b\nc"], "ab", StopReason.LINES),
        (StopRule(9, 2), [b"a\nb\nc"], "a\nb", StopReason.LINES),
        (StopRule(9, 9, min_indent=4), [b"x\n", b"    y\n", b"z"], "x\n    y", StopReason.DEDENT),
        (StopRule(9, 9, min_indent=4), [b"x\n\n", b"    y"], "x\n\n    y", None),
        (StopRule(9, 9, min_indent=4), [b"x\n\ty\n}"], "x\n\ty", StopReason.DEDENT),
        (StopRule(9, 9, min_indent=4), [b"no indent"], "no indent", None),
        (StopRule(9, 1), ["ü".encode()[:1]], "", None),
        (StopRule(9, 1), ["ü".encode()[:1], "ü".encode()[1:]], "ü", None),
    ],
)
def test_stop(rule: StopRule, pieces: list[bytes], text: str, reason: StopReason | None) -> None:
    assert feed_all(rule, pieces) == (text, reason)


@given(st.text("ab \n\t}", max_size=40), st.integers(1, 4), st.integers(0, 8), st.randoms())
def test_how_the_text_is_cut_into_tokens_does_not_matter(
    text: str, lines: int, indent: int, random: object
) -> None:
    rule = StopRule(99, lines, indent)
    by_byte = feed_all(rule, [bytes([byte]) for byte in text.encode()])
    assert feed_all(rule, [text.encode()]) == by_byte
    assert by_byte[0].count("\n") < lines


def ends(kind: EndKind, language: str, before: str, after: str, text: str) -> str:
    """Return ``text`` up to where it ends, with the reason in front."""
    indent = len(before.rpartition("\n")[2]) if kind is EndKind.BLOCK else 0
    rule = StopRule(99, 16, indent, ending=Ending(kind, language, before, after))
    stopped, reason = feed_all(rule, [text.encode()])
    return f"{reason.value if reason else 'end'}: {stopped}"


BODY = "int f(int a) {\n    "


@pytest.mark.parametrize(
    ("kind", "language", "before", "after", "text", "expected"),
    [
        # The bracket of the block is below: it is not written again.
        (EndKind.BLOCK, "c", BODY, "\n}\n", "b();\n    c();\n}\nint g", "syntax: b();\n    c();"),
        # It is not: the block closes it.
        (EndKind.BLOCK, "c", BODY, "\n\nint g() {}\n", "b();\n}\nint h", "syntax: b();\n}"),
        (EndKind.BLOCK, "c", BODY, "", "b();\n}", "end: b();\n}"),
        (EndKind.BLOCK, "c", BODY, "\n}", "b();\n}", "end: b();"),
        (EndKind.BLOCK, "c", BODY, "\n", 'b("}");\n    // }\n}\n', 'syntax: b("}");\n    // }\n}'),
        (EndKind.BLOCK, "javascript", "go(() => {\n  ", "\n", "a();\n});\nb", "syntax: a();\n});"),
        (EndKind.BLOCK, "ruby", "def f\n  ", "\nend\n", "a\n  b\nend\nx", "syntax: a\n  b"),
        (EndKind.BLOCK, "ruby", "def f\n  ", "\n", "a\n  b\nend\nx", "syntax: a\n  b\nend"),
        (EndKind.BLOCK, "python", "def f():\n    ", "\n", "a\n    b\nc\n", "dedent: a\n    b"),
        (EndKind.BLOCK, "python", "def f():\n    ", "\n", "a\nelse", "dedent: a"),
        # A statement ends with its line, unless that leaves something open or wrong.
        (EndKind.STATEMENT, "python", "x = ", "\n", "f(1)\ny = 2\n", "syntax: f(1)"),
        (EndKind.STATEMENT, "python", "x = ", "\n", "f(\n    1,\n)\ny", "syntax: f(\n    1,\n)"),
        (EndKind.STATEMENT, "python", "x = ", "\n    1,\n)\n", "f(\n    1", "syntax: f("),
        (EndKind.STATEMENT, "python", "", "\n", "@a\ndef f():\n    b\n", "syntax: @a\ndef f():"),
        (EndKind.STATEMENT, "python", "", "\n", 'x = """a\nb"""\nc\n', 'syntax: x = """a\nb"""'),
        (EndKind.STATEMENT, "go", BODY, "\n}\n", "if a {\n\tb()\n}\nc()\n", "syntax: if a {\n\tb()\n}"),
        (EndKind.STATEMENT, "rust", "fn f() {\n    ", "\n}\n", "let x = a\n        .b();\n    c", "syntax: let x = a\n        .b();"),
        (EndKind.STATEMENT, "java", "class A {\n  int f()", "\n}\n", " {\n  g(1);\n }\n int", "syntax:  {\n  g(1);\n }"),
        (EndKind.STATEMENT, "python", "x = f()", "\n", "\ny = 2\n", "syntax: "),
        (EndKind.STATEMENT, "python", "x = f(", "\n", "\n    a\n)\ny\n", "syntax: \n    a\n)"),
        (EndKind.STATEMENT, "python", "x = f(", "\n)\n", "\n    a,\n    b", "syntax: "),
        # A declaration goes on to the end of its body.
        (EndKind.DECLARATION, "python", "# Doc.\n", "\n", "def f():\n  a\n  b\nc", "dedent: def f():\n  a\n  b"),
        (EndKind.DECLARATION, "python", "# Doc.\n", "\n", "x = 1\ny = 2\n", "syntax: x = 1"),
        (EndKind.DECLARATION, "c", "/* Doc. */\n", "\n", "int f() {\n  a;\n}\nint g", "syntax: int f() {\n  a;\n}"),
    ],
)  # fmt: skip
def test_the_syntax_ends_it(
    kind: EndKind, language: str, before: str, after: str, text: str, expected: str
) -> None:
    assert ends(kind, language, before, after, text) == expected


@given(st.text("ab(){}[]\n '\"", max_size=60), st.text("ab(){}\n ", max_size=20))
def test_the_syntax_ends_the_same_for_all_tokens(text: str, after: str) -> None:
    for kind in EndKind:
        rule = StopRule(99, 9, ending=Ending(kind, "javascript", "f(() => {\n", after))
        assert feed_all(rule, [text.encode()]) == feed_all(
            rule, [bytes([b]) for b in text.encode()]
        )
