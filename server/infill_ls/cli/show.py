"""Print an answer for the user: the place, the snippets, the ghost text, the times."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infill_ls.cli.layout import print_pair, print_prose

if TYPE_CHECKING:
    from infill_ls.cli.place import CursorPlace
    from infill_ls.lsp.client import ServerAnswer

LINES_ABOVE = 6
LINES_BELOW = 3
SHOWN_CHARS = 60
"""How much is shown of a line of a snippet."""
GHOST = "italic bright_cyan"
FAINT = "bright_black"
MARKS = ("⟦", "⟧")
"""Around ghost text that has no colour."""


def print_answer(
    place: CursorPlace,
    answer: ServerAnswer,
    warnings: Sequence[str],
    *,
    show_prompt: bool = False,
    picture: str = "",
) -> None:
    """Print ``answer`` to stdout, in colour if that is a terminal; ``picture`` is an SVG file."""
    console = Console(highlight=False, soft_wrap=True, record=bool(picture))
    for warning in warnings:
        print_prose(console, Text(f"warning: {warning}", style="yellow"))
    shown = os.path.relpath(place.path, Path.cwd())
    console.print(Text.assemble((f"{shown}:{place.line}:{place.column}", "bold")))
    _print_snippets(console, answer)
    if show_prompt and (prompt := answer.explanation["prompt"]):
        console.print(Text("\nprompt", style="bold"))
        console.print(Text(prompt["text"], style=FAINT))
        console.print(Text(f"held back: {prompt['fragment']!r}", style=FAINT))
    console.print()
    _print_code(console, place, answer.suggestion or "", len(answer.explanation["replaces"]))
    if answer.suggestion is None:
        console.print()
        print_prose(console, Text(f"no suggestion: {answer.explanation['reason']}", style="yellow"))
    console.print()
    _print_times(console, answer)
    if picture:
        console.save_svg(picture, title=f"infill-ls complete {shown}:{place.line}:{place.column}")


def print_explanation(place: CursorPlace, answer: ServerAnswer, warnings: Sequence[str]) -> None:
    """Print to stdout how the server came to ``answer``."""
    console = Console(highlight=False, soft_wrap=True)
    for warning in warnings:
        print_prose(console, Text(f"warning: {warning}", style="yellow"))
    explanation = answer.explanation
    shown = os.path.relpath(place.path, Path.cwd())
    console.print(Text.assemble((f"{shown}:{place.line}:{place.column}", "bold")))
    _print_pairs(console, "settings", explanation["settings"].items())
    _print_considered(console, answer)
    if cuts := explanation["budgetCuts"]:
        _print_pairs(console, "budgets", [("cut to", cut) for cut in cuts])
    if prompt := explanation["prompt"]:
        title = f"prompt, {prompt['tokens']} tokens"
        _print_pairs(console, title, prompt["parts"].items(), unit=" tokens")
        _print_pairs(console, "", [("held back", repr(prompt["fragment"]))])
    if explanation["mode"] is not None:
        _print_pairs(console, "place", [("mode", explanation["mode"])])
    if completion := explanation["completion"]:
        least = explanation["settings"]["minProbability"]
        _print_filters(console, completion, explanation["filters"], least)
    result = repr(answer.suggestion) if answer.suggestion is not None else "nothing"
    _print_pairs(console, "answer", [("suggestion", result), ("reason", explanation["reason"])])
    console.print(Text("\ntime", style="bold"))
    _print_times(console, answer)
    steps = explanation["retrievalStepMs"].items()
    _print_pairs(
        console,
        "time of retrieval",
        [(name, f"{milliseconds:.1f} ms") for name, milliseconds in steps],
    )


def _print_considered(console: Console, answer: ServerAnswer) -> None:
    explanation = answer.explanation
    considered = explanation["considered"]
    console.print()
    print_prose(
        console,
        Text.assemble(
            ("retrieval", "bold"),
            f": {explanation['snippetTokens']} of {explanation['snippetBudgetTokens']} tokens, "
            f"{len(explanation['snippets'])} snippets, {answer.indexed_files} files indexed",
        ),
    )
    for channel in dict.fromkeys(one["channel"] for one in considered):
        candidates = [one for one in considered if one["channel"] == channel]
        taken = [one for one in explanation["snippets"] if one["channel"] == channel]
        tokens = sum(one["tokens"] for one in taken)
        summary = f"{len(candidates)} considered, {tokens} tokens taken"
        print_pair(console, Text(f"  {channel}: "), Text(summary))
        console.print(Text(f"    {'':13}   score  tokens", style=FAINT))
        for one in candidates:
            numbers = f"{one['score']:8.2f}{one['tokens']:8}  "
            place = f"{one['path']}:{one['firstLine'] + 1}  "
            line = _last_solid_line(one["text"])[:SHOWN_CHARS]
            console.print(
                Text.assemble(f"    {one['verdict']:13}", numbers, place, (line, FAINT)),
                soft_wrap=not console.is_terminal,
                no_wrap=True,
                overflow="ellipsis",
            )


def _print_filters(
    console: Console,
    completion: dict[str, Any],
    filters: Sequence[dict[str, str]],
    min_probability: float,
) -> None:
    probability = f"{completion['probability']:.2f} (shown unasked from {min_probability:.2f} on)"
    rows = [
        ("the model wrote", repr(completion["text"])),
        ("stopped by", completion["stop"]),
        ("probability", probability),
    ]
    for step in filters:
        made = f"{step['reason']}: {step['text']!r}" if step["reason"] else "-"
        rows.append((step["name"], made))
    _print_pairs(console, "filters", rows)


def _print_pairs(
    console: Console, title: str, pairs: Iterable[tuple[str, object]], unit: str = ""
) -> None:
    if title:
        console.print(Text(f"\n{title}", style="bold"))
    for name, value in pairs:
        print_pair(console, Text(f"  {name} ", style=FAINT), Text(f"{value}{unit}"))


def _last_solid_line(text: str) -> str:
    """Return the most informative line: a member is shown under the class it belongs to."""
    return next((line for line in reversed(text.split("\n")) if line.strip()), "").strip()


def _print_snippets(console: Console, answer: ServerAnswer) -> None:
    snippets = answer.explanation["snippets"]
    tokens = answer.explanation["snippetTokens"]
    summary = (
        f"{len(snippets)} snippets from other files, {tokens} tokens "
        f"({answer.indexed_files} files indexed)"
    )
    print_prose(console, Text(summary))
    for snippet in snippets:
        line = next((ln for ln in snippet["text"].split("\n") if ln.strip()), "").strip()
        console.print(
            Text.assemble(
                f"  {snippet['path']}:{snippet['firstLine'] + 1} ",
                (f"{snippet['channel']}, {snippet['tokens']} tokens  ", FAINT),
                (line[:SHOWN_CHARS], FAINT),
            ),
            soft_wrap=not console.is_terminal,
            no_wrap=True,
            overflow="ellipsis",
        )


def _marked(console: Console, ghost: str) -> str:
    """Return the ghost text; where no colour tells it from the code, between marks."""
    if not ghost or not (console.no_color or console.color_system is None):
        return ghost
    first, last = ("[[", "]]") if console.options.ascii_only else MARKS
    return f"{first}{ghost}{last}"


def _print_code(console: Console, place: CursorPlace, ghost: str, replaced: int) -> None:
    lines = re.split(r"\r\n|\r|\n", place.text)
    row, column = place.line - 1, place.column - 1
    first = max(0, row - LINES_ABOVE)
    bar, cursor = ("|", "|") if console.options.ascii_only else ("│", "▏")
    for number in range(first, min(len(lines), row + LINES_BELOW + 1)):
        margin = (f"{number + 1:5} {bar} ", FAINT)
        if number != row:
            console.print(Text.assemble(margin, lines[number]))
            continue
        head, *rest = _marked(console, ghost).split("\n")
        before, after = lines[row][:column], lines[row][column + (replaced if ghost else 0) :]
        tail = "" if rest else after
        console.print(Text.assemble(margin, before, (head or cursor, GHOST), tail))
        for index, extra in enumerate(rest):
            end = after if index == len(rest) - 1 else ""
            console.print(Text.assemble((f"      {bar} ", FAINT), (extra, GHOST), end))


def _print_times(console: Console, answer: ServerAnswer) -> None:
    explanation = answer.explanation
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row(
        Text("request", style=FAINT), f"{answer.request_ms:.0f} ms", "as the editor sees it"
    )
    for name, milliseconds in explanation["stepMs"].items():
        table.add_row(
            Text(f"  {name}", style=FAINT), f"{milliseconds:.1f} ms", _detail(name, explanation)
        )
    console.print(table, soft_wrap=not console.is_terminal)


def _detail(step: str, explanation: dict[str, Any]) -> str:
    completion, prompt = explanation["completion"], explanation["prompt"]
    if step == "prompt" and prompt:
        parts = ", ".join(f"{name} {tokens}" for name, tokens in prompt["parts"].items())
        return f"{prompt['tokens']} tokens: {parts}"
    if step == "engine" and completion:
        t = completion["timings"]
        return (
            f"prefill {t['prefill_tokens']} tokens in {t['prefill_ms']:.0f} ms "
            f"({t['reused_tokens']} from the KV cache), wrote {t['decode_tokens']} in "
            f"{t['decode_ms']:.0f} ms, stopped by {completion['stop']}"
        )
    return ""
