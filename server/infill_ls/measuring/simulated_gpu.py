"""An inference server on a GPU with its two limits, on a simulated clock: memory for prompts, and work for each request.

Made after vLLM: what a prompt has in common with one that was read before need not be read again as long as it is
kept; the memory for that is shared by all, and the blocks that were used longest ago go first. All requests go on
together, step by step: one token each, and as much of waiting prompts as fits into a step, for which all wait. In front of
that is HTTP, which takes requests, tokens and cancellations one after the other.

Nothing is timed: the same on every machine. The figures that make it do what an H200 did are in ``bench/remote``.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from infill_ls.measuring.simulated_team import Clock

BLOCK_TOKENS = 16
JUNK_TOKENS = 24
"""What stays behind of each request besides its prompt: what was written and the rest of a block, which nobody asks for again."""
FRONT_AT_ONCE = 8
"""Where many things wait at the front, so many are seen to end together: fewer events to simulate."""


@dataclass(frozen=True, slots=True)
class GpuFigures:
    """What a server can do."""

    prompt_memory_tokens: int
    step_s: float
    """Of a step with nothing in it."""
    sequence_s: float
    """What each request that is being written adds to a step: its memory is read, and Python does something for it."""
    read_tokens_per_s: float
    front_s: float
    """For a request, its cancellation, or the tokens of one request that wait to be sent."""
    way_s: float = 0.0
    """From an editor to the front and back: nobody waits for that of another."""
    most_sequences: int = 1024
    step_tokens: int = 8192
    """The most that a step reads and writes (vLLM's ``--max-num-batched-tokens``)."""


class Hear(Protocol):
    """Whoever waits for an answer."""

    def __call__(self, asked: GpuRequest, /, *, is_first: bool) -> None:
        """Note that tokens have come."""


@dataclass(slots=True, eq=False)
class GpuRequest:
    """One request."""

    prompt: object
    """Whose prompt it is: what it has in common with others of the same is found in memory."""
    prompt_tokens: int
    new_tokens: int
    hear: Hear
    """Called whenever tokens have come, and when all have."""
    heard_tokens: int = 0
    found_tokens: int = 0
    """Of the prompt, those that had been kept."""
    to_read: int = 0
    written: int = 0
    unsent: int = 0
    is_running: bool = False
    is_taken_back: bool = False

    @property
    def is_done(self) -> bool:
        """Whether all of the answer has been heard."""
        return self.heard_tokens >= self.new_tokens


class PromptMemory:
    """The prompts that are kept, in tokens: those in use stay, of the others the one used longest ago goes first."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._used = 0
        self._idle: OrderedDict[object, int] = OrderedDict()
        self._in_use: dict[object, tuple[int, int]] = {}
        """Tokens, and by how many requests."""
        self._junk = 0

    def found(self, prompt: object, tokens: int) -> int:
        """Return how many of the tokens of a prompt need not be read."""
        kept = self._idle.get(prompt, 0)
        if prompt in self._in_use:
            kept = self._in_use[prompt][0]
        # At least one token is always read.
        return min(kept, (tokens - 1) // BLOCK_TOKENS * BLOCK_TOKENS)

    def take(self, prompt: object, tokens: int) -> bool:
        """Make room for a request; tell whether there was enough."""
        kept, users = self._in_use.get(prompt, (0, 0))
        if not users:
            kept = self._idle.pop(prompt, 0)
        more = max(tokens - kept, 0) + JUNK_TOKENS
        if not self._make_room(more):
            if not users and kept:
                self._idle[prompt] = kept
            return False
        self._used += more
        self._in_use[prompt] = max(tokens, kept), users + 1
        return True

    def leave(self, prompt: object, unread: int = 0) -> None:
        """Note that a request has ended, ``unread`` tokens before the end of its prompt."""
        kept, users = self._in_use.pop(prompt)
        self._junk += 1
        self._idle[self._junk] = JUNK_TOKENS
        if users > 1:
            self._in_use[prompt] = kept, users - 1
            return
        self._used -= unread
        if kept > unread:
            self._idle[prompt] = kept - unread

    def _make_room(self, tokens: int) -> bool:
        while self._used + tokens > self._tokens:
            if not self._idle:
                return False
            oldest, kept = self._idle.popitem(last=False)
            # Of a prompt the end goes first.
            gone = min(
                kept, -(-(self._used + tokens - self._tokens) // BLOCK_TOKENS) * BLOCK_TOKENS
            )
            self._used -= gone
            if kept > gone:
                self._idle[oldest] = kept - gone
                self._idle.move_to_end(oldest, last=False)
        return True


@dataclass(eq=False)
class SimulatedGpu:
    """The server."""

    clock: Clock
    figures: GpuFigures
    requests: int = 0
    prompt_tokens: int = 0
    found_tokens: int = 0
    _front: deque[Callable[[], None]] = field(default_factory=deque)
    _is_front_busy: bool = False
    _waiting: deque[GpuRequest] = field(default_factory=deque)
    _running: dict[GpuRequest, None] = field(default_factory=dict)
    _is_stepping: bool = False

    def __post_init__(self) -> None:
        self.memory = PromptMemory(self.figures.prompt_memory_tokens)

    def ask(self, asked: GpuRequest) -> None:
        """Take a request."""
        self.requests += 1
        front = lambda: self._at_front(lambda: self._enqueue(asked))  # noqa: E731
        self.clock.after(self.figures.way_s, front)

    def take_back(self, asked: GpuRequest) -> None:
        """Hear that nobody waits for it any more, once the front has come to it."""
        asked.is_taken_back = True
        self._at_front(lambda: self._drop(asked))

    def _at_front(self, do: Callable[[], None]) -> None:
        self._front.append(do)
        if not self._is_front_busy:
            self._is_front_busy = True
            self._serve_front(0)

    def _serve_front(self, done: int) -> None:
        for _ in range(done):
            self._front.popleft()()
        next_ones = min(len(self._front), FRONT_AT_ONCE)
        self._is_front_busy = bool(next_ones)
        if next_ones:
            self.clock.after(next_ones * self.figures.front_s, lambda: self._serve_front(next_ones))

    def _enqueue(self, asked: GpuRequest) -> None:
        if not asked.is_taken_back:
            self._waiting.append(asked)
            self._go_on()

    def _drop(self, asked: GpuRequest) -> None:
        if asked.is_running:
            self._end(asked)

    def _end(self, asked: GpuRequest) -> None:
        asked.is_running = False
        del self._running[asked]
        self.memory.leave(asked.prompt, max(asked.to_read, 0))

    def _go_on(self) -> None:
        if not self._is_stepping and (self._running or self._waiting):
            self._is_stepping = True
            self._step()

    def _step(self) -> None:
        figures = self.figures
        left = figures.step_tokens
        writing: list[GpuRequest] = []
        read = 0
        for asked in self._running:
            piece = min(asked.to_read, left)
            asked.to_read -= piece
            read += piece
            left -= max(piece, 1)
            if not asked.to_read:
                writing.append(asked)
        while self._waiting and left > 0 and len(self._running) < figures.most_sequences:
            asked = self._waiting[0]
            if asked.is_taken_back:
                self._waiting.popleft()
                continue
            found = self.memory.found(asked.prompt, asked.prompt_tokens)
            if not self.memory.take(asked.prompt, asked.prompt_tokens):
                break
            self._waiting.popleft()
            self.prompt_tokens += asked.prompt_tokens
            self.found_tokens += found
            asked.found_tokens, asked.is_running = found, True
            asked.to_read = asked.prompt_tokens - found
            self._running[asked] = None
            piece = min(asked.to_read, left)
            asked.to_read -= piece
            read += piece
            left -= piece
            if not asked.to_read:
                writing.append(asked)
        if not self._running:
            self._is_stepping = False
            return
        took_s = (
            figures.step_s
            + len(self._running) * figures.sequence_s
            + read / figures.read_tokens_per_s
        )
        self.clock.after(took_s, lambda: self._write(writing))

    def _write(self, writing: list[GpuRequest]) -> None:
        for asked in writing:
            if not asked.is_running:
                continue
            asked.written += 1
            asked.unsent += 1
            if asked.unsent == 1:  # what comes before it is sent is sent with it
                self._at_front(lambda one=asked: self._send(one))  # type: ignore[misc]
            if asked.written >= asked.new_tokens:
                self._end(asked)
        self._is_stepping = False
        self._go_on()

    def _send(self, asked: GpuRequest) -> None:
        is_first = not asked.heard_tokens
        asked.heard_tokens += asked.unsent
        asked.unsent = 0
        if not asked.is_taken_back:
            asked.hear(asked, is_first=is_first)
