"""What stays in the KV cache when there is not room for everything."""

from __future__ import annotations

from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine.kv_tree import KvTree, common_length
from infill_ls.engine.shape import default_kv_cells

ROOM = 10


class Store:
    """The cells of each sequence, by number."""

    def __init__(self) -> None:
        self.lengths: dict[int, int] = {}

    def truncate(self, sequence: int, length: int) -> None:
        self.lengths[sequence] = min(self.lengths.get(sequence, 0), length)

    def copy(self, source: int, target: int, length: int) -> None:
        assert not self.lengths.get(target, 0)
        assert length <= self.lengths[source]
        self.lengths[target] = length


class Cache:
    """A tree that is asked for prompts, and says how much of each it held already."""

    def __init__(self, cells: int, sequences: int = 8) -> None:
        self.store = Store()
        self.tree = KvTree(self.store, cell_budget=cells, sequences=sequences)

    def ask(self, prompt: list[int], *, anchor: int | None = None) -> int:
        branch, held = self.tree.take(prompt, len(prompt) if anchor is None else anchor, ROOM)
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


def test_the_cache_has_cells_for_two_prompts_and_a_third_where_that_is_cheap() -> None:
    assert [default_kv_cells(n) for n in (1024, 2048, 4096)] == [3072, 6144, 8192]


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_the_common_beginning_is_what_a_loop_finds(left: list[int], right: list[int]) -> None:
    pairs = zip(left, right, strict=False)
    assert common_length(left, right) == len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
