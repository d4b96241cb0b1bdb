"""The mean of two trained models of one shape: what one learnt, with less of what it forgot.

    python -m training.average run-9.gguf run-12.gguf --share 0.7 --out mean-q8_0.gguf

Weights of a model and of one that was trained on from it can be averaged (Wortsman et al., arXiv 2109.01903):
in between often lies a model that keeps most of both. Which share is best has to be measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training.export import Q8_0, read_gguf, write_gguf
from training.grow import layers_of
from training.model import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


def average(
    first: Mapping[str, NDArray[np.float32]],
    second: Mapping[str, NDArray[np.float32]],
    share: float,
) -> dict[str, NDArray[np.float32]]:
    """Return the weights of ``first`` with ``share`` of each taken from ``second``.

    Raises ``ValueError`` if they are not of one shape.
    """
    shapes = [{name: tensor.shape for name, tensor in some.items()} for some in (first, second)]
    if shapes[0] != shapes[1]:
        raise ValueError("the models are not of one shape")
    return {name: (1 - share) * first[name] + share * second[name] for name in first}


def main() -> None:
    """Write the mean that the command line asks for, as Q8_0."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, required=True, help="of the second, 0 to 1")
    parser.add_argument("--context", type=int, default=4_096)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    found = average(read_gguf(args.first), read_gguf(args.second), args.share)
    write_gguf(args.out, Shape(context=args.context, layers=layers_of(found)), found, Q8_0)


if __name__ == "__main__":
    main()
