"""Greedy, healed lines for many prompts at once, on a GPU: what the server would write, and fast.

    python -m training.decode prompts.jsonl.gz model.gguf --device cuda --out answers.jsonl

The prompts are those of the server's own pipeline (``bench/model/line_prompts.py``), token by token.
``bench/model/held_out_lines.py --answered answers.jsonl`` tells how many lines are right.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from training.export import read_gguf
from training.model import Llama, Shape, _norm, _rotate
from training.tokens import EOS, FILE
from training.train import load_tensors

if TYPE_CHECKING:
    from torch import Tensor

MOST_TOKENS = 64
SPECIAL_IDS = 6


def bytes_of_words(size: int) -> list[bytes]:
    """Return the bytes of each id; none for the special ones."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in set(printable))
    letters |= {chr(256 + place): byte for place, byte in enumerate(others)}
    words: dict[str, int] = json.loads(FILE.read_text(encoding="utf-8"))["model"]["vocab"]
    found = [b""] * size
    for word, number in words.items():
        if number >= SPECIAL_IDS:
            found[number] = bytes(letters[char] for char in word)
    return found


class Healer:
    """Tells which ids may come next while a fragment has to be written."""

    def __init__(self, words: Sequence[bytes]) -> None:
        self._ids = {word: number for number, word in enumerate(words) if word}
        self._sorted = sorted(self._ids)

    def allowed(self, required: bytes) -> list[int]:
        """Return the ids whose bytes begin like ``required``, or that ``required`` begins with."""
        starts = (required[:size] for size in range(1, len(required)))
        found = [self._ids[start] for start in starts if start in self._ids]
        for word in self._sorted[bisect_left(self._sorted, required) :]:
            if not word.startswith(required):
                break
            found.append(self._ids[word])
        return found


@dataclass
class _Cache:
    keys: list[Tensor]
    values: list[Tensor]


def _attend(
    model: Llama, ids: Tensor, positions: Tensor, mask: Tensor, cache: _Cache, at: int
) -> Tensor:
    """Return the logits behind the last of ``ids``; keys and values go into the cache."""
    s = model.shape
    rows, length = ids.shape
    cos, sin = model.cos[0, :, 0][positions][:, :, None], model.sin[0, :, 0][positions][:, :, None]
    x = model.token_embd(ids)
    if torch.is_autocast_enabled(ids.device.type):
        x = x.bfloat16()
    for number, block in enumerate(model.blk):
        h = _norm(x, block.attn_norm, s.epsilon)
        q = _rotate(block.attn_q(h).view(rows, length, s.heads, s.head_width), cos, sin)
        k = _rotate(block.attn_k(h).view(rows, length, s.kv_heads, s.head_width), cos, sin)
        v = block.attn_v(h).view(rows, length, s.kv_heads, s.head_width)
        cache.keys[number][:, :, at : at + length] = k.transpose(1, 2)
        cache.values[number][:, :, at : at + length] = v.transpose(1, 2)
        shared = s.heads // s.kv_heads
        keys = cache.keys[number][:, :, : at + length].repeat_interleave(shared, 1)
        values = cache.values[number][:, :, : at + length].repeat_interleave(shared, 1)
        a = F.scaled_dot_product_attention(q.transpose(1, 2), keys, values, attn_mask=mask)
        x = x + block.attn_output(a.transpose(1, 2).reshape(rows, length, s.width))
        h = _norm(x, block.ffn_norm, s.epsilon)
        x = x + block.ffn_down(F.silu(block.ffn_gate(h)) * block.ffn_up(h))
    h = _norm(x[:, -1], model.output_norm, s.epsilon)
    return F.linear(h, model.token_embd.weight.to(h.dtype)).float()


@torch.no_grad()
def lines(
    model: Llama,
    healer: Healer,
    words: Sequence[bytes],
    prompts: Sequence[tuple[Sequence[int], bytes]],
    device: str,
) -> list[bytes]:
    """Return the line that is written behind each prompt, without its fragment."""
    count, longest = len(prompts), max(len(ids) for ids, _ in prompts)
    ids = torch.zeros(count, longest, dtype=torch.long)
    pads = torch.tensor([longest - len(some) for some, _ in prompts])
    for row, (some, _) in enumerate(prompts):
        ids[row, longest - len(some) :] = torch.tensor(some)
    ids, pads = ids.to(device), pads.to(device)
    place = torch.arange(longest, device=device)
    seen = place[None] >= pads[:, None]
    causal = place[:, None] >= place[None]
    # A padded place sees itself, or its softmax would be of nothing.
    mask = (causal & seen[:, None]) | torch.eye(longest, dtype=torch.bool, device=device)
    s = model.shape
    kind = torch.bfloat16 if torch.is_autocast_enabled(ids.device.type) else torch.float32
    size = (count, s.kv_heads, longest + MOST_TOKENS, s.head_width)
    cache = _Cache(
        [torch.zeros(size, device=device, dtype=kind) for _ in model.blk],
        [torch.zeros(size, device=device, dtype=kind) for _ in model.blk],
    )
    positions = (place[None] - pads[:, None]).clamp(min=0)
    logits = _attend(model, ids, positions, mask[:, None], cache, 0)
    required = [fragment for _, fragment in prompts]
    written = [b""] * count
    done = [False] * count
    full = torch.cat((seen, seen.new_ones(count, MOST_TOKENS)), 1)
    for step in range(MOST_TOKENS):
        logits[:, [n for n in range(SPECIAL_IDS) if n != EOS]] = -torch.inf
        if any(required):
            barred = torch.zeros(logits.shape, dtype=torch.bool)
            for row, rest in enumerate(required):
                if rest and not done[row]:
                    barred[row] = True
                    barred[row, healer.allowed(rest)] = False
            logits.masked_fill_(barred.to(device), -torch.inf)
        chosen = logits.argmax(-1)
        for row, token in enumerate(chosen.tolist()):
            if done[row]:
                continue
            word = words[token]
            written[row] += word
            if required[row]:
                done[row] = not word
                required[row] = required[row][len(word) :]
            behind = written[row][len(prompts[row][1]) :]
            done[row] = done[row] or token == EOS or b"\n" in behind
        if all(done) or step == MOST_TOKENS - 1:
            break
        at = longest + step
        logits = _attend(
            model, chosen[:, None], (at - pads)[:, None], full[:, None, None, : at + 1], cache, at
        )
    return [
        text[len(fragment) :] if text.startswith(fragment) else b""
        for text, (_, fragment) in zip(written, prompts, strict=True)
    ]


def load(path: Path, device: str, context: int = 4_096) -> Llama:
    """Return the model in a GGUF file of the usual shape, or of a shape that its tensors show."""
    tensors = read_gguf(path)
    layers = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blk."))
    vocabulary, width = tensors["token_embd.weight"].shape
    inner = tensors["blk.0.ffn_gate.weight"].shape[0]
    heads, kv = width // 64, tensors["blk.0.attn_k.weight"].shape[0] // 64
    shape = Shape(vocabulary, width, layers, heads, kv, inner, context)
    model: Llama = Llama(shape).to(device)
    load_tensors(model, tensors)
    model.eval()
    return model


def answers(
    model: Llama, records: Sequence[dict[str, Any]], device: str, batch: int
) -> Iterator[dict[str, Any]]:
    """Yield the records, each with what was written in place of its ids, as they are answered."""
    words = bytes_of_words(model.shape.vocabulary)
    healer = Healer(words)
    by_size = sorted(range(len(records)), key=lambda n: len(records[n]["ids"]))
    cuda = device.startswith("cuda")
    for first in range(0, len(by_size), batch):
        part = [records[n] for n in by_size[first : first + batch]]
        prompts = [(record["ids"], record["fragment"].encode()) for record in part]
        with torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=cuda):
            texts = lines(model, healer, words, prompts, device)
        for record, text in zip(part, texts, strict=True):
            names = ("id", "package", "kind", "wanted", "language")
            written = text.decode("utf-8", "replace").partition("\n")[0]
            yield {**{name: record[name] for name in names}, "written": {record["way"]: written}}


def main() -> None:
    """Write the answers of some models to the same prompts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--count", type=int, default=0, help="of the prompts, by chance; 0: all")
    parser.add_argument("--out", type=Path, required=True, help="folder of NAME.answers.jsonl")
    args = parser.parse_args()
    with gzip.open(args.prompts, "rt", encoding="utf-8") as source:
        records = [json.loads(line) for line in source]
    if args.count:
        records = records[:: max(1, len(records) // args.count)]
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.models:
        began, count, right = time.time(), 0, 0
        with (args.out / f"{path.stem}.answers.jsonl").open("w", encoding="utf-8") as target:
            for row in answers(load(path, args.device), records, args.device, args.batch):
                target.write(json.dumps(row) + "\n")
                (written,) = row["written"].values()
                count, right = count + 1, right + (written.rstrip() == row["wanted"].rstrip())
                if count % 1_000 == 0:
                    target.flush()
                    print(f"{path.name} {count} {time.time() - began:.1f} s", flush=True)
        print(path.name, count, "prompts,", right, "right answers", flush=True)


if __name__ == "__main__":
    main()
