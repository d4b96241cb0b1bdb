"""A diff as comments that a model may see: without secrets, each file cut to its share. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from infill_retrieval.secrets.judgement import certain_lines, is_sensitive_name, secret_lines

HEADING = "# Changes to be committed:\n"
CUT = "# …\n"
_FILE = re.compile(r"^diff --git .*\n", re.MULTILINE)
_NEW_NAME = re.compile(r"^\+\+\+ b/(.*)$", re.MULTILINE)
_OLD_NAME = re.compile(r"^--- a/(.*)$", re.MULTILINE)
_MAX_LINE = 200


def comments_of(diff: str, *, max_chars: int, sensitive_names: Sequence[str] = ()) -> str:
    """Return what ``git diff`` printed as lines of comments, in ``max_chars`` or so.

    Files with the names of secrets, and those in which one is certain, are left out; of the others
    the lines that hold one. Small files are shown whole as long as there is room.
    """
    files = sorted(_files(diff, sensitive_names), key=len)
    shown: list[str] = []
    room = max_chars - len(HEADING)
    for number, text in enumerate(files):
        share = room // (len(files) - number)
        cut = _cut(text, share)
        room -= len(cut)
        shown.append(cut)
    return HEADING + "".join(shown) if any(shown) else ""


def _files(diff: str, sensitive_names: Sequence[str]) -> Iterator[str]:
    for part in _FILE.split(diff)[1:]:
        name = _NEW_NAME.search(part) or _OLD_NAME.search(part)
        if name is None:
            continue  # binary, or only its mode has changed
        names = [*_OLD_NAME.findall(part), *_NEW_NAME.findall(part)]
        if any(is_sensitive_name(one, sensitive_names) for one in names):
            continue
        lines = part[part.index("\n@@") + 1 :].splitlines() if "\n@@" in part else []
        texts = [line[1:] for line in lines]
        if certain_lines(texts):
            continue
        hidden = set(secret_lines(texts, bare=True))
        kept = [
            f"# {line[:_MAX_LINE]}\n"
            for number, line in enumerate(lines)
            if number not in hidden and not line.startswith(("@@", "\\"))
        ]
        yield f"# {name[1]}\n" + "".join(kept)


def _cut(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    end = text.rfind("\n", 0, max(max_chars - len(CUT), 0)) + 1
    return text[:end] + CUT if end else ""
