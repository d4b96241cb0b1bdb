"""Tests of finding the nodes of a syntax tree that may be holes."""

from __future__ import annotations

import random
from collections import Counter

from training.nodes import LEAST_BYTES, nodes_of, one_of

PYTHON = """\
def total(orders, rate):
    # what is owed
    amount = sum(order.price for order in orders)
    if amount > rate * 100:
        return round(amount, 2)
    return amount
"""


def texts(path: str, text: str) -> list[str]:
    lines = text.split("\n")
    found = []
    for node in nodes_of(path, text):
        part = lines[node.first_line : node.last_line + 1]
        part[-1] = part[-1][: node.last_column]
        part[0] = part[0][node.first_column :]
        found.append("\n".join(part))
    return found


def test_expressions_statements_and_bodies_are_nodes() -> None:
    found = texts("a.py", PYTHON)
    assert {"rate * 100", "round(amount, 2)", "amount > rate * 100", "(orders, rate)"} < set(found)
    assert any(text.startswith("if amount") and text.endswith("2)") for text in found)
    assert not any(text.startswith("#") for text in found)
    assert min(map(len, found)) >= LEAST_BYTES
    assert len(nodes_of("a.py", PYTHON)) == len(set(nodes_of("a.py", PYTHON)))


def test_columns_are_characters_not_bytes() -> None:
    assert "largest(größe, 17)" in texts(
        "a.py", "straße = 'äöü' if größe else largest(größe, 17)\n"
    )


def test_what_is_no_code_has_no_nodes() -> None:
    assert nodes_of("a.unknown", "some words\n") == []
    assert not any("!!" in text for text in texts("a.py", "x = 100\n!! ((\ny = 200\n"))


def test_each_depth_is_drawn_about_as_often() -> None:
    # Ten short arguments, and one call that holds them all.
    text = "call(" + ", ".join(f"name_{n}" for n in range(10)) + ")\n"
    nodes = nodes_of("a.py", text)
    rng = random.Random(1)
    sizes = Counter(one_of(nodes, 0, 1, rng).size_bytes < 10 for _ in range(600))  # type: ignore[union-attr]
    assert 0.2 < sizes[True] / 600 < 0.5
    assert one_of(nodes, 1, 2, rng) is None
