"""Read a streamed completion and apply the decoder's stop rules to its pieces of text."""

from __future__ import annotations

from infill_ls.engine.decoding.text_stop import TextStop
from infill_ls.engine.remote.dialect import Chunk
from infill_ls.types import StopReason, StopRule
from infill_retrieval.syntax import TreeCache


class StreamReader:
    """Takes the fragment off, applies the stop rule, keeps count.

    ``fragment`` is what the output has to start with; what does not is worth nothing. ``trees`` is
    what :class:`~infill_ls.engine.decoding.text_stop.TextStop` wants.
    """

    def __init__(
        self, stop: StopRule, fragment: str, stop_ids: frozenset[int], trees: TreeCache
    ) -> None:
        self._required = fragment
        self._stop_ids = stop_ids
        self._text = TextStop(stop, trees)
        self._logprob_sum = 0.0
        self._scored = 0
        self.tokens = 0
        """Tokens that came, or pieces where the server does not tell."""

    @property
    def mean_logprob(self) -> float:
        """Mean over the tokens behind the fragment; 0 if the server gave none."""
        return self._logprob_sum / self._scored if self._scored else 0.0

    def text(self) -> str:
        """Return the completion so far; nothing if the fragment is not complete."""
        return "" if self._required else self._text.text()

    def text_so_far(self) -> str:
        """Return what no rule will take back, while it is being written."""
        return "" if self._required else self._text.text_so_far()

    def take(self, chunk: Chunk) -> StopReason | None:
        """Take a piece; return why to stop now, or ``None`` to go on."""
        if not self._stop_ids.isdisjoint(chunk.token_ids):
            return StopReason.STUCK if self._required else StopReason.END
        self.tokens += len(chunk.token_ids) or len(chunk.logprobs) or bool(chunk.text)
        if not self._required:
            # What the user typed is no doubt of the model's: only what comes behind it counts.
            self._logprob_sum += sum(chunk.logprobs)
            self._scored += len(chunk.logprobs)
        known = min(len(self._required), len(chunk.text))
        if chunk.text[:known] != self._required[:known]:
            return StopReason.STUCK
        self._required = self._required[known:]
        reason = self._text.feed(chunk.text[known:].encode("utf-8", "replace"))
        if reason is None and chunk.end is not None:
            return StopReason.STUCK if self._required else chunk.end
        return reason
