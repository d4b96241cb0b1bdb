"""Tests of prompts kept on disk: the next engine finds them, and damaged ones are removed."""

from __future__ import annotations

import logging
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from infill_ls.engine.decoding.kv_tree import FETCH_FROM_TOKENS, KvTree
from infill_ls.engine.decoding.parking import Parked
from infill_ls.engine.llama.kept_prompts import LEAST_TOKENS, KeptPrompts
from unit.engine.fake_model import FakeModel

MODEL = "a model"
SPEED = 1000.0
TOKENS = list(range(LEAST_TOKENS))


def prompt(first: int = 0, *, state_bytes: int = 1000) -> Parked:
    tokens = [first, *TOKENS]
    return Parked(tokens, len(tokens), "file:///a.py", np.full(state_bytes, first % 256, np.uint8))


def shelf(folder: Path, *, identity: object = MODEL, limit: int = 10_000) -> KeptPrompts:
    return KeptPrompts(identity, SPEED, limit, folder / "prompts")


def found(folder: Path, first: int, identity: object = MODEL) -> Parked | None:
    """Return what a new engine finds for a prompt that begins with ``first``."""
    one = shelf(folder, identity=identity)
    kept, common = one.longest([first, *TOKENS, 7])
    return one.take(kept) if kept is not None and common == len(TOKENS) + 1 else None


def files(folder: Path) -> list[Path]:
    return sorted((folder / "prompts").glob("*/*"))


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    shelf(tmp_path).keep([prompt(1), prompt(2)])
    for first in (1, 2):
        parked = found(tmp_path, first)
        assert parked is not None
        assert parked.tokens == [first, *TOKENS]
        assert parked.anchor_tokens == len(TOKENS) + 1
        assert isinstance(parked.state, np.ndarray)
        assert (parked.state == prompt(first).state).all()
    assert found(tmp_path, 3) is None
    assert found(tmp_path, 1, identity="another model") is None


@pytest.mark.skipif(sys.platform == "win32", reason="folders inherit who may open them")
def test_it_is_the_users_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shelf(tmp_path).keep([prompt(1)])
    (file,) = files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert b"file:///" not in file.read_bytes()
    (tmp_path / "prompts").chmod(0o755)
    assert found(tmp_path, 1) is None
    assert "accessible to others" in caplog.text


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda data: data[:-1], id="cut off"),
        pytest.param(lambda data: data[:20], id="cut off in its header"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda data: b"infill-kv0" + data[10:], id="of another version"),
        pytest.param(lambda data: data.replace(b'"tokens"', b'"tekens"'), id="without tokens"),
        pytest.param(lambda data: data[:-1] + b"\0", id="with another byte"),
        pytest.param(lambda data: data[:10] + b"\xff\xff\xff\xff" + data[14:], id="absurd"),
    ],
)
def test_what_cannot_be_used_is_removed(
    tmp_path: Path, harm: object, caplog: pytest.LogCaptureFixture
) -> None:
    shelf(tmp_path).keep([prompt(1)])
    (file,) = files(tmp_path)
    assert callable(harm)
    file.write_bytes(harm(file.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert found(tmp_path, 1) is None
    assert files(tmp_path) == []
    assert len(caplog.records) == 1


def test_a_disk_that_is_full_is_one_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    shelf(tmp_path).keep([prompt(1), prompt(2)])
    assert files(tmp_path) == []
    assert len(caplog.records) == 1


def test_the_newest_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    shelf(tmp_path, limit=5_000).keep([prompt(n) for n in range(1, 9)])
    kept = [n for n in range(1, 9) if found(tmp_path, n)]
    assert kept == [1, 2, 3, 4, 5][: len(kept)]
    assert 2 <= len(kept) <= 5
    for number, file in enumerate(files(tmp_path)):
        os.utime(file, (number, number))
    shelf(tmp_path, identity="another model", limit=5_000).keep([prompt(20), prompt(21)])
    assert sum(file.stat().st_size for file in files(tmp_path)) <= 5_000
    assert found(tmp_path, 20, identity="another model") is not None


def test_nothing_is_kept_that_is_read_again_as_quickly(tmp_path: Path) -> None:
    short = Parked([1, 2, 3], 3, "", np.zeros(10, np.uint8))
    quick = KeptPrompts(MODEL, 1e9, 10_000, tmp_path / "prompts")
    quick.keep([prompt(1)])
    shelf(tmp_path).keep([short])
    KeptPrompts(MODEL, 0.0, 10_000, tmp_path / "prompts").keep([prompt(1)])
    assert files(tmp_path) == []


def test_nothing_is_touched_where_it_is_off(tmp_path: Path) -> None:
    KeptPrompts(MODEL, SPEED, 0, tmp_path / "prompts").keep([prompt(1)])
    assert not (tmp_path / "prompts").exists()


class Shelf:
    """Keeps one prompt in memory."""

    def __init__(self, parked: Parked) -> None:
        self.parked = parked

    def longest(self, wanted: list[int]) -> tuple[Parked | None, int]:
        common = 0
        while common < min(len(wanted), len(self.parked.tokens)):
            if wanted[common] != self.parked.tokens[common]:
                break
            common += 1
        return self.parked, common

    def take(self, kept: Parked) -> Parked | None:
        return kept


def test_a_tree_goes_on_from_the_shelf() -> None:
    tokens = [1, 2, 3, 4] * (FETCH_FROM_TOKENS // 2)
    model = FakeModel()
    before = KvTree(model, cell_budget=2000, sequences=4, parked_budget=1000)
    branch, _ = before.take(tokens, len(tokens), 10)
    model.decode(branch.id, 0, tokens, all_logits=False, interruptible=False)
    before.append(branch, tokens)
    (parked,) = before.prompts()
    after = KvTree(
        FakeModel(), cell_budget=2000, sequences=4, parked_budget=1000, shelf=Shelf(parked)
    )
    taken, held = after.take([*tokens, 5], len(tokens), 10)
    assert held == len(tokens)
    assert taken.tokens == tokens
    _, held = after.take([9, 9, 9], 3, 10)
    assert held == 0, "too little in common"
