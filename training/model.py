"""A Llama in PyTorch, small enough to read in a minute, and Muon for its matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.tokens import BOS, EOS, FIM_END


@dataclass(frozen=True)
class Shape:
    """The sizes of a model."""

    vocabulary: int = 16_384
    width: int = 512
    layers: int = 16
    heads: int = 8
    kv_heads: int = 4
    inner: int = 1_536
    context: int = 2_048
    rope_base: float = 50_000.0
    epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        """Return the width of one head."""
        return self.width // self.heads


def _norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    wide = x.float()
    scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
    return (scaled * weight).to(x.dtype)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    # Neighbouring pairs turn together, which is what llama.cpp expects of a Llama's tensors.
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2).to(x.dtype)


def dense_mask(sample: Tensor) -> Tensor:
    """Return which position may look at which: earlier ones of the same sample.

    ``sample`` numbers the samples of each row, ascending.
    """
    length = sample.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=sample.device).tril()
    return (sample[:, None, :, None] == sample[:, None, None, :]) & causal


class Block(nn.Module):
    """Attention with grouped keys, then a gated feed-forward layer."""

    dropout = 0.0
    """Share of what each residual step adds that is left out while training."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width, kv = shape.width, shape.kv_heads * shape.head_width
        self.attn_norm = nn.Parameter(torch.ones(width))
        self.ffn_norm = nn.Parameter(torch.ones(width))
        self.attn_q = nn.Linear(width, width, bias=False)
        self.attn_k = nn.Linear(width, kv, bias=False)
        self.attn_v = nn.Linear(width, kv, bias=False)
        self.attn_output = nn.Linear(width, width, bias=False)
        self.ffn_gate = nn.Linear(width, shape.inner, bias=False)
        self.ffn_up = nn.Linear(width, shape.inner, bias=False)
        self.ffn_down = nn.Linear(shape.inner, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        """Return ``x`` after the two residual steps."""
        s, (rows, length, _) = self.shape, x.shape
        h = _norm(x, self.attn_norm, s.epsilon)
        q = self.attn_q(h).view(rows, length, s.heads, s.head_width)
        k = self.attn_k(h).view(rows, length, s.kv_heads, s.head_width)
        v = self.attn_v(h).view(rows, length, s.kv_heads, s.head_width)
        q, k = _rotate(q, cos, sin), _rotate(k, cos, sin)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        shared = s.heads // s.kv_heads
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        x = x + self._thinned(self.attn_output(a.transpose(1, 2).reshape(rows, length, s.width)))
        h = _norm(x, self.ffn_norm, s.epsilon)
        return x + self._thinned(self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h)))

    def _thinned(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class Llama(nn.Module):
    """Tokens in, losses out. Parameters are named as in a GGUF file, so that export is a loop.

    ``middle_mark`` is what a middle stands behind, with its weight in the loss: of infilling a marker,
    of instructions the words that an answer begins behind.
    """

    def __init__(self, shape: Shape, middle_mark: Sequence[int] = (FIM_END,)) -> None:
        super().__init__()
        self.shape = shape
        self.middle_mark = tuple(middle_mark)
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.Parameter(torch.ones(shape.width))
        for name, p in self.named_parameters():
            if p.ndim == 2:
                last = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(p, std=0.02 / (math.sqrt(2 * shape.layers) if last else 1))
        half = torch.arange(0, shape.head_width, 2).float() / shape.head_width
        angles = torch.arange(shape.context).float()[:, None] / shape.rope_base ** half[None]
        self.register_buffer("cos", angles.cos()[None, :, None], persistent=False)
        self.register_buffer("sin", angles.sin()[None, :, None], persistent=False)

    def drop(self, share: float) -> None:
        """Leave out ``share`` of what each residual step adds while training (dropout)."""
        for block in self.blk:
            block.dropout = share

    def compile_parts(self) -> None:
        """Compile one block, which serves for all of them, and the loss: quicker than the whole."""
        for block in self.blk:
            block.compile(dynamic=False)
        self._losses = torch.compile(self._losses, dynamic=False)  # type: ignore[method-assign]

    def token_losses(self, x: Tensor, y: Tensor, across: bool = False) -> tuple[Tensor, Tensor]:
        """Return the loss of each token and its kind: 2 in a middle, 1 elsewhere, 0 not to learn.

        A token sees its own sample only, as it will in the server; with ``across``, what stands
        before its sample in the row too, for which there is a much quicker kernel.
        """
        length = x.shape[1]
        mask = None if across else dense_mask((x == BOS).cumsum(1))
        h = self.token_embd(x)
        if torch.is_autocast_enabled(x.device.type):
            h = h.bfloat16()
        for block in self.blk:
            h = block(h, self.cos[:, :length], self.sin[:, :length], mask)
        real = ~((x == EOS) & (y == EOS)) & (y != BOS)  # the rest is padding
        # A row starts samples only: the markers say which tokens are middle.
        at = torch.arange(length, device=x.device).expand_as(x)
        is_mark = x == self.middle_mark[-1]
        for back, token in enumerate(reversed(self.middle_mark[:-1]), 1):
            is_mark = is_mark & (F.pad(x, (back, 0), value=EOS)[:, :length] == token)
        last_end = torch.where(is_mark, at, -1).cummax(1).values
        last_start = torch.where(x == BOS, at, -1).cummax(1).values
        return self._losses(h, y), real.int() + (real & (last_end > last_start)).int()

    def _losses(self, h: Tensor, y: Tensor) -> Tensor:
        h = _norm(h, self.output_norm, self.shape.epsilon)
        logits = F.linear(h, self.token_embd.weight.to(h.dtype)).float()
        return F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y)

    def forward(
        self, x: Tensor, y: Tensor, middle_weight: Tensor, across: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the weighted loss, the plain mean over all tokens and that over middles."""
        losses, kind = self.token_losses(x, y, across)
        real, middle = (kind > 0).float(), (kind > 1).float()
        weight = real + (middle_weight - 1.0) * middle
        return (
            (losses * weight).sum() / weight.sum(),
            (losses * real).sum().detach() / real.sum(),
            (losses * middle).sum().detach() / middle.sum().clamp(min=1),
        )


def orthogonal(gradients: Tensor) -> Tensor:
    """Return the nearest semi-orthogonal matrices, roughly, by five Newton-Schulz steps.

    The coefficients are those of Muon (Keller Jordan, 2024).
    """
    x = gradients.bfloat16() if gradients.is_cuda else gradients
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.mT if tall else x


FIRST_MOMENTUM, LAST_MOMENTUM, GROWS_STEPS = 0.85, 0.95, 300


def add_gradients(
    model: Llama, batches: Sequence[Tensor], weight: Tensor, *, across: bool
) -> tuple[Tensor, Tensor]:
    """Do what an optimiser step begins with: the gradients of the mean loss over some batches of rows.

    On a GPU in bfloat16. Returns the last batch's loss of all tokens and of middles.
    """
    plain = middle = weight
    for rows in batches:
        kind = rows.device.type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=kind == "cuda"):
            loss, plain, middle = model(rows[:, :-1], rows[:, 1:], weight, across)
        (loss / len(batches)).backward()
    return plain, middle


class Optimizer:
    """Muon for the blocks' matrices, AdamW for the embedding and the norms."""

    def __init__(self, model: Llama, rate: float, adam_rate: float, decay: float = 0.05) -> None:
        self.matrices = [p for p in model.blk.parameters() if p.ndim == 2]
        chosen = set(map(id, self.matrices))
        self.rest = [p for p in model.parameters() if id(p) not in chosen]
        self.rate, self.adam_rate, self.decay = rate, adam_rate, decay
        self.adam = torch.optim.AdamW(
            self.rest, lr=adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=self.rest[0].is_cuda
        )
        self._groups: dict[torch.Size, list[Tensor]] = {}
        for p in self.matrices:
            self._groups.setdefault(p.shape, []).append(p)
        self._momentum = {
            shape: torch.zeros(len(ps), *shape, device=ps[0].device)
            for shape, ps in self._groups.items()
        }

    @torch.no_grad()
    def step(self, factor: float, number: int) -> None:
        """Move the parameters by their gradients.

        ``factor`` scales the learning rates; ``number`` is how many steps there were before, by which
        the momentum grows.
        """
        momentum = FIRST_MOMENTUM + (LAST_MOMENTUM - FIRST_MOMENTUM) * min(
            1.0, number / GROWS_STEPS
        )
        nn.utils.clip_grad_norm_(self.rest, 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.adam_rate * factor
        self.adam.step()
        for shape, parameters in self._groups.items():
            gradient = torch.stack([p.grad for p in parameters if p.grad is not None])
            kept = self._momentum[shape]
            kept.lerp_(gradient, 1 - momentum)
            update = orthogonal(gradient.lerp(kept, momentum))
            scale = self.rate * factor * max(1.0, shape[0] / shape[1]) ** 0.5
            torch._foreach_mul_(parameters, 1 - self.rate * factor * self.decay)
            torch._foreach_add_(parameters, update.float().unbind(0), alpha=-scale)
            for p in parameters:
                p.grad = None
        self.adam.zero_grad(set_to_none=True)

    def state(self) -> dict[str, object]:
        """Return what a checkpoint keeps."""
        momentum = {tuple(shape): m for shape, m in self._momentum.items()}
        return {"adam": self.adam.state_dict(), "momentum": momentum}

    def restore(self, state: dict[str, object]) -> None:
        """Take up where `state` was taken."""
        self.adam.load_state_dict(state["adam"])
        for shape, m in state["momentum"].items():  # type: ignore[attr-defined]
            self._momentum[torch.Size(shape)].copy_(m)
