"""Golden tests of the suggestion filters, one file of cases for each filter.

A case is a document, what the model wrote at the cursor (``>>>``, with the reason to stop where it
is not the model's own end), and the filters that changed it with what they left (``<<<``).
After a wanted change: ``pytest tests/golden --update-golden``, and read the diff.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infill_ls.document.cut import cut
from infill_ls.suggesting.filters import FILTERS, Site, filters_of
from infill_ls.types import Completion, EngineTimings, Snapshot, StopReason

CURSOR = "‸"
FOLDER = Path(__file__).parent / "filters"
_CASE = re.compile(
    r"=== (?P<file>\S+): [^\n]+\n(?P<text>.*?)>>> (?P<stop>\w+ )?(?P<answer>\"[^\n]+)\n<<< [^\n]*\n",
    re.DOTALL,
)


def what_is_left(case: re.Match[str]) -> list[tuple[str, str]]:
    """Return the filters that changed the text, and what they left."""
    marked, name = case["text"], case["file"]
    text, offset = marked.replace(CURSOR, "", 1), marked.index(CURSOR)
    hole = cut(
        Snapshot(
            uri=f"file:///{name}",
            path=f"/{name}",
            name=name,
            language_id="",
            text=text,
            offset=offset,
        )
    )
    stop = StopReason((case["stop"] or "end").strip())
    completion = Completion(json.loads(case["answer"]), stop, -0.1, EngineTimings(0, 0, 0, 1, 1))
    steps = filters_of(completion, Site.of(hole))
    return [(step.name, step.text) for step in steps if step.reason]


@pytest.mark.parametrize("name", [rule.name for rule in FILTERS])
def test_filter(name: str, request: pytest.FixtureRequest) -> None:
    path = FOLDER / f"{name}.txt"
    content = path.read_text("utf-8")
    actual, changing = "", set()
    for case in _split(content):
        left = what_is_left(case)
        changing |= {filter_name for filter_name, _ in left}
        found = ", ".join(f"{one}: {json.dumps(text)}" for one, text in left) or "unchanged"
        actual += case[0].rpartition("<<< ")[0] + f"<<< {found}\n"
    if request.config.getoption("--update-golden"):
        path.write_text(actual, "utf-8")
    assert actual == path.read_text("utf-8")
    assert name in changing


def _split(content: str) -> list[re.Match[str]]:
    cases = ["=== " + part for part in content.split("=== ")[1:]]
    found = [_CASE.fullmatch(case) for case in cases]
    assert all(found)
    return [case for case in found if case is not None]


def test_every_filter_has_its_cases() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {rule.name for rule in FILTERS}
