"""What a typist gets at each speed of typing and of the machine, on a simulated clock.

Past edits of this project are typed again by ``infill-ls eval typing``'s typist into a session with
retrieval. The model's texts are the real ones; its time is counted in decode steps, so that the
figures do not depend on the machine that measures.

    python -m bench.engine.typing_clock MODEL.gguf --out RESULT.json
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from bench.command import finish, parser_of

from infill_ls.document import cursor_window
from infill_ls.engine import CompletionRequest, EngineInfo, EngineOptions
from infill_ls.engine.decoding import syntax_end
from infill_ls.engine.process import EngineProcess
from infill_ls.measuring.engines import KeptAnswers, key_of
from infill_ls.measuring.git_history import PastEdit, check_out_parent, edits_of
from infill_ls.measuring.journal import Journal, fingerprint, source_fingerprint
from infill_ls.measuring.simulated import (
    CallCost,
    Script,
    SimulatedEngine,
    SimulatedModel,
    SimulatedServer,
)
from infill_ls.measuring.simulated_clock import run_simulated
from infill_ls.measuring.typist import Typist
from infill_ls.session import Session
from infill_ls.settings import settings_with
from infill_ls.types import Prompt, StopRule, Written
from infill_retrieval import index

T = TypeVar("T")

HERE = Path(__file__).resolve().parents[2]
COMMITS = 60
LONGEST_EDIT_CHARS = 200
AT = "cea0d8b"
"""The commit up to which the history is taken, so that the edits stay the same."""
RESTS_S = (2.0,)
"""How long the cursor rests before the first key."""
READS = 6
"""Tokens of a prompt that are read in a decode step: bundled model, two cores."""
NO_LIMIT_MS = 60_000.0


class LiveModel:
    """The real model in its process, asked from a thread of its own; what it has said is kept."""

    def __init__(self, model: Path, memory: Path | None) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._engine = EngineProcess(EngineOptions(model, draft="never"), answer_within_s=300)
        self.info: EngineInfo = self._wait(self._engine.start())
        self._answers = KeptAnswers(memory)
        self._ids: dict[str, tuple[int, ...]] = {}

    def tokenize(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each text."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._ids]
        if missing:
            found = self._wait(self._engine.tokenize(missing))
            self._ids.update(zip(missing, found, strict=True))
        return [self._ids[text] for text in texts]

    def write(self, prompt: Prompt, stop: StopRule) -> Script:
        """Return what the model writes, token by token."""
        key = key_of(prompt, stop)
        answer = self._answers.get(key)
        if answer is None:
            heard: list[Written] = []
            request = CompletionRequest(prompt=prompt, stop=stop)
            (found,) = self._wait(self._engine.complete(request, heard.append))
            answer = msgspec.to_builtins(Script(tuple(heard), found))
            self._answers.put(key, answer)
        return msgspec.convert(answer, Script)

    def keep(self) -> None:
        """Write what was said to the file."""
        self._answers.save()

    def close(self) -> None:
        """Keep what was said, and leave the engine."""
        self.keep()
        self._wait(self._engine.close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def type_edit(
    live: LiveModel,
    edit: PastEdit,
    folder: Path,
    *,
    key_ms: float,
    step_ms: float,
    rest_s: float,
    cold_target_ms: int,
) -> tuple[dict[str, Any], list[CallCost]]:
    """Type one edit; return what came of it and what the model did."""
    # Steady, whatever this machine is: else the prompts of slow ones would not be cut.
    info = replace(
        live.info,
        decode_ms=step_ms,
        prefill_tokens_per_s=1000 * READS / step_ms,
        is_steady=True,
    )
    model = SimulatedModel(info, live.tokenize, live.write)
    engine = SimulatedEngine(model, step_ms / 1000, step_ms / 1000 / READS)
    settings = settings_with(cold_target_ms=cold_target_ms, time_budget_ms=60_000)
    session = Session(settings, engine_factory=lambda *_: engine)
    await session.set_folders([folder])
    server = SimulatedServer(session, folder)
    path = folder / edit.path
    server.open(path, edit.before + edit.after)
    typist = Typist(server, path, edit, key_ms)
    await typist.rest(rest_s)
    engine.calls.clear()
    await typist.type_all()
    await session.close()
    return typist.row(), engine.calls


class Finished:
    """What was measured: all of it in memory and, if a folder is given, in a journal there."""

    def __init__(self, folder: Path | None, run: dict[str, Any]) -> None:
        self.cells: dict[str, tuple[list[dict[str, Any]], list[CallCost]]] = {}
        name = f"typing-clock-{fingerprint(run | {'source': source_fingerprint()})}.jsonl"
        self._journal = Journal(folder / name) if folder else None

    def has(self, edit: str, cell: str) -> bool:
        """Tell whether an edit was typed at these speeds before, and take what came of it."""
        known = self._journal.rows.get(f"{edit}, {cell}") if self._journal else None
        if known is None:
            return False
        self._take(cell, known["typed"], [CallCost(**call) for call in known["calls"]])
        return True

    def add(self, edit: str, cell: str, typed: dict[str, Any], calls: list[CallCost]) -> None:
        """Keep what came of an edit."""
        if self._journal:
            made = [asdict(call) for call in calls]
            self._journal.add({"id": f"{edit}, {cell}", "typed": typed, "calls": made})
        self._take(cell, typed, calls)

    def _take(self, cell: str, typed: dict[str, Any], calls: list[CallCost]) -> None:
        rows, all_calls = self.cells.setdefault(cell, ([], []))
        rows.append(typed)
        all_calls.extend(calls)


def figures(rows: list[dict[str, Any]], calls: list[CallCost]) -> dict[str, float]:
    """Return the figures of all edits together."""
    requests = sum(row["requests"] for row in rows)
    keys = sum(row["keys"] for row in rows)
    written = sum(call.written_tokens for call in calls)
    given_up = sum(call.written_tokens for call in calls if call.is_given_up)
    seen = sum(row["seen"] for row in rows)
    return {
        "requests": requests,
        "seen_percent": round(100 * seen / requests, 1),
        "begins_wrong_percent": round(100 * sum(r["begins_wrong"] for r in rows) / max(seen, 1), 1),
        "keys_saved_percent": round(100 * (keys - sum(r["pressed"] for r in rows)) / keys, 1),
        "calls": len(calls),
        "read_tokens": sum(call.read_tokens for call in calls),
        "written_tokens": written,
        "given_up_tokens_percent": round(100 * given_up / max(written, 1), 1),
    }


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--repository", type=Path, default=HERE)
    parser.add_argument("--at", default=AT, help="commit up to which the history is taken")
    parser.add_argument("--edits", type=int, default=16)
    parser.add_argument("--keys", type=float, nargs="*", default=[0, 100, 150, 250])
    parser.add_argument("--steps", type=float, nargs="*", default=[4, 8, 16, 24, 32, 48, 64, 100])
    parser.add_argument("--rests", type=float, nargs="*", default=RESTS_S, help="in seconds")
    parser.add_argument(
        "--cold-target-ms",
        type=int,
        default=4_000,
        help="the setting that cuts a prompt to what is read in so long; 0: not at all",
    )
    parser.add_argument("--memory", type=Path, help="file that keeps what the model has written")
    parser.add_argument(
        "--journal", type=Path, help="folder that keeps what was measured: a run goes on from there"
    )
    arguments = parser.parse_args()
    # Parsing and searching have limits in real time, which a busy machine would reach.
    syntax_end.PARSE_LIMIT_MS = cursor_window.PARSE_LIMIT_MS = NO_LIMIT_MS
    index.REFRESH_LIMIT_MS = NO_LIMIT_MS
    edits = edits_of(arguments.repository, COMMITS, None, 0, arguments.at)
    edits = [edit for edit in edits if len(edit.typed) <= LONGEST_EDIT_CHARS]
    edits = edits[:: max(len(edits) // arguments.edits, 1)][: arguments.edits]
    live = LiveModel(arguments.model, arguments.memory)
    run = {
        "model": live.info.model_name,
        "history_up_to": arguments.at,
        "cold_target_ms": arguments.cold_target_ms,
    }
    finished = Finished(arguments.journal, run)
    speeds = list(product(arguments.steps, arguments.keys, arguments.rests))
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name).resolve()
        for edit in edits:
            live.keep()
            check_out_parent(arguments.repository, edit.commit, folder)
            for step_ms, key_ms, rest_s in speeds:
                cell = f"{key_ms:g} ms a key, {step_ms:g} a step, {rest_s:g} s of rest"
                if finished.has(edit.id, cell):
                    continue
                row, made = run_simulated(
                    type_edit(
                        live,
                        edit,
                        folder,
                        key_ms=key_ms,
                        step_ms=step_ms,
                        rest_s=rest_s,
                        cold_target_ms=arguments.cold_target_ms,
                    )
                )
                finished.add(edit.id, cell, row, made)
    live.close()
    finish(
        arguments.out,
        "typing_clock",
        run=run | {"edits": len(edits)},
        figures={"cells": {name: figures(*cell) for name, cell in finished.cells.items()}},
    )


if __name__ == "__main__":
    main()
