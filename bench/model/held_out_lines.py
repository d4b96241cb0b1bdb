"""Measure how often a model writes the rest of a line right, in packages that it never saw.

    pip download --no-deps -d held-out werkzeug==3.1.9 trio==0.35.0 click==8.5.1 pygls==2.1.1
    python -m bench.model.held_out_lines held-out --out bench/results/model/held_out_lines.json

The folder may have folders of other archives, each named after the language to measure: npm
tarballs, Debian packages, and Debian sources by their .dsc. ``line_prompts.py`` writes what would be
asked, for a program that answers many at once.

Each line of the first kind of case is cut at a random column and asked for in three ways, greedy and
healed, by the server's own pipeline: as plain text without a suffix or a marker, as a hole, and as
a hole with snippets. A case of the second kind (``cross_file.py``) begins at the first use, in its
file, of what another file declares. Nothing of the file being edited is ever in a snippet.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import geometric_mean

from bench.command import finish, parser_of
from bench.model.forms import ALL, ALONE, CODE
from bench.model.lines import (
    HOLE,
    HUMANEVAL,
    PLAIN,
    RAW,
    SNIPPETS,
    WAYS,
    Asker,
    KeyTime,
    LineAnswer,
    cross_file,
    random_columns,
)
from bench.packages import archives_of, unpack

from infill_ls.engine.fallback import engine_for
from infill_ls.measuring.holes import CutHole, HoleKind
from infill_ls.measuring.intervals import compare, mean, quantile
from infill_ls.settings import settings_with
from infill_retrieval import RetrievalSettings
from infill_retrieval.index import WorkspaceIndex

NAMES: dict[str, str] = {
    HoleKind.LINE: "random column",
    HoleKind.CALL: "cross-file",
    HUMANEVAL: "HumanEval single-line",
}


async def measure(archives: Sequence[tuple[str, Path]], options: argparse.Namespace) -> None:
    """Ask for all lines of all packages, spread evenly, and tell what came of it."""
    engine = engine_for(settings_with(model=options.model), lambda _: None)
    answers: list[LineAnswer] = []
    key_times: list[KeyTime] = []
    try:
        for language, archive in archives:
            of_language = sum(one == language for one, _ in archives)
            with tempfile.TemporaryDirectory() as place:
                folder = unpack(archive, Path(place))
                lines = random_columns(folder, -(-options.cases // of_language), language)
                calls = cross_file(folder, -(-options.cross_file_cases // of_language), language)
                with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=False)) as index:
                    index.crawl()
                    asker = Asker(engine, index, folder, options.model, language)
                    for hole in sorted((*lines, *calls), key=_by_chance_by_file):
                        if options.timed:
                            key_times.append(await asker.time_next_key(hole))
                        else:
                            ways = WAYS if hole.kind is HoleKind.LINE else (HOLE, SNIPPETS)
                            answers.append(await asker.ask(hole, ways))
                            if options.answers:
                                _append(options.answers, answers[-1])
            print(f"{folder.name}: {len(answers) + len(key_times)} cases", flush=True)
            found = times(key_times) if options.timed else figures(answers)
            _write(options, found)  # a run that is cut short has a result
    finally:
        await engine.close()


def _by_chance_by_file(hole: CutHole) -> tuple[float, int]:
    """Order holes so that a run cut short saw files by chance, and the KV cache serves each file."""
    return random.Random(hole.path).random(), hole.start


def times(keys: Sequence[KeyTime]) -> dict[str, object]:
    """Return how long a suggestion takes while somebody types, and what of it is decoding."""
    totals_ms = [key.total_ms for key in keys]
    steps_ms = [key.decode_ms / key.decode_tokens for key in keys if key.decode_tokens]
    found = {
        "next key, ms, median": quantile(totals_ms, 0.5),
        "next key, ms, p95": quantile(totals_ms, 0.95),
        "decoded tokens, median": quantile([key.decode_tokens for key in keys], 0.5),
        "decode step, ms, median": quantile(steps_ms, 0.5),
        "beside decoding, ms, median": quantile([k.total_ms - k.decode_ms for k in keys], 0.5),
    }
    return {"cases": len(keys), **{name: asdict(interval) for name, interval in found.items()}}


def figures(answers: Sequence[LineAnswer]) -> dict[str, object]:
    """Return each way's share of right lines, in percent, and how the ways compare.

    Where there are several languages, those of each, and the geometric mean of all but the first's.
    """
    languages = sorted({answer.language for answer in answers})
    if len(languages) > 1:
        found: dict[str, object] = {
            language: figures([a for a in answers if a.language == language])
            for language in languages
        }
        for kind in (HoleKind.LINE, HoleKind.CALL):
            some = [a for a in answers if a.kind == kind and a.language != "python"]
            for way in {way: None for answer in some for way in answer.written}:
                found[f"{NAMES[kind]}, {way}, geometric mean without Python, %"] = _mean_of(
                    some, way
                )
        return found
    by_kind: dict[str, list[LineAnswer]] = {name: [] for name in NAMES}
    for answer in answers:
        by_kind[answer.kind].append(answer)
    return {NAMES[kind]: _figures_of(some) for kind, some in by_kind.items() if some}


def _mean_of(answers: Sequence[LineAnswer], way: str) -> float:
    """Return the geometric mean of the languages' shares of right lines, in percent."""
    right: dict[str, list[bool]] = {}
    for answer in answers:
        if way in answer.written:
            right.setdefault(answer.language, []).append(answer.is_right(way))
    shares = [100 * sum(flags) / len(flags) for flags in right.values()]
    return geometric_mean(shares) if shares and min(shares) > 0 else 0.0


def _figures_of(answers: Sequence[LineAnswer]) -> dict[str, object]:
    ways = tuple(way for way in answers[0].written if all(way in a.written for a in answers))
    right = {way: [answer.is_right(way) for answer in answers] for way in ways}
    found: dict[str, object] = {"cases": len(answers)}
    for way, flags in right.items():
        found[f"{way}, %"] = asdict(mean([100.0 * flag for flag in flags]))
    for one, other in (
        (HOLE, PLAIN),
        (SNIPPETS, PLAIN),
        (SNIPPETS, HOLE),
        (RAW, HOLE),
        (HOLE, ALONE),
        (HOLE, CODE),
        (HOLE, ALL),
    ):
        if one in right and other in right:
            found[f"{one} over {other}"] = asdict(compare(right[other], right[one]).ratio)
    return found


def _append(path: Path, answer: LineAnswer) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(answer)) + "\n")


def read_answers(paths: Iterable[Path]) -> list[LineAnswer]:
    """Return the answers that earlier runs have appended to files; one case's ways are joined."""
    rows = [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]
    found: dict[tuple[str, str, str, str], LineAnswer] = {}
    for row in rows:
        answer = LineAnswer(**row)
        key = (answer.language, answer.package, answer.kind, answer.id)
        found.setdefault(key, answer).written.update(answer.written)
    return list(found.values())


def _write(options: argparse.Namespace, found: dict[str, object]) -> None:
    run = {"model": Path(options.model or settings_with().engine.model_path).name}
    finish(options.out, "held_out_lines", run=run, figures=found)


def main() -> None:
    """Measure as the command line says."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "packages", type=Path, help="folder of the held-out packages' archives", nargs="?"
    )
    parser.add_argument("--cases", type=int, default=320, help="of lines cut at a random column")
    parser.add_argument("--cross-file-cases", type=int, default=320)
    parser.add_argument("--model", default="", help="GGUF model (default: the bundled one)")
    parser.add_argument("--timed", action="store_true", help="measure time, on a quiet machine")
    parser.add_argument("--answers", type=Path, help="append every answer to this file")
    parser.add_argument(
        "--answered",
        type=Path,
        nargs="+",
        help="ask nothing: the figures of these files of answers",
    )
    options = parser.parse_args()
    if options.answered:
        _write(options, figures(read_answers(options.answered)))
    elif options.packages:
        asyncio.run(measure(archives_of(options.packages), options))
    else:
        parser.error("name the folder of the packages")


if __name__ == "__main__":
    main()
