"""Settings of retrieval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """Settings of a :class:`infill_retrieval.index.WorkspaceIndex`; they never change while it lives."""

    excluded: tuple[str, ...] = ()
    """Patterns, as in a ``.gitignore``, of what is not indexed; relative to each folder."""
    sensitive_names: tuple[str, ...] = ()
    """Further names of files that hold secrets (``secrets.SENSITIVE_NAMES`` is always in force)."""
    max_file_bytes: int = 400_000
    """Larger files are not indexed."""
    max_files: int = 50_000
    """Files beyond this number are not indexed: it bounds memory."""
    cache_folder: Path | None = None
    """Where analyses are kept from one start to the next; ``None`` keeps nothing."""
    crawl_in_process: bool = True
    """Whether a crawl of many files runs in a process of its own, so that nothing waits for it."""
    open_boost: float = 1.2
    """Factor on the score of what stands in a file that is open in the editor."""
    recent_boost: float = 1.2
    """Factor on the score of what stands in a file that was edited lately (besides the above)."""
    edited_lines_boost: float = 1.2
    """Factor on the score of the very lines, or the declarations around them, that were edited lately."""
    same_folder_boost: float = 1.1
    """Factor on the score of what stands in the folder of the file being edited."""


DEFAULT_SETTINGS = RetrievalSettings()
