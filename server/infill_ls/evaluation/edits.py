"""``infill-ls eval edits``: measure what is proposed after the first two edits of a commit.

An offer is *right* if the author made that edit: with it the text is nearer to what came of the file by
exactly what the offer takes out and puts in, counted in tokens of the stretch that the author changed.
Blanks do not count. Everything proposed in a negative is wrong.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from infill_ls.document.lines import line_start, split_lines
from infill_ls.evaluation.edit_episodes import ANY_ORDER, Episode, Hunk, Kind, hunks_between
from infill_ls.measuring.figures import Figure, Row, Table, percent, quantile, table
from infill_ls.measuring.figures import without_gaps as figures_of
from infill_ls.next_edit import Document, History, Offer, propose
from infill_ls.next_edit.tokens import texts
from infill_ls.next_edit.weights import THRESHOLD
from infill_retrieval.syntax import language_of

CURVE = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
LARGEST_STRETCH = 600
"""Tokens of a stretch; in a larger one nothing counts as right."""


async def measure(episode: Episode) -> Row:
    """Measure one episode."""
    history = History()
    uri = f"file:///{episode.path}"
    history.opened(uri, episode.versions[0])
    for version in episode.versions[1:]:
        history.changed(uri, version)
    document = Document(episode.versions[-1], language_of(episode.path))
    started = time.perf_counter()
    proposal = propose(uri, {uri: document}, history.edits, history.refused)
    ms = (time.perf_counter() - started) * 1000
    judge_offer = right_in(episode)
    return {
        "group": episode.commit,
        "kind": episode.kind.value,
        "repeating": episode.is_repeating,
        "order": "any" if episode.id.endswith(ANY_ORDER) else "document",
        "language": document.language.name,
        "ms": ms,
        "offers": [
            [offer.verdict.probability, judge_offer(offer), offer.rule.value]
            for offer in (*proposal.offers, *proposal.declined)
        ],
    }


def right_in(episode: Episode) -> Callable[[Offer], bool]:
    """Return what tells whether the author made the edit that an offer is."""
    text = episode.versions[-1]
    hunks = hunks_between(text, episode.final) if text != episode.final else []
    starts = [0]
    for line in split_lines(text):
        starts.append(starts[-1] + len(line))

    def is_right(offer: Offer) -> bool:
        return any(_is_in(offer, hunk, starts, text) for hunk in hunks)

    return is_right


def _is_in(offer: Offer, hunk: Hunk, starts: list[int], text: str) -> bool:
    low, high = starts[hunk.start], starts[hunk.end]
    if not (low <= offer.start and offer.end <= high):
        return False
    if offer.start == high and offer.start != low and line_start(text, high) == high and offer.old:
        return False
    now = text[low:high]
    became = now[: offer.start - low] + offer.new + now[offer.end - low :]
    goal = texts("".join(hunk.new))
    if max(len(goal), len(texts(now)), len(texts(became))) > LARGEST_STRETCH:
        return False
    size = distance(texts(offer.old), texts(offer.new))
    return size > 0 and distance(texts(now), goal) - distance(texts(became), goal) == size


def distance(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return how many tokens must be removed and inserted to turn one into the other."""
    head = 0
    while head < min(len(one), len(other)) and one[head] == other[head]:
        head += 1
    one, other = one[head:], other[head:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    row = list(range(len(other) + 1))
    for number, token in enumerate(one, start=1):
        before, row[0] = row[0], number
        for place, wanted in enumerate(other, start=1):
            diagonal = before
            before = row[place]
            row[place] = diagonal if token == wanted else 1 + min(before, row[place - 1])
    return row[-1]


def tables_of(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Return the tables of a result."""
    judged = [with_outcome(row, THRESHOLD) for row in rows]
    shuffled = [row for row in judged if row["order"] == "any"]
    positives = [
        row for row in judged if row["kind"] == Kind.POSITIVE and row["order"] == "document"
    ]
    negatives = [row for row in judged if row["kind"] != Kind.POSITIVE]
    groups = {
        "repeating": [row for row in positives if row["repeating"]],
        "repeating, edits in any order": [row for row in shuffled if row["repeating"]],
        "all": positives,
        "all, edits in any order": shuffled,
        **{
            f"repeating, {language}": [
                row for row in positives if row["language"] == language and row["repeating"]
            ]
            for language in sorted({row["language"] for row in positives})
        },
    }
    kinds = {
        "all": negatives,
        **{
            kind.value: [row for row in negatives if row["kind"] == kind]
            for kind in Kind
            if kind is not Kind.POSITIVE
        },
    }
    edits = edit_rows(positives, THRESHOLD)
    rules = sorted({row["rule"] for row in edits})
    return (
        table("Episodes answered (%)", _filled(groups, _answered)),
        table(
            "Edits proposed that the author made (%)",
            _filled(
                {
                    "positives": edits,
                    "positives, edits in any order": edit_rows(shuffled, THRESHOLD),
                    "positives and negatives": edit_rows([*positives, *negatives], THRESHOLD),
                    **{rule: [row for row in edits if row["rule"] == rule] for rule in rules},
                },
                lambda some: figures_of(precision=percent(some, "right")),
            ),
        ),
        table(
            "Negatives (%)",
            _filled(kinds, lambda some: figures_of(silent=percent(some, "silent"))),
        ),
        table(
            "By threshold (%)", {f"{one:.2f}": curve_at(rows, one) for one in (*CURVE, THRESHOLD)}
        ),
        table(
            "Time (ms)",
            _filled(
                {"all": judged},
                lambda some: figures_of(p50=quantile(some, "ms", 0.5), p95=quantile(some, "ms", 0.95)),
            ),
        ),
    )  # fmt: skip


def with_outcome(row: Row, threshold: float) -> Row:
    """Return the row with what a user would have seen at a threshold."""
    shown = [right for probability, right, _ in row["offers"] if probability >= threshold]
    return {
        **row,
        "useful": bool(shown) and all(shown),
        "partial": any(shown) and not all(shown),
        "wrong": bool(shown) and not any(shown),
        "missed": not shown,
        "silent": not shown,
    }


def edit_rows(rows: Sequence[Row], threshold: float) -> list[Row]:
    """Return a row for each edit that is proposed at a threshold."""
    return [
        {"id": f"{row['id']}:{number}", "group": row["group"], "right": right, "rule": rule}
        for row in rows
        for number, (probability, right, rule) in enumerate(row["offers"])
        if probability >= threshold
    ]


def curve_at(rows: Sequence[Row], threshold: float) -> dict[str, Figure]:
    """Return the figures that a threshold trades against each other."""
    judged = [with_outcome(row, threshold) for row in rows if row["order"] == "document"]
    positives = [row for row in judged if row["kind"] == Kind.POSITIVE]
    repeating = [row for row in positives if row["repeating"]]
    negatives = [row for row in judged if row["kind"] != Kind.POSITIVE]
    return figures_of(
        answered_of_repeating=percent(repeating, "useful"),
        answered_of_all=percent(positives, "useful"),
        precision=percent(edit_rows(positives, threshold), "right"),
        precision_with_negatives=percent(edit_rows(judged, threshold), "right"),
        silent_on_negatives=percent(negatives, "silent"),
    )


def read_bank(file: Path) -> list[Episode]:
    """Return the episodes that :func:`write_bank` wrote."""
    episodes = []
    for line in file.read_text("utf-8").splitlines():
        fields = json.loads(line)
        fields["kind"] = Kind(fields["kind"])
        fields["versions"] = tuple(fields["versions"])
        episodes.append(Episode(**fields))
    return episodes


def write_bank(file: Path, episodes: Sequence[Episode]) -> None:
    """Keep episodes; the file holds the source text of the repositories."""
    file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in episodes), "utf-8")


def _answered(rows: Sequence[Row]) -> dict[str, Figure]:
    return figures_of(
        useful=percent(rows, "useful"),
        partial=percent(rows, "partial"),
        wrong=percent(rows, "wrong"),
        missed=percent(rows, "missed"),
    )


def _filled(
    groups: dict[str, list[Row]], figures: Callable[[Sequence[Row]], dict[str, Figure]]
) -> dict[str, dict[str, Figure]]:
    return {name: figures(rows) for name, rows in groups.items() if rows}
