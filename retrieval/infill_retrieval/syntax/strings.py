"""String rules of each language: what opens and ends a string, and what inside is code.

This module is data, for the table in :mod:`infill_retrieval.syntax.languages`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StringRule:
    """One kind of string; compared by identity."""

    opens: str
    """Pattern of what opens one. A group ``fence`` of it belongs to the mark that ends the string."""
    closes: str
    """The mark that ends it; ``%`` stands for the fence."""
    escapes: bool = True
    """Whether a backslash makes the next character plain."""
    doubles: bool = False
    """Whether the closing mark written twice is plain text."""
    spans_lines: bool = False
    """Whether it goes on in the next line; one that does not ends with its line."""
    code: tuple[tuple[str, str], ...] = ()
    """Marks between which code stands, as ``${`` and ``}``."""
    plain: tuple[str, ...] = ()
    """What looks like such a mark but is text, as ``{{``."""


def _plain(quote: str, *, escapes: bool = True, spans_lines: bool = False) -> StringRule:
    return StringRule(opens=quote, closes=quote, escapes=escapes, spans_lines=spans_lines)


DOUBLE = _plain('"')
SINGLE = _plain("'")
BACKTICK = _plain("`", escapes=False)
TRIPLE_DOUBLE = _plain('"""', spans_lines=True)
TRIPLE_SINGLE = _plain("'''", spans_lines=True)
DOUBLE_OVER_LINES = _plain('"', spans_lines=True)

C_STRINGS = (DOUBLE,)
CPP_STRINGS = (
    StringRule(
        opens=r'\b(?:u8|[uUL])?R"(?P<fence>[^()\\\s"]{0,16})\(',
        closes=')%"',
        escapes=False,
        spans_lines=True,
    ),
    DOUBLE,
)
_BRACES = (("{", "}"),)
_TWO_BRACES = ("{{", "}}")
CSHARP_STRINGS = (
    StringRule(opens=r'(?<!\$)\$*+(?P<fence>"{3,})', closes="%", escapes=False, spans_lines=True),
    StringRule(
        opens=r'(?:\$@|@\$)"', closes='"', escapes=False, doubles=True, spans_lines=True,
        code=_BRACES, plain=_TWO_BRACES,
    ),
    StringRule(opens=r'\$"', closes='"', code=_BRACES, plain=_TWO_BRACES),
    StringRule(opens=r'@"', closes='"', escapes=False, doubles=True, spans_lines=True),
    DOUBLE,
)  # fmt: skip
GO_STRINGS = (_plain("`", escapes=False, spans_lines=True), DOUBLE)
JAVA_STRINGS = (TRIPLE_DOUBLE, DOUBLE)
_TEMPLATE = StringRule(opens="`", closes="`", spans_lines=True, code=(("${", "}"),))
SCRIPT_STRINGS = (_TEMPLATE, DOUBLE, StringRule(opens=r"(?<!\w)'|(?<=\breturn)'", closes="'"))
"""An apostrophe inside a word is none: it stands in the text of an element."""
_DOLLAR = (("${", "}"),)
KOTLIN_STRINGS = (
    StringRule(opens='"""', closes='"""', escapes=False, spans_lines=True, code=_DOLLAR),
    StringRule(opens='"', closes='"', code=_DOLLAR),
    BACKTICK,
)
SCALA_STRINGS = KOTLIN_STRINGS
SWIFT_STRINGS = (
    StringRule(opens='"""', closes='"""', spans_lines=True, code=((r"\(", ")"),)),
    StringRule(opens=r'(?<!#)(?P<fence>#++)"', closes='"%', escapes=False),
    StringRule(opens='"', closes='"', code=((r"\(", ")"),)),
)
_F = r"(?<!\w)(?:[fFtT][rR]?|[rR][fFtT])"
PYTHON_STRINGS = (
    *(
        StringRule(
            opens=_F + quote, closes=quote, spans_lines=len(quote) > 1, code=_BRACES,
            plain=_TWO_BRACES,
        )
        for quote in ('"""', "'''", '"', "'")
    ),
    TRIPLE_DOUBLE,
    TRIPLE_SINGLE,
    DOUBLE,
    SINGLE,
)  # fmt: skip
RUST_STRINGS = (
    StringRule(opens=r'\b(?:br|r|cr)(?P<fence>#*)"', closes='"%', escapes=False, spans_lines=True),
    DOUBLE_OVER_LINES,
)
_HASH = (("#{", "}"),)
RUBY_STRINGS = (
    StringRule(opens='"', closes='"', spans_lines=True, code=_HASH),
    StringRule(opens="`", closes="`", code=_HASH),
    SINGLE,
)
ELIXIR_STRINGS = (
    StringRule(opens='"""', closes='"""', spans_lines=True, code=_HASH),
    StringRule(opens='"', closes='"', code=_HASH),
    SINGLE,
)
JULIA_STRINGS = (
    StringRule(opens='"""', closes='"""', spans_lines=True, code=(("$(", ")"),)),
    StringRule(opens='"', closes='"', code=(("$(", ")"),)),
)
PHP_STRINGS = (
    StringRule(opens='"', closes='"', spans_lines=True, code=(("{$", "}"), ("${", "}"))),
    _plain("'", spans_lines=True),
    BACKTICK,
)
SHELL_STRINGS = (
    StringRule(
        opens=r'"', closes='"', spans_lines=True, code=(("$(", ")"), ("${", "}")),
    ),
    _plain("'", escapes=False, spans_lines=True),
    BACKTICK,
)  # fmt: skip
LUA_STRINGS = (
    StringRule(opens=r"\[(?P<fence>=*)\[", closes="]%]", escapes=False, spans_lines=True),
    DOUBLE,
    SINGLE,
)
SQL_STRINGS = (
    StringRule(opens="'", closes="'", escapes=False, doubles=True, spans_lines=True),
    StringRule(opens='"', closes='"', escapes=False, doubles=True),
)
TOML_STRINGS = (
    TRIPLE_DOUBLE,
    StringRule(opens="'''", closes="'''", escapes=False, spans_lines=True),
    DOUBLE,
    StringRule(opens="'", closes="'", escapes=False),
)
YAML_STRINGS = (DOUBLE, StringRule(opens="'", closes="'", escapes=False, doubles=True))
_SINGLE_DOLLAR = StringRule(opens="'", closes="'", code=_DOLLAR)
DART_STRINGS = (
    StringRule(opens='"""', closes='"""', spans_lines=True, code=_DOLLAR),
    StringRule(opens="'''", closes="'''", spans_lines=True, code=_DOLLAR),
    StringRule(opens=r"\br'", closes="'", escapes=False),
    StringRule(opens=r'\br"', closes='"', escapes=False),
    StringRule(opens='"', closes='"', code=_DOLLAR),
    _SINGLE_DOLLAR,
)
DOUBLED_QUOTES = (
    StringRule(opens='"', closes='"', escapes=False, doubles=True),
    StringRule(opens="'", closes="'", escapes=False, doubles=True),
)
FSHARP_STRINGS = (
    TRIPLE_DOUBLE,
    StringRule(opens=r'\$"', closes='"', code=_BRACES, plain=_TWO_BRACES),
    StringRule(opens=r'@"', closes='"', escapes=False, doubles=True, spans_lines=True),
    DOUBLE_OVER_LINES,
)
GROOVY_STRINGS = (
    StringRule(opens='"""', closes='"""', spans_lines=True, code=_DOLLAR),
    TRIPLE_SINGLE,
    StringRule(opens='"', closes='"', code=_DOLLAR),
    SINGLE,
)
HCL_STRINGS = (StringRule(opens='"', closes='"', code=(("${", "}"), ("%{", "}"))),)
MATLAB_STRINGS = (
    StringRule(opens='"', closes='"', escapes=False, doubles=True),
    StringRule(opens=r"(?<![\w)\]}.'])'", closes="'", escapes=False, doubles=True),
)
"""An apostrophe behind a value transposes it."""
NIX_STRINGS = (
    StringRule(opens="''", closes="''", escapes=False, spans_lines=True, code=_DOLLAR),
    StringRule(opens='"', closes='"', spans_lines=True, code=_DOLLAR),
)
OCAML_STRINGS = (
    StringRule(opens=r"\{(?P<fence>[a-z_]*)\|", closes="|%}", escapes=False, spans_lines=True),
    DOUBLE_OVER_LINES,
)
POWERSHELL_STRINGS = (
    StringRule(opens='@"', closes='"@', escapes=False, spans_lines=True, code=(("$(", ")"),)),
    StringRule(opens="@'", closes="'@", escapes=False, spans_lines=True),
    StringRule(opens='"', closes='"', escapes=False, doubles=True, code=(("$(", ")"),)),
    StringRule(opens="'", closes="'", escapes=False, doubles=True),
)
SCSS_STRINGS = (
    StringRule(opens='"', closes='"', code=_HASH),
    StringRule(opens="'", closes="'", code=_HASH),
)
TWO_QUOTES = (DOUBLE, SINGLE)
ATTRIBUTES = (
    _plain('"', escapes=False, spans_lines=True),
    _plain("'", escapes=False, spans_lines=True),
)
"""The values of attributes in a tag."""
