"""Measure how often a model writes the rest of a line right, in packages that it never saw.

    pip download --no-deps -d held-out werkzeug==3.1.9 trio==0.35.0 click==8.5.1 pygls==2.1.1
    python bench/model/held_out_lines.py held-out --out bench/results/model/held_out_lines.json

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
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from model_bench.lines import (
    HOLE,
    PLAIN,
    SNIPPETS,
    WAYS,
    Answer,
    Asker,
    KeyTime,
    cross_file,
    random_columns,
)

from infill_ls.engine_choice import engine_for
from infill_ls.evaluation.holes import CutHole, HoleKind
from infill_ls.evaluation.intervals import compare, mean, quantile
from infill_ls.settings import Settings
from infill_retrieval import RetrievalSettings, WorkspaceIndex


async def measure(wheels: Sequence[Path], options: argparse.Namespace) -> None:
    """Ask for all lines of all packages, spread evenly, and tell what came of it."""
    engine = engine_for(Settings(model=options.model), lambda _: None)
    answers: list[Answer] = []
    key_times: list[KeyTime] = []
    try:
        for wheel in wheels:
            with tempfile.TemporaryDirectory() as place:
                folder = unpack(wheel, Path(place))
                lines = random_columns(folder, -(-options.cases // len(wheels)))
                calls = cross_file(folder, -(-options.cross_file_cases // len(wheels)))
                with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=False)) as index:
                    index.crawl()
                    asker = Asker(engine, index, folder, options.model)
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
        print(json.dumps(found, indent=1))
    finally:
        await engine.close()


def _by_chance_by_file(hole: CutHole) -> tuple[float, int]:
    """Order holes so that a run cut short saw files by chance, and the KV cache serves each file."""
    return random.Random(hole.path).random(), hole.start


def unpack(wheel: Path, place: Path) -> Path:
    """Return the folder in ``place`` with what ``wheel`` holds."""
    folder = place.resolve() / wheel.name.partition("-")[0]
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


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


def figures(answers: Iterable[Answer]) -> dict[str, object]:
    """Return each way's share of right lines, in percent, and how the ways compare."""
    by_kind: dict[HoleKind, list[Answer]] = {HoleKind.LINE: [], HoleKind.CALL: []}
    for answer in answers:
        by_kind[answer.kind].append(answer)
    names = {HoleKind.LINE: "random column", HoleKind.CALL: "cross-file"}
    return {names[kind]: _figures_of(some) for kind, some in by_kind.items() if some}


def _figures_of(answers: Sequence[Answer]) -> dict[str, object]:
    right = {
        way: [answer.is_right(way) for answer in answers]
        for way in WAYS
        if way in answers[0].written
    }
    found: dict[str, object] = {"cases": len(answers)}
    for way, flags in right.items():
        found[f"{way}, %"] = asdict(mean([100.0 * flag for flag in flags]))
    for one, other in ((HOLE, PLAIN), (SNIPPETS, PLAIN), (SNIPPETS, HOLE)):
        if one in right and other in right:
            found[f"{one} over {other}"] = asdict(compare(right[other], right[one]).ratio)
    return found


def _append(path: Path, answer: Answer) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(answer)) + "\n")


def read_answers(paths: Iterable[Path]) -> list[Answer]:
    """Return the answers that earlier runs have appended to files."""
    rows = [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]
    return [Answer(**row | {"kind": HoleKind(row["kind"])}) for row in rows]


def _write(options: argparse.Namespace, found: dict[str, object]) -> None:
    if options.out:
        record = {"model": Path(options.model or Settings().model_path).name, **found}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(record, indent=1) + "\n")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "wheels", type=Path, help="folder of the held-out packages' wheels", nargs="?"
    )
    parser.add_argument("--cases", type=int, default=320, help="of lines cut at a random column")
    parser.add_argument("--cross-file-cases", type=int, default=320)
    parser.add_argument("--model", default="", help="GGUF model (default: the bundled one)")
    parser.add_argument("--timed", action="store_true", help="measure time, on a quiet machine")
    parser.add_argument("--out", type=Path, help="JSON file to write")
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
    elif options.wheels:
        asyncio.run(measure(sorted(options.wheels.glob("*.whl")), options))
    else:
        parser.error("name the folder of the wheels")


if __name__ == "__main__":
    main()
