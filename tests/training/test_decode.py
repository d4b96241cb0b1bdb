"""Tests of decoding with PyTorch: many prompts at once, fragments first."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer
from training.decode import Healer, bytes_of_words, lines
from training.model import Llama, Shape, _norm
from training.tokens import BOS, EOS, FILE

TOKENIZER = Tokenizer.from_file(str(FILE))
SHAPE = Shape(width=64, layers=2, heads=2, kv_heads=1, inner=96, context=256)
WORDS = bytes_of_words(SHAPE.vocabulary)


def ids(text: str) -> list[int]:
    return [BOS, *TOKENIZER.encode(text, add_special_tokens=False).ids]


def test_words_are_the_tokenizers() -> None:
    text = "def größe(self) -> str:\n\treturn '→'\n"
    assert b"".join(WORDS[number] for number in ids(text)).decode() == text


def test_a_fragment_is_written_first() -> None:
    healer = Healer(WORDS)
    required = b"retur"
    expected = {
        n for n, w in enumerate(WORDS) if w and (w.startswith(required) or required.startswith(w))
    }
    assert set(healer.allowed(required)) == expected
    assert any(WORDS[n] == b"return" for n in expected)


def alone(model: Llama, prompt: list[int], fragment: bytes) -> bytes:
    """Write a line as plainly as can be: one prompt, no cache, the training's own forward pass."""
    states: list[torch.Tensor] = []

    def keep(h: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        states.append(h)
        return torch.zeros(y.shape)

    model._losses = keep  # type: ignore[method-assign]
    written, required, given = b"", fragment, list(prompt)
    while len(given) < len(prompt) + 64:
        x = torch.tensor([given])
        model.token_losses(x, x)
        h = _norm(states[-1][0, -1], model.output_norm, SHAPE.epsilon)
        order = (model.token_embd.weight @ h).argsort(descending=True).tolist()
        chosen = next(
            n for n in order
            if (n == EOS and not required)
            or (WORDS[n] and (WORDS[n].startswith(required) or required.startswith(WORDS[n])))
        )  # fmt: skip
        written += WORDS[chosen]
        required = required[len(WORDS[chosen]) :]
        given.append(chosen)
        if chosen == EOS or b"\n" in written[len(fragment) :]:
            break
    return written[len(fragment) :]


@pytest.mark.parametrize("seed", [1, 2])
def test_many_prompts_at_once_are_answered_as_each_alone(seed: int) -> None:
    torch.manual_seed(seed)
    model = Llama(SHAPE).eval()
    with torch.no_grad():
        model.token_embd.weight *= 12
    prompts = [
        (ids("if a:\n    x = "), b""),
        (ids("self.name = name\nself."), b"na"),
        (ids("y"), b""),
    ]
    together = lines(model, Healer(WORDS), WORDS, prompts, "cpu")
    with torch.no_grad():
        assert together == [alone(model, *prompt) for prompt in prompts]
    assert len(set(together)) > 1
