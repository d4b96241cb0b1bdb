"""Fake model that writes what a test says, for sessions on a simulated clock."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from infill_ls.engine.decoding.text_stop import TextStop
from infill_ls.engine.scripted import SCRIPTED_INFO
from infill_ls.measuring.simulated import Script, SimulatedEngine, SimulatedModel
from infill_ls.session import Session
from infill_ls.settings import settings_with
from infill_ls.types import Completion, EngineTimings, Prompt, StopReason, StopRule, Written
from infill_retrieval.syntax import TreeCache

TOKEN = re.compile(r"\n|[^\S\n]+| ?\w{1,5}| ?[^\w\s]")
READS = 6
"""Tokens of a prompt that are read in a decode step."""
TRUST = math.log(0.95)

Pieces = list[tuple[str, float]]
"""What is written, token by token, with the log probability of each."""


def certain(text: str) -> Pieces:
    return [(piece, TRUST) for piece in TOKEN.findall(text)]


class ToldModel:
    """Writes what a function of the text before the cursor says."""

    def __init__(self, tell: Callable[[str], Pieces]) -> None:
        self._tell = tell
        self._ids: dict[str, int] = {}

    def tokenize(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        return [
            tuple(self._ids.setdefault(piece, len(self._ids)) for piece in TOKEN.findall(text))
            for text in texts
        ]

    def write(self, prompt: Prompt, stop: StopRule) -> Script:
        shown = prompt.text.removeprefix("<prefix>")
        before = shown.partition("<suffix>")[0].partition("\n")[2]  # without the file's name
        typed = prompt.parts[-1].text + prompt.fragment
        text, heard = TextStop(stop, TreeCache()), list[Written]()
        total, tokens, reason = 0.0, 0, None
        for piece, logprob in [*self._tell(before + typed), ("", TRUST)]:
            total, tokens = total + logprob, tokens + 1
            reason = text.feed(piece.encode()) if piece else StopReason.END
            if reason is not None:
                break
            heard.append(Written(text.text_so_far(), total / tokens, tokens))
        timings = EngineTimings(0, 0, 0.0, tokens, 0.0)
        assert reason is not None
        return Script(tuple(heard), Completion(text.text(), reason, total / tokens, timings))


def simulated_engine(tell: Callable[[str], Pieces], step_ms: float) -> SimulatedEngine:
    told = ToldModel(tell)
    info = replace(SCRIPTED_INFO, decode_ms=step_ms, prefill_tokens_per_s=1000 * READS / step_ms)
    model = SimulatedModel(info, told.tokenize, told.write)
    return SimulatedEngine(model, step_ms / 1000, step_ms / 1000 / READS)


def session_with(engine: SimulatedEngine, *, think_ahead: bool = True) -> Session:
    settings = settings_with(snippet_tokens=0, cold_target_ms=0, think_ahead=think_ahead)
    return Session(settings, engine_factory=lambda *_: engine)
