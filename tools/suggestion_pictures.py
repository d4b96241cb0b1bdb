"""Draw how suggestions fit in between what stands around the cursor: ``python -m tools.suggestion_pictures``.

What is drawn is what the server makes of a text that a model might write; with ``--check`` the exit status
tells whether docs/images/suggestions.svg is up to date.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infill_ls.document.cut import cut
from infill_ls.suggesting.filters import Site, conclude, filters_of
from infill_ls.types import Completion, EngineTimings, Snapshot, StopReason

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "suggestions.svg"
CASES = (
    ("a.py", "def area(‸)", "width, height) -> float:"),
    ("a.py", 'print(f"Bye {‸}")', 'name}")'),
    ("a.html", '<a class="‸"', 'nav" href="/">'),
    ("a.ts", "render(list(‸));", "items), 3);"),
    ("a.py", "total(‸) + 1", "prices) + tax"),
    ("a.tsx", "<Button onClick={‸} />", "() => save()} />"),
)
"""Name of the document, a line of it with ``‸`` for the cursor, and what a model writes there."""
WIDTH = 110
TIMINGS = EngineTimings(0, 0, 0.0, 1, 1.0)


def suggestion_for(name: str, marked: str, written: str) -> tuple[str, int]:
    """Return the text that is shown and how many characters right of the cursor it replaces."""
    before, _, after = marked.partition("‸")
    snapshot = Snapshot(
        uri=f"untitled:{name}",
        path="",
        name=name,
        language_id="",
        text=before + after,
        offset=len(before),
    )
    site = Site.of(cut(snapshot))
    steps = filters_of(Completion(written, StopReason.LINES, -0.1, TIMINGS), site)
    suggestion, reason = conclude(steps, site)
    assert suggestion is not None, reason
    return suggestion.text, suggestion.replaced


def drawn() -> str:
    """Return the picture as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column("what stands there")
    table.add_column("what is shown")
    table.add_column("after accepting")
    for name, marked, written in CASES:
        before, _, after = marked.partition("‸")
        text, replaced = suggestion_for(name, marked, written)
        rest = after[replaced:]
        table.add_row(
            Text.assemble(before, ("▏", "bold red"), (after[:replaced], "strike red"), rest),
            Text.assemble(before, (text, "italic bright_black"), rest),
            Text.assemble(before, (text, "green"), rest),
        )
    console.print(table)
    return console.export_svg(title="infill-ls", unique_id="suggestions")


def _words(svg: str) -> list[str]:
    return "".join(re.findall(r">([^<>]+)</text>", svg)).split()


def main() -> int:
    """Draw the picture, or check it."""
    picture = drawn()
    if "--check" in sys.argv:
        # Only what is said: another version of the library may draw it another way.
        return int(_words(PICTURE.read_text("utf-8")) != _words(picture))
    PICTURE.write_text(picture, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
