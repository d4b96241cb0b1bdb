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
