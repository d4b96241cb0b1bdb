"""``infill-ls eval generate``: whole functions from their descriptions, direct and with an outline."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infill_ls.engine import Engine
    from infill_ls.evaluation import generation
    from infill_ls.measuring.driver import Measure
    from infill_ls.measuring.figures import Result

LANES = 2
"""While the tests of one case run, the model works on the next."""
NO_LIMIT_S = 3600
"""A busy machine must not decide what is right."""
WAYS = ("direct", "outline")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this evaluation alone has."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a .jsonl or .jsonl.gz file")
    parser.add_argument(
        "--cases", type=int, metavar="N", help="size of a random sample (default: all)"
    )
    parser.add_argument(
        "--instruct-model",
        default="",
        help="GGUF file of a model that follows instructions, or a name from `infill-ls model list` "
        "(default: the completion model fills in the functions)",
    )
    parser.add_argument(
        "--instruct-url",
        default="",
        metavar="URL",
        help="inference server with such a model; --instruct-model is then its name on that server",
    )
    parser.add_argument(
        "--way",
        action="append",
        default=[],
        choices=WAYS,
        help="with an instruct model: ask for the code directly, or for an outline first; may be "
        "repeated (default: both)",
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=1024,
        metavar="N",
        help="longest answer (default: %(default)s)",
    )


async def evaluate_generation(options: argparse.Namespace) -> Result:
    """Return the result of ``infill-ls eval generate``."""
    from infill_ls.asking import FILLED_TOKENS, Asking
    from infill_ls.engine.fallback import engine_for
    from infill_ls.engine.scripted import scripted_engine_factory
    from infill_ls.evaluation import generation
    from infill_ls.evaluation.datasets import sample
    from infill_ls.evaluation.running import RunPlan, evaluate
    from infill_ls.gathering import Gathering
    from infill_ls.settings import settings_with
    from infill_retrieval import NO_SNIPPETS

    data = generation.read_problems(options.file)
    problems = sample(data.cases, options.cases, options.seed)
    common: dict[str, Any] = {"cold_target_ms": 0, "model": options.model}
    if options.instruct_model or options.instruct_url:
        ways = [generation.Way(one) for one in dict.fromkeys(options.way or WAYS)]
        settings = settings_with(
            **common,
            instruct_model=options.instruct_model,
            instruct_url=options.instruct_url,
            instruct_max_tokens=options.max_tokens,
            instruct_snippet_tokens=0,
        ).for_instructions()
    else:
        ways = [generation.Way.FILL]
        settings = settings_with(**common, max_tokens=FILLED_TOKENS, snippet_tokens=0)
    cases = generation.cases_of(problems, ways)

    def measures_on(engine: Engine) -> Sequence[Measure[generation.GenerationCase]]:
        return [
            generation.measure_with(
                Asking(Gathering(engine, lambda *_: NO_SNIPPETS, settings), NO_LIMIT_S)
            )
            for _ in range(LANES)
        ]

    run = {
        "file": options.file.name,
        "sha256": data.sha256,
        "problems": len(problems),
        "seed": options.seed,
        "ways": ", ".join(ways),
        "max_tokens": settings.completion.max_tokens,
    }
    if options.instruct_url:
        run |= {"server": options.instruct_url, "model": options.instruct_model or "its first one"}
    factory = engine_for
    if options.scripted_engine:
        factory = scripted_engine_factory(options.scripted_engine)
        run["script"] = options.scripted_engine
    return await evaluate(
        "generate", RunPlan(options.out, options.fresh), settings, run, cases, measures_on,
        generation.tables_of, data.problems, factory,
    )  # fmt: skip
