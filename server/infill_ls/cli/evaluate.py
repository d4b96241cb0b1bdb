"""``infill-ls eval``: measure what the server writes."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infill_ls.cli.evaluate_generation import (
    add_arguments as add_generation_arguments,
)
from infill_ls.cli.evaluate_generation import evaluate_generation
from infill_ls.cli.layout import HelpWithExamples

if TYPE_CHECKING:
    from infill_ls.engine import Engine
    from infill_ls.evaluation import crosscodeeval, humaneval, repository
    from infill_ls.evaluation.running import RunPlan
    from infill_ls.measuring.driver import Measure
    from infill_ls.measuring.figures import Result

EXIT_INCOMPLETE = 1
"""Some cases could not be measured."""
LANES = 2
"""While the tests of one case run, the model works on the next."""
KEY_MS = 150.0
REST_MS = 2000.0
"""From one key to the next: about 80 words a minute."""
PARTS = (
    "healing",
    "suffix",
    "retrieval",
    "imported",
    "declarations",
    "members",
    "far",
    "usages",
    "filters",
    "syntax-end",
)
"""The values of ``evaluation.parts.Part``, which is not imported to show a help text."""

EXAMPLES = """examples:
  infill-ls eval repo ~/src/shop                    holes in your own code
  infill-ls eval typing ~/src/shop --cases 10       past edits typed again, key by key
  infill-ls eval repo ~/src/shop --without suffix   what the text after the cursor is good for

`infill-ls eval EVALUATION --help` shows the arguments of each evaluation."""
EXAMPLES_OF = {
    "humaneval": "infill-ls eval humaneval HumanEval-SingleLineInfilling.jsonl.gz --cases 100",
    "generate": """infill-ls eval generate HumanEval.jsonl.gz
  infill-ls eval generate mbpp.jsonl --instruct-model qwen2.5-coder-7b-instruct""",
    "crosscodeeval": "infill-ls eval crosscodeeval python/line_completion.jsonl --cases 100",
    "repo": """infill-ls eval repo ~/src/shop
  infill-ls eval repo ~/src/shop --without suffix --without retrieval""",
    "typing": "infill-ls eval typing ~/src/shop --cases 10 --key-ms 120",
    "edits": "infill-ls eval edits ~/src/shop ~/src/site --commits 1000",
}

Evaluation = Callable[[argparse.Namespace], Coroutine[Any, Any, "Result"]]


def add_command(commands: Any) -> None:
    """Add the command, with one of its own for each evaluation."""
    parser = commands.add_parser(
        "eval",
        help="measure completions on public benchmarks or on a repository",
        description="Measure what the server writes. Results go to a folder, as JSON and as a "
        "Markdown table; an interrupted evaluation continues where it stopped.",
        epilog=EXAMPLES,
        formatter_class=HelpWithExamples,
    )
    kinds = parser.add_subparsers(title="evaluations", metavar="EVALUATION", required=True)

    def add(name: str, **texts: Any) -> Any:
        return kinds.add_parser(
            name,
            **texts,
            epilog=f"examples:\n  {EXAMPLES_OF[name]}",
            formatter_class=HelpWithExamples,
        )

    one = add(
        "humaneval",
        help="HumanEval infilling: single-line, multi-line or random-span",
        description="Fill the holes of HumanEval's functions: exact match, and pass@1 by running "
        "the tests. FILE is one of the public JSONL files.",
    )
    _add_file_arguments(one)
    _add_common_arguments(one, evaluate_humaneval)
    _add_parts(one)
    one = add(
        "generate",
        help="whole functions from their descriptions: HumanEval, MBPP, LeetCode",
        description="Write functions from their descriptions as in an editor, directly and after an "
        "outline, and run their tests: pass@1. FILE is a public JSONL file of HumanEval, MBPP or LeetCode, "
        "or one of HumanEval's infilling files.",
    )
    add_generation_arguments(one)
    _add_common_arguments(one, evaluate_generation)
    one = add(
        "crosscodeeval",
        help="CrossCodeEval: statements that need declarations from other files",
        description="Write the next statement, from left to right as published and with the text "
        "after the cursor, without and with the retrieval results in the file. FILE is one of the "
        "public JSONL files.",
    )
    _add_file_arguments(one)
    _add_common_arguments(one, evaluate_crosscodeeval)
    one = add(
        "repo",
        help="holes in a repository: lines, blocks, uses of other files",
        description="Cut holes from the code in a folder and request them as its author would.",
    )
    one.add_argument("folder", metavar="PATH", type=Path, help="a repository, or a folder in one")
    one.add_argument(
        "--cases", type=int, metavar="N", default=50, help="holes of each kind (default: 50)"
    )
    _add_common_arguments(one, evaluate_repository)
    _add_parts(one)
    one = add(
        "typing",
        help="type past edits of a repository again, key by key",
        description="Take edits from the history of a git repository and type them again through the "
        "whole server. Measure which suggestions come before the next key, how many of them are "
        "accepted, and how long they take.",
    )
    one.add_argument("repository", metavar="PATH", type=Path, help="a git repository")
    one.add_argument("--cases", type=int, metavar="N", default=30, help="edits (default: 30)")
    one.add_argument(
        "--commits",
        type=int,
        default=50,
        metavar="N",
        help="number of newest commits to take edits from (default: %(default)s)",
    )
    one.add_argument(
        "--key-ms",
        type=float,
        default=KEY_MS,
        metavar="MS",
        help="time from one key to the next; 0 waits for each answer (default: %(default)s)",
    )
    one.add_argument(
        "--rest-ms",
        type=float,
        default=REST_MS,
        metavar="MS",
        help="how long the cursor rests in an opened file before the first key (default: %(default)s)",
    )
    _add_common_arguments(one, evaluate_typing)
    one = add(
        "edits",
        help="make the first two edits of past commits, and see what is proposed next",
        description="Take commits with three hunks or more in a file from the histories of git "
        "repositories, make the first two edits and compare the proposals with what the author did. "
        "No model is used. Nothing that a repository names is run.",
    )
    one.add_argument("repositories", metavar="PATH", type=Path, nargs="+", help="git repositories")
    one.add_argument(
        "--commits",
        type=int,
        default=4000,
        metavar="N",
        help="number of newest commits to look at (default: %(default)s)",
    )
    one.add_argument(
        "--half",
        choices=("all", "tuning", "held-out"),
        default="all",
        help="half of the commits to use; the judge's weights were learnt on tuning (default: all)",
    )
    one.add_argument(
        "--releases",
        action="store_true",
        help="each commit is a release: take files in which three hunks make one change",
    )
    one.add_argument(
        "--others",
        action="store_true",
        help="once more with other files open, half of which the commit changed too",
    )
    one.add_argument(
        "--bank",
        type=Path,
        metavar="FILE",
        help="keep the episodes in FILE, or read them from it if it exists",
    )
    _add_run_arguments(one, evaluate_edits)


def _add_common_arguments(parser: argparse.ArgumentParser, evaluation: Evaluation) -> None:
    parser.add_argument("--model", default="", help="GGUF model (default: the bundled one)")
    _add_run_arguments(parser, evaluation)


def _add_run_arguments(parser: argparse.ArgumentParser, evaluation: Evaluation) -> None:
    parser.add_argument(
        "--seed", type=int, default=0, help="of the random sample (default: %(default)s)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("infill-ls-eval"),
        help="folder for the results (default: %(default)s)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="measure again, ignoring earlier results"
    )
    parser.set_defaults(run=lambda options: run(options, evaluation))


def _add_file_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="a .jsonl or .jsonl.gz file")
    parser.add_argument(
        "--cases", type=int, metavar="N", help="size of a random sample (default: all)"
    )


def _add_parts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=PARTS,
        metavar="PART",
        help=f"switch off a part of the server, to see what it contributes: {', '.join(PARTS)}; "
        "may be repeated",
    )


def run(options: argparse.Namespace, evaluation: Evaluation) -> int:
    """Run an evaluation, write its result and print its tables."""
    result = asyncio.run(evaluation(options))
    result.write(options.out)
    print(result.markdown())
    if result.problems:
        print(f"{len(result.problems)} cases could not be measured", file=sys.stderr)
    return EXIT_INCOMPLETE if result.problems else 0


async def evaluate_humaneval(options: argparse.Namespace) -> Result:
    """Return the result of ``infill-ls eval humaneval``."""
    from infill_ls.evaluation import humaneval
    from infill_ls.evaluation.datasets import sample
    from infill_ls.evaluation.running import evaluate
    from infill_ls.gathering import Gathering
    from infill_ls.pipeline import Pipeline
    from infill_retrieval import NO_SNIPPETS

    data = humaneval.read_problems(options.file)
    settings = humaneval.settings_for(data.cases, options.model)
    cases = sample(data.cases, options.cases, options.seed)
    plan = _plan(options)
    until_its_end = humaneval.have_several_lines(data.cases)

    def measures_on(engine: Engine) -> Sequence[Measure[humaneval.InfillingProblem]]:
        if until_its_end:
            engine = humaneval.UntilItsEnd(engine)
        return [
            humaneval.measure_with(
                Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, settings)),
                plan.parts,
                until_its_end=until_its_end,
            )
            for _ in range(LANES)
        ]

    run = {
        "file": options.file.name,
        "sha256": data.sha256,
        "cases": len(cases),
        "seed": options.seed,
    }
    if until_its_end:
        run["ends"] = "where the model says"
    return await evaluate(
        "humaneval", plan, settings, run, cases, measures_on, humaneval.tables_of, data.problems
    )


async def evaluate_repository(options: argparse.Namespace) -> Result:
    """Return the result of ``infill-ls eval repo``."""
    from infill_ls.errors import UsageError
    from infill_ls.evaluation import repository
    from infill_ls.evaluation.ablation import retrieve_without
    from infill_ls.evaluation.running import evaluate
    from infill_ls.gathering import Gathering
    from infill_ls.measuring.next_lines import LASTING_TIME_MS
    from infill_ls.pipeline import Pipeline
    from infill_ls.settings import settings_with
    from infill_retrieval import NO_SNIPPETS, RetrievalSettings
    from infill_retrieval.index import WorkspaceIndex

    folder = options.folder.resolve()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {options.folder}")
    holes = repository.cut_holes(folder, options.cases, options.seed)
    # Neither a busy nor a slow machine is to decide what is right.
    settings = settings_with(model=options.model, time_budget_ms=LASTING_TIME_MS, cold_target_ms=0)
    plan = _plan(options)
    with WorkspaceIndex([folder], RetrievalSettings(crawl_in_process=False)) as index:
        index.crawl()

        def measures_on(engine: Engine) -> Sequence[Measure[repository.HoleQuestion]]:
            search = retrieve_without(index.retrieve, plan.parts)
            searching = Pipeline(Gathering(engine, search, settings))
            alone = Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, settings))
            return [repository.measure_with(searching, alone, folder, plan.parts)]

        run = {"folder": folder.name, "holes": len(holes), "seed": options.seed}
        # Where a part is left out, the whole server is what to compare with.
        requests = repository.requests_for(holes, (True,) if plan.parts else (True, False))
        return await evaluate(
            "repo", plan, settings, run, requests, measures_on, repository.tables_of
        )


async def evaluate_crosscodeeval(options: argparse.Namespace) -> Result:
    """Return the result of ``infill-ls eval crosscodeeval``."""
    from infill_ls.evaluation import crosscodeeval
    from infill_ls.evaluation.datasets import sample
    from infill_ls.evaluation.running import RunPlan, evaluate

    data = crosscodeeval.read_cases(options.file)
    settings = crosscodeeval.settings_for(options.model)
    cases = sample(data.cases, options.cases, options.seed)

    def measures_on(engine: Engine) -> Sequence[Measure[crosscodeeval.CrossFileCase]]:
        return [crosscodeeval.measure_with(engine, settings)]

    run = {
        "file": options.file.name,
        "sha256": data.sha256,
        "cases": len(cases),
        "seed": options.seed,
    }
    return await evaluate(
        "crosscodeeval", RunPlan(options.out, options.fresh), settings, run, cases, measures_on,
        crosscodeeval.tables_of, data.problems,
    )  # fmt: skip


async def evaluate_typing(options: argparse.Namespace) -> Result:
    """Return the result of ``infill-ls eval typing``."""
    from infill_ls.evaluation import typing_replay
    from infill_ls.measuring.driver import measure_cases
    from infill_ls.measuring.figures import Result, today
    from infill_ls.measuring.git import commit_of
    from infill_ls.measuring.git_history import edits_of
    from infill_ls.measuring.journal import Journal, fingerprint, source_fingerprint
    from infill_ls.settings import settings_with

    repository = options.repository.resolve()
    head = commit_of(repository)
    edits = edits_of(repository, options.commits, options.cases, options.seed)
    model = settings_with(model=options.model).engine.model_path.resolve()
    run = {
        "model": model.name,
        "repository": repository.name,
        "head": head[:12],
        "commits": options.commits,
        "edits": len(edits),
        "seed": options.seed,
        "key_ms": options.key_ms,
        "rest_ms": options.rest_ms,
    }
    decides = {**run, "path": str(model), "source": source_fingerprint()}
    journal = Journal(options.out / f"typing-{fingerprint(decides)}.jsonl", fresh=options.fresh)
    server_options = {"model": str(model), "statistics": False}
    try:
        with tempfile.TemporaryDirectory(prefix="infill-ls-eval-") as folder:
            tree = Path(folder) / repository.name
            replaying = typing_replay.Replay(
                repository, tree, server_options, options.key_ms, rest_ms=options.rest_ms
            )
            async with replaying as replay:
                measured = await measure_cases("typing", edits, [replay.measure], journal)
    finally:
        journal.close()
    run = {"date": today(), **run}
    return Result("typing", run, typing_replay.tables_of(measured.rows), measured.problems)


async def evaluate_edits(options: argparse.Namespace) -> Result:
    """Return the result of ``infill-ls eval edits``."""
    from infill_ls.errors import UsageError
    from infill_ls.evaluation import edits
    from infill_ls.evaluation.edit_episodes import (
        EpisodeKind,
        episodes_of,
        in_any_order,
        with_others,
    )
    from infill_ls.measuring.driver import measure_cases
    from infill_ls.measuring.figures import Result, today
    from infill_ls.measuring.journal import Journal, fingerprint, source_fingerprint

    problems: list[str] = []
    episodes = []
    if options.bank is not None and options.bank.is_file():
        episodes = edits.read_bank(options.bank)
    else:
        for repository in options.repositories:
            try:
                folder = repository.resolve()
                found = episodes_of(
                    folder, options.commits, options.seed, releases=options.releases
                )
                episodes += found
                if options.others:
                    episodes += with_others(folder, found, options.commits)
            except UsageError as error:
                problems.append(str(error))
        if options.bank is not None:
            edits.write_bank(options.bank, episodes)
    if options.half != "all":
        episodes = [one for one in episodes if one.is_held_out == (options.half == "held-out")]
    episodes += [
        other
        for one in episodes
        if one.kind is EpisodeKind.POSITIVE and not one.others
        and (other := in_any_order(one)) is not None
    ]  # fmt: skip
    if not episodes:
        raise UsageError("\n".join(problems) or "there are no episodes")
    run = {
        "repositories": len({one.repository for one in episodes}),
        "commits": options.commits,
        "seed": options.seed,
        "half": options.half,
        "releases": options.releases,
        "episodes": len(episodes),
    }
    ids = [one.id for one in episodes]
    journal = Journal(
        options.out
        / f"edits-{fingerprint({**run, 'ids': ids, 'source': source_fingerprint()})}.jsonl",
        fresh=options.fresh,
    )
    try:
        measured = await measure_cases("edits", episodes, [edits.measure], journal)
    finally:
        journal.close()
    tables = edits.tables_of(measured.rows)
    run = {"date": today(), **run}
    return Result("edits", run, tables, (*problems, *measured.problems))


def _plan(options: argparse.Namespace) -> RunPlan:
    from infill_ls.evaluation.ablation import Part
    from infill_ls.evaluation.running import RunPlan

    parts = frozenset(Part(name) for name in options.without)
    return RunPlan(options.out, options.fresh, parts)
