"""Token budgets of the parts of a prompt: the user's settings, reduced to context and machine.

The first request in a file computes the whole prompt, and every later one almost nothing. So a slow
machine, or a large model on it, gets a shorter prompt: as long as fits into ``coldTargetMs``.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_ls.engine import EngineInfo
from infill_ls.settings import Settings

RESERVED_TOKENS = 64
"""Left free for markers, the header and the typed text."""
RESERVED_FOR_TYPED_TOKENS = 32
"""So many of them are there for the typed text."""
TYPED_STEP_TOKENS = 64
"""A longer typed text takes from the others in such steps: the prompt stays while one types."""
FIRST_LINE_TOKENS = 12
"""What is written before the first suggestion can be shown."""
LEAST_TOKENS = 256
"""However slow the machine: with less around the hole, suggestions are not worth waiting for."""
STEPS = 8
"""Budgets are cut to so many parts of themselves, so that a small difference between two
measurements of the machine does not change every prompt."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """Upper bounds in tokens, and why they are lower than what the user set."""

    prefix_tokens: int
    suffix_tokens: int
    snippet_tokens: int
    room_tokens: int
    """What all three may have together."""
    cuts: tuple[str, ...] = ()

    @property
    def typed_tokens(self) -> int:
        """The budget of the typed text, which goes before all others: at most that of the prefix."""
        return min(self.prefix_tokens, max(self.room_tokens, 0) // 2)

    def have_room_for(self, tokens: int) -> bool:
        """Tell whether so many tokens fit beside whole prefix and suffix."""
        return self.prefix_tokens + self.suffix_tokens + tokens <= self.room_tokens

    def beside(self, snippet_tokens: int, *, typed_tokens: int = 0) -> tuple[int, int]:
        """Return the budgets of prefix and suffix, given the tokens of the snippets and the typed text.

        Where the room is short, it is three parts prefix to one part suffix.
        """
        beyond = max(typed_tokens - RESERVED_FOR_TYPED_TOKENS, 0)
        room = (
            self.room_tokens - snippet_tokens - -(-beyond // TYPED_STEP_TOKENS) * TYPED_STEP_TOKENS
        )
        if self.prefix_tokens + self.suffix_tokens <= room:
            return self.prefix_tokens, self.suffix_tokens
        suffix = min(self.suffix_tokens, room // 4)
        return max(room - suffix, 0), suffix


def budgets_for(settings: Settings, info: EngineInfo) -> Budgets:
    """Return the budgets with a model on this machine."""
    cuts = []
    wanted = (
        settings.prompt.prefix_tokens,
        settings.prompt.suffix_tokens,
        settings.prompt.snippet_tokens,
    )
    share = _affordable_share(sum(wanted), settings.prompt.cold_target_ms, info)
    prefix, suffix, snippets = (int(tokens * share) for tokens in wanted)
    if share < 1:
        cuts.append(
            f"{share:.0%} of each budget, for a first suggestion within coldTargetMs = "
            f"{settings.prompt.cold_target_ms}: the model reads {info.prefill_tokens_per_s:.0f} tokens a "
            f"second here and takes {info.decode_ms:.0f} ms to write one"
        )
    room = info.context_tokens - answer_tokens(settings, info) - RESERVED_TOKENS
    if prefix + suffix + snippets > room:
        cuts.append(
            f"{max(room, 0)} tokens for all, as the context has {info.context_tokens}: "
            "contextTokens, kvTokens, or what the model was trained on"
        )
    # A small context is for the file itself first.
    return Budgets(prefix, suffix, min(snippets, max(room, 0) // 3), room, tuple(cuts))


def answer_tokens(settings: Settings, info: EngineInfo) -> int:
    """Return how long an answer may get: of a small context it leaves half to the prompt."""
    return min(settings.completion.max_tokens, info.context_tokens // 2)


def _affordable_share(wanted_tokens: int, target_ms: int, info: EngineInfo) -> float:
    """Return the part of the prompt that is computed in ``target_ms``, 0 to 1, in steps.

    What was measured while the machine was busy is no reason for worse suggestions.
    """
    if not target_ms or not info.prefill_tokens_per_s or not info.is_steady or not wanted_tokens:
        return 1.0
    prefill_ms = target_ms - FIRST_LINE_TOKENS * info.decode_ms
    affordable = info.prefill_tokens_per_s * prefill_ms / 1000 - RESERVED_TOKENS
    share = min(max(affordable, LEAST_TOKENS) / wanted_tokens, 1.0)
    return max(int(share * STEPS), 1) / STEPS
