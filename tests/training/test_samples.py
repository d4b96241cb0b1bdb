"""Samples have the form of the server's prompts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from training.filters import LANGUAGES
from training.samples import Encoder, Mix, SampleMaker, Snippets, SourceFile, pack
from training.tokens import BOS, EOS, FILE, FIM_BEGIN, FIM_END, FIM_HOLE

from infill_ls.cut import cut
from infill_ls.types import Snapshot, Trigger
from infill_retrieval.render import path_comment, render_snippet
from training import samples

SOURCE = Path(samples.__file__).read_text(encoding="utf-8")
NAME = "training/samples.py"
TOKENIZER = Tokenizer.from_file(str(FILE))


def decode(ids: list[int]) -> str:
    return str(TOKENIZER.decode(ids, skip_special_tokens=False))


@dataclass(frozen=True)
class Parts:
    prefix: str
    suffix: str
    middle: str

    @classmethod
    def of(cls, sample: list[int]) -> Parts:
        hole, end = sample.index(FIM_HOLE), sample.index(FIM_END)
        assert sample[:2] == [BOS, FIM_BEGIN]
        assert sample[-1] == EOS
        return cls(
            decode(sample[2:hole]), decode(sample[hole + 1 : end]), decode(sample[end + 1 : -1])
        )


def windows(seed: int) -> Iterator[Parts]:
    """Yield infilling samples of windows of ``SOURCE``, without snippets."""
    mix = Mix(functions=0.0, plain=0.0, context=0.0)
    maker = SampleMaker(Encoder(TOKENIZER), random.Random(seed), lambda: mix)
    for sample in maker.shard([(NAME, SOURCE)]):
        yield Parts.of(sample.tolist())


@pytest.mark.parametrize("suffix", sorted(LANGUAGES))
def test_files_are_named_as_the_server_names_them(suffix: str) -> None:
    assert samples.path_comment(f"src/name{suffix}") == path_comment(f"src/name{suffix}")


@pytest.mark.parametrize("seed", range(4))
def test_a_sample_is_cut_where_the_server_cuts(seed: int) -> None:
    count = 0
    for parts in windows(seed):
        header, _, prefix = parts.prefix.partition("\n")
        assert header in {f"# {NAME}", "# samples.py"}
        place = SOURCE.index(prefix + parts.middle) + len(prefix)
        typed = parts.middle.split("\n")[0]
        typed = typed[: len(typed) // 2]
        text = SOURCE[:place] + SOURCE[place:]
        hole = cut(
            Snapshot("file:///x", NAME, NAME, "python", text, place + len(typed), Trigger.AUTOMATIC)
        )
        assert hole.prefix.endswith(prefix)
        assert hole.typed == typed  # the rest of the middle is what has to be written
        assert SOURCE[place + len(parts.middle) :].startswith(parts.suffix)
        count += 1
    assert count > 10


def test_some_samples_end_inside_a_line_and_some_have_no_suffix() -> None:
    found = [parts for seed in range(6) for parts in windows(seed)]
    assert any(not parts.suffix for parts in found)
    assert any(parts.suffix and not parts.suffix.startswith("\n") for parts in found)
    assert any("\n" in parts.middle for parts in found)


def test_snippets_look_as_the_server_renders_them() -> None:
    encode = Encoder(TOKENIZER)
    files = [SourceFile.of(f"pkg/{n}.py", SOURCE, encode) for n in "ab"]
    snippets = Snippets([file for file in files if file is not None])
    chosen = snippets.find("SampleMaker first_hole SUFFIX_TOKENS", 0, 2)
    assert chosen
    assert all(number == 1 for number, _, _ in chosen)

    class NoSignatures(random.Random):
        def random(self) -> float:
            return 1.0

    lines = SOURCE.split("\n")
    expected = [
        render_snippet("pkg/b.py", "\n".join(lines[first:last]) + "\n") for _, first, last in chosen
    ]
    rendered = decode(snippets.render(chosen, NoSignatures()).tolist())
    assert rendered == "".join(reversed(expected))  # the best stands next to the hole


def test_rows_are_whole_samples() -> None:
    maker = SampleMaker(Encoder(TOKENIZER), random.Random(1))
    rows = list(pack(maker.shard([(NAME, SOURCE)]), 1_025, random.Random(2), pool_size=8))
    assert all(len(row) == 1_025 and row[0] == BOS for row in rows)
    starts = sum(int(np.count_nonzero(row == BOS)) for row in rows)
    again = SampleMaker(Encoder(TOKENIZER), random.Random(1))
    assert starts == sum(len(sample) <= 1_025 for sample in again.shard([(NAME, SOURCE)]))


def test_the_mix_nears_the_servers_prompts_while_the_rate_decays() -> None:
    early, late = Mix.at(0.3, 0.45), Mix.at(0.9, 0.45)
    assert early == Mix()
    assert late.functions > early.functions
    assert late.context > early.context
    assert late.plain < early.plain
