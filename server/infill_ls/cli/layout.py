"""How text is laid out for a terminal of any width."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

LEAST_COLUMNS = 20
"""A value gets no less, however narrow the terminal is."""


class HelpWithExamples(argparse.HelpFormatter):
    """Wraps prose, and leaves a text with line breaks, such as examples, as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" not in text:
            return super()._fill_text(text, width, indent)
        return "".join(indent + line for line in text.splitlines(keepends=True))


def print_prose(console: Console, text: Text) -> None:
    """Print a sentence. On a terminal it is wrapped between words, elsewhere it is one line."""
    from rich.text import Text

    print_pair(console, Text(), text)


def print_pair(console: Console, label: Text, value: Text) -> None:
    """Print a value behind its label. On a terminal it is wrapped between words, elsewhere it is one line."""
    from rich.text import Text

    if not console.is_terminal:
        console.print(Text.assemble(label, value), soft_wrap=True)
        return
    lines = value.wrap(console, max(console.width - label.cell_len, LEAST_COLUMNS), overflow="fold")
    for number, line in enumerate(lines):
        line.rstrip()
        console.print(
            Text.assemble(Text(" " * label.cell_len) if number else label, line), soft_wrap=True
        )
