"""Which inputs of each matrix matter: what llama.cpp calls an importance matrix.

    python -m training.importance run/model-q8_0.gguf rows/final --out importance.npz

For every matrix of the blocks the mean square of each of its inputs, over the prompts that a model is
trained on. Quantisation that rounds the weights of large inputs with more care loses less.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from training.export import read_gguf
from training.grow import layers_of
from training.model import Llama, Shape
from training.train import load_tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def importance(model: Llama, batches: Iterator[Tensor]) -> dict[str, NDArray[np.float32]]:
    """Return the mean square of each input, by a matrix's name in a GGUF file.

    ``batches`` are rows of ids, of at most the model's context.
    """
    sums: dict[str, Tensor] = {}
    tokens = 0
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):

            def add(_: nn.Module, inputs: tuple[Tensor], name: str = f"{name}.weight") -> None:
                squares = inputs[0].detach().float().square().flatten(0, -2).sum(0)
                sums[name] = sums.get(name, 0) + squares

            hooks.append(module.register_forward_pre_hook(add))
    with torch.no_grad():
        for rows in batches:
            model.token_losses(rows[:, :-1], rows[:, 1:], across=True)
            tokens += rows[:, 1:].numel()
    for hook in hooks:
        hook.remove()
    return {name: (total / tokens).numpy() for name, total in sums.items()}


def rows_of(files: list[Path], count: int) -> Iterator[Tensor]:
    """Yield ``count`` single rows, as many of each file."""
    each = -(-count // len(files))
    chosen = [row for file in files for row in np.load(file)[:each]][:count]
    for row in chosen:
        yield torch.from_numpy(row.astype(np.int64))[None]


def main() -> None:
    """Measure a model's importance matrix on rows of `training.trials`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("rows", type=Path, help="a folder of rows")
    parser.add_argument("--count", type=int, default=32, help="rows to measure on")
    parser.add_argument("--context", type=int, default=4_096)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    tensors = read_gguf(args.model)
    model = Llama(Shape(context=args.context, layers=layers_of(tensors)))
    load_tensors(model, tensors)
    found = importance(model, rows_of(sorted(args.rows.glob("*.npy")), args.count))
    np.savez(args.out, **found)  # type: ignore[arg-type]
    print(len(found), "matrices")


if __name__ == "__main__":
    main()
