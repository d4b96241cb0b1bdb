"""A candidate: lines of a file that might help, read and ready to be packed."""

from __future__ import annotations

from dataclasses import dataclass

from infill_retrieval.types import Channel, Snippet


@dataclass(frozen=True, slots=True)
class Candidate:
    """Lines of a file that might help, with their numbers. A declaration has its class's too."""

    path: str
    """As the prompt shows it."""
    channel: Channel
    lines: tuple[tuple[int, str], ...]
    """Pairs of line number (0-based, ascending) and text without a line end."""
    score: float

    @property
    def text(self) -> str:
        """The lines, with a newline at the end of each."""
        return "".join(f"{line}\n" for _, line in self.lines)

    def as_snippet(self, tokens: int) -> Snippet:
        """Return the candidate as a snippet of its own."""
        return Snippet(self.path, self.text, self.lines[0][0], self.channel, self.score, tokens)
