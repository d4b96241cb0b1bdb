"""Tests with random tokens of every known service: each one hides its line."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from importlib.resources import files
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from infill_retrieval import secrets
from infill_retrieval.secrets import services
from infill_retrieval.secrets.gitleaks_rules import RULES
from infill_retrieval.secrets.judgement import secret_lines, sensitivity
from infill_retrieval.syntax import language_of

CHARS = string.ascii_letters + string.digits
MOST = 80
"""Repetitions of what may be repeated without end."""


class Maker:
    """Makes texts that a pattern matches."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def text(self, pattern: str) -> str:
        return "".join(self._parts(parser.parse(pattern)))

    def _parts(self, tree: Any) -> Iterator[str]:
        for code, value in tree:
            if code is codes.LITERAL:
                yield chr(value)
            elif code is codes.NOT_LITERAL or code is codes.ANY:
                yield self._random.choice(CHARS)
            elif code is codes.IN:
                yield self._random.choice(self._choices(value))
            elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
                least, most, inner = value
                most = min(int(most), max(int(least), MOST))
                for _ in range(self._random.randint(int(least), most)):
                    yield from self._parts(inner)
            elif code is codes.SUBPATTERN:
                yield from self._parts(value[3])
            elif code is codes.BRANCH:
                yield from self._parts(self._random.choice(value[1]))
            else:
                assert code is codes.AT, code

    def _choices(self, options: Any) -> list[str]:
        chars: list[str] = []
        negated: set[str] = set()
        for code, value in options:
            if code is codes.LITERAL:
                chars.append(chr(value))
            elif code is codes.RANGE:
                chars += map(chr, range(value[0], value[1] + 1))
            elif code is codes.CATEGORY:
                chars += {"CATEGORY_WORD": CHARS, "CATEGORY_DIGIT": string.digits}.get(
                    str(value), " "
                )
            elif code is codes.NEGATE:
                negated = {" "}
        if negated:
            return [c for c in CHARS if c not in chars] or [";"]
        return [c for c in chars if c not in "\r\n"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule[0]))
def test_a_token_hides_its_line(rule: tuple[str, str, tuple[str, ...], float, bool]) -> None:
    name, pattern, words, _, needs_name = rule
    found = made = 0
    for seed in range(40):
        token = Maker(seed).text(pattern)
        if "\n" in token or "\r" in token or services._DUMMY.search(token):
            continue
        line = f"x = f('{token}')" if not needs_name else f"{token};"
        if not any(word in line.lower() for word in words):
            line += f"  # {words[0]}"  # elsewhere in the file, for gitleaks
        made += 1
        hidden = secret_lines(["a = 1", line, "b = 2"])
        found += hidden == [1]
    assert made >= 3
    # Chance makes a few that have too little of it, or no digit.
    assert found >= 0.7 * made, name


def test_the_rules_are_there_with_their_licence() -> None:
    assert len(RULES) > 150
    licence = (files(secrets) / "gitleaks_rules.LICENSE").read_text("utf-8")
    assert "MIT License" in licence
    assert "Zachary Rice" in licence


def test_where_no_long_word_stands_no_pattern_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    pattern_of = services.pattern_of

    def counted(number: int) -> re.Pattern[str]:
        tried.append(number)
        return pattern_of(number)

    monkeypatch.setattr(services, "pattern_of", counted)
    words = sorted({word for rule in RULES for word in rule[2]})
    for word in words:
        services.service_token(f"{word[:12]} = 1", f"{word[:12]} = 1")
    assert tried == []
    line = "artifactory = 'k3yZq81Lm0pVtRr4'"
    services.service_token(line, line.lower())
    assert len(tried) <= 3


DUMMIES = ["AKIAIOSFODNN7EXAMPLE", "ghp_" + "x" * 36, "hf_" + "a" * 34, "glpat-" + "0" * 20]


@pytest.mark.parametrize("dummy", DUMMIES)
def test_a_dummy_switches_nothing_off(dummy: str) -> None:
    assert sensitivity("a.py", f"x = '{dummy}'") is None
    assert secret_lines([f"x = '{dummy}'"], language=language_of("a.py")) == []
