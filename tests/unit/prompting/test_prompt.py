"""Tests of the layout of prompts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.models.fim import FimTokens, Order
from infill_ls.prompting.prompt import PromptText, assemble, first_prefix_line, last_suffix_line

COUNTS = st.lists(st.integers(1, 30), max_size=120)


@given(COUNTS, st.sets(st.integers(0, 119)), st.integers(1, 400))
def test_prefix_fits_its_budget(counts: list[int], borders: set[int], budget: int) -> None:
    first = first_prefix_line(counts, sorted(borders), budget)
    assert 0 <= first <= len(counts)
    assert sum(counts[first:]) <= budget
    if sum(counts) <= budget:
        assert first == 0


@given(st.integers(1, 20))
def test_start_of_the_window_moves_seldom(tokens_per_line: int) -> None:
    """As a file grows line by line, the start jumps by many lines at a time."""
    budget = tokens_per_line * 50
    starts = {first_prefix_line([tokens_per_line] * n, [], budget) for n in range(400)}
    assert starts <= set(range(0, 400, 16))


@given(COUNTS, st.integers(0, 400))
def test_suffix_fits_its_budget(counts: list[int], budget: int) -> None:
    last = last_suffix_line(counts, budget)
    assert sum(counts[:last]) <= budget
    assert last == len(counts) or sum(counts[: last + 1]) > budget


def fim_tokens(order: Order, bos: int | None) -> FimTokens:
    return FimTokens("test", order, 101, 102, 103, bos)


TEXT = PromptText(
    context="ctx\n", header="# a.py\n", prefix="pre\n", suffix="\nsuf", typed="ty", fragment="ped"
)


def test_psm_puts_the_typed_text_last() -> None:
    prompt = assemble(
        TEXT,
        fim_tokens(Order.PSM, 100),
        head_ids=(1, 2, 3),
        prefix_ids=(4,),
        suffix_ids=(5, 6),
        typed_ids=(7,),
        snippet_tokens=2,
    )
    assert prompt.token_ids == (100, 101, 1, 2, 3, 4, 102, 5, 6, 103, 7)
    assert prompt.token_ids[: prompt.anchor_tokens][-1] == 103
    assert prompt.fragment == "ped"
    assert {part.name: part.tokens for part in prompt.parts} == {
        "snippets": 2,
        "header": 1,
        "prefix": 1,
        "suffix": 2,
        "typed": 1,
    }


def test_spm_keeps_prefix_and_typed_text_together() -> None:
    prompt = assemble(
        TEXT,
        fim_tokens(Order.SPM, None),
        head_ids=(1,),
        prefix_ids=(4,),
        suffix_ids=(5, 6),
        typed_ids=(7,),
        snippet_tokens=1,
    )
    assert prompt.token_ids == (102, 5, 6, 101, 1, 4, 7, 103)
    assert prompt.token_ids[: prompt.anchor_tokens] == (102, 5, 6, 101, 1, 4)


def test_a_family_without_a_middle_marker_ends_with_the_typed_text() -> None:
    fim = FimTokens("test", Order.SPM, 101, 102, None, 100)
    prompt = assemble(
        TEXT,
        fim,
        head_ids=(1,),
        prefix_ids=(4,),
        suffix_ids=(5, 6),
        typed_ids=(7,),
        snippet_tokens=1,
    )
    assert prompt.token_ids == (100, 102, 5, 6, 101, 1, 4, 7)
