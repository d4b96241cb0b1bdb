"""Tests that a secret is found by its name in every syntax of the main languages, and at what cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from attack.other_files import NOT_FOUND as NOT_FOUND_ELSEWHERE
from attack.other_files import OTHERS
from attack.syntaxes import SYNTAXES, Syntax, is_known, planted_in
from attack.test_planted_secrets import KEY, LONG, PW
from infill_retrieval.secrets import named_values, statements
from infill_retrieval.secrets.judgement import is_bare, secret_lines
from infill_retrieval.syntax import (
    LANGUAGES,
    Language,
    SyntaxTree,
    language_of,
    load_grammar,
    parse,
)

PYTHON = language_of("a.py")
Parsed = list[str]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    """Return a list to which every text that is parsed from now on is added."""
    texts: Parsed = []
    of_syntax: Callable[..., SyntaxTree | None] = parse

    def noted(language: Language, text: str, *more: Any) -> SyntaxTree | None:
        texts.append(text)
        return of_syntax(language, text, *more)

    monkeypatch.setattr(statements, "parse", noted)
    statements.forget()
    return texts


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: str(syntax.file))
def test_it_is_found_wherever_it_may_stand(syntax: Syntax) -> None:
    language = language_of(syntax.file)
    assert load_grammar(language) is not None
    number = leaks = 0
    unknown: list[str] = []
    for value in (KEY, PW):
        for place, kind, text in planted_in(syntax, value):
            lines = ["first", *text.split("\n"), "last"]
            hidden = secret_lines(lines, language=language)
            assert not {0, len(lines) - 1} & set(hidden), text
            left = "\n".join(line for at, line in enumerate(lines) if at not in hidden)
            number += 1
            leaks += value in left
            if value in left and not is_known(syntax.file, place, kind):
                unknown.append(text)
    assert unknown == []
    assert number > 500
    assert leaks / number < (0.2 if syntax.file == "a.sh" else 0.05)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: str(syntax.file))
def test_it_is_found_in_code_that_does_not_parse(syntax: Syntax) -> None:
    language = language_of(syntax.file)
    for start in ("x = '", 'f("a', "(((", "}}} {{{", "/* ", "if ("):
        for place in syntax.places[:8]:
            text = place.replace("NAME", "db_password").replace("TEXT", f'"{PW}"')
            lines = [start, *text.split("\n"), "f(", "'"]
            hidden = secret_lines(lines, language=language)
            left = "\n".join(line for at, line in enumerate(lines) if at not in hidden)
            assert PW not in left, (start, text)


@pytest.mark.parametrize(("name", "text", "secret"), OTHERS, ids=lambda value: str(value)[:24])
def test_it_is_found_in_files_of_other_kinds(name: str, text: str, secret: str) -> None:
    language = language_of(name)
    lines = ["first", *text.replace("VALUE", secret).split("\n"), "last"]
    hidden = secret_lines(lines, bare=is_bare(language.name, name), language=language)
    left = [line for at, line in enumerate(lines) if at not in hidden]
    assert (secret in "\n".join(left)) == (name in NOT_FOUND_ELSEWHERE)
    assert {"first", "last"} <= set(left)


CODE = [
    f"def f{n}(a, b):\n    password = ask('Your password')\n    return a + b" for n in range(200)
]


def test_a_statement_is_parsed_once_whatever_is_typed_elsewhere(parsed: Parsed) -> None:
    lines = "\n".join(CODE).split("\n")
    assert secret_lines(lines, language=PYTHON) == []
    assert len(parsed) == 1  # they are all the same
    lines[0] += "  # typed"
    lines.insert(300, "x = 1")
    assert secret_lines(lines, language=PYTHON) == []
    assert len(parsed) == 1
    lines[10] = f"    password = check(ask, '{PW}')"
    assert secret_lines(lines, language=PYTHON) == [10]
    assert len(parsed) == 2


def test_where_no_name_says_secret_nothing_is_parsed(parsed: Parsed) -> None:
    lines = [f"name_{n} = call('{KEY}', keyboard, monkey, author)" for n in range(100)]
    secret_lines(lines, language=PYTHON)
    assert parsed == []


def test_a_statement_is_as_long_as_it_has_to_be(parsed: Parsed) -> None:
    secret_lines(["password = f(a)", 'x = ""', "y = 2", *["z = 3"] * 20], language=PYTHON)
    assert parsed == []  # there is no string in it
    secret_lines(['password = f("a")', 'x = ""', "y = 2", *["z = 3"] * 20], language=PYTHON)
    assert parsed == ['password = f("a")']


def test_a_text_of_nothing_but_names_is_hidden_and_not_parsed_for_ever(parsed: Parsed) -> None:
    lines = [f"f(token=a, b='word {n}')" for n in range(40_000)]
    hidden = secret_lines(lines, language=PYTHON)
    assert sum(map(len, parsed)) <= 2 * statements.MAX_TEXT_CHARS
    assert hidden[-1] == len(lines) - 1
    assert 0 not in hidden


@pytest.mark.parametrize(
    "piece",
    ["(", "[", "{", "a.", "a(", "'a', ", "token=", "f(token, ", "{'token': ", "x = token = "],
)
@pytest.mark.parametrize("language", ["python", "typescript", "cpp", "ruby"])
def test_what_is_deep_is_looked_at_in_bounds(
    language: str, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    looks = 0
    is_string = named_values._is_string

    def counted(node: Any) -> bool:
        nonlocal looks
        looks += 1
        return is_string(node)

    monkeypatch.setattr(named_values, "_is_string", counted)
    (known,) = (one for one in LANGUAGES if one.name == language)
    for start in ("password = ", "password('x', ", "'password': "):
        secret_lines([start + piece * 3_000 + f"'{LONG}'"] * 3, language=known)
    assert looks < 3 * 5 * statements.MAX_NAMES * (named_values.MAX_NODES + 6_000)
