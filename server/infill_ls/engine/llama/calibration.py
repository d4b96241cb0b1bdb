"""Calibration: measure briefly which threads and settings run this model fastest here.

More threads are not always faster: decoding waits for memory, and a thread too many waits for a
core that something else uses. Flash attention wins on some processors and loses on others. What
was found is kept in the user's cache directory, so the measurement is made once for each model.

Somebody waits for the model, so it starts with a quick choice (:func:`first_choice`). All is measured
when nothing is asked for and the machine is quiet (:func:`calibrate`), and again what was not certain
(:func:`measure_again`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Protocol

from platformdirs import user_cache_path

log = logging.getLogger(__name__)

BatchCosts = tuple[tuple[int, float], ...]
"""(tokens in a batch, milliseconds), ascending."""
FORMAT = 6
"""To be raised when a calibration of before is no longer good."""
CONTEXT_TOKENS = 256
"""Tokens held at least while it is measured: a short prompt, so that a large model does not take long."""
DEEP_CONTEXT_TOKENS = 1024
"""Threads and ways of attention are compared in a context like that of a request, if it is filled soon
enough: attention takes a growing part of a step there, which a second thread halves. With the bundled
model on two cores, two threads are 1.1 to 1.3 times as fast as one at 256 tokens and 1.4 times at 1 472;
a step with flash attention takes 1.2 times as long as one without at 64 tokens and twice as long at 1 359."""
FILLING_S = 1.0
"""With a large model, of which attention is a small part, filling ends after so long."""
PREFILL_TOKENS = 64
LARGE_PREFILL_TOKENS = 512
"""A chunk that is tried too where one of ``PREFILL_TOKENS`` is read within ``QUICK_CHUNK_MS``, as on a GPU,
which small ones leave half idle."""
QUICK_CHUNK_MS = 25.0
WORTH_LARGE = 1.2
"""A large chunk must be read at so many times the rate: no cancel is seen while it is read."""
FIRST_CHUNK_MS = 250.0
"""The first chunk loads onto a GPU what it needs, and says nothing there: it is read again, unless it took so long."""
BATCHES = (1, 2, 4, 8, 16)
ROUNDS = 3
"""Each thing is measured once a round, so that a disturbance does not hit one of them alone."""
ENOUGH_S = 2.0
"""No other round is begun after so long: with a large model one round is long, and telling."""
STEADY = 1.6
"""Where rounds differ by more than this, the machine was busy: the result serves for a day."""
ONE_DAY_S = 86_400
ENOUGH = 1.15
"""A smaller number of threads that is only so much slower is preferred: it leaves a core to the
editor, and threads that must share one wait for each other many times longer."""
HOPELESS = 5.0
"""Threads that are so many times slower for a step than others are not tried further."""
LINE_TOKENS = 12
"""A completion of a line, to weigh decoding against prefill."""
WORTH_ROUNDING = 1.1
"""A KV cache in fewer bits must be so many times faster, as it is a little less exact."""


@dataclass(frozen=True, slots=True)
class Attention:
    """How attention is computed, and in which type keys and values are kept."""

    flash: bool
    kv_type: str
    """``f16`` or ``q8_0``."""


_WAYS = (Attention(True, "f16"), Attention(False, "f16"), Attention(True, "q8_0"))
_WAYS_ON_CPU = (_WAYS[1], _WAYS[0], _WAYS[2])
"""The first is what serves until all was measured. llama.cpp's flash attention is written for GPUs; on
processors it takes up to twice as long for a step (x86 with AMX) or for a prompt (Neoverse, llama.cpp
issue 27086)."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices to measure: all, or those that the user's settings leave open."""

    threads: tuple[int, ...]
    """Ascending."""
    attention: tuple[Attention, ...]
    """The first one serves until all was measured."""

    @classmethod
    def of(
        cls, threads: int, flash_attention: str, kv_type: str, *, cores: int, on_gpu: bool
    ) -> Choices:
        """Return the choices that are left, the usual one first: 0 threads and ``auto`` leave all.

        llama.cpp keeps values in fewer bits with flash attention only, which is then used whatever
        ``flash_attention`` says.
        """
        ways = _WAYS if on_gpu else _WAYS_ON_CPU
        allowed = [way for way in ways if kv_type in {"auto", way.kv_type}]
        wanted = [w for w in allowed if flash_attention in {"auto", "on" if w.flash else "off"}]
        return cls((threads,) if threads else _thread_counts(cores), tuple(wanted or allowed))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How to run a model on this machine."""

    decode_threads: int
    prefill_threads: int
    attention: Attention
    batch_costs: BatchCosts
    is_steady: bool = True
    """Whether the machine was quiet enough for the result to be kept for long."""
    is_whole: bool = True
    """Whether all that there is to choose was tried."""

    @property
    def prefill_tokens_per_s(self) -> float:
        """How fast a prompt is read."""
        tokens, milliseconds = self.batch_costs[-1]
        return tokens * 1000 / milliseconds

    @property
    def decode_ms(self) -> float:
        """How long it takes to write a token."""
        return self.batch_costs[0][1]


class Calibrated(Protocol):
    """What is measured."""

    def open_context(self, attention: Attention) -> None:
        """Start again with an empty context."""

    def set_threads(self, decode: int, prefill: int) -> None:
        """Set the number of threads for one token, and for several."""

    def decode(
        self, sequence: int, position: int, token_ids: Sequence[int], *, all_logits: bool
    ) -> None:
        """Append tokens to a sequence."""

    def truncate(self, sequence: int, length: int) -> None:
        """Drop the tokens of a sequence from ``length`` on."""


def first_choice(model: Calibrated, choices: Choices) -> Calibration:
    """Choose usual values quickly; leaves the model with an open context."""
    started = time.perf_counter()
    chosen = _quick_choice(model, choices, _steps_ms(model, choices))
    log.info("chosen in %.1f s: %s", time.perf_counter() - started, chosen)
    return chosen


def calibrate(
    model: Calibrated, choices: Choices, is_wanted: Callable[[], bool] = lambda: False
) -> Calibration | None:
    """Measure all there is to choose; leaves the model with an open context, in whatever setting.

    Returns ``None`` if the model was wanted meanwhile.
    """
    started = time.perf_counter()
    limited = _Limited(model, is_wanted)
    try:
        best = _measure_all(limited, choices, _steps_ms(limited, choices))
    except _GiveWay:
        return None
    log.info("calibrated in %.1f s: %s", time.perf_counter() - started, best)
    return best


def measure_again(
    model: Calibrated,
    known: Calibration,
    choices: Choices,
    *,
    sequence: int,
    held: int,
    is_wanted: Callable[[], bool],
) -> Calibration | None:
    """Measure threads and batches behind the ``held`` tokens of a sequence, which stay.

    Returns ``None`` if the model was wanted meanwhile; its threads are then what they were.
    """
    limited = _Limited(model, is_wanted, sequence)
    try:
        found = _measure(limited, choices.threads, known.attention, held)
        # There may be no room for a large chunk.
        large = [cost for cost in known.batch_costs if cost[0] > PREFILL_TOKENS]
        return replace(found, batch_costs=(*found.batch_costs, *large))
    except _GiveWay:
        model.set_threads(known.decode_threads, known.prefill_threads)
        return None
    finally:
        model.truncate(sequence, held)


def _measure_all(model: Calibrated, choices: Choices, steps_ms: dict[int, float]) -> Calibration:
    """Measure all that there is to choose."""
    best_ms = min(steps_ms.values())
    threads = tuple(n for n in choices.threads if steps_ms[n] <= best_ms * HOPELESS)
    is_busy = threads != choices.threads
    # On a busy machine all takes long and says little: what is usual serves until it is calm.
    ways = choices.attention[:1] if is_busy else choices.attention
    held = _fill_a_context(model, threads[-1], ways[0])
    costs = {way: _cost_of_a_line(model, threads[-1], way, held) for way in ways}
    attention = min(costs, key=lambda way: costs[way])
    if attention is not ways[-1]:
        _cost_of_a_line(
            model, threads[-1], attention, held
        )  # opens its context again, and fills it
    best = _measure(model, threads, attention, held)
    best = replace(best, batch_costs=_with_large_chunk(model, best.batch_costs, CONTEXT_TOKENS))
    return replace(best, is_steady=False, is_whole=False) if is_busy else best


def _quick_choice(model: Calibrated, choices: Choices, steps_ms: dict[int, float]) -> Calibration:
    """Return what is usual, and threads by single steps; only a token and a chunk are measured."""
    quickest_ms = min(steps_ms.values())
    # Reading is arithmetic: all threads that do not wait for each other help.
    threads = (
        fewest_good(steps_ms),
        max(n for n, ms in steps_ms.items() if ms <= quickest_ms * STEADY),
    )
    model.open_context(choices.attention[0])
    model.set_threads(*threads)
    (chunk_ms,) = _fill(model, 0, PREFILL_TOKENS)
    if chunk_ms <= FIRST_CHUNK_MS:
        chunk_ms = min(chunk_ms, *_fill(model, 0, PREFILL_TOKENS))
    started = time.perf_counter()
    model.decode(0, PREFILL_TOKENS, [2], all_logits=False)
    step_ms = (time.perf_counter() - started) * 1000
    each_ms = max(chunk_ms - step_ms, 0.0) / (PREFILL_TOKENS - 1)
    costs = tuple((n, step_ms + (n - 1) * each_ms) for n in (*BATCHES, PREFILL_TOKENS))
    costs = _with_large_chunk(model, costs, 0)
    return Calibration(*threads, choices.attention[0], costs, is_steady=False, is_whole=False)


class _GiveWay(Exception):  # noqa: N818 - an outcome, not an error
    """There is no time to measure any more."""


class _Limited:
    """A model that is measured as long as there is time, in one sequence."""

    def __init__(self, model: Calibrated, is_over: Callable[[], bool], sequence: int = 0) -> None:
        self._model = model
        self._is_over = is_over
        self._sequence = sequence

    def open_context(self, attention: Attention) -> None:
        """Start again with an empty context."""
        self._model.open_context(attention)

    def set_threads(self, decode: int, prefill: int) -> None:
        """Set the number of threads for one token, and for several."""
        self._model.set_threads(decode, prefill)

    def decode(
        self, _sequence: int, position: int, token_ids: Sequence[int], *, all_logits: bool
    ) -> None:
        """Append tokens; raises :class:`_GiveWay` if the time is over."""
        if self._is_over():
            raise _GiveWay
        self._model.decode(self._sequence, position, token_ids, all_logits=all_logits)

    def truncate(self, _sequence: int, length: int) -> None:
        """Drop the tokens from ``length`` on."""
        self._model.truncate(self._sequence, length)


def _steps_ms(model: Calibrated, choices: Choices) -> dict[int, float]:
    """Return how long a step takes with each number of threads, in a short context.

    While another program keeps a core busy, steps with all threads can take a hundred times
    longer, and so would all that is measured with them.
    """
    model.open_context(choices.attention[0])

    def step(threads: int) -> None:
        model.set_threads(threads, threads)
        model.truncate(0, 0)
        model.decode(0, 0, [1], all_logits=False)

    times_ms, _ = _fastest_ms({threads: partial(step, threads) for threads in choices.threads})
    return times_ms


def _fill_a_context(model: Calibrated, threads: int, attention: Attention) -> int:
    """Return how many tokens a context is to hold while it is measured: so many as are soon read."""
    model.open_context(attention)
    model.set_threads(threads, threads)
    _fill(model, 0, CONTEXT_TOKENS)
    more = _fill(model, CONTEXT_TOKENS, DEEP_CONTEXT_TOKENS, FILLING_S)
    return CONTEXT_TOKENS + PREFILL_TOKENS * len(more)


def _cost_of_a_line(model: Calibrated, threads: int, attention: Attention, held: int) -> float:
    """Return the time of a key and a line, in milliseconds, behind ``held`` tokens, which are read for that."""
    model.open_context(attention)
    model.set_threads(threads, threads)
    prefill_ms = _fill(model, 0, held)

    def step() -> None:
        model.truncate(0, held)
        model.decode(0, held, [2], all_logits=False)

    decode_ms, _ = _fastest_ms({1: step})
    cost = min(prefill_ms[-3:]) + LINE_TOKENS * decode_ms[1]
    return cost if attention.kv_type == "f16" else cost * WORTH_ROUNDING


def _fill(
    model: Calibrated, held: int, until_tokens: int, within_s: float = math.inf
) -> list[float]:
    """Make the context hold more than ``held`` tokens; return the milliseconds of each chunk."""
    model.truncate(0, held)
    began = time.perf_counter()
    chunks_ms: list[float] = []
    for start in range(held, until_tokens, PREFILL_TOKENS):
        started = time.perf_counter()
        if started - began >= within_s:
            break
        model.decode(0, start, [1 + start % 7] * PREFILL_TOKENS, all_logits=False)
        chunks_ms.append((time.perf_counter() - started) * 1000)
    return chunks_ms


def _measure(
    model: Calibrated, candidates: Sequence[int], attention: Attention, held: int
) -> Calibration:
    """Measure thread counts and batch sizes in the open context, of which ``held`` tokens stay."""

    def batch(tokens: int) -> None:
        model.truncate(0, held)
        # A draft needs the logits after each of its tokens; a prompt does not.
        model.decode(0, held, [2] * tokens, all_logits=tokens in BATCHES)

    def with_threads(threads: int, tokens: int) -> Callable[[], None]:
        def work() -> None:
            model.set_threads(threads, threads)
            batch(tokens)

        return work

    prefill, prefill_steady = _fastest_ms({n: with_threads(n, PREFILL_TOKENS) for n in candidates})
    decode, decode_steady = _fastest_ms({n: with_threads(n, 1) for n in candidates})
    threads = (fewest_good(decode), min(prefill, key=lambda n: prefill[n]))
    model.set_threads(*threads)
    costs, costs_steady = _fastest_ms(
        {tokens: partial(batch, tokens) for tokens in (*BATCHES, PREFILL_TOKENS)}
    )
    # Reading a prompt is arithmetic, which two cores do faster than one unless one is taken.
    with_more_ms = min((ms for n, ms in prefill.items() if n > 1), default=0.0)
    cores_taken = prefill[threads[1]] * ENOUGH < with_more_ms
    is_steady = prefill_steady and decode_steady and costs_steady and not cores_taken
    return Calibration(*threads, attention, tuple(costs.items()), is_steady)


def _with_large_chunk(model: Calibrated, costs: BatchCosts, held: int) -> BatchCosts:
    """Return the costs with that of a large chunk behind ``held`` tokens, if it is read at a much higher rate."""
    tokens, chunk_ms = costs[-1]
    if chunk_ms > QUICK_CHUNK_MS:
        return costs

    def read() -> None:
        model.truncate(0, held)
        model.decode(0, held, [2] * LARGE_PREFILL_TOKENS, all_logits=False)

    times_ms, _ = _fastest_ms({LARGE_PREFILL_TOKENS: read})
    large_ms = times_ms[LARGE_PREFILL_TOKENS]
    is_worth_it = tokens / chunk_ms * WORTH_LARGE <= LARGE_PREFILL_TOKENS / large_ms
    return (*costs, (LARGE_PREFILL_TOKENS, large_ms)) if is_worth_it else costs


def fewest_good(milliseconds: dict[int, float]) -> int:
    """Return the smallest number of threads that is nearly as fast as the fastest."""
    best = min(milliseconds.values())
    return min(threads for threads, ms in milliseconds.items() if ms <= best * ENOUGH)


def _thread_counts(cores: int) -> tuple[int, ...]:
    counts = {1, max(1, cores // 2), max(1, cores - 1), cores}
    return tuple(sorted(counts | {count for count in (2, 4, 6, 8, 12, 16) if count < cores}))


def _fastest_ms(works: dict[int, Callable[[], None]]) -> tuple[dict[int, float], bool]:
    """Return the best time of each work, and whether the rounds agreed."""
    times: dict[int, list[float]] = {name: [] for name in works}
    until = time.perf_counter() + ENOUGH_S
    for number in range(ROUNDS):
        if number and time.perf_counter() > until:
            break
        for name, work in works.items():
            started = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - started) * 1000)
    best = {name: min(each) for name, each in times.items()}
    return best, all(median(each) <= best[name] * STEADY for name, each in times.items())


class CalibrationStore:
    """Calibrations on disk, one small file for each model. Trouble with the disk is no error."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or user_cache_path("infill-ls") / "calibration"

    def get(self, model_path: Path, backend: str, choices: Choices) -> Calibration | None:
        """Return the measurement for this file with this backend on this machine."""
        try:
            file = self._file(model_path, backend, choices)
            data = json.loads(file.read_text("utf-8"))
            costs = tuple((int(tokens), float(ms)) for tokens, ms in data.pop("batch_costs"))
            attention = Attention(**data.pop("attention"))
            known = Calibration(**data, attention=attention, batch_costs=costs)
            is_old = time.time() - file.stat().st_mtime > ONE_DAY_S
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return None if is_old and not known.is_steady else known

    def put(
        self,
        model_path: Path,
        backend: str,
        choices: Choices,
        calibration: Calibration,
    ) -> None:
        """Remember a measurement."""
        file = self._file(model_path, backend, choices)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(asdict(calibration)), "utf-8")
            temporary.replace(file)  # another server may read it at this moment

    def _file(self, model_path: Path, backend: str, choices: Choices) -> Path:
        stat = model_path.stat()
        key = (
            FORMAT,
            str(model_path.resolve()),
            stat.st_size,
            stat.st_mtime_ns,
            backend,
            choices,
        )
        return self._folder / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}.json"
