r"""Write what the server would ask for many lines, for a program that answers them on a GPU.

    python -m bench.model.line_prompts held-out --humaneval tests/data/humaneval-single-line.jsonl.gz \\
        --out prompts.jsonl.gz
    python -m training.decode prompts.jsonl.gz model.gguf --device cuda --out answers
    python -m bench.model.held_out_lines --answered answers/model.answers.jsonl

The lines are those of ``held_out_lines.py``, and for the folders ``vue``, ``svelte`` and ``notebook`` those
of ``forms.py``; HumanEval's are asked for in the server's form and in
the raw one of other programs, where no comment names the file.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from bench.model.forms import FORMS, forms_of
from bench.model.lines import HOLE, HUMANEVAL, RAW, SNIPPETS, Asker, cross_file, random_columns
from bench.packages import archives_of, unpack

from infill_ls.engine import Engine
from infill_ls.engine.fallback import engine_for
from infill_ls.evaluation.humaneval import FILE_NAME, read_problems, settings_for
from infill_ls.gathering import Gathering
from infill_ls.measuring.holes import CutHole
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Snapshot, Trigger
from infill_retrieval import RetrievalSettings
from infill_retrieval.index import WorkspaceIndex

Record = dict[str, Any]


async def of_packages(engine: Engine, options: argparse.Namespace) -> list[Record]:
    """Return the prompts of all languages' held-out packages."""
    records: list[Record] = []
    archives = archives_of(options.packages)
    for language, archive in archives:
        of_language = sum(one == language for one, _ in archives)
        before = len(records)
        with tempfile.TemporaryDirectory() as place:
            folder = unpack(archive, Path(place))
            cases = -(-options.cases // of_language)
            holes: list[CutHole] = []
            if language not in FORMS:
                of_calls = -(-options.cross_file_cases // of_language)
                holes += random_columns(folder, cases, language)
                holes += cross_file(folder, of_calls, language)
            with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=False)) as index:
                index.crawl()
                asker = Asker(engine, index, folder, options.model, language)
                for hole in holes:
                    records += await asker.prompts(hole, (HOLE, SNIPPETS))
                if language in FORMS:
                    for hole, ways in forms_of(folder, language, cases):
                        records += [await asker.prompt(hole, *way) for way in ways]
                        records.append(await asker.prompt(hole, SNIPPETS, ways[0][1]))
        print(language, folder.name, len(records) - before, "prompts", flush=True)
    return records


async def of_humaneval(engine: Engine, options: argparse.Namespace) -> list[Record]:
    """Return HumanEval's prompts in the server's form and in the raw one."""
    problems = read_problems(options.humaneval).cases
    settings = settings_for(problems, options.model)
    pipeline = Pipeline(Gathering(engine, lambda *_: _nothing(), settings))
    fim = (await engine.start()).fim_tokens()
    records = []
    for problem in problems:
        snapshot = Snapshot(
            uri=f"untitled:{problem.id}.py",
            path="",
            name=FILE_NAME,
            language_id="python",
            text=problem.prompt + problem.rest,
            offset=len(problem.prompt),
            trigger=Trigger.INVOKED,
        )
        prepared = await pipeline.prepare(snapshot)
        assert prepared.prompt is not None
        before, after = await engine.tokenize([problem.prompt, problem.suffix])
        start = () if fim.bos is None else (fim.bos,)
        end = () if fim.middle is None else (fim.middle,)
        raw = (*start, fim.prefix, *before, fim.suffix, *after, *end)
        for way, ids in ((HOLE, prepared.prompt.token_ids), (RAW, raw)):
            records.append(
                {
                    "id": problem.id,
                    "package": problem.group,
                    "language": "python",
                    "kind": HUMANEVAL,
                    "way": way,
                    "wanted": problem.solution.partition("\n")[0],
                    "ids": list(ids),
                    "fragment": prepared.prompt.fragment if way == HOLE else "",
                }
            )
    print(len(records), "prompts of HumanEval", flush=True)
    return records


def _nothing() -> Any:
    raise AssertionError("no snippets are asked for")


async def write(options: argparse.Namespace) -> None:
    """Write the prompts of what the command line names."""
    engine = engine_for(settings_with(model=options.model), lambda _: None)
    try:
        records = await of_packages(engine, options)
        if options.humaneval:
            records += await of_humaneval(engine, options)
    finally:
        await engine.close()
    with gzip.open(options.out, "wt", encoding="utf-8") as sink:
        sink.writelines(json.dumps(record) + "\n" for record in records)


def main() -> None:
    """Write the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path, help="folder of the held-out packages' archives")
    parser.add_argument("--cases", type=int, default=240, help="of each language")
    parser.add_argument("--cross-file-cases", type=int, default=120, help="of each language")
    parser.add_argument("--humaneval", type=Path, help="HumanEval's single lines, .jsonl.gz")
    parser.add_argument("--model", default="", help="whose tokenizer it is")
    parser.add_argument("--out", type=Path, required=True)
    asyncio.run(write(parser.parse_args()))


if __name__ == "__main__":
    main()
