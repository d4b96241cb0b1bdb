"""The first suggestion in a file that was just opened, after the cursor has rested there: tokens read, and decode steps.

Files of this project are opened one after the other in a session with retrieval and the settings as they come. The cursor
rests at a blank line, as our clients tell the server; then a key is typed. ``--rest-s 0`` is a key at once. With ``--turns``
one goes to each of them so many times, and all but the first times count.

    python -m bench.engine.rested MODEL.gguf --rest-s 2 --out RESULT.json
    python -m bench.engine.rested MODEL.gguf --files 4 --turns 4 --rest-s 1
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish, parser_of
from bench.engine.first_token import HERE, snapshot_of, with_blank_line

from infill_ls.engine import EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.measuring.intervals import spread
from infill_ls.session import Session
from infill_ls.settings import settings_with
from infill_ls.types import EngineTimings, Snapshot, Trigger

FOLDER = HERE / "server" / "infill_ls"
SMALLEST_BYTES = 6_000
FEW_STEPS = (2, 3)
TOLD_AFTER_S = 0.3
"""Our clients tell that the cursor rests when it has rested for so long."""
INDENT, KEY = " " * 8, "s"


def asked_at(path: Path, text: str, offset: int) -> Snapshot:
    """Return a file of this project as it is when an editor asks for a suggestion after a key."""
    return replace(snapshot_of(path, text, offset), trigger=Trigger.AUTOMATIC)


@dataclass
class RestedFile:
    """A file in which the cursor rests and then a key is typed, again and again."""

    path: Path
    text: str
    offset: int

    @classmethod
    def opened(cls, session: Session, path: Path) -> RestedFile:
        """Open a file, with the cursor at the indentation of a new line."""
        text, offset = with_blank_line(path)
        text, offset = f"{text[:offset]}{INDENT}{text[offset:]}", offset + len(INDENT)
        session.document_opened(path.as_uri(), path, text, "python")
        return cls(path, text, offset)

    async def first_suggestion(self, session: Session, rest_s: float) -> EngineTimings:
        """Rest, press a key; return what the engine did for the suggestion."""
        if rest_s > 0:
            await asyncio.sleep(min(TOLD_AFTER_S, rest_s))
            session.cursor_rests(asked_at(self.path, self.text, self.offset))
            await asyncio.sleep(max(rest_s - TOLD_AFTER_S, 0))
        self.text = f"{self.text[: self.offset]}{KEY}{self.text[self.offset :]}"
        self.offset += len(KEY)
        session.document_changed(self.path.as_uri(), self.path, self.text, "python")
        report = await session.suggest(asked_at(self.path, self.text, self.offset))
        assert report.completion is not None
        return report.completion.timings


async def measure(arguments: argparse.Namespace) -> None:
    """Measure all files, and tell what came of it."""
    engine = EngineProcess(
        EngineOptions(arguments.model, arguments.threads, measures=True, prompt_cache_mb=0)
    )
    info = await engine.start()
    session = Session(settings_with(time_budget_ms=60_000), engine_factory=lambda *_: engine)
    await session.set_folders([HERE])
    files = sorted(path for path in FOLDER.rglob("*.py") if path.stat().st_size >= SMALLEST_BYTES)
    files = files[:: max(len(files) // arguments.files, 1)][: arguments.files]
    opened: list[RestedFile] = []
    found: list[EngineTimings] = []
    for path in files:
        opened.append(RestedFile.opened(session, path))
        found.append(await opened[-1].first_suggestion(session, arguments.rest_s))
    for turn in range(1, arguments.turns):
        if turn == 1:
            found.clear()
        found += [await one.first_suggestion(session, arguments.rest_s) for one in opened]
    step_ms = median(
        each.decode_ms / (each.decode_tokens - 1) for each in found if each.decode_tokens > 1
    )
    first_steps = [each.prefill_ms / step_ms for each in found]
    figures: dict[str, Any] = {
        "decode_step_ms": round(step_ms, 1),
        "read_tokens": spread([each.prefill_tokens for each in found]),
        "prompt_tokens": spread([each.prefill_tokens + each.reused_tokens for each in found]),
        "first_token_ms": spread([each.prefill_ms for each in found]),
        "first_token_steps": spread(first_steps),
        "at_most_steps": {
            f"{steps}": sum(each <= steps for each in first_steps) for steps in FEW_STEPS
        },
    }
    run = {
        "model": info.model_name,
        "files": len(files),
        "turns": arguments.turns,
        "rest_s": arguments.rest_s,
    }
    await session.close()
    for path, each in zip(files, found, strict=False):
        print(f"{path.name}: {each.prefill_tokens} tokens read, {each.prefill_ms:.1f} ms")
    finish(arguments.out, "rested", run=run, figures=figures)


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rest-s", type=float, default=2.0)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
