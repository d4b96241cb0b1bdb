"""Measure how well a model's likelihood tells where an edit is repeated from where it is not.

    python -m bench.next_edit.releases FOLDER --names bench/next_edit/held-out.toml
    python -m bench.next_edit.model_judge FOLDER/*/repo --out bench/results/next_edit/model-judge.json

The places are those that the rules of the next edit find after the first two edits of a release: lines
that the author has changed into just what the rule would make of them, and lines that were left as they
are (what a rule would change in part, or otherwise, is neither). Each place is a hole of whole lines in a
prompt like the server's, which is shorter. What is judged by is the log probability of the lines as they would
become, to their end, less that of the lines as they are: alone, and with the two edits in front
(``infill_ls.measuring.edit_snippets``). The figure is the area under the curve: how often a place that the
author changed is thought likelier than one that was left.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from bench.command import finish, parser_of
from bench.model.likelihood import Likelihood
from bench.model.lines import is_written

from infill_ls.document.lines import line_end, line_start, line_starts
from infill_ls.engine import Engine
from infill_ls.engine.fallback import engine_for
from infill_ls.errors import UsageError
from infill_ls.evaluation.edit_episodes import Episode, EpisodeKind, episodes_of, hunks_between
from infill_ls.evaluation.edits import opened
from infill_ls.gathering import Gathering
from infill_ls.measuring.edit_snippets import edit_snippets, lines_edited
from infill_ls.measuring.intervals import area_under_curve
from infill_ls.models.store import bundled_model_path
from infill_ls.next_edit import offer as offers
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Snapshot, Trigger
from infill_retrieval import CountTokens, Query, Retrieval
from infill_retrieval.syntax import language_of

RELEASES = 12_000
"""Of a repository at most."""
PLACES_OF_AN_EPISODE = 3
"""Of each kind: changed, and left as they are."""
PREFIX_TOKENS, SUFFIX_TOKENS = 448, 192
"""Less than in the server's completions: a judge of several places has little time for each."""
MOST_CHARS = 600
"""A hole of longer lines is no place to judge."""
ALONE, NOW, BEFORE_AND_NOW = "alone", "edits in front", "edits in front, before and now"
WAYS = (ALONE, NOW, BEFORE_AND_NOW)


@dataclass(frozen=True, slots=True)
class JudgedPlace:
    """Whole lines of a document, ``start..end``, and what they would become."""

    group: str
    repository: str
    path: str
    text: str
    start: int
    end: int
    new: str
    is_changed: bool
    probability: float
    """Of the judge that the server has."""
    versions: tuple[str, ...]
    """The document before each edit, and now."""

    @property
    def key(self) -> str:
        """What tells the place from others, whatever it is measured by."""
        parts = (self.repository, self.group, self.path, str(self.start), self.old, self.new)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    @property
    def old(self) -> str:
        """The lines as they are."""
        return self.text[self.start : self.end]


def places_of(episode: Episode) -> list[JudgedPlace]:
    """Return places of an episode, at most some of each kind, by chance."""
    uri, history, documents = opened(episode)
    proposal = offers.propose(uri, documents, history.edits, history.refused)
    text = episode.versions[-1]
    changes = stretches_between(text, episode.final)
    found: dict[tuple[int, int, str], JudgedPlace] = {}
    for one in (*proposal.offers, *proposal.declined):
        if one.uri != uri:
            continue
        start, end = line_start(text, one.start), line_end(text, one.end)
        new = text[start : one.start] + one.new + text[one.end : end]
        if new == text[start:end] or max(len(new), end - start) > MOST_CHARS or not new.strip():
            continue
        touched = [became for first, last, became in changes if first <= end and start <= last]
        # A line of an author's stretch may be any of it: whole lines are compared.
        is_changed = any(f"\n{new}\n" in f"\n{became}" for became in touched)
        if touched and not is_changed:
            continue
        found[start, end, new] = JudgedPlace(
            episode.commit, episode.repository, episode.path, text, start, end, new,
            is_changed, one.verdict.probability, episode.versions,
        )  # fmt: skip
    chooser = random.Random(episode.id)
    kept: list[JudgedPlace] = []
    for is_changed in (True, False):
        some = [one for one in found.values() if one.is_changed is is_changed]
        kept += chooser.sample(some, min(PLACES_OF_AN_EPISODE, len(some)))
    return kept


def stretches_between(text: str, final: str) -> list[tuple[int, int, str]]:
    """Return the stretches of ``text`` that the author changed, by offsets, and what they became."""
    starts = line_starts(text)
    return [
        (starts[hunk.start], max(starts[hunk.start], starts[hunk.end] - 1), "".join(hunk.new))
        for hunk in hunks_between(text, final)
    ]


def all_places(repositories: Sequence[Path]) -> list[JudgedPlace]:
    """Return the places of all repositories, those of one episode together, by chance."""
    offers.MAX_DECLINED = 10_000
    found = []
    for repository in repositories:
        try:
            episodes = episodes_of(repository.resolve(), RELEASES, 0, releases=True)
        except UsageError as error:  # too small a package
            print(error, flush=True)
            continue
        for episode in episodes:
            written = is_written(episode.path, language_of(episode.path).name)
            if written and episode.kind in {EpisodeKind.POSITIVE, EpisodeKind.EXHAUSTED}:
                found.append((episode.id, places_of(episode)))
    found.sort(key=lambda pair: hashlib.sha256(pair[0].encode()).digest())
    return [place for _, some in found for place in some]


class Judge:
    """Asks a model about places."""

    def __init__(self, engine: Engine, likelihood: Likelihood, model: str) -> None:
        self._engine, self._likelihood, self._model = engine, likelihood, model

    async def scores(self, place: JudgedPlace) -> dict[str, float]:
        """Return how much likelier the new lines are than the old ones, in nats, in each way."""
        texts = await self._engine.tokenize([place.new, place.old])
        found = {}
        for way in WAYS:
            ids = await self._prompt(place, way)
            new, old = [
                await asyncio.to_thread(self._likelihood.whole, ids, text) for text in texts
            ]
            found[way] = new - old
        return found

    async def _prompt(self, place: JudgedPlace, way: str) -> tuple[int, ...]:
        def edits(_: Query, budget_tokens: int, count_tokens: CountTokens) -> Retrieval:
            made = [lines_edited(place.path, *both) for both in pairwise(place.versions)]
            some = () if way == ALONE else made
            snippets = edit_snippets(
                some, budget_tokens, count_tokens, with_old=way == BEFORE_AND_NOW
            )
            return Retrieval(snippets, sum(one.tokens for one in snippets))

        settings = settings_with(
            model=self._model,
            cold_target_ms=0,
            prefix_tokens=PREFIX_TOKENS,
            suffix_tokens=SUFFIX_TOKENS,
        )
        pipeline = Pipeline(Gathering(self._engine, edits, settings))
        snapshot = Snapshot(
            uri=f"untitled:{place.path}",
            path="",
            name=place.path,
            language_id=language_of(place.path).name,
            text=place.text[: place.start] + place.text[place.end :],
            offset=place.start,
            trigger=Trigger.INVOKED,
        )
        prompt = (await pipeline.prepare(snapshot)).prompt
        if prompt is None:
            raise UsageError(f"{place.path}: nothing would be asked here")
        return prompt.token_ids


def figures(places: Sequence[JudgedPlace], scores: Sequence[dict[str, float]]) -> dict[str, object]:
    """Return the area under the curve of each way, and that of the judge on the same places."""
    changed = [one.is_changed for one in places]
    groups = [f"{one.repository} {one.group}" for one in places]
    by_way = {way: [score[way] for score in scores] for way in WAYS}
    by_way["the server's judge"] = [one.probability for one in places]
    return {
        "places": len(places),
        "changed": sum(changed),
        "packages": len({one.repository for one in places}),
        "releases": len(set(groups)),
        "area under the curve": {
            way: asdict(area_under_curve(values, changed, groups)) for way, values in by_way.items()
        },
    }


async def measure(options: argparse.Namespace) -> None:
    """Measure places by chance, as many as are asked for."""
    places = all_places(options.repositories)
    print(len(places), "places,", sum(one.is_changed for one in places), "changed", flush=True)
    model = options.model or bundled_model_path()
    engine = engine_for(settings_with(model=str(model), threads=1), lambda _: None)
    likelihood = Likelihood(model)
    judge = Judge(engine, likelihood, str(model))
    known = read_scores(options.scores)
    scores: list[dict[str, float]] = []
    try:
        for place in places[: options.places]:
            found = known.get(place.key)
            if found is None:
                found = await judge.scores(place)
                if options.scores is not None:
                    with options.scores.open("a", encoding="utf-8") as sink:
                        sink.write(json.dumps([place.key, found]) + "\n")
            scores.append(found)
            if len(scores) % 20 == 0:
                print(len(scores), "places judged", flush=True)
                _tell(options, model, places[: len(scores)], scores)
    finally:
        likelihood.close()
        await engine.close()
    _tell(options, model, places[: len(scores)], scores)


def read_scores(file: Path | None) -> dict[str, dict[str, float]]:
    """Return what an earlier run with the same model and prompts has kept, by the keys of places."""
    if file is None or not file.exists():
        return {}
    return dict(map(json.loads, file.read_text("utf-8").splitlines()))


def _tell(
    options: argparse.Namespace,
    model: Path,
    places: Sequence[JudgedPlace],
    scores: Sequence[dict[str, float]],
) -> None:
    """Print and write what is known so far: a run that is cut short has a result."""
    finish(options.out, "model-judge", run={"model": model.name}, figures=figures(places, scores))


def main() -> None:
    """Measure as the command line says."""
    parser = parser_of(__doc__)
    parser.add_argument("repositories", type=Path, nargs="+", help="of bench.next_edit.releases")
    parser.add_argument("--model", type=Path, help="GGUF model (default: the bundled one)")
    parser.add_argument("--places", type=int, default=400)
    parser.add_argument(
        "--scores", type=Path, help="keep each place's scores in this file, and go on from there"
    )
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
