"""A deeper model out of a trained one computes the same until it learns, and then it can learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from training.grow import grown, layers_of
from training.model import Llama, Optimizer, Shape, add_gradients
from training.tokens import BOS
from training.train import load_tensors, tensors_of

SHAPE = Shape(vocabulary=64, width=32, layers=4, heads=2, kv_heads=1, inner=48, context=32)


def trained() -> Llama:
    torch.manual_seed(0)
    return Llama(SHAPE)


def rows() -> torch.Tensor:
    some = torch.randint(6, 64, (2, 17), generator=torch.Generator().manual_seed(1))
    some[:, 0] = BOS
    return some


@pytest.mark.parametrize("layers", [4, 5, 6, 7, 8])
def test_a_grown_model_has_the_losses_of_the_one_it_grew_from(layers: int) -> None:
    small, some = trained(), rows()
    tensors = grown(tensors_of(small), layers)
    assert layers_of(tensors) == layers
    large = Llama(replace(SHAPE, layers=layers))
    load_tensors(large, tensors)
    with torch.no_grad():
        ours, theirs = (m.token_losses(some[:, :-1], some[:, 1:])[0] for m in (large, small))
    torch.testing.assert_close(ours, theirs)


def test_new_blocks_stand_apart_and_learn() -> None:
    tensors = grown(tensors_of(trained()), 6)
    empty = [n for n in range(6) if not np.any(tensors[f"blk.{n}.ffn_down.weight"])]
    assert empty == [2, 5]
    model, some = Llama(replace(SHAPE, layers=6)), rows()
    load_tensors(model, tensors)
    add_gradients(model, [some], torch.tensor(1.0), across=True)
    Optimizer(model, 0.01, 0.001).step(1.0, 0)
    for n in empty:
        assert float(model.blk[n].ffn_down.weight.detach().abs().max()) > 0


def test_a_block_is_copied_once_at_most() -> None:
    tensors = tensors_of(trained())
    for layers in (3, 9):
        with pytest.raises(ValueError, match="4 blocks"):
            grown(tensors, layers)
