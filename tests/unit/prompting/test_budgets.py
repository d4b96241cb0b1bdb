"""Tests of the token budgets of a prompt's parts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine.scripted import SCRIPTED_INFO
from infill_ls.prompting.budgets import (
    LEAST_TOKENS,
    RESERVED_FOR_TYPED_TOKENS,
    RESERVED_TOKENS,
    answer_tokens,
    budgets_for,
)
from infill_ls.settings import settings_with

SETTINGS = settings_with(cold_target_ms=4000)
FAST = replace(SCRIPTED_INFO, context_tokens=4096, prefill_tokens_per_s=5000.0, decode_ms=5.0)
SLOW = replace(FAST, prefill_tokens_per_s=250.0, decode_ms=60.0)


def test_a_quick_machine_gets_what_the_user_set() -> None:
    budgets = budgets_for(SETTINGS, FAST)
    assert budgets.cuts == ()
    assert (budgets.prefix_tokens, budgets.suffix_tokens) == (768, 256)
    assert budgets.snippet_tokens == 512
    assert budgets.beside(512) == (768, 256)


def test_a_slow_machine_gets_less_of_everything_and_a_reason() -> None:
    budgets = budgets_for(SETTINGS, SLOW)
    tokens = budgets.prefix_tokens + budgets.suffix_tokens + budgets.snippet_tokens
    assert (budgets.prefix_tokens, budgets.suffix_tokens, budgets.snippet_tokens) == (288, 96, 192)
    assert tokens / 250.0 * 1000 + 12 * 60.0 <= 4000
    assert "250 tokens a second" in budgets.cuts[0]
    assert "coldTargetMs" in budgets.cuts[0]


def test_no_target_and_no_measurement_cut_nothing() -> None:
    assert budgets_for(settings_with(cold_target_ms=0), SLOW).cuts == ()
    assert budgets_for(SETTINGS, replace(SLOW, prefill_tokens_per_s=0.0)).cuts == ()
    assert budgets_for(SETTINGS, replace(SLOW, is_steady=False)).cuts == ()


def test_an_answer_leaves_half_of_a_small_context_to_the_prompt() -> None:
    """An instruct model of 2 048 tokens could be told nothing, as its answer may have as many."""
    settings = settings_with(instruct_model="a.gguf").for_instructions()
    assert answer_tokens(settings, replace(FAST, context_tokens=8192)) == 2048
    small = replace(FAST, context_tokens=2048)
    assert answer_tokens(settings, small) == 1024
    assert budgets_for(settings, small).room_tokens == 1024 - RESERVED_TOKENS


def test_a_small_context_is_for_the_file_first() -> None:
    budgets = budgets_for(SETTINGS, replace(FAST, context_tokens=1000))
    room = 1000 - SETTINGS.completion.max_tokens - RESERVED_TOKENS
    assert budgets.snippet_tokens == room // 3
    assert sum(budgets.beside(budgets.snippet_tokens)) <= room - budgets.snippet_tokens
    assert "context has 1000" in budgets.cuts[0]


def test_a_large_context_takes_large_budgets() -> None:
    settings = settings_with(prefix_tokens=10_000, suffix_tokens=3_000, snippet_tokens=2_000)
    budgets = budgets_for(settings, replace(FAST, context_tokens=16_384))
    assert (budgets.prefix_tokens, budgets.suffix_tokens, budgets.snippet_tokens) == (
        10_000,
        3_000,
        2_000,
    )


@given(
    st.integers(16, 16_384),
    st.integers(0, 16_384),
    st.integers(0, 16_384),
    st.integers(512, 16_384),
    st.floats(1, 100_000),
    st.integers(0, 60_000),
)
def test_budgets_are_upper_bounds_that_fit(
    prefix: int, suffix: int, snippets: int, context: int, tokens_per_s: float, target_ms: int
) -> None:
    settings = settings_with(
        prefix_tokens=prefix,
        suffix_tokens=suffix,
        snippet_tokens=snippets,
        cold_target_ms=target_ms,
    )
    info = replace(FAST, context_tokens=context, prefill_tokens_per_s=tokens_per_s)
    budgets = budgets_for(settings, info)
    assert budgets.prefix_tokens <= prefix
    assert budgets.suffix_tokens <= suffix
    assert 0 <= budgets.snippet_tokens <= snippets
    taken = budgets.beside(budgets.snippet_tokens)
    assert sum(taken) + budgets.snippet_tokens <= max(budgets.room_tokens, 0)
    typed = budgets.typed_tokens
    assert 0 <= typed <= budgets.prefix_tokens
    taken = budgets.beside(budgets.snippet_tokens, typed_tokens=typed)
    room = budgets.room_tokens + RESERVED_FOR_TYPED_TOKENS
    assert sum(taken) + budgets.snippet_tokens + typed <= max(room, 0) or sum(taken) == 0
    wanted = prefix + suffix + snippets
    if target_ms and wanted > 8 * LEAST_TOKENS and budgets.cuts == ():
        assert wanted / tokens_per_s * 1000 <= target_ms
