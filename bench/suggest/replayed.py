"""The rows that ``bench.suggest.typed`` has kept: what each would be judged by, and what a user would have seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from infill_ls.suggesting.worth import features_of
from infill_ls.types import Completion, EngineTimings, Hole, Mode, StopReason, Suggestion
from infill_retrieval.syntax import PLAIN_TEXT, language_named

TIMINGS = EngineTimings(0, 0, 0.0, 1, 1.0)
LEAST_ACCEPTED_CHARS = 3
"""As in :mod:`infill_ls.measuring.typist`."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A suggestion at a key, and how many of its characters are what was written there; 0 if it is wrong."""

    project: str
    edit: str
    kind: str
    rest: str
    """What was left to type."""
    shown: str
    """Empty if there is nothing to show."""
    right_chars: int
    features: dict[str, float]

    def goes_on(self, before: KeyRow) -> bool:
        """Tell whether this is the rest of a suggestion of before, of which the beginning was typed."""
        typed = before.rest[: len(before.rest) - len(self.rest)]
        rest = before.shown[len(typed) :]
        return bool(typed and rest) and before.shown.startswith(typed)


def read_rows(path: Path) -> list[list[KeyRow]]:
    """Return the rows of each edit in the order of the keys."""
    with path.open(encoding="utf-8") as lines:
        rows = [_row_of(json.loads(line)) for line in lines]
    # A line that was finished before stands elsewhere in the file.
    groups = groupby(rows, lambda row: (row.project, row.edit, row.kind == "finished"))
    return [list(group) for _, group in groups]


def _row_of(kept: dict[str, Any]) -> KeyRow:
    shown = kept.get("shown", "")
    return KeyRow(
        kept["project"],
        kept["edit"],
        kept["kind"],
        kept["rest"],
        shown,
        kept["right_chars"] if shown else 0,
        _features_of(kept) if shown else {},
    )


def _features_of(kept: dict[str, Any]) -> dict[str, float]:
    logprobs = tuple(kept["logprobs"])
    hole = Hole(
        prefix=kept["prefix"],
        prefix_borders=(),
        typed=kept["typed"],
        line_tail=kept["line_tail"],
        below=kept["below"],
        anchor=0,
        language=language_named(kept["language"]) or PLAIN_TEXT,
        mode=Mode(kept["mode"]),
    )
    stop = StopReason(kept["stop"])
    completion = Completion(kept["text"], stop, fmean(logprobs), TIMINGS, logprobs)
    return features_of(completion, hole, Suggestion(kept["shown"], kept["replaced"]))


def weights_of(edits: Sequence[Sequence[KeyRow]]) -> list[float]:
    """Return what each row with something to show counts: each text 1, however many keys it was typed along."""
    weights: list[float] = []
    for rows in edits:
        run: list[KeyRow] = []
        for row in rows:
            if run and not (row.shown and _is_same_text(run[-1], row)):
                weights += [1 / len(run)] * len(run)
                run = []
            if row.shown:
                run.append(row)
        weights += [1 / max(len(run), 1)] * len(run)
    return weights


def _is_same_text(before: KeyRow, row: KeyRow) -> bool:
    if not row.goes_on(before):
        return False
    typed = len(before.rest) - len(row.rest)
    return row.shown.startswith(before.shown[typed : typed + LEAST_ACCEPTED_CHARS])


@dataclass(slots=True)
class SeenSuggestions:
    """What somebody saw who typed the edits and accepted what was right."""

    right: int = 0
    wrong: int = 0
    saved_keys: int = 0


def seen_with(edits: Sequence[Sequence[KeyRow]], is_shown: Sequence[bool]) -> SeenSuggestions:
    """Return what was seen if ``is_shown`` decides, which is as long as there are rows with something to show."""
    seen, decisions = SeenSuggestions(), iter(is_shown)
    for rows in edits:
        decided = [bool(row.shown) and next(decisions) for row in rows]
        place = 0
        while place < len(rows):
            row = rows[place]
            place += 1
            if not decided[place - 1]:
                continue
            if row.right_chars:
                seen.right += 1
                if len(row.shown[: row.right_chars].strip()) >= LEAST_ACCEPTED_CHARS:
                    seen.saved_keys += row.right_chars - 1
                left = len(row.rest) - row.right_chars
                while place < len(rows) and len(rows[place].rest) > left:
                    place += 1
            else:
                seen.wrong += 1
                while place < len(rows) and rows[place].goes_on(row):
                    place += 1
    return seen
