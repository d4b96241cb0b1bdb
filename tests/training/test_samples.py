"""Tests that training samples have the format of the server's prompts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from training.nodes import nodes_of
from training.retrieved import PackageSearch
from training.rows import samples_of, translated
from training.samples import Mix, SampleBudgets, SampleMaker, pack
from training.tokens import BOS, EOS, FILE, FIM_BEGIN, FIM_END, FIM_HOLE, Encoder

from infill_ls.document.cut import cut
from infill_ls.types import Snapshot, Trigger
from infill_retrieval import Query, RetrievalSettings
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.render import render_snippet
from training import samples, vocabulary

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


@pytest.mark.parametrize("seed", range(4))
def test_a_sample_is_cut_where_the_server_cuts(seed: int) -> None:
    count = 0
    for parts in windows(seed):
        header, _, prefix = parts.prefix.partition("\n")
        assert header in {f"# {NAME}", "# samples.py"}
        # Whole, as a line like ``rng = self.rng`` stands in more than one place.
        around = f"\n{prefix}{parts.middle}{parts.suffix}"
        assert around in f"\n{SOURCE}"
        place = f"\n{SOURCE}".index(around) + len(prefix)
        typed = parts.middle.split("\n")[0]
        typed = typed[: len(typed) // 2]
        text = SOURCE[:place] + SOURCE[place:]
        hole = cut(
            Snapshot(
                uri="file:///x",
                path=NAME,
                name=NAME,
                language_id="python",
                text=text,
                offset=place + len(typed),
                trigger=Trigger.AUTOMATIC,
            )
        )
        assert hole.prefix.endswith(prefix)
        assert hole.typed == typed  # the rest of the middle is what has to be written
        count += 1
    assert count > 5


def test_some_samples_end_inside_a_line_and_some_have_no_suffix() -> None:
    found = [parts for seed in range(6) for parts in windows(seed)]
    assert any(not parts.suffix for parts in found)
    assert any(parts.suffix and not parts.suffix.startswith("\n") for parts in found)
    assert any("\n" in parts.middle for parts in found)


def test_snippets_are_those_that_the_server_finds(tmp_path: Path) -> None:
    helper = (
        "class Basket:\n    def add_apples(self, count: int) -> None:\n        self.count = count\n"
    )
    files = [("shop/basket.py", helper), (NAME, SOURCE)]
    before, after = "from shop.basket import Basket\n\nbasket = Basket()\nbasket.", "\n"
    with PackageSearch(files, Encoder(TOKENIZER)) as search:
        found = decode(search.context("shop/main.py", before, after, 512).tolist())
    for name, text in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with WorkspaceIndex([tmp_path], RetrievalSettings(crawl_in_process=False)) as index:
        index.crawl()
        query = Query(
            path=str(tmp_path / "shop/main.py"), language_id="python", prefix=before, suffix=after
        )
        expected = index.retrieve(
            query, 512, lambda texts: [len(Encoder(TOKENIZER)(text)) for text in texts]
        )
    assert found == "".join(render_snippet(s.path, s.text) for s in expected.snippets)
    assert "def add_apples" in found


def test_a_hole_with_snippets_is_no_longer_than_the_budgets() -> None:
    mix = Mix(functions=0.0, plain=0.0, context=1.0)
    files = [
        (f"training/{p.name}", p.read_text()) for p in Path(samples.__file__).parent.glob("*.py")
    ]
    maker = SampleMaker(Encoder(TOKENIZER), random.Random(1), lambda: mix)
    found = list(maker.shard(files))
    assert all(len(sample) <= 768 + 512 + 256 + 256 + 64 for sample in found)
    named = [decode(sample.tolist()).count("# training/") for sample in found]
    assert sum(count > 1 for count in named) > 0.8 * len(named)


def test_linked_holes_are_where_another_files_function_is_used_first() -> None:
    helper = "def helper_of_apples(count):\n    return count + 1\n" + "x = 1\n" * 40
    user = "import os\n\n\ndef work(a):\n" + "    a += 1\n" * 30
    user += "    return helper_of_apples(a)\n" + "y = 2\n" * 30
    budgets = SampleBudgets(windows=(2_000,))

    def share(linked: float) -> float:
        mix = Mix(functions=0.0, plain=0.0, context=1.0, linked=linked)
        maker = SampleMaker(Encoder(TOKENIZER), random.Random(1), lambda: mix, budgets)
        found = []
        for _ in range(10):
            for sample in maker.shard([("helper.py", helper), ("user.py", user)]):
                parts = Parts.of(sample.tolist())
                if "def work" in parts.prefix:
                    found.append("helper_of_apples(" in parts.middle)
        return sum(found) / len(found)

    assert share(1.0) > 0.8  # some are cut inside of the line, before the name
    assert share(0.0) < 0.5


def test_translated_samples_say_the_same_in_another_vocabulary() -> None:
    small = vocabulary.train([SOURCE], 1_000)
    encode = Encoder(small)
    rows = list(
        pack(
            SampleMaker(Encoder(TOKENIZER), random.Random(1)).shard([(NAME, SOURCE)]),
            1_025,
            random.Random(2),
        )
    )
    for sample in samples_of(np.stack(rows)):
        other = translated(sample, TOKENIZER, encode)
        assert small.decode(other.tolist(), skip_special_tokens=False) == decode(sample.tolist())
        assert other[0] == BOS
        assert other[-1] == EOS


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


def test_raw_holes_have_the_form_of_other_programs() -> None:
    mix = Mix(functions=0.0, plain=0.0, context=0.0, raw=1.0)
    found = [
        Parts.of(sample.tolist())
        for seed in range(4)
        for sample in SampleMaker(Encoder(TOKENIZER), random.Random(seed), lambda: mix).shard(
            [(NAME, SOURCE)]
        )
    ]
    for parts in found:
        prefix = parts.prefix.removeprefix(f"# {NAME}\n").removeprefix("# samples.py\n")
        assert f"\n{prefix}{parts.middle}{parts.suffix}" in f"\n{SOURCE}"
        assert parts.middle.endswith("\n") or parts.suffix.startswith("\n") or not parts.suffix
    assert any(not parts.prefix.endswith("\n") for parts in found)
    assert any(parts.prefix.endswith("\n") and parts.middle.endswith("\n") for parts in found)


def test_a_sample_is_a_node_behind_what_is_typed_of_its_line() -> None:
    mix = Mix(functions=0.0, plain=0.0, context=0.0, nodes=1.0)
    found = [
        Parts.of(sample.tolist())
        for seed in range(4)
        for sample in SampleMaker(Encoder(TOKENIZER), random.Random(seed), lambda: mix).shard(
            [(NAME, SOURCE)]
        )
    ]
    closers = ")]}>\"'`;:, \t"
    lines = SOURCE.split("\n")
    ends = {
        lines[node.last_line][: node.last_column].strip().rstrip(closers)
        for node in nodes_of(NAME, SOURCE)
    }
    inside = several = 0
    for parts in found:
        header, _, prefix = parts.prefix.partition("\n")
        assert header in {f"# {NAME}", "# samples.py"}
        assert f"\n{prefix}{parts.middle}{parts.suffix}" in f"\n{SOURCE}"
        assert parts.middle.split("\n")[-1].strip().rstrip(closers) in ends
        inside += bool(parts.suffix) and not parts.suffix.startswith("\n")
        several += "\n" in parts.middle
    assert len(found) > 20
    assert inside > 3
    assert several > 3


def test_without_nodes_the_samples_are_what_they_were() -> None:
    def made(mix: Mix) -> list[list[int]]:
        maker = SampleMaker(Encoder(TOKENIZER), random.Random(5), lambda: mix)
        return [sample.tolist() for sample in maker.shard([(NAME, SOURCE)])]

    plain = Mix(functions=0.0, plain=0.0, context=0.0)
    assert made(plain) == made(Mix(functions=0.0, plain=0.0, context=0.0, nodes=0.0))
    assert made(plain) != made(Mix(functions=0.0, plain=0.0, context=0.0, nodes=0.5))
