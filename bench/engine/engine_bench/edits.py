"""Edits to replay: what commits of this project's history have added, and text that never repeats."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infill_ls.types import Snapshot

HERE = Path(__file__).resolve().parents[3]
HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
MOST_LINES = 8
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Edit:
    """Lines that were typed into a file."""

    path: Path
    text: str
    """The file without them."""
    offset: int
    typed: str

    def snapshots(self) -> Iterator[Snapshot]:
        """Return the document before the first key and after each."""
        name = self.path.relative_to(HERE).as_posix()
        before, after = self.text[: self.offset], self.text[self.offset :]
        for keys in range(len(self.typed) + 1):
            if keys > 0 and not self.typed[:keys].rpartition("\n")[2].strip():
                continue  # the editor indents by itself
            text = before + self.typed[:keys] + after
            yield Snapshot(
                self.path.as_uri(), str(self.path), name, "python", text, self.offset + keys
            )


def edits_of_history(count: int, seed: int = 0, since: str = "HEAD") -> list[Edit]:
    """Return some of the additions to Python files in the history up to the commit ``since``."""
    found: list[Edit] = []
    for commit in _git("log", "--no-merges", "--format=%H", "-n", "60", since).split():
        for path in _git("diff-tree", "-r", "--name-only", "--diff-filter=M", commit).split("\n"):
            if path.endswith(".py"):
                found += _additions(commit, path)
    return random.Random(seed).sample(found, min(count, len(found)))


def edits_that_never_repeat(count: int, seed: int = 0) -> list[Edit]:
    """Return lines in which no name occurs twice, typed into files of such lines."""
    chance = random.Random(seed)

    def word() -> str:
        return "".join(chance.choices(LETTERS, k=chance.randint(4, 9)))

    def lines(number: int) -> str:
        return "".join(f"{word()} = {word()}.{word()}({word()})\n" for _ in range(number))

    edits = []
    for number in range(count):
        before = lines(40)
        edits.append(
            Edit(
                HERE / f"words{number}.py",
                before + "\n" + lines(20),
                len(before),
                lines(3).rstrip(),
            )
        )
    return edits


def _additions(commit: str, path: str) -> Iterator[Edit]:
    lines = _git("show", f"{commit}:{path}").splitlines(keepends=True)
    for match in HUNK.finditer(_git("diff", "-U0", f"{commit}^", commit, "--", path)):
        first, number = int(match[1]) - 1, int(match[2] or 1)
        if not 0 < number <= MOST_LINES or first < 10:
            continue
        before, typed, after = lines[:first], lines[first : first + number], lines[first + number :]
        if "".join(typed).strip():
            offset = len("".join(before))
            text = "".join(before) + "\n" + "".join(after)
            yield Edit(HERE / path, text, offset, "".join(typed).rstrip("\n"))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=HERE, check=True, capture_output=True, text=True)
    return done.stdout
