"""Tests of answers that are kept and of suggestions that are typed through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.suggesting.result_cache import ShownSuggestions
from infill_ls.types import Suggestion
from unit.documents import snapshot


def rest(shown_at: str, suggestion: str, now: str) -> str | None:
    shown = ShownSuggestions()
    shown.remember(snapshot(shown_at), Suggestion(suggestion))
    found = shown.rest_after_typing(snapshot(now))
    return found.text if found is not None else None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("x = f‸\ny", "oo(1)"),
        ("x = foo(‸\ny", "1)"),
        ("x = ‸\ny", "foo(1)"),
        ("x = foo(1)‸\ny", None),  # all of it: what comes next is another question
        ("x = b‸\ny", None),
        ("x = f‸\nz", None),
        ("z = f‸\ny", None),
        ("x ‸\ny", None),
        ("x = fo‸o\ny", None),
    ],
)
def test_rest_after_typing(now: str, expected: str | None) -> None:
    assert rest("x = ‸\ny", "foo(1)", now) == expected


@pytest.mark.parametrize(
    ("now", "expected", "replaced"),
    [
        ("foo(‸)", "a, b) -> c", 1),
        ("foo(a‸)", ", b) -> c", 1),
        ("foo(a, b)‸", " -> c", 0),  # the bracket was typed over
        ("foo(a, b‸", ") -> c", 0),  # and here it was deleted
        ("foo(a, b‸))", None, 0),
        ("foo(x‸)", None, 0),
    ],
)
def test_closers_are_typed_over(now: str, expected: str | None, replaced: int) -> None:
    shown = ShownSuggestions()
    shown.remember(snapshot("foo(‸)"), Suggestion("a, b) -> c", 1, "a, b"))
    found = shown.rest_after_typing(snapshot(now))
    assert (found and (found.text, found.replaced)) == (expected and (expected, replaced))


def test_an_opening_bracket_that_the_editor_closes_is_typed_through() -> None:
    shown = ShownSuggestions()
    shown.remember(snapshot("x = ‸\ny"), Suggestion("f(a) + 1"))
    found = shown.rest_after_typing(snapshot("x = f(‸)\ny"))
    assert found == Suggestion("a) + 1", 1, "a")


def test_crlf_is_typed_through_too() -> None:
    assert rest("if x:‸\r\ny", "\n    a\n    b", "if x:\r\n    a‸\r\ny") == "\n    b"


def test_nothing_shown_is_nothing_to_type_through() -> None:
    shown = ShownSuggestions()
    shown.remember(snapshot("x‸"), Suggestion("yz"))
    shown.remember(snapshot("x‸"), None)
    assert shown.rest_after_typing(snapshot("xy‸")) is None


TEXT = st.text("ab\n", max_size=8)


@given(TEXT, TEXT, st.text("ab", min_size=1, max_size=8), st.integers(0, 8))
def test_rest_and_typed_make_the_suggestion(
    before: str, after: str, suggestion: str, size: int
) -> None:
    typed = suggestion[:size]
    found = rest(f"{before}‸{after}", suggestion, f"{before}{typed}‸{after}")
    assert found == (suggestion[size:] or None)
