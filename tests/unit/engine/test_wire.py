"""Tests of the message codec: any text survives a round trip."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_ls.engine import messages, wire
from infill_ls.engine.base import CompletionRequest, EngineInfo, Priority
from infill_ls.models.fim import FimTokens, Order
from infill_ls.types import (
    Completion,
    Ending,
    EndKind,
    EngineTimings,
    Prompt,
    Sampling,
    StopReason,
    StopRule,
    Written,
)

FIM = FimTokens("f", Order.SPM, 1, 2, None, 0)


def body_of(message: messages.Message) -> bytes:
    body = wire.read_frame(io.BytesIO(wire.encode(message)))
    assert body is not None
    return body


@given(st.text(), st.lists(st.integers(0, 2**31)), st.sampled_from(Priority))
def test_what_a_server_says(text: str, ids: list[int], priority: Priority) -> None:
    stop = StopRule(9, 3, min_probability=0.5, ending=Ending(EndKind.BLOCK, "python", text, ""))
    request = CompletionRequest(
        prompt=Prompt(tuple(ids), len(ids), text, text, document=text),
        stop=stop,
        sampling=Sampling(0.5),
        priority=priority,
    )
    for said in (
        messages.Complete.of(1, request, tells=True),
        messages.Tokenize(id=2, texts=(text, "")),
        messages.Warm(id=3, token_ids=tuple(ids), anchor_tokens=2, document=text),
        messages.Ping(id=4, target=3),
        messages.Cancel(target=3),
        messages.Look(target=3),
        messages.SavePower(saves=True),
    ):
        assert wire.decode_to_engine(body_of(said)) == said


@given(st.text(), st.lists(st.lists(st.integers(0, 2**31)).map(tuple)).map(tuple))
def test_what_the_engine_says(text: str, ids: tuple[tuple[int, ...], ...]) -> None:
    timings = EngineTimings(1, 2, 3.5, 4, 5.5)
    info = EngineInfo(
        model_name=text,
        context_tokens=5,
        stop_ids=frozenset({1, 2}),
        fim=FIM,
        tokens_stay_in_line=True,
        notes=(text,),
    )
    for said in (
        messages.Tokens(id=1, ids=ids),
        messages.SoFar(id=1, written=Written(text, -0.25, 3)),
        messages.Completions(id=1, completions=(Completion(text, StopReason.TIME, -1.5, timings),)),
        messages.Ready(info=info, pid=7),
        messages.Failed(message=text),
        messages.Unloaded(),
    ):
        assert wire.decode_from_engine(body_of(said)) == said


def test_half_a_surrogate_pair_goes_as_the_tokenizer_would_take_it() -> None:
    said = messages.Tokenize(id=1, texts=("a\ud800b", "ok"))
    assert wire.decode_to_engine(body_of(said)) == messages.Tokenize(id=1, texts=("a?b", "ok"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"op":"tokens","id":"1","ids":[]}',
        b'{"op":"tokens","id":1,"ids":[["x"]]}',
        b'{"op":"complete","id":1}',
        b'{"op":"loading","fraction":{}}',
        b"[" * 100_000,
    ],
)
def test_nonsense_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be understood"):
        wire.decode_from_engine(body)
    with pytest.raises(ValueError, match="cannot be understood"):
        wire.decode_to_engine(body)
