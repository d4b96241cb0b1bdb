"""Time from a keystroke to the first token: this engine against llama-server's ``/infill``.

Types a function into a real file, one key at a time, as an editor would, then begins a new line,
goes to another file and back, and goes on after an accepted suggestion. Both sides get the same
texts, one token is asked for, and each event is timed on both, one right after the other, so that
a disturbance of the machine hits both. Snippets come from this project itself. Between two keys is the
pause of a quick typist, in which a new anchor may be prepared as in the server.

    python -m bench.engine.first_token MODEL.gguf --llama-server PATH --out RESULT.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench.command import finish, parser_of

from infill_ls.engine import CompletionRequest, EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.gathering import Gathering
from infill_ls.measuring.intervals import p95
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_ls.types import Prompt, Report, Snapshot, StopRule, Suggestion
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.settings import RetrievalSettings

HERE = Path(__file__).resolve().parents[2]
FILES = (
    HERE / "server" / "infill_ls" / "engine" / "decoding" / "decoder.py",
    HERE / "server" / "infill_ls" / "pipeline.py",
)
TYPED = ('        completions = self.rank(report, key="mean")\n', "        if not completions:\n")
ACCEPTED = "            return run.finish(StopReason.STUCK)\n"
ACCEPTED_LATER = "self._tree.truncate(branch, held + accepted)\n"
SETTINGS = settings_with(cold_target_ms=0)
PAUSE_S = 0.12
"""Between two keys."""


@dataclass(frozen=True)
class TypingEvent:
    """One thing the user did, and how long the answer took on both sides."""

    kind: str
    ours_ms: float
    theirs_ms: float
    prefill_tokens: int
    tokens: int
    """That were written, of those asked for: the model may end earlier."""


class Infill:
    """A client of llama-server."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def wait(self, seconds: float) -> None:
        """Return when the model is loaded."""
        until = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(f"{self._url}/health", timeout=5).close()
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return

    def answer_ms(self, prompt: Prompt, typed: str, tokens: int) -> float:
        """Ask for so many tokens as llama.vim does, with the texts of our own prompt."""
        before, _, suffix = prompt.text.removeprefix("<prefix>").partition("<suffix>")
        body = {
            "input_prefix": before,
            "prompt": typed,
            "input_suffix": suffix.rpartition("<middle>")[0],
            "n_predict": tokens,
            "cache_prompt": True,
            "samplers": ["top_k"],
            "top_k": 1,
        }
        request = urllib.request.Request(
            f"{self._url}/infill",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=300) as answer:
            answer.read()
        return (time.perf_counter() - started) * 1000


@contextmanager
def llama_server(command: str, model: Path, threads: int) -> Iterator[Infill]:
    """Run llama-server with one slot and the model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = f"-m {shlex.quote(str(model))} --port {port} -np 1 -c 4096 -b 2048 -t {threads}"
    process = subprocess.Popen(
        [*shlex.split(command), *shlex.split(arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        infill = Infill(port)
        infill.wait(120)
        yield infill
    finally:
        process.terminate()
        process.wait()


class TimedKeys:
    """Types into documents and times the first token after each key."""

    def __init__(self, engine: EngineProcess, infill: Infill) -> None:
        self._engine = engine
        self._infill = infill
        self._index = WorkspaceIndex([HERE / "server"], RetrievalSettings())
        self._index.crawl(lambda _: None)
        self._pipeline = Pipeline(Gathering(engine, self._index.retrieve, SETTINGS))
        self._report: Report | None = None
        self.events: list[TypingEvent] = []

    async def press(self, kind: str, path: Path, text: str, offset: int, tokens: int) -> None:
        """Time one request at ``offset`` for at most so many tokens."""
        self._index.open_buffer(path, text, "python")
        self._pipeline.document_changed(path.as_uri(), path)
        report = await self._pipeline.prepare(snapshot_of(path, text, offset))
        assert report.prompt is not None
        assert report.hole is not None
        started = time.perf_counter()
        (completion,) = await self._engine.complete(
            CompletionRequest(prompt=report.prompt, stop=stop_after(tokens))
        )
        ours_ms = (time.perf_counter() - started) * 1000
        timings = completion.timings
        theirs_ms = self._infill.answer_ms(report.prompt, report.hole.typed, timings.decode_tokens)
        self.events.append(
            TypingEvent(kind, ours_ms, theirs_ms, timings.prefill_tokens, timings.decode_tokens)
        )
        self._report = report
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSE_S):
                await self._pipeline.move_anchor(report)
                await asyncio.sleep(PAUSE_S)

    async def pause_at(self, suggested: str) -> None:
        """Do what the server does while the user looks at a suggestion."""
        assert self._report is not None
        shown = replace(self._report, suggestion=Suggestion(suggested))
        await self._pipeline.think_ahead(shown)

    async def decode_step_ms(self, path: Path) -> tuple[int, float]:
        """Return the size of a prompt in ``path`` and how long one plain decode step takes there."""
        text, offset = with_blank_line(path)
        prompt = (await self._pipeline.prepare(snapshot_of(path, text, offset))).prompt
        assert prompt is not None
        (completion,) = await self._engine.complete(
            CompletionRequest(prompt=prompt, stop=stop_after(16))
        )
        steps = max(completion.timings.decode_tokens - 1, 1)  # the first token needs none
        return len(prompt.token_ids), completion.timings.decode_ms / steps


def stop_after(tokens: int) -> StopRule:
    """Return a rule that looks at nothing but the number of tokens."""
    return StopRule(max_tokens=tokens, max_lines=99, time_budget_ms=60_000)


def snapshot_of(path: Path, text: str, offset: int) -> Snapshot:
    """Return a file of this project with other ``text``, as an editor would send it."""
    return Snapshot(
        uri=path.as_uri(),
        path=str(path),
        name=path.relative_to(HERE).as_posix(),
        language_id="python",
        text=text,
        offset=offset,
    )


def with_blank_line(path: Path) -> tuple[str, int]:
    """Return a file's text with a blank line about two thirds into it, and the start of that line."""
    text = path.read_text("utf-8")
    offset = text.index("\n", len(text) * 2 // 3) + 1
    return f"{text[:offset]}\n{text[offset:]}", offset


async def replay(typist: TimedKeys, rounds: int, suggestions: list[int]) -> None:
    """Type, begin lines, switch files and accept, ``rounds`` times; then let lines be written.

    One token is asked for, and at each of the last keys a suggestion of so many tokens.
    """
    texts, offsets = {}, {}
    for path in FILES:
        texts[path], offsets[path] = with_blank_line(path)

    async def insert(kind: str, path: Path, inserted: str, tokens: int = 1) -> None:
        text, at = texts[path], offsets[path]
        texts[path] = text[:at] + inserted + text[at:]
        offsets[path] = at + len(inserted)
        await typist.press(kind, path, texts[path], offsets[path], tokens)

    first, second = FILES
    await insert("cold", first, "")
    await insert("cold", second, "")
    for _ in range(rounds):
        await insert("back to the file", first, "        ")
        for line in TYPED:
            for key in line.strip():
                await insert("key", first, key)
            await insert("new line", first, "\n        ")
        await insert("accepted at once", first, ACCEPTED)
        await insert("new line", first, "        ")
        await typist.pause_at(ACCEPTED_LATER)
        await insert("accepted after a pause", first, ACCEPTED_LATER)
        await insert("other file", second, "        ")
    for tokens in suggestions:
        for key in TYPED[0].strip()[: 4 * rounds]:
            await insert(f"{tokens} tokens", first, key, tokens)


def row(events: list[TypingEvent], step_ms: float) -> dict[str, float]:
    """Return medians and 95th percentiles of one kind of event."""
    ours, theirs = [e.ours_ms for e in events], [e.theirs_ms for e in events]
    return {
        "events": len(events),
        "prefill_tokens": median(e.prefill_tokens for e in events),
        "tokens": median(e.tokens for e in events),
        "ours_median_ms": round(median(ours), 1),
        "ours_p95_ms": round(p95(ours), 1),
        "theirs_median_ms": round(median(theirs), 1),
        "theirs_p95_ms": round(p95(theirs), 1),
        "times_faster": round(median(t / o for o, t in zip(ours, theirs, strict=True)), 1),
        "decode_steps": round(median(ours) / step_ms, 2),
    }


async def measure(arguments: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what was run, and the table."""
    options = EngineOptions(arguments.model, arguments.threads, draft="never", measures=True)
    engine = EngineProcess(options)
    info = await engine.start()
    with llama_server(arguments.llama_server, arguments.model, arguments.threads) as infill:
        typist = TimedKeys(engine, infill)
        await replay(typist, arguments.rounds, arguments.suggestions)
        steps = [await typist.decode_step_ms(FILES[0]) for _ in range(5)]
    await engine.close()
    step_ms = median(ms for _, ms in steps)
    kinds = dict.fromkeys(event.kind for event in typist.events)
    run = {
        "model": info.model_name,
        "threads": arguments.threads,
        "prompt_tokens": steps[0][0],
    }
    return run, {
        "decode_step_ms": round(step_ms, 1),
        "kinds": {k: row([e for e in typist.events if e.kind == k], step_ms) for k in kinds},
    }


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--llama-server", default="llama-server", help="command that starts it")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--suggestions", type=int, nargs="*", default=[], help="suggestions of so many tokens"
    )
    arguments = parser.parse_args()
    run, figures = asyncio.run(measure(arguments))
    finish(arguments.out, "first_token", run=run, figures=figures)


if __name__ == "__main__":
    main()
