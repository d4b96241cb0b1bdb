"""Tests of samples that are changes between two releases: the hole, and what stands in front of it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from training.corpus import File
from training.filters import HeldOut
from training.hunks import Release, make_rows, measured_packages, releases_of, samples_of
from training.tokens import BOS, EOS, FIM_END, FIM_HOLE
from training.train import encoder

from training import rows

HEAD = "".join(f"CONSTANT_{n} = {n}  # some words about it, {n}\n" for n in range(12))
OLD = (
    HEAD
    + """

def load_orders(store, limit):
    found = store.fetch(limit)
    return found


def load_users(store, limit):
    found = store.fetch(limit)
    return sorted(found)


def describe(store):
    return f"a store: fetch gives what {store} holds"
"""
)
NEW = OLD.replace("store.fetch(limit)", "store.fetch_all(limit, cached=True)")
CALLER = "from orders import load_orders\n\n\ndef main(store):\n    return load_orders(store, 17)\n"
CALLER += "".join(f'NAME_{word} = "{word} and more"\n' for word in "abcdefghijklmnop")
CALLER_NEW = CALLER.replace("load_orders(store, 17)", "load_orders(store, limit=17)")
HELD = HeldOut()


def release() -> Release:
    before = [File("shop", "orders.py", OLD), File("shop", "main.py", CALLER)]
    after = [File("shop", "orders.py", NEW), File("shop", "main.py", CALLER_NEW)]
    (found,) = releases_of(before, after, HELD)
    return found


def texts(seeds: int) -> list[tuple[str, str, str]]:
    """Return prefix, suffix and middle of the samples of many passes."""
    encode = encoder()
    found = []
    for seed in range(seeds):
        for sample in samples_of(release(), encode, random.Random(seed)):
            ids = sample.tolist()
            hole, end = ids.index(FIM_HOLE), ids.index(FIM_END)
            assert ids[0] == BOS
            assert ids[-1] == EOS
            parts = (ids[2:hole], ids[hole + 1 : end], ids[end + 1 : -1])
            found.append(
                tuple(encode._tokenizer.decode(part, skip_special_tokens=False) for part in parts)
            )
    return found


@pytest.fixture(scope="module")
def found() -> list[tuple[str, str, str]]:
    return texts(12)


def test_a_hole_is_what_a_hunk_became_or_a_line_that_was_left(
    found: list[tuple[str, str, str]],
) -> None:
    middles = {middle for _, _, middle in found}
    assert "    found = store.fetch_all(limit, cached=True)" in middles
    assert "    return load_orders(store, limit=17)" in middles
    left = '    return f"a store: fetch gives what {store} holds"'
    assert left in middles
    for _, _, middle in found:
        assert middle in NEW + CALLER_NEW


def test_the_made_hunk_stands_in_front_and_not_the_one_that_is_the_hole(
    found: list[tuple[str, str, str]],
) -> None:
    both = now = 0
    for prefix, suffix, middle in found:
        if "cached" not in middle:
            continue
        # Both hunks have the same new line: in front, in the file itself, never in the hole's place.
        in_file = prefix.rpartition("# orders.py\n")[2] + "\n" + suffix
        assert in_file.count("cached=True") <= 1
        both += "# before/orders.py\n" in prefix
        now += "# before/orders.py\n" not in prefix and prefix.count("# orders.py\n") == 2
    assert both > 2
    assert now > 0


def test_what_another_file_has_become_is_found_by_the_search(
    found: list[tuple[str, str, str]],
) -> None:
    assert any(
        "load_orders(store, limit=17)" in middle and "fetch_all" in prefix
        for prefix, _, middle in found
    )


def test_what_is_refused_in_either_text_gives_no_release() -> None:
    before, after = File("shop", "orders.py", OLD), File("shop", "orders.py", NEW)
    secret = File("shop", "orders.py", OLD + 'KEY = "AKIA' + "A" * 16 + '"\n')
    assert releases_of([before], [after], HELD)
    assert not releases_of([secret], [after], HELD)
    assert not releases_of([after], [after], HELD)
    held = HeldOut.of([OLD], [])
    assert not releases_of([before], [after], held)


def test_packages_that_measure_the_next_edit_are_known() -> None:
    assert {"flask", "webpack"} <= measured_packages()


def test_rows_are_whole_samples(tmp_path: Path) -> None:
    make_rows([release()], tmp_path, 1_024, 1, 1)
    blocks = [np.load(file) for file in rows.wait_for(tmp_path)]
    assert blocks
    assert all(row[0] == BOS and len(row) == 1_025 for block in blocks for row in block)
