"""Tests that llama.cpp computes with the exported file what PyTorch computes."""

from __future__ import annotations

from pathlib import Path

import llama_cpp
import numpy as np
import pytest
import torch
from training.export import F16, read_gguf, requantize, write_gguf
from training.importance import importance, rows_of
from training.model import Llama, Shape, _norm
from training.tokens import BOS, EOS, FIM_BEGIN, FIM_END, FIM_HOLE
from training.train import load_tensors, tensors_of

SHAPE = Shape(width=256, layers=2, heads=4, kv_heads=2, inner=512, context=256)


@pytest.fixture(scope="module")
def model() -> Llama:
    torch.manual_seed(1)
    made = Llama(SHAPE)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(4.0 if parameter.ndim == 2 else 1.1)  # far from the start's near-zeros
    return made


def torch_logits(model: Llama, ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        hidden = model.token_embd(torch.tensor([ids]))
        for block in model.blk:
            hidden = block(hidden, model.cos[:, : len(ids)], model.sin[:, : len(ids)], None)
        hidden = _norm(hidden, model.output_norm, SHAPE.epsilon)
        return np.asarray(hidden[0] @ model.token_embd.weight.T)


def test_llama_cpp_agrees_with_pytorch(model: Llama, tmp_path: Path) -> None:
    write_gguf(tmp_path / "model.gguf", SHAPE, tensors_of(model), F16)
    ids = [BOS, FIM_BEGIN, 300, 301, 5_000, FIM_HOLE, 42, FIM_END, 77, 900]
    run = llama_cpp.Llama(str(tmp_path / "model.gguf"), n_ctx=64, logits_all=True, verbose=False)
    run.eval(ids)
    theirs, ours = run.scores[: len(ids)], torch_logits(model, ids)
    assert float(np.abs(ours).max()) > 1.0
    np.testing.assert_allclose(theirs, ours, atol=0.02 * float(np.abs(ours).max()))


def test_llama_cpp_finds_the_markers_and_the_sizes(model: Llama, tmp_path: Path) -> None:
    write_gguf(tmp_path / "model.gguf", SHAPE, tensors_of(model))
    run = llama_cpp.Llama(str(tmp_path / "model.gguf"), n_ctx=64, verbose=False)
    vocabulary = llama_cpp.llama_model_get_vocab(run.model)
    assert llama_cpp.llama_vocab_bos(vocabulary) == BOS
    assert llama_cpp.llama_vocab_eos(vocabulary) == EOS
    assert llama_cpp.llama_vocab_fim_pre(vocabulary) == FIM_BEGIN
    assert llama_cpp.llama_vocab_fim_suf(vocabulary) == FIM_HOLE
    assert llama_cpp.llama_vocab_fim_mid(vocabulary) == FIM_END
    assert llama_cpp.llama_model_n_ctx_train(run.model) == SHAPE.context
    assert run.metadata["tokenizer.ggml.pre"] == "deepseek-coder"
    text = "def f(xs):\n    return [x + 1 for x in xs]  # ä ｜\n"
    ids = run.tokenize(text.encode(), add_bos=False, special=True)
    assert run.detokenize(ids).decode() == text


def test_weights_come_back_from_the_file(model: Llama, tmp_path: Path) -> None:
    write_gguf(tmp_path / "model.gguf", SHAPE, tensors_of(model), F16)
    again = Llama(SHAPE)
    load_tensors(again, read_gguf(tmp_path / "model.gguf"))
    for name, tensor in tensors_of(model).items():
        np.testing.assert_allclose(tensors_of(again)[name], tensor, atol=1e-3)


def test_llama_cpp_quantises_the_file(model: Llama, tmp_path: Path) -> None:
    write_gguf(tmp_path / "model.gguf", SHAPE, tensors_of(model))
    requantize(tmp_path / "model.gguf", tmp_path / "small.gguf", "Q4_K_M")
    assert (tmp_path / "small.gguf").stat().st_size < (tmp_path / "model.gguf").stat().st_size
    small, large = read_gguf(tmp_path / "small.gguf"), read_gguf(tmp_path / "model.gguf")
    for name, tensor in large.items():
        assert float(np.abs(small[name] - tensor).mean()) < 0.1 * float(np.abs(tensor).max())


def test_inputs_that_matter_are_rounded_with_more_care(model: Llama, tmp_path: Path) -> None:
    rows = np.random.default_rng(1).integers(6, 16_000, (3, 65)).astype(np.uint16)
    rows[:, 0] = BOS
    np.save(tmp_path / "rows.npy", rows)
    found = importance(model, rows_of([tmp_path / "rows.npy"], 2))
    with torch.no_grad():
        x = model.token_embd(torch.from_numpy(rows[:2, :-1].astype(np.int64)))
        squares = _norm(x, model.blk[0].attn_norm, SHAPE.epsilon).square().mean((0, 1))
    np.testing.assert_allclose(found["blk.0.attn_q.weight"], squares, rtol=1e-4)
    assert len(found) == 7 * SHAPE.layers

    write_gguf(tmp_path / "model.gguf", SHAPE, tensors_of(model), F16)
    requantize(tmp_path / "model.gguf", tmp_path / "plain.gguf", "Q4_K_M")
    requantize(tmp_path / "model.gguf", tmp_path / "careful.gguf", "Q4_K_M", found)
    exact, plain, careful = (
        read_gguf(tmp_path / f"{name}.gguf") for name in ("model", "plain", "careful")
    )
    for name, weight in found.items():
        lost = [
            float(((some[name] - exact[name]) ** 2 * weight).sum()) for some in (plain, careful)
        ]
        assert lost[1] <= lost[0], name
    assert any(not np.array_equal(plain[name], careful[name]) for name in found)
