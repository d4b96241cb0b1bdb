"""Lines in pages and notebooks, asked for as the server does and as if their code stood alone.

What else stands in the document (a page's markup, a notebook's text and other cells) is to help, or at
least not to hurt: these are the cases that tell.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.model.lines import CASES_OF_A_FILE, HOLE, cut_anywhere

from infill_ls.document.cells import around
from infill_ls.document.embedded import Region, region_at
from infill_ls.measuring.cross_file import read
from infill_ls.measuring.holes import CutHole, line_holes
from infill_ls.measuring.next_lines import snapshot_of
from infill_ls.measuring.notebook_files import SUFFIX as NOTEBOOK
from infill_ls.measuring.notebook_files import Notebook, read_notebook
from infill_ls.types import Snapshot
from infill_retrieval.syntax import language_of

PAGES = frozenset({"vue", "svelte"})
NOTEBOOKS = "notebook"
FORMS = PAGES | {NOTEBOOKS}
ALONE = "code alone"
"""The script without its page, or the cell without its notebook."""
CODE = "code cells"
"""A notebook's cells of code alone."""
ALL = "all cells"
"""All of a notebook's cells, with those of text as comments."""
_SUFFIXES = {"javascript": ".js", "typescript": ".ts", "css": ".css"}
_SPARE = 12
"""Many lines of a page are markup, and many of a notebook are text."""

Way = tuple[str, Snapshot]


def forms_of(folder: Path, language: str, count: int) -> Iterator[tuple[CutHole, list[Way]]]:
    """Yield up to ``count`` lines of code in the documents of ``folder``, and the ways to ask for them.

    The first way is the server's own; it can be asked with snippets, too.
    """
    chooser = random.Random(f"{folder.name} forms")
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*" + (NOTEBOOK if language == NOTEBOOKS else f".{language}"))
        if path.is_file() and "node_modules" not in path.parts
    )
    chooser.shuffle(names)
    left = count
    for name in names:
        if left <= 0:
            return
        found = _of_notebook(folder, name) if language == NOTEBOOKS else _of_page(folder, name)
        for hole, ways in found[: min(CASES_OF_A_FILE, left)]:
            yield hole, ways
            left -= 1


def _lines(name: str, text: str) -> Iterator[CutHole]:
    for hole in line_holes(name, text, _SPARE, 1):
        yield cut_anywhere(hole, random.Random(hole.id))


def _of_page(folder: Path, name: str) -> list[tuple[CutHole, list[Way]]]:
    text = read(folder / name)
    page = language_of(name)
    found: list[tuple[CutHole, list[Way]]] = []
    for hole in _lines(name, text):
        buffer, offset = hole.buffer(0)
        region = region_at(page, name, buffer, offset)
        suffix = _SUFFIXES.get(region.language.name)
        written = region_at(page, name, text, hole.start)
        # A hole in the mark that ends a script is none in the script.
        is_inside = written.language is region.language and written.end >= hole.end
        if suffix is not None and is_inside:
            whole = snapshot_of(folder, hole, document=hole.id)
            found.append((hole, [(HOLE, whole), (ALONE, _script(whole, region, suffix))]))
    return found


def _script(page: Snapshot, region: Region, suffix: str) -> Snapshot:
    """Return the page's script as a file of its own, beside it."""
    start = region.start + (page.text[region.start : region.start + 1] == "\n")
    return replace(
        page,
        uri=f"{page.uri}.alone",
        path=str(Path(page.path).with_suffix(suffix)),
        name=str(Path(page.name).with_suffix(suffix)),
        language_id=region.language.name,
        text=page.text[start : region.end],
        offset=page.offset - start,
    )


def _of_notebook(folder: Path, name: str) -> list[tuple[CutHole, list[Way]]]:
    notebook = read_notebook((folder / name).read_text(encoding="utf-8", errors="replace"))
    found: list[tuple[CutHole, list[Way]]] = []
    if notebook is None:
        return found
    starts = notebook.starts()
    for hole in _lines(name, notebook.text):
        cell = next(n for n, end in enumerate(starts[1:]) if hole.start < end)
        if notebook.has_code(cell):
            found.append((hole, list(_cells(folder, notebook, hole, cell))))
    return found


def _cells(folder: Path, notebook: Notebook, hole: CutHole, place: int) -> Iterator[Way]:
    starts = notebook.starts()
    whole = notebook.text
    before, cell = whole[: starts[place]], whole[starts[place] : starts[place + 1] - 1]
    after = whole[starts[place + 1] - 1 : -1]
    start, end = hole.start - starts[place], hole.end - starts[place]
    code = cell[:start] + cell[end:]
    snapshot = replace(
        snapshot_of(folder, hole, document=hole.id), language_id="python", text=code, offset=start
    )
    python = notebook.cells[place].language
    above, below = around(notebook.cells, place, python)
    yield HOLE, replace(snapshot, cells_before=above, cells_after=below)
    yield (
        ALL,
        replace(snapshot, uri=f"{snapshot.uri}.all", cells_before=before, cells_after=after),
    )
    code_cells = [cell for cell in notebook.cells if cell.language is python]
    above, below = around(code_cells, sum(map(notebook.has_code, range(place))), python)
    yield (
        CODE,
        replace(snapshot, uri=f"{snapshot.uri}.code", cells_before=above, cells_after=below),
    )
    yield ALONE, replace(snapshot, uri=f"{snapshot.uri}.alone")
