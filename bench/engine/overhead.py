"""What we cost beside the model: the process boundary and Python, typed-through reuse, memory, idleness.

python -m bench.engine.overhead MODEL.gguf --out RESULT.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import gguf
import psutil
from bench.command import finish, parser_of
from bench.engine.typed_edits import edits_of_history, snapshots_of

from infill_ls.engine import EngineOptions
from infill_ls.engine.process import EngineProcess
from infill_ls.engine.shape import default_kv_tokens
from infill_ls.gathering import Gathering
from infill_ls.measuring.intervals import spread
from infill_ls.pipeline import Pipeline
from infill_ls.settings import settings_with
from infill_retrieval import NO_SNIPPETS

HERE = Path(__file__).resolve().parents[2]
LINES = 10_000
SUGGESTED = "answer.compute(first, second, third)"
IDLE_S = 10.0
END_OF_LINE = len("value_5000 = compute(5000, other)")
MIB = 1 << 20


async def of_a_request(model: Path, seconds: float) -> dict[str, Any]:
    """Type edits; return what each request took beside the model's own work, in milliseconds.

    ``boundary`` is what the call of the engine takes beside the work in its process; ``loop`` is
    what Python takes there, parsing to find the end included; ``key`` is from the snapshot to the
    suggestion. All without the time that llama.cpp itself worked.
    """
    engine = EngineProcess(EngineOptions(model, threads=1, measures=True))
    await engine.start()
    settings = settings_with(snippet_tokens=0, time_budget_ms=60_000, cold_target_ms=0)
    boundary, loop, key = [], [], []
    until = time.monotonic() + seconds
    for edit in edits_of_history(100):
        pipeline = Pipeline(Gathering(engine, lambda *_: NO_SNIPPETS, settings))
        for number, snapshot in enumerate(snapshots_of(edit)):
            started = time.perf_counter()
            report = await pipeline.run(snapshot)
            whole_ms = (time.perf_counter() - started) * 1000
            if report.completion is None or not number:
                continue  # typed through, or the first of a file: a new prompt, not a key
            timings = report.completion.timings
            model_ms, inside_ms = timings.model_ms, timings.prefill_ms + timings.decode_ms
            boundary.append(report.step_ms["engine"] - inside_ms)
            loop.append(inside_ms - model_ms)
            key.append(whole_ms - model_ms)
        if time.monotonic() > until:
            break
    await engine.close()
    return {"boundary_ms": spread(boundary), "loop_ms": spread(loop), "key_ms": spread(key)}


@dataclass
class StdioServer:
    """The server over stdio, and the least of a client."""

    process: Process
    ids: count[int]

    async def ask(self, method: str, params: Any) -> Any:
        """Return the result of a request; what the server tells meanwhile is skipped."""
        request_id = next(self.ids)
        self._send({"id": request_id, "method": method, "params": params})
        while True:
            message = await self._read()
            if message.get("id") == request_id and "method" not in message:
                return message["result"]
            if "id" in message and "method" in message:
                self._send({"id": message["id"], "result": None})

    def tell(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        header = await self.process.stdout.readuntil(b"\r\n\r\n")
        body = await self.process.stdout.readexactly(int(header.split()[1]))
        message = json.loads(body)
        assert isinstance(message, dict)
        return message


@asynccontextmanager
async def server(
    folder: Path | None, options: dict[str, Any], *arguments: str
) -> AsyncIterator[StdioServer]:
    """Run a server that has done the handshake."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "infill_ls", *arguments, stdin=PIPE, stdout=PIPE
    )
    client = StdioServer(process, count(1))
    capabilities = {
        "general": {"positionEncodings": ["utf-16"]},
        "textDocument": {"inlineCompletion": {}},
    }
    folders = [{"uri": folder.as_uri(), "name": folder.name}] if folder is not None else None
    await client.ask(
        "initialize",
        {
            "processId": None,
            "rootUri": None,
            "capabilities": capabilities,
            "workspaceFolders": folders,
            "initializationOptions": options,
        },
    )
    client.tell("initialized", {})
    yield client
    await client.ask("shutdown", None)
    client.tell("exit", None)
    await process.wait()


async def of_typing_through(rounds: int) -> dict[str, Any]:
    """Type a suggestion in a large file; return the time from each key to the rest, LSP to LSP."""
    uri = "file:///nowhere/large.py"
    middle = LINES // 2
    text = "".join(f"value_{number} = compute({number}, other)\n" for number in range(LINES))
    times = []
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.json"
        script.write_text(json.dumps({"answers": [SUGGESTED]}))
        async with server(None, {"thinkAhead": False}, "--scripted-engine", str(script)) as client:
            document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
            client.tell("textDocument/didOpen", {"textDocument": document})
            versions = count(2)

            async def insert(line: int, column: int, typed: str) -> tuple[list[Any], float]:
                at = {"line": line, "character": column}
                started = time.perf_counter()
                client.tell(
                    "textDocument/didChange",
                    {
                        "textDocument": {"uri": uri, "version": next(versions)},
                        "contentChanges": [{"range": {"start": at, "end": at}, "text": typed}],
                    },
                )
                lines = typed.split("\n")
                last = len(lines) - 1
                after = {
                    "line": line + last,
                    "character": len(lines[-1]) + (0 if last else column),
                }
                answer = await client.ask(
                    "textDocument/inlineCompletion",
                    {
                        "textDocument": {"uri": uri},
                        "position": after,
                        "context": {"triggerKind": 2},
                    },
                )
                return answer["items"], (time.perf_counter() - started) * 1000

            for number in range(rounds):
                line = middle + number * 2
                items, _ = await insert(line, END_OF_LINE, "\n")
                assert items, "the first suggestion, from the engine"
                for column, key in enumerate(SUGGESTED):
                    items, ms = await insert(line + 1, column, key)
                    if column < len(SUGGESTED) - 1:
                        assert items, "the rest of what is typed"
                        times.append(ms)
    return {"lines": LINES, "key_to_rest_ms": spread(times)}


async def of_memory(model: Path, files: int, model_bytes: int, cache_bytes: int) -> dict[str, Any]:
    """Return the memory of both processes with a workspace loaded, and the CPU they use idle."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_workspace(folder, files)
        document = folder / "file0.py"
        async with server(folder, {"model": str(model)}) as client:
            uri = document.as_uri()
            text = document.read_text()
            opened = {"uri": uri, "languageId": "python", "version": 1, "text": text}
            client.tell("textDocument/didOpen", {"textDocument": opened})
            process = psutil.Process(client.process.pid)
            await settled(process)
            await client.ask(
                "textDocument/inlineCompletion",
                {
                    "textDocument": {"uri": uri},
                    "position": {"line": 0, "character": 0},
                    "context": {"triggerKind": 1},
                },
            )
            await settled(process)
            (engine,) = (
                child
                for child in process.children()
                if "infill_ls.engine.llama.host" in child.cmdline()
            )
            before = [sum(each.cpu_times()[:2]) for each in (process, engine)]
            await asyncio.sleep(IDLE_S)
            after = [sum(each.cpu_times()[:2]) for each in (process, engine)]
            used = engine.memory_full_info()
            return {
                "files": files,
                "server_rss_mib": round(process.memory_info().rss / MIB),
                "engine_rss_mib": round(used.rss / MIB),
                "engine_uss_mib": round(used.uss / MIB),
                "model_mib": round(model_bytes / MIB),
                "kv_mib": round(cache_bytes / MIB),
                "engine_rss_beyond_model_and_kv_mib": round(
                    (used.rss - model_bytes - cache_bytes) / MIB
                ),
                "idle_cpu_percent": {
                    "server": round((after[0] - before[0]) / IDLE_S * 100, 2),
                    "engine": round((after[1] - before[1]) / IDLE_S * 100, 2),
                },
            }


def write_workspace(folder: Path, files: int) -> None:
    """Copy this project's files until there are so many."""
    sources = sorted((HERE / "server").rglob("*.py")) + sorted((HERE / "retrieval").rglob("*.py"))
    for number in range(files):
        shutil.copy(sources[number % len(sources)], folder / f"file{number}.py")


async def settled(process: psutil.Process, quiet_s: float = 3.0) -> None:
    """Wait until the server and its engine have used no CPU for a while."""
    async with asyncio.timeout(240):
        last, since = -1.0, time.monotonic()
        while time.monotonic() - since < quiet_s:
            await asyncio.sleep(0.25)
            everyone = [process, *process.children()]
            now = sum(sum(each.cpu_times()[:2]) for each in everyone)
            if now - last > 0.02:
                last, since = now, time.monotonic()


def kv_bytes(model: Path) -> int:
    """Return the size of the KV cache of a model with two bytes a value, as the server opens it."""
    reader = gguf.GGUFReader(model)

    def number(key: str) -> int:
        architecture = str(reader.fields["general.architecture"].contents())
        return int(reader.fields[f"{architecture}.{key}"].contents())

    head = number("embedding_length") // number("attention.head_count")
    width = head * number("attention.head_count_kv")
    bytes_per_token = number("block_count") * width * 2 * 2
    return default_kv_tokens(min(number("context_length"), 4096), bytes_per_token) * bytes_per_token


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures."""
    return {
        "request": await of_a_request(arguments.model, arguments.seconds),
        "typed_through": await of_typing_through(arguments.rounds),
        "memory": await of_memory(
            arguments.model,
            arguments.files,
            arguments.model.stat().st_size,
            kv_bytes(arguments.model),
        ),
    }


def main() -> None:
    """Measure and write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0, help="of typing")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--files", type=int, default=5_000)
    arguments = parser.parse_args()
    run = {"model": arguments.model.stem}
    finish(arguments.out, "overhead", run=run, figures=asyncio.run(measure(arguments)))


if __name__ == "__main__":
    main()
