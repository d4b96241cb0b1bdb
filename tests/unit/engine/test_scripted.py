"""Tests of the scripted engine: answers depend on the cursor, not on the number of requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infill_ls.engine import CompletionRequest
from infill_ls.engine.scripted import by_place, scripted_engine_factory
from infill_ls.settings import settings_with
from infill_ls.types import Prompt, StopRule

ANSWERS = {"Add ": "up", "dd ": "less", "x": "y"}


def prompt_before(typed: str, fragment: str = "") -> Prompt:
    text = f"<prefix>\n# x<middle>{typed}"
    return Prompt(token_ids=(1,), anchor_tokens=0, fragment=fragment, text=text)


@pytest.mark.parametrize(
    ("typed", "fragment", "expected"),
    [("Add ", "", "up"), ("Ad", "d ", "up"), ("dd ", "", "less"), ("Ad", "", ""), ("x", "", "y")],
)
def test_the_longest_end_of_the_text_before_the_cursor_counts(
    typed: str, fragment: str, expected: str
) -> None:
    assert by_place(ANSWERS)(prompt_before(typed, fragment)) == expected


async def test_a_script_of_places_gives_the_same_answer_again(tmp_path: Path) -> None:
    script = tmp_path / "answers.json"
    script.write_text(json.dumps({"answers": ANSWERS}))
    engine = scripted_engine_factory(str(script))(settings_with())
    texts = []
    for typed in ["A", "Add ", "Add ", "Add u", "x"]:
        request = CompletionRequest(prompt=prompt_before(typed), stop=StopRule(20, 1))
        texts += [completion.text for completion in await engine.complete(request)]
    assert texts == ["", "up", "up", "", "y"]
