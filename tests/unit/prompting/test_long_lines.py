"""Tests of lines longer than their token budget: minified code, data, prose in other scripts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine.scripted import SCRIPTED_INFO, ScriptedEngine
from infill_ls.gathering import Gathering
from infill_ls.pipeline import Pipeline
from infill_ls.prompting.tokens import LineTokenizer
from infill_ls.settings import settings_with
from infill_ls.types import Prompt
from infill_retrieval import NO_SNIPPETS
from unit.documents import snapshot

CONTEXT_TOKENS = 512
MAX_TOKENS = 64


async def prompt_of(marked: str, **settings: int) -> Prompt:
    """Return the prompt that the model gets: a token for each character."""
    engine = ScriptedEngine(
        ["answer"], loaded=replace(SCRIPTED_INFO, context_tokens=CONTEXT_TOKENS)
    )
    chosen = settings_with(max_tokens=MAX_TOKENS, snippet_tokens=0, **settings)
    prepared = await Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, chosen)).prepare(
        snapshot(marked)
    )
    assert prepared.prompt is not None
    return prepared.prompt


@given(
    st.integers(16, 600),
    st.integers(0, 300),
    st.lists(st.integers(0, 200), max_size=12),
    st.integers(0, 1_500),
    st.lists(st.integers(0, 200), max_size=6),
)
async def test_a_prompt_and_its_answer_fit_into_the_context(
    prefix_tokens: int, suffix_tokens: int, above: list[int], typed: int, below: list[int]
) -> None:
    text = "".join("x" * chars + "\n" for chars in above) + "(" * typed
    marked = f"{text}‸\n" + "".join("y" * chars + "\n" for chars in below)
    prompt = await prompt_of(marked, prefix_tokens=prefix_tokens, suffix_tokens=suffix_tokens)
    assert len(prompt.token_ids) + len(prompt.fragment) + MAX_TOKENS <= CONTEXT_TOKENS


async def test_the_budget_of_the_prefix_holds_for_the_line_too() -> None:
    prompt = await prompt_of(
        "x = [" + "(1, 2), " * 100 + "‸]\n", prefix_tokens=64, suffix_tokens=32
    )
    typed = prompt.parts[-1]
    assert typed.name == "typed"
    assert 32 <= typed.tokens + len(prompt.fragment) <= 64


async def test_the_beginning_of_a_long_line_moves_seldom() -> None:
    """Its prompt stays while one types: the start moves every eighth of the budget."""
    tokenizer = LineTokenizer(ScriptedEngine())
    starts = [await tokenizer.start_within("x" * chars, 80) for chars in range(1, 400)]
    assert starts[:80] == [0] * 80
    assert sorted(set(starts)) == [*range(0, 321, 10)]
    assert starts == sorted(starts)


async def test_an_ordinary_line_is_not_looked_at() -> None:
    class Unasked(ScriptedEngine):
        async def tokenize(self, *_: object, **__: object) -> list[tuple[int, ...]]:
            raise AssertionError

    assert await LineTokenizer(Unasked()).start_within("x = " * 16, 64) == 0
