"""Tests of packing snippets: the exact budget, flowing shares, no duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_retrieval.render import render_snippet
from infill_retrieval.searching.candidate import Candidate
from infill_retrieval.searching.channels import CHANNELS
from infill_retrieval.searching.pack import in_stable_order, pack
from infill_retrieval.types import Channel, Snippet, Verdict

THIRDS = dict.fromkeys(Channel, 1 / 3)


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def count_oddly(texts: Sequence[str]) -> list[int]:
    """Whole snippets cost more than their lines, as they may with a real tokenizer."""
    return [len(text.split()) + 2 * max(0, text.count("\n") - 1) for text in texts]


def candidate(
    channel: Channel, path: str, *lines: str, first: int = 0, score: float = 1.0
) -> Candidate:
    return Candidate(path, channel, tuple(enumerate(lines, start=first)), score)


texts = st.lists(st.sampled_from(["a", "b c", "d e f", "", "x = 1"]), min_size=1, max_size=5)
candidates = st.builds(
    lambda channel, path, lines, first, score: candidate(
        channel, path, *lines, first=first, score=score
    ),
    st.sampled_from(list(Channel)),
    st.sampled_from(["a.py", "b.py"]),
    texts,
    st.integers(0, 9),
    st.floats(0, 9),
)


@given(st.lists(candidates, max_size=12), st.integers(-1, 60))
def test_the_budget_is_never_exceeded(found: list[Candidate], budget_tokens: int) -> None:
    by_channel = {channel: [c for c in found if c.channel is channel] for channel in Channel}
    for count in (count_words, count_oddly):
        packed = pack(by_channel, budget_tokens, count, THIRDS)
        costs = count([render_snippet(s.path, s.text) for s in packed.snippets])
        assert [s.tokens for s in packed.snippets] == costs
        assert sum(costs) <= max(budget_tokens, 0)


def test_an_empty_channel_leaves_its_share_to_the_others() -> None:
    windows = [candidate(Channel.USAGE, f"{n}.py", f"w{n} two three") for n in range(6)]
    packed = pack({Channel.USAGE: windows}, 30, count_words, THIRDS)
    assert len(packed.snippets) == 6
    assert sum(s.tokens for s in packed.snippets) == 30


def test_every_channel_has_its_share_first() -> None:
    by_channel = {
        channel: [candidate(channel, f"{n}.py", f"{channel[0]} {n} x y") for n in range(9)]
        for channel in Channel
    }
    equal = dict.fromkeys(Channel, 1 / len(Channel))
    packed = pack(by_channel, 12 * len(Channel), count_words, equal)
    assert [s.channel for s in packed.snippets] == [
        rule.channel for rule in CHANNELS for _ in range(2)
    ]
    verdicts = Counter(one.verdict for one in packed.considered)
    taken = 2 * len(Channel)
    assert verdicts == {Verdict.TAKEN: taken, Verdict.NO_ROOM: len(packed.considered) - taken}


def test_only_lines_that_may_fit_are_counted() -> None:
    windows = [
        candidate(Channel.USAGE, f"{n}.py", *(f"line{n}_{m} = {m}" for m in range(10)))
        for n in range(40)
    ]
    asked: list[str] = []

    def count(texts: Sequence[str]) -> list[int]:
        asked.extend(texts)
        return [len(text) // 3 for text in texts]

    packed = pack({Channel.USAGE: windows}, 100, count, THIRDS)
    assert 60 <= sum(snippet.tokens for snippet in packed.snippets) <= 100
    assert len(asked) < 120, "of 440 lines"
    assert len(packed.considered) == 40


def test_what_does_not_fit_is_passed_over_not_a_stop() -> None:
    windows = [
        candidate(Channel.USAGE, "big.py", "w " * 50, score=2.0),
        candidate(Channel.USAGE, "small.py", "w"),
    ]
    packed = pack({Channel.USAGE: windows}, 10, count_words, THIRDS)
    assert [s.path for s in packed.snippets] == ["small.py"]
    dropped = [c for c in packed.considered if c.verdict is not Verdict.TAKEN]
    assert [(c.snippet.path, c.verdict) for c in dropped] == [("big.py", Verdict.NO_ROOM)]


def test_declarations_of_a_file_share_its_path_and_their_class() -> None:
    members = [
        Candidate("a.py", Channel.IMPORTED, ((4, "class Box:"), (9, "    def open(self):")), 2.0),
        Candidate(
            "a.py",
            Channel.IMPORTED,
            (
                (4, "class Box:"),
                (6, "    size: int"),
            ),
            1.0,
        ),
    ]
    packed = pack({Channel.IMPORTED: members}, 50, count_words, THIRDS)
    assert [s.text for s in packed.snippets] == ["class Box:\n    size: int\n    def open(self):\n"]
    assert packed.snippets[0].first_line == 4


def test_lines_around_the_cursor_and_near_duplicates_are_dropped() -> None:
    lines = [f"line {n}" for n in range(10)]
    windows = [
        candidate(Channel.USAGE, "a.py", *lines),
        candidate(Channel.USAGE, "b.py", *lines[:9], "another"),
        candidate(Channel.USAGE, "c.py", "seen", "  indented"),
    ]
    packed = pack(
        {Channel.USAGE: windows}, 500, count_words, THIRDS, frozenset({"seen", "indented"})
    )
    assert [s.path for s in packed.snippets] == ["a.py"]


def snippet(path: str, channel: Channel, score: float) -> Snippet:
    return Snippet(path, "x\n", 0, channel, score, 1)


def test_dependencies_come_first_and_the_most_relevant_last() -> None:
    found = [
        snippet("u2", Channel.USAGE, 2.0),
        snippet("i", Channel.IMPORTED, 9.0),
        snippet("u1", Channel.USAGE, 1.0),
        snippet("d", Channel.DECLARATION, 5.0),
    ]
    assert [s.path for s in in_stable_order(found, ())] == ["i", "d", "u1", "u2"]


def test_snippets_of_the_last_prompt_keep_their_place() -> None:
    last = in_stable_order([snippet("a", Channel.USAGE, 1.0), snippet("b", Channel.USAGE, 2.0)], ())
    now = [
        snippet("b", Channel.USAGE, 1.0),
        snippet("a", Channel.USAGE, 2.0),
        snippet("c", Channel.USAGE, 0.5),
    ]
    assert [s.path for s in in_stable_order(now, last)] == ["a", "b", "c"]


def test_every_channel_is_in_the_table_once_and_they_share_the_whole_budget() -> None:
    assert sorted(rule.channel for rule in CHANNELS) == sorted(Channel)
    assert sum(rule.share for rule in CHANNELS) == pytest.approx(1)
