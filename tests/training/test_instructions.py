"""Tests of the instruction data: spelled as the server asks, with the loss on answers."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from jinja2 import Environment
from training.instruction_rows import (
    Sample,
    ids_of,
    make_rows,
    read_samples,
    rows_of,
    write_samples,
)
from training.instructions import PYTHON, pieces_of, sample_of
from training.model import Llama, Shape
from training.outlines import MOST_STEPS, outline_of
from training.rows import samples_of
from training.tokens import BOS, EOS, EOT, RESPONSE
from training.train import answer_mark, encoder

from infill_ls.instruct.answer import find_function, read_answer
from infill_ls.instruct.place import find_place
from infill_ls.instruct.prompt import SYSTEM
from infill_ls.instruct.task import Task
from infill_ls.models.chat import DEEPSEEK_CODER_INSTRUCT

FILE = '''\
import math
import os
from collections import Counter


def most_common(words):
    """Return the word that comes most often, and None if there is no word at all."""
    counts = Counter(words)
    # the first of equals wins
    best = None
    for word in words:
        if best is None or counts[word] > counts[best]:
            best = word
    return best


def undocumented(words):
    for word in words:
        return word
'''


def some_samples(count: int = 60) -> list[Sample]:
    rng = random.Random(3)
    found = []
    for _ in range(count):
        for piece in pieces_of("words.py", FILE, rng):
            sample = sample_of("words", piece, rng)
            if sample is not None:
                found.append(sample)
    return found


def test_an_outline_says_the_steps_and_the_comments() -> None:
    assert outline_of(FILE[FILE.index("def most") : FILE.index("\n\n\ndef undoc")]) == "\n".join(
        [
            "1. Set `counts` to `Counter(words)`.",
            "2. The first of equals wins.",
            "3. For each `word` in `words`, if `best is None or counts[word] > counts[best]`, set `best` to `word`.",
            "4. Return `best`.",
        ]
    )


def test_branches_loops_and_faults_are_told() -> None:
    code = (
        "def f(a, b):\n    try:\n        a.append(b)\n        a += 1\n    except ValueError:\n        raise OSError('x')\n"
        "    while a:\n        if b:\n            break\n        elif a > 2:\n            continue\n"
        "        else:\n            del b[0]\n            yield a\n    for x, y in a:\n        pass\n    return {}\n"
    )
    assert outline_of(code) == "\n".join(
        [
            "1. Try this:",
            "   Append `b` to `a`.",
            "   Add `1` to `a`.",
            "2. If `ValueError` is raised, raise `OSError`.",
            "3. While `a`:",
            "   If `b`, stop the loop.",
            "   Otherwise, if `a > 2`, go on with the next one.",
            "   Otherwise:",
            "      Delete `b[0]`.",
            "      Yield `a`.",
            "4. For each `x, y` in `a`, do nothing.",
            "5. Return an empty dictionary.",
        ]
    )


@pytest.mark.parametrize(
    "code",
    [
        "def f(:\n",
        "x = 1\n",
        "def f(a):\n    return a\n",
        "def f(a):\n" + "    a += 1\n" * (MOST_STEPS + 1),
    ],
)
def test_what_has_no_outline(code: str) -> None:
    assert outline_of(code) is None


def test_only_documented_functions_are_asked_for_with_their_imports() -> None:
    samples = some_samples()
    assert {name in one.prompt for one in samples for name in ["most_common"]} == {True}
    assert not any("Write the function undocumented" in one.prompt for one in samples)
    alone = [
        one
        for one in samples
        if "for word in words:" not in one.prompt and "math" not in one.prompt
    ]
    assert any("from collections import Counter" in one.prompt for one in alone)
    assert not any("import os" in one.prompt for one in alone)


def test_a_prompt_is_what_the_template_makes_of_the_server_s_words() -> None:
    for one in some_samples():
        system, _, rest = one.prompt.partition("\n### Instruction:\n")
        user = rest.removesuffix(f"\n{RESPONSE}")
        rendered = (
            Environment()
            .from_string(DEEPSEEK_CODER_INSTRUCT)
            .render(
                messages=[{"role": "system", "content": system}, {"role": "user", "content": user}],
                add_generation_prompt=True,
                bos_token="",
            )
        )
        assert system == SYSTEM
        assert rendered == one.prompt


def test_an_answer_is_one_that_the_server_takes() -> None:
    kinds = set()
    for one in some_samples():
        answer = read_answer(one.answer)
        if "Explain in a few" in one.prompt:
            assert one.answer.startswith("Return the word")
            continue
        found = find_function(answer.blocks[0].code, "most_common", PYTHON)
        assert found is not None
        kinds.add(bool(answer.outline))
        assert bool(answer.outline) == ("First write a step-by-step outline" in one.prompt)
    assert kinds == {True, False}


def test_the_part_in_question_is_the_server_s(tmp_path: Path) -> None:
    rng = random.Random(1)
    (piece,) = pieces_of("words.py", FILE, rng)
    place = find_place(piece.stub, "words.py", "python", 4, 4, Task.IMPLEMENT)
    assert place.target == piece.stub
    assert piece.bare.startswith("def most_common(words):\n    counts = ")


def test_rows_hold_whole_samples_and_those_of_a_package_are_measured_on(tmp_path: Path) -> None:
    samples = [Sample(f"words-{n}", one.prompt, one.answer) for n, one in enumerate(some_samples())]
    write_samples(tmp_path / "samples.zst", samples)
    assert read_samples(tmp_path / "samples.zst") == samples
    make_rows(samples, tmp_path / "rows", 1_024, workers=2)
    rows = np.concatenate([np.load(file) for file in sorted((tmp_path / "rows").glob("*.npy"))])
    held = np.load(tmp_path / "rows-held-out.npy")
    assert (tmp_path / "rows" / "complete").exists()
    encode = encoder()
    whole = sorted(ids_of(one, encode).tobytes() for one in samples)
    found = [ids.tobytes() for some in (rows, held) for ids in samples_of(some)]
    assert sorted(found) == whole
    assert rows.shape[1] == held.shape[1] == 1_025
    assert 0 < len(held) < len(rows)


def test_a_sample_that_fits_no_row_is_left_out() -> None:
    short, long = np.arange(5, dtype=np.uint16), np.arange(50, dtype=np.uint16)
    (row,) = rows_of([long, short, short], 12)
    assert row.tolist() == [*range(5), *range(5), EOS, EOS]


def test_what_counts_as_a_middle_is_the_answer() -> None:
    encode = encoder()
    sample = some_samples()[0]
    ids = ids_of(sample, encode)
    x = torch.from_numpy(np.concatenate([ids, ids]).astype(np.int64))[None]
    shape = Shape(width=16, layers=1, heads=2, kv_heads=1, inner=16, context=x.shape[1])
    _, kind = Llama(shape, answer_mark()).token_losses(x[:, :-1], x[:, 1:])
    answered = x[0, 1:][kind[0] > 1].tolist()
    mine = [*encode(f"{sample.answer}\n").tolist(), EOT, EOS]
    assert answered == mine * 2
    assert ids[0] == BOS
    _, of_infilling = Llama(shape).token_losses(x[:, :-1], x[:, 1:])
    assert int(of_infilling.max()) == 1  # no marker of a hole, so no middle
