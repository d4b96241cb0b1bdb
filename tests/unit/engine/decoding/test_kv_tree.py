"""Tests of the KV cache's eviction: what stays when it is full."""

from __future__ import annotations

from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine.decoding.kv_tree import KvTree
from infill_ls.engine.shape import PROMPT_TOKENS, default_kv_tokens, resident_cells
from infill_retrieval.common_length import common_length

ROOM = 10


class Store:
    """The cells of each sequence, by number."""

    def __init__(self) -> None:
        self.lengths: dict[int, int] = {}
        self.has_room = True

    def truncate(self, sequence: int, length: int) -> None:
        self.lengths[sequence] = min(self.lengths.get(sequence, 0), length)

    def copy(self, source: int, target: int, length: int) -> None:
        assert not self.lengths.get(target, 0)
        assert length <= self.lengths[source]
        self.lengths[target] = length

    def save(self, sequence: int) -> object:
        assert self.lengths[sequence]
        return self.lengths[sequence]

    def restore(self, sequence: int, state: object) -> bool:
        assert not self.lengths.get(sequence, 0)
        assert isinstance(state, int)
        self.lengths[sequence] = state if self.has_room else 1
        return self.has_room


class Cache:
    """A tree that is asked for prompts, and says how much of each it held already."""

    def __init__(self, cells: int, sequences: int = 8, parked: int = 0) -> None:
        self.store = Store()
        self.tree = KvTree(self.store, cell_budget=cells, sequences=sequences, parked_budget=parked)

    def ask(self, prompt: list[int], *, anchor: int | None = None, document: str = "") -> int:
        anchor = len(prompt) if anchor is None else anchor
        branch, held = self.tree.take(prompt, anchor, ROOM, document)
        assert self.store.lengths.get(branch.id, 0) == held
        self.store.lengths[branch.id] = len(prompt)
        self.tree.append(branch, prompt[held:])
        assert branch.tokens == prompt
        return held


def prompt(file: int, prefix: int, suffix: int) -> list[int]:
    """Return a prompt of which only the prefix is shared by other places of the file."""
    return [file * 10_000 + n for n in range(prefix)] + [
        file * 10_000 + 5_000 + prefix * 7 + n for n in range(suffix)
    ]


def test_going_to_another_file_and_back_costs_one_token() -> None:
    cache = Cache(300)
    first, second = prompt(1, 80, 20), prompt(2, 80, 20)
    assert (cache.ask(first), cache.ask(second)) == (0, 0)
    assert (cache.ask(first), cache.ask(second)) == (99, 99)


def test_anchors_that_move_on_in_a_file_do_not_push_out_another_file() -> None:
    cache = Cache(300)
    other = prompt(2, 80, 20)
    cache.ask(other)
    for line in range(20):
        held = cache.ask(prompt(1, 80 + line, 20))
        assert held == (80 + line - 1 if line else 0)
    assert cache.ask(other) == 99


def test_the_anchor_in_use_stays_while_the_next_one_is_filled() -> None:
    cache = Cache(260)
    other, old, used, fresh = (
        prompt(2, 80, 20), prompt(1, 80, 20), prompt(1, 85, 20), prompt(1, 90, 20),
    )  # fmt: skip
    for each in (other, old, used, fresh):
        cache.ask(each)
    assert cache.ask(used) == 104


def test_without_a_newer_anchor_the_least_recently_used_goes() -> None:
    cache = Cache(330)
    files = [prompt(number, 80, 20) for number in range(4)]
    for each in files:
        cache.ask(each)
    assert cache.ask(files[3]) == 99
    assert cache.ask(files[1]) == 99
    assert cache.ask(files[0]) == 0


def test_the_budget_holds_also_when_sequences_are_few() -> None:
    cache = Cache(300, sequences=2)
    for line in range(10):
        cache.ask(prompt(line % 3, 80 + line, 20))
        assert cache.tree.cells_used <= 300 - ROOM


def test_another_file_s_prompt_is_parked_and_comes_back() -> None:
    cache = Cache(150, parked=250)
    files = [prompt(number, 80, 20) for number in range(3)]
    for each in files:
        assert cache.ask(each) == 0
        assert cache.tree.cells_used == 100, "what another prompt holds slows each step down"
    for each in files:
        assert cache.ask(each) == 99
        assert cache.tree.cells_used <= 101


def test_the_oldest_parked_prompt_makes_room() -> None:
    cache = Cache(150, parked=250)
    files = [prompt(number, 80, 20) for number in range(4)]
    for each in files:
        cache.ask(each)
    assert cache.ask(files[0]) == 0
    assert cache.ask(files[2]) == 99


def test_what_shares_its_beginning_stays() -> None:
    cache = Cache(300, parked=300)
    cache.ask(prompt(1, 80, 20))
    cache.ask(prompt(1, 85, 20))
    assert len([branch for branch in cache.tree.branches if branch.tokens]) == 2
    assert cache.ask(prompt(1, 80, 20)) == 99


def test_what_shares_little_is_parked_too() -> None:
    cache = Cache(300, parked=300)
    first, second = ([*range(20), *prompt(number, 60, 20)] for number in (1, 2))
    assert [cache.ask(first), cache.ask(second)] == [0, 20]
    assert cache.tree.cells_used == 100, (
        "a snippet in common, and each step would take twice as long"
    )
    assert [cache.ask(first), cache.ask(second)] == [99, 99]


def test_an_old_anchor_is_not_parked() -> None:
    cache = Cache(300, parked=110)
    cache.ask(prompt(1, 80, 20))
    cache.ask(prompt(1, 85, 20))
    cache.ask(prompt(2, 80, 20))
    assert cache.tree.cells_used == 100
    assert cache.ask(prompt(1, 85, 20)) == 104


def test_other_snippets_in_one_file_do_not_push_out_what_is_parked_of_another() -> None:
    cache = Cache(150, parked=210)
    other = prompt(0, 80, 20)
    cache.ask(other, document="other")
    for place in range(1, 6):  # nothing in common, as the snippets stand first
        assert cache.ask(prompt(place, 80, 20), document="this") == 0
    assert cache.ask(other, document="other") == 99
    assert cache.ask(prompt(5, 80, 20), document="this") == 99


def test_a_prompt_too_long_to_be_parked_stays_while_there_is_room() -> None:
    cache = Cache(300, parked=90)
    first, second, third = (prompt(number, 80, 20) for number in range(3))
    assert [cache.ask(each) for each in (first, second, first)] == [0, 0, 99]
    assert [cache.ask(each) for each in (third, second)] == [0, 0]


def test_a_prompt_that_cannot_be_moved_back_is_computed_anew() -> None:
    cache = Cache(150, parked=250)
    first, second = prompt(1, 80, 20), prompt(2, 80, 20)
    cache.ask(first)
    cache.ask(second)
    cache.store.has_room = False
    assert cache.ask(first) == 0
    cache.store.has_room = True
    assert cache.ask(second) == 99


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 90), st.integers(0, 20)), max_size=30),
    st.integers(0, 300),
)
def test_no_budget_is_ever_exceeded(asked: list[tuple[int, int, int]], parked: int) -> None:
    cache = Cache(150, sequences=4, parked=parked)
    for file, prefix, suffix in asked:
        cache.ask(prompt(file, prefix, suffix))
        assert cache.tree.cells_used <= 150 - ROOM
        assert cache.tree.parked_tokens <= parked


def test_memory_for_one_long_prompt_is_the_cache_and_the_rest_is_for_parked_ones() -> None:
    assert resident_cells(8192, 4096) == 5120
    assert resident_cells(3000, 4096) == 3000
    assert resident_cells(8192, 4096, on_gpu=True) == 8192


def test_the_cache_has_cells_for_two_prompts_and_a_third_where_that_is_cheap() -> None:
    assert [default_kv_tokens(n, 0) for n in (1024, 2048, 4096)] == [3072, 6144, 8192]


def test_where_that_is_cheap_four_other_files_stay_too() -> None:
    bundled, large = 12_288, 196_608
    assert default_kv_tokens(4096, bundled) == 5120 + 4 * PROMPT_TOKENS
    assert default_kv_tokens(4096, large) == default_kv_tokens(4096, 0)


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_the_common_beginning_is_what_a_loop_finds(left: list[int], right: list[int]) -> None:
    pairs = zip(left, right, strict=False)
    assert common_length(left, right) == len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
