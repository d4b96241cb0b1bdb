"""Code from somewhere else, indented for its place."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from infill_retrieval.syntax import Language, parse

DEFAULT_STEP = "    "
_WIDTHS = (2, 3, 4, 8)


def step_of(text: str) -> str:
    """Return one step of a document's indentation: a tab, or so many blanks."""
    lines = [line for line in text.splitlines() if line.strip()]
    tabs = sum(line.startswith("\t") for line in lines)
    if tabs > sum(line.startswith(" ") for line in lines):
        return "\t"
    widths = [len(line) - len(line.lstrip(" ")) for line in lines]
    steps = Counter(
        after - before for before, after in pairwise(widths) if after - before in _WIDTHS
    )
    return " " * steps.most_common(1)[0][0] if steps else DEFAULT_STEP


def dedented(code: str, language: Language) -> str:
    """Return code without the indentation that all its lines share, and without blank ends.

    What goes on inside a string stays as it is, but for documentation.
    """
    lines = code.expandtabs(4).split("\n") if _mixes(code) else code.split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    inside = _lines_in_strings("\n".join(lines), language)
    outside = [line for number, line in enumerate(lines) if line.strip() and number not in inside]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in outside]
    shared = min(indents, key=len, default="")
    return "\n".join(
        line if number in inside else line.removeprefix(shared).rstrip()
        for number, line in enumerate(lines)
    )


def reindented(code: str, indent: str, step: str, language: Language) -> str:
    """Return dedented ``code`` at ``indent``, its own steps turned into those of the document.

    What goes on inside a string stays as it is, but for documentation.
    """
    own = step_of(code)
    inside = _lines_in_strings(code, language)
    lines = []
    for number, line in enumerate(code.split("\n")):
        if number in inside or not line.strip():
            lines.append(line if number in inside else "")
            continue
        bare = line.lstrip(" \t")
        white = line[: len(line) - len(bare)]
        steps, rest = (len(white), "") if own == "\t" else divmod(len(white), len(own))
        rest = " " * rest if isinstance(rest, int) else rest
        lines.append(f"{indent}{step * steps}{rest}{bare}")
    return "\n".join(lines)


def _mixes(code: str) -> bool:
    starts = {line[0] for line in code.split("\n") if line[:1] in {" ", "\t"}}
    return len(starts) > 1


def _lines_in_strings(code: str, language: Language) -> frozenset[int]:
    """Return the numbers of lines that begin inside a string which is not documentation."""
    tree = parse(language, code)
    if tree is None:
        return frozenset()
    found: set[int] = set()
    unseen = [(tree.root, "")]
    while unseen:
        node, parent = unseen.pop()
        is_text = "string" in node.type or "heredoc" in node.type
        if (
            is_text
            and parent != "expression_statement"
            and node.start_point.row < node.end_point.row
        ):
            found.update(range(node.start_point.row + 1, node.end_point.row + 1))
        elif node.start_point.row < node.end_point.row and not is_text:
            unseen.extend((child, node.type) for child in node.children)
    return frozenset(found)
