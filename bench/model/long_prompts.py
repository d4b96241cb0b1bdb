"""Measure whether a model reads on beyond 2 048 tokens: the same holes, in prompts short and long.

    python -m bench.model.long_prompts held-out --out bench/results/model/long-prompts.json

The holes are some lines each, far from both ends of large files of packages that the model never saw
(as for ``held_out_lines.py``: archives in folders named after their languages). The prompts are the
server's, without snippets: once within 2 048 tokens, the lines that are to be written among them, and
once within 4 096. What is measured is the log probability of these lines, in bits a byte.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.command import finish, parser_of
from bench.model.likelihood import Likelihood
from bench.model.lines import is_written
from bench.packages import archives_of, unpack

from infill_ls.document.lines import line_starts
from infill_ls.engine import Engine
from infill_ls.engine.fallback import engine_for
from infill_ls.gathering import Gathering
from infill_ls.measuring.cross_file import read
from infill_ls.measuring.intervals import mean
from infill_ls.models.store import bundled_model_path
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Snapshot, Trigger
from infill_retrieval import NO_SNIPPETS
from infill_retrieval.files.sources import find_sources
from infill_retrieval.settings import DEFAULT_SETTINGS
from infill_retrieval.syntax import language_of

SIZES = {2_048: (1_312, 448), 4_096: (2_816, 960)}
"""Tokens of prefix and of suffix in a prompt of so many, with room for what is to be written."""
MIDDLE_CHARS = 900
"""Lines are left out until they have so many: what is to be written has 250 tokens or so."""
BEFORE_CHARS, AFTER_CHARS = 12_000, 4_500
"""So much stands around a hole, which is more than the longer prompt holds of most texts."""
HOLES_OF_A_FILE = 2
LEAST_TOKENS = 3_200
"""A prompt that turns out to be shorter is not counted among the long ones."""


@dataclass(frozen=True, slots=True)
class LongPlace:
    """Lines to be left out of a file."""

    language: str
    package: str
    path: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MeasuredPrompt:
    """A hole: its bytes, and what they cost in bits in each size of prompt."""

    language: str
    file: str
    size: int
    bits: dict[int, float]
    tokens: dict[int, int]
    """Of the prompts."""


def places_of(folder: Path, language: str) -> list[LongPlace]:
    """Return holes in the large files of a package, at most some of each file, by chance."""
    found = []
    for name in sorted(source.name for source in find_sources(folder, DEFAULT_SETTINGS)):
        if not is_written(name, language):
            continue
        text = read(folder / name)
        if len(text) < BEFORE_CHARS + AFTER_CHARS + MIDDLE_CHARS:
            continue
        starts = line_starts(text)
        last = len(text) - AFTER_CHARS - MIDDLE_CHARS
        inside = [start for start in starts if BEFORE_CHARS <= start <= last]
        chooser = random.Random(f"{folder.name} {name}")
        for start in chooser.sample(inside, min(HOLES_OF_A_FILE, len(inside))):
            end = next(at for at in starts if at >= start + MIDDLE_CHARS)
            if end - start <= 2 * MIDDLE_CHARS and text[start:end].strip():
                found.append(LongPlace(language, folder.name, name, text, start, end - 1))
    chooser = random.Random(folder.name)
    return chooser.sample(found, len(found))


def in_turn(places: Sequence[LongPlace]) -> Iterator[LongPlace]:
    """Yield places of one language after the other, so that a run may end at any time."""
    by_language: defaultdict[str, list[LongPlace]] = defaultdict(list)
    for place in random.Random(1).sample(list(places), len(places)):
        by_language[place.language].append(place)
    while any(by_language.values()):
        for waiting in by_language.values():
            if waiting:
                yield waiting.pop()


class LongPromptAsker:
    """Puts a hole into prompts of each size."""

    def __init__(self, engine: Engine, model: str) -> None:
        self._engine = engine
        self._pipelines = {
            size: Pipeline(
                Gathering(
                    engine,
                    lambda *_: NO_SNIPPETS,
                    settings_with(
                        model=model,
                        prefix_tokens=prefix,
                        suffix_tokens=suffix,
                        snippet_tokens=0,
                        cold_target_ms=0,
                    ),
                )
            )
            for size, (prefix, suffix) in SIZES.items()
        }

    async def measure(self, place: LongPlace, likelihood: Likelihood) -> MeasuredPrompt | None:
        """Return what the lines cost in each prompt; ``None`` if there is no long one for them."""
        text = place.text[: place.start] + place.text[place.end :]
        snapshot = Snapshot(
            uri=f"untitled:{place.package}/{place.path}#{place.start}",
            path="",
            name=place.path,
            language_id=language_of(place.path).name,
            text=text,
            offset=place.start,
            trigger=Trigger.INVOKED,
        )
        wanted = place.text[place.start : place.end]
        fim = (await self._engine.start()).fim_tokens()
        (ids,) = await self._engine.tokenize([wanted])
        bits, tokens = {}, {}
        for size, pipeline in self._pipelines.items():
            prompt = (await pipeline.prepare(snapshot)).prompt
            if prompt is None or prompt.fragment or fim.middle is None:
                return None
            tokens[size] = len(prompt.token_ids)
            if tokens[size] + len(ids) > size:
                return None
            costs = await asyncio.to_thread(likelihood.of, prompt.token_ids, ids)
            bits[size] = -sum(costs) / math.log(2)
        if tokens[max(SIZES)] < LEAST_TOKENS:
            return None
        file = f"{place.package}/{place.path}"
        return MeasuredPrompt(place.language, file, len(wanted.encode()), bits, tokens)


def figures(measured: Sequence[MeasuredPrompt]) -> dict[str, object]:
    """Return bits a byte in each size of prompt, and by how much more the longer one costs."""
    short, long = sorted(SIZES)
    groups = [one.file for one in measured]

    def of(some: Sequence[MeasuredPrompt], sizes: Sequence[int]) -> dict[str, object]:
        size = sum(one.size for one in some)
        return {f"{n}": round(sum(one.bits[n] for one in some) / size, 4) for n in sizes}

    whole = sum(one.bits[short] for one in measured) / len(measured)
    gain = [100 * (one.bits[long] - one.bits[short]) / whole for one in measured]
    by_language: defaultdict[str, list[MeasuredPrompt]] = defaultdict(list)
    for one in measured:
        by_language[one.language].append(one)
    return {
        "holes": len(measured),
        "files": len(set(groups)),
        "bytes": sum(one.size for one in measured),
        "prompt tokens, mean": {
            f"{size}": round(sum(one.tokens[size] for one in measured) / len(measured))
            for size in SIZES
        },
        "bits a byte": of(measured, list(SIZES)),
        "the longer less the shorter, % of its bits": asdict(mean(gain, groups)),
        "holes that the longer makes likelier, %": asdict(
            mean([100.0 * (one.bits[long] < one.bits[short]) for one in measured], groups)
        ),
        "bits a byte, by language": {
            language: {"bytes": sum(one.size for one in some), **of(some, list(SIZES))}
            for language, some in sorted(by_language.items())
        },
    }


async def measure(options: argparse.Namespace) -> None:
    """Measure holes until they have as many bytes as are asked for."""
    places: list[LongPlace] = []
    for language, archive in archives_of(options.packages):
        with tempfile.TemporaryDirectory() as folder:
            places += places_of(unpack(archive, Path(folder)), language)
    path = options.model or bundled_model_path()
    run = {"model": path.name, "packages": len({(p.language, p.package) for p in places})}
    engine = engine_for(settings_with(model=str(path), threads=1), lambda _: None)
    likelihood = Likelihood(path)
    measured: list[MeasuredPrompt] = []
    try:
        asker = LongPromptAsker(engine, str(path))
        for place in in_turn(places):
            found = await asker.measure(place, likelihood)
            if found is None:
                continue
            measured.append(found)
            if len(measured) % 10 == 0:  # a run that is cut short has a result
                finish(options.out, "long-prompts", run=run, figures=figures(measured))
            if sum(one.size for one in measured) >= options.bytes:
                break
    finally:
        likelihood.close()
        await engine.close()
    finish(options.out, "long-prompts", run=run, figures=figures(measured))


def main() -> None:
    """Measure as the command line says."""
    parser = parser_of(__doc__)
    parser.add_argument("packages", type=Path, help="folder of the held-out packages' archives")
    parser.add_argument("--model", type=Path, help="GGUF model (default: the bundled one)")
    parser.add_argument("--bytes", type=int, default=100_000, help="to be written in all")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
