"""``infill-ls eval edits``: measure what is proposed after the first two edits of a commit.

An offer is *right* if the author made that edit: with it the text is nearer to what came of the file by
exactly what the offer takes out and puts in, counted in tokens of the stretch that the author changed.
Blanks do not count. Everything proposed in a negative is wrong.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from infill_ls.document.lines import line_start, line_starts
from infill_ls.evaluation.edit_episodes import (
    ANY_ORDER,
    Episode,
    EpisodeKind,
    Hunk,
    Other,
    hunks_between,
)
from infill_ls.measuring.figures import Figure, Row, Table, average, percent, quantile, table
from infill_ls.measuring.figures import without_gaps as figures_of
from infill_ls.next_edit import Document, History, Offer, propose
from infill_ls.next_edit.forest import the_forest
from infill_ls.next_edit.history import difference
from infill_ls.next_edit.judge import LEAST_ELSEWHERE
from infill_ls.next_edit.tokens import texts
from infill_retrieval.syntax import language_of

CURVE = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
LONGEST_CHAIN = 20
PRESSES = 2
"""Of the key, for one edit: the first goes there, the second makes it."""
LARGEST_STRETCH = 600
"""Tokens of a stretch; in a larger one nothing counts as right."""


async def measure(episode: Episode) -> Row:
    """Measure one episode."""
    uri, history, documents = opened(episode)
    started = time.perf_counter()
    proposal = propose(uri, documents, history.edits, history.refused)
    ms = (time.perf_counter() - started) * 1000
    judge_offer = right_in(episode)
    told = [
        ([offer.verdict.probability, judge_offer(offer), offer.rule.value], offer.uri == uri)
        for offer in (*proposal.offers, *proposal.declined)
    ]
    return {
        "group": episode.commit,
        "kind": episode.kind.value,
        "repeating": episode.is_repeating,
        "order": order_of(episode),
        "language": documents[uri].language.name,
        "ms": ms,
        "offers": [offer for offer, is_here in told if is_here],
        "elsewhere": [offer for offer, is_here in told if not is_here],
        "chain": chain_of(episode) if order_of(episode) == "document" else [],
    }


def chain_of(episode: Episode) -> list[tuple[bool, int]]:
    """Return what is shown one after another: whether each is right, and the keys that it saves.

    As in an editor: of what is offered the first is shown. What is right is accepted, and more is asked
    for; what is wrong is dismissed, which silences what it repeats. Keys are the characters that would
    be deleted and typed, less the two presses that go there and accept.
    """
    uri, history, documents = opened(episode)
    found: list[tuple[bool, int]] = []
    while len(found) < LONGEST_CHAIN:
        proposal = propose(uri, documents, history.edits, history.refused)
        offer = next((one for one in proposal.offers if one.uri == uri), None)
        if offer is None:
            break
        text = documents[uri].text
        is_right = right_in(replace(episode, versions=(text,)))(offer)
        _, old, new = difference(offer.old, offer.new)
        found.append((is_right, len(old) + len(new) - PRESSES if is_right else -PRESSES))
        if is_right:
            text = offer.applied_to(text)
            history.changed(uri, text)
            documents[uri] = Document(text, documents[uri].language)
        else:
            history.refuse([offer.key, (offer.old, offer.new)])
    return found


def opened(episode: Episode) -> tuple[str, History, dict[str, Document]]:
    """Return an episode as an editor has it: the document's URI, what was edited, what is open."""
    history = History()
    uri = f"file:///{episode.path}"
    documents = {uri: Document(episode.versions[-1], language_of(episode.path))}
    for path, before, _ in episode.others:
        history.opened(f"file:///{path}", before)
        documents[f"file:///{path}"] = Document(before, language_of(path))
    history.opened(uri, episode.versions[0])
    for version in episode.versions[1:]:
        history.changed(uri, version)
    return uri, history, documents


def order_of(episode: Episode) -> str:
    """Return which hunks were made, or that others are open."""
    if episode.others:
        return "others"
    return "any" if episode.id.endswith(ANY_ORDER) else "document"


def right_in(episode: Episode) -> Callable[[Offer], bool]:
    """Return what tells whether the author made the edit that an offer is."""
    last = {f"file:///{episode.path}": (episode.versions[-1], episode.final)}
    last |= {f"file:///{one.path}": (one.before, one.after) for one in episode.others}
    known: dict[str, tuple[list[Hunk], list[int]]] = {}

    def is_right(offer: Offer) -> bool:
        text, final = last[offer.uri]
        if offer.uri not in known:
            hunks = hunks_between(text, final) if text != final else []
            known[offer.uri] = hunks, line_starts(text)
        hunks, starts = known[offer.uri]
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
    threshold = the_forest().threshold
    judged = [with_outcome(row, threshold) for row in rows]
    shuffled = [row for row in judged if row["order"] == "any"]
    positives = [
        row for row in judged if row["kind"] == EpisodeKind.POSITIVE and row["order"] == "document"
    ]
    negatives = [row for row in judged if row["kind"] != EpisodeKind.POSITIVE]
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
            for kind in EpisodeKind
            if kind is not EpisodeKind.POSITIVE
        },
    }
    edits = edit_rows(positives, threshold)
    rules = sorted({row["rule"] for row in edits})
    beside = [row for row in judged if row["order"] == "others"]
    elsewhere = [
        with_outcome({**row, "offers": row["elsewhere"]}, LEAST_ELSEWHERE)
        for row in beside
        if any(right for _, right, _ in row["elsewhere"])
    ]
    further = (
        table("Other open documents (%)", {
            "edits proposed there": figures_of(
                precision=percent(
                    edit_rows(
                        [{**row, "offers": row["elsewhere"]} for row in beside], LEAST_ELSEWHERE
                    ),
                    "right",
                ),
            ),
            "episodes with a place there": _answered(elsewhere),
        }),
    ) if elsewhere else ()  # fmt: skip
    return (
        table("Episodes answered (%)", _filled(groups, _answered)),
        table(
            "Edits proposed that the author made (%)",
            _filled(
                {
                    "positives": edits,
                    "positives, edits in any order": edit_rows(shuffled, threshold),
                    "positives and negatives": edit_rows([*positives, *negatives], threshold),
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
            "By threshold (%)", {f"{one:.2f}": curve_at(rows, one) for one in (*CURVE, threshold)}
        ),
        table(
            "Time (ms)",
            _filled(
                {"all": judged},
                lambda some: figures_of(p50=quantile(some, "ms", 0.5), p95=quantile(some, "ms", 0.95)),
            ),
        ),
        table("Shown one after another (%)", _filled(
            {
                "repeating": [_chained(row) for row in positives if row["repeating"]],
                "all": [_chained(row) for row in positives],
                "negatives": [_chained(row) for row in negatives if row["order"] == "document"],
            },
            _answered,
        )),
        table("Edits shown one after another", _filled(
            {
                "repeating": _links([row for row in positives if row["repeating"]]),
                "all": _links(positives),
            },
            lambda some: figures_of(right=percent(some, "right"), keys_saved=average(some, "keys")),
        )),
        *further,
    )  # fmt: skip


def _chained(row: Row) -> Row:
    shown = [right for right, _ in row["chain"]]
    return {**row, **_outcome(shown)}


def _links(rows: Sequence[Row]) -> list[Row]:
    return [
        {"id": f"{row['id']}:{number}", "group": row["group"], "right": right, "keys": keys}
        for row in rows
        for number, (right, keys) in enumerate(row["chain"])
    ]


def with_outcome(row: Row, threshold: float) -> Row:
    """Return the row with what a user would have seen at a threshold."""
    shown = [right for probability, right, _ in row["offers"] if probability >= threshold]
    return {**row, **_outcome(shown)}


def _outcome(shown: list[bool]) -> dict[str, bool]:
    return {
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
    positives = [row for row in judged if row["kind"] == EpisodeKind.POSITIVE]
    repeating = [row for row in positives if row["repeating"]]
    negatives = [row for row in judged if row["kind"] != EpisodeKind.POSITIVE]
    return figures_of(
        answered_of_repeating=percent(repeating, "useful"),
        answered_of_all=percent(positives, "useful"),
        precision=percent(edit_rows(positives, threshold), "right"),
        precision_with_negatives=percent(edit_rows(judged, threshold), "right"),
        silent_on_negatives=percent(negatives, "silent"),
    )


def read_bank(file: Path) -> list[Episode]:
    """Return the episodes that :func:`write_bank` wrote."""
    return [episode_from(line) for line in file.read_text("utf-8").splitlines()]


def episode_from(line: str) -> Episode:
    """Return the episode of a line of a bank."""
    fields = json.loads(line)
    fields["kind"] = EpisodeKind(fields["kind"])
    fields["versions"] = tuple(fields["versions"])
    fields["others"] = tuple(Other(*one) for one in fields.get("others", ()))
    return Episode(**fields)


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
