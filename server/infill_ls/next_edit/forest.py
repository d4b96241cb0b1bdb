"""Learnt decision trees as arrays: the sum of one leaf of each is the logarithm of the odds.

``judge.json`` holds them, written by ``bench/next_edit/fit.py``. All candidates go through all trees at
once. What a feature weighed is how much the sum moved at the nodes that asked for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
FILE = "judge.json"
DIGITS = 4
"""Of a feature: what is learnt from is rounded, so what is judged is."""


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees over named features. A leaf leads to itself."""

    names: tuple[str, ...]
    threshold: float
    """Probability from which on a candidate is offered."""
    bias: float
    depth: int
    roots: Numbers
    feature: Numbers
    limit: Floats
    """A value up to it goes to the left."""
    left: Numbers
    right: Numbers
    value: Floats
    """Of a leaf; of a node, what its leaves come to on average."""

    def matrix(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """Return the features of candidates by column; what is not said is 0."""
        column = {name: number for number, name in enumerate(self.names)}
        table = np.zeros((len(rows), len(self.names)))
        for number, row in enumerate(rows):
            for name, value in row.items():
                place = column.get(name)
                if place is not None:
                    table[number, place] = value
        return np.round(table, DIGITS)

    def log_odds(self, table: Floats) -> Floats:
        """Return the sum over the trees for each row."""
        at = self._starts(len(table))
        for _ in range(self.depth):
            at = self._step(table, at)
        total: Floats = self.bias + self.value[at].sum(axis=1)
        return total

    def weighed(self, table: Floats) -> Floats:
        """Return for each row what each feature added to the sum."""
        at = self._starts(len(table))
        found = np.zeros(table.shape)
        rows = np.arange(len(table))[:, None]
        for _ in range(self.depth):
            to = self._step(table, at)
            places = (rows * table.shape[1] + self.feature[at]).ravel()
            moved = (self.value[to] - self.value[at]).ravel()
            found += np.bincount(places, moved, table.size).reshape(table.shape)
            at = to
        return found

    def _starts(self, count: int) -> Numbers:
        return np.broadcast_to(self.roots, (count, len(self.roots)))

    def _step(self, table: Floats, at: Numbers) -> Numbers:
        asked = np.take_along_axis(table, self.feature[at], axis=1)
        return np.where(asked <= self.limit[at], self.left[at], self.right[at])


@cache
def the_forest() -> Forest:
    """Return the trees that were learnt."""
    text = files("infill_ls.next_edit").joinpath(FILE).read_text("utf-8")
    return forest_of(json.loads(text))


def forest_of(kept: dict[str, Any]) -> Forest:
    """Return the trees that :func:`kept_form` wrote."""
    return Forest(
        tuple(kept["names"]),
        float(kept["threshold"]),
        float(kept["bias"]),
        int(kept["depth"]),
        np.array(kept["roots"], np.int64),
        np.array(kept["feature"], np.int64),
        np.array(kept["limit"], np.float64),
        np.array(kept["left"], np.int64),
        np.array(kept["right"], np.int64),
        np.array(kept["value"], np.float64),
    )


def kept_form(forest: Forest) -> str:
    """Return trees as the text of ``judge.json``."""
    fields: dict[str, object] = {
        "names": forest.names,
        "threshold": round(forest.threshold, 4),
        "bias": round(forest.bias, 5),
        "depth": forest.depth,
        "roots": forest.roots.tolist(),
        "feature": forest.feature.tolist(),
        "limit": [round(one, 7) for one in forest.limit.tolist()],
        "left": forest.left.tolist(),
        "right": forest.right.tolist(),
        "value": [round(one, 5) for one in forest.value.tolist()],
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"
