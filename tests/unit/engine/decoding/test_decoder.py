"""Tests of the decoding loop with a model whose arithmetic is exact."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_ls.engine.decoding.decoder import (
    CALM_CHUNKS,
    PREFILL_CHUNK_TOKENS,
    Cancelled,
    Decoder,
)
from infill_ls.engine.decoding.run import DecodingTask
from infill_ls.types import Completion, Sampling, StopReason, StopRule, Written
from unit.engine.fake_model import CONTEXT, END, PIECES, FakeModel, decoder_for

TOKENS = st.integers(1, len(PIECES) - 1)
PROMPTS = st.lists(TOKENS, min_size=1, max_size=60)
FRAGMENTS = st.text("abcd ()", max_size=5).map(str.encode)
STOPS = st.builds(StopRule, st.integers(1, 40), st.integers(1, 5), st.integers(0, 4))


def never() -> bool:
    return False


def run(decoder: Decoder, task: DecodingTask) -> list[Completion]:
    return decoder.complete(task, never)


def texts(completions: list[Completion]) -> list[tuple[str, StopReason, int]]:
    return [(c.text, c.stop, c.timings.decode_tokens) for c in completions]


@given(PROMPTS, FRAGMENTS, STOPS)
def test_drafts_change_nothing(prompt: list[int], fragment: bytes, stop: StopRule) -> None:
    task = DecodingTask(prompt, len(prompt) // 2, fragment, stop)
    plain = run(decoder_for(FakeModel()), task)
    assert texts(run(decoder_for(FakeModel(), drafts=True), task)) == texts(plain)


@given(PROMPTS, FRAGMENTS, STOPS)
def test_drafts_change_nothing_though_batches_differ_in_the_last_digits(
    prompt: list[int], fragment: bytes, stop: StopRule
) -> None:
    task = DecodingTask(prompt, 0, fragment, stop)
    plain = run(decoder_for(FakeModel()), task)
    noisy = decoder_for(FakeModel(noise=0.005), drafts=True)
    assert texts(run(noisy, task)) == texts(plain)


@given(PROMPTS, FRAGMENTS, STOPS)
def test_who_listens_hears_each_token_and_nothing_that_is_taken_back_but_a_line(
    prompt: list[int], fragment: bytes, stop: StopRule
) -> None:
    heard: list[Written] = []
    task = DecodingTask(prompt, 0, fragment, stop)
    (completion,) = decoder_for(FakeModel()).complete(task, never, heard.append)
    assert [written.tokens for written in heard] == list(range(1, len(heard) + 1))
    assert completion.timings.decode_tokens - len(heard) in {0, 1}  # the last one ended it
    for former, later in itertools.pairwise(written.text for written in heard):
        assert later.startswith(former.rpartition("\n")[0])
    for written in heard:
        assert completion.text.startswith(written.text.rpartition("\n")[0])
        if "\n" not in written.text:
            assert completion.text.startswith(written.text)


def test_drafts_save_calls() -> None:
    task = DecodingTask([1, 2, 3, 4] * 10, 40, b"", StopRule(60, 99))
    model = FakeModel(memory=1)  # a function of one token runs into a loop soon
    completions = run(decoder_for(model, drafts=True), task)
    plain = FakeModel(memory=1)
    assert texts(run(decoder_for(plain), task)) == texts(completions)
    assert completions[0].timings.decode_tokens == 60
    assert completions[0].timings.accepted_tokens > 0
    assert model.calls < plain.calls * 0.7


@given(PROMPTS, FRAGMENTS)
def test_output_starts_with_the_fragment(prompt: list[int], fragment: bytes) -> None:
    """What the model holds after the prompt spells the fragment and then the completion."""
    model = FakeModel()
    decoder = decoder_for(model)
    completion, *_ = run(decoder, DecodingTask(prompt, 0, fragment, StopRule(40, 99)))
    held = next(s for s in model.sequences.values() if s)
    written = b"".join(PIECES[token] for token in held[len(prompt) :])
    if completion.stop is StopReason.TOKENS and not completion.text:
        return  # the limit came before the fragment was spelled
    # The last token is chosen but not decoded.
    assert (fragment + completion.text.encode()).startswith(written)
    assert len(written) + 3 >= len(fragment) + len(completion.text) or completion.text == ""


@settings(max_examples=60)
@given(st.lists(st.tuples(PROMPTS, FRAGMENTS), min_size=1, max_size=12), st.booleans())
def test_what_was_asked_before_changes_nothing(
    requests: list[tuple[list[int], bytes]],
    drafts: bool,
) -> None:
    """KV reuse, sharing and eviction are exact: a used decoder answers as a fresh one."""
    used = decoder_for(FakeModel(), drafts=drafts, cells=130, sequences=3)
    for prompt, fragment in requests:
        task = DecodingTask(prompt, len(prompt) // 2, fragment, StopRule(20, 9))
        assert texts(run(used, task)) == texts(run(decoder_for(FakeModel()), task))


def test_typing_on_decodes_only_what_was_typed() -> None:
    model = FakeModel()
    decoder = decoder_for(model)
    anchor = [1, 2, 3, 4, 5, 6, 7] * 8
    run(decoder, DecodingTask(anchor, len(anchor), b"", StopRule(5, 9)))
    before = model.decoded_tokens
    completion, *_ = run(decoder, DecodingTask([*anchor, 9, 3], len(anchor), b"", StopRule(1, 9)))
    assert completion.timings.reused_tokens >= len(anchor)
    assert model.decoded_tokens - before <= 2


def test_another_file_and_back_costs_no_prefill() -> None:
    model = FakeModel()
    decoder = decoder_for(model)
    one, other = [1, 2, 3] * 20, [4, 5, 6] * 20
    stop = StopRule(3, 9)
    for prompt in (one, other):
        run(decoder, DecodingTask(prompt, len(prompt), b"", stop))
    completion, *_ = run(decoder, DecodingTask([*one, 5], len(one), b"", stop))
    assert completion.timings.reused_tokens == len(one)
    assert completion.timings.prefill_tokens == 1


def test_anchors_share_what_they_have_in_common() -> None:
    model = FakeModel()
    decoder = decoder_for(model)
    shared = [1, 2, 3, 4] * 10
    run(decoder, DecodingTask([*shared, *[5] * 20], 60, b"", StopRule(1, 9)))
    completion, *_ = run(decoder, DecodingTask([*shared, *[6] * 20], 60, b"", StopRule(1, 9)))
    assert completion.timings.reused_tokens == len(shared)
    again, *_ = run(decoder, DecodingTask([*shared, *[5] * 20, 7], 60, b"", StopRule(1, 9)))
    assert again.timings.reused_tokens == 60


@given(st.integers(0, 12))
def test_cancelling_keeps_what_was_decoded(after: int) -> None:
    model = FakeModel()
    decoder = decoder_for(model)
    task = DecodingTask([1, 2, 3, 4] * 20, 80, b"ab", StopRule(10, 9))
    looks = itertools.count()
    try:
        decoder.complete(task, lambda: next(looks) >= after)
    except Cancelled:
        pass
    else:
        assert after > 1
    fresh = run(decoder_for(FakeModel()), task)
    assert texts(run(decoder, task)) == texts(fresh)


@given(st.integers(0, 12), st.booleans())
def test_an_interrupted_step_leaves_no_trace(after: int, drafts: bool) -> None:
    """The model breaks off within a step; what was decoded before stays."""
    model = FakeModel()
    decoder = decoder_for(model, drafts=drafts)
    task = DecodingTask([1, 2, 3, 4] * 20, 80, b"ab", StopRule(10, 9))
    steps = itertools.count()
    model.is_interrupted = lambda: next(steps) >= after
    with contextlib.suppress(Cancelled):
        run(decoder, task)
    model.is_interrupted = never
    completion, *_ = again = run(decoder, task)
    assert completion.timings.reused_tokens == 79
    assert texts(again) == texts(run(decoder_for(FakeModel()), task))


def test_warming_may_be_interrupted_and_keeps_its_chunks() -> None:
    model = FakeModel()
    decoder = decoder_for(model)
    prompt = [1, 2, 3, 4] * 20
    chunks = itertools.count()
    model.is_interrupted = lambda: next(chunks) >= 3
    with pytest.raises(Cancelled):
        decoder.warm(prompt, never, chunk_tokens=16)
    model.is_interrupted = never
    completion, *_ = run(decoder, DecodingTask(prompt, 80, b"", StopRule(1, 1)))
    assert completion.timings.reused_tokens == 48


def test_a_failing_batch_loses_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    decoder = decoder_for(model)
    task = DecodingTask([1, 2, 3] * 10, 30, b"", StopRule(10, 9))
    with monkeypatch.context() as patch:
        patch.setattr(model, "decode", lambda *_, **__: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            run(decoder, task)
    assert texts(run(decoder, task)) == texts(run(decoder_for(FakeModel()), task))


def test_a_prompt_larger_than_the_cache_is_refused() -> None:
    decoder = decoder_for(FakeModel(), cells=20)
    with pytest.raises(ValueError, match="do not fit"):
        run(decoder, DecodingTask([1] * 30, 30, b"", StopRule(1, 1)))


@given(PROMPTS, FRAGMENTS, st.integers(2, 4))
def test_candidates_are_different_and_the_greedy_one_is_among_them(
    prompt: list[int], fragment: bytes, candidates: int
) -> None:
    stop = StopRule(8, 3)
    greedy = run(decoder_for(FakeModel()), DecodingTask(prompt, 0, fragment, stop))
    several = run(
        decoder_for(FakeModel()), DecodingTask(prompt, 0, fragment, stop, candidates=candidates)
    )
    assert 1 <= len(several) <= candidates
    assert len({completion.text for completion in several}) == len(several)
    assert greedy[0].text in {completion.text for completion in several}
    assert [c.mean_logprob for c in several] == sorted(
        (c.mean_logprob for c in several), reverse=True
    )


def test_sampling_is_repeatable_and_differs_by_seed() -> None:
    prompt = [1, 2, 3] * 10

    def sample(seed: int) -> str:
        task = DecodingTask(prompt, 0, b"", StopRule(30, 99), Sampling(temperature=1.0, seed=seed))
        return run(decoder_for(FakeModel(memory=3)), task)[0].text

    assert sample(1) == sample(1)
    assert len({sample(seed) for seed in range(5)}) > 1


def test_the_context_limits_the_completion() -> None:
    prompt = [1, 2] * ((CONTEXT - 10) // 2)
    completion, *_ = run(decoder_for(FakeModel()), DecodingTask(prompt, 0, b"", StopRule(99, 999)))
    assert completion.timings.decode_tokens <= 10
    assert END not in prompt


class OneWaits:
    """Has another prompt completed after so many calls; the only one is served."""

    def __init__(self, decoder: Decoder, other: DecodingTask, at_calls: set[int]) -> None:
        self._decoder = decoder
        self._other = other
        self._at_calls = at_calls
        self._calls = 0
        self.answers: list[list[Completion]] = []

    def __call__(self) -> bool:
        self._calls += 1
        if self._calls not in self._at_calls:
            return False
        self.answers.append(run(self._decoder, self._other))
        return True


@given(PROMPTS, PROMPTS, FRAGMENTS, STOPS, st.sets(st.integers(1, 20), max_size=4), st.booleans())
def test_a_long_answer_that_makes_way_is_the_same(
    prompt: list[int],
    other: list[int],
    fragment: bytes,
    stop: StopRule,
    at_calls: set[int],
    drafts: bool,
) -> None:
    long, short = (
        DecodingTask(prompt, len(prompt), fragment, stop),
        DecodingTask(other, 0, b"", StopRule(5, 2)),
    )
    plain = run(decoder_for(FakeModel()), long)
    alone = run(decoder_for(FakeModel()), short)
    decoder = decoder_for(FakeModel(), drafts=drafts)
    waits = OneWaits(decoder, short, at_calls)
    found = decoder.complete(long, never, make_way=waits)
    assert texts(found) == texts(plain)
    assert all(texts(answer) == texts(alone) for answer in waits.answers)


@pytest.mark.parametrize("drafts", [False, True])
def test_who_waits_for_a_long_answer_waits_for_one_step(drafts: bool) -> None:
    model = FakeModel(memory=1)
    decoder = decoder_for(model, drafts=drafts)
    steps: list[int] = []

    def look() -> bool:
        steps.append(model.calls)
        return False

    prompt = [1, 2, 3, 4] * 10
    decoder.prefill(prompt, never)
    read = model.calls
    (found,) = decoder.complete(
        DecodingTask(prompt, 40, b"", StopRule(60, 99)), never, make_way=look
    )
    assert found.timings.decode_tokens > 20
    gaps = [after - before for before, after in zip([read, *steps], steps, strict=False)]
    # A draft whose tokens are too close to call is decoded again by itself, in the same step.
    assert max(gaps) <= (2 if drafts else 1)
    assert model.calls - steps[-1] <= 1


def test_making_way_costs_one_token_and_none_of_the_time() -> None:
    model = FakeModel(memory=1)
    task = DecodingTask([1, 2, 3, 4] * 10, 40, b"", StopRule(30, 99))
    decoder = decoder_for(model)
    plain = run(decoder_for(FakeModel(memory=1)), task)
    waits = OneWaits(decoder, DecodingTask([5, 6, 7] * 5, 15, b"", StopRule(1, 1)), {10})
    (found,) = decoder.complete(task, never, make_way=waits)
    assert len(waits.answers) == 1
    assert texts([found]) == texts(plain)
    read = 40 + found.timings.decode_tokens - 1
    assert model.decoded_tokens == read + 15 + 1, "the last token is read again, for no more"


def test_who_types_while_a_long_prompt_is_read_waits_for_a_small_chunk() -> None:
    model = FakeModel()
    decoder = decoder_for(model)
    keys = {2, 5, 6}
    """At which looks somebody has pressed a key: the chunks after them are small."""
    chunks: list[int] = []
    looks = itertools.count()
    read = 0

    def look() -> bool:
        nonlocal read
        chunks.append(model.decoded_tokens - read)
        is_key = next(looks) in keys
        if is_key:
            decoder.complete(DecodingTask([5, 6, 7], 3, b"", StopRule(1, 1)), never)
        read = model.decoded_tokens
        return is_key

    prompt = [1, 2, 3, 4] * ((3 * PREFILL_CHUNK_TOKENS + 8 * CALM_CHUNKS + 64) // 4)
    branch, _ = decoder.prefill(prompt, never, make_way=look, shared_chunk_tokens=8)
    assert list(branch.tokens) == prompt
    last_key = max(keys)
    assert chunks[1:3] == [PREFILL_CHUNK_TOKENS] * 2, "nobody types yet"
    assert set(chunks[4 : last_key + 1]) <= {0, 8}
    assert chunks[last_key + 2 : last_key + 2 + CALM_CHUNKS] == [8] * CALM_CHUNKS
    assert chunks[last_key + 2 + CALM_CHUNKS :] == [PREFILL_CHUNK_TOKENS], "nobody types any more"


def test_a_key_interrupts_the_chunk_of_a_long_prompt_which_is_read_again() -> None:
    """The first key too: a chunk of a large model takes seconds on a laptop."""
    model = FakeModel()
    decoder = decoder_for(model)
    key = DecodingTask([5, 6, 7], 3, b"", StopRule(1, 1))
    pressed = [1, 3]
    """At which interruptible chunks a key comes while it is read."""
    chunks = itertools.count()
    waiting: list[DecodingTask] = []
    served_after: list[int] = []

    def is_interrupted() -> bool:
        if not waiting and next(chunks) in pressed:
            waiting.append(key)
        return bool(waiting)

    def make_way() -> bool:
        if not waiting:
            return False
        read = model.decoded_tokens
        task = waiting.pop()
        model.is_interrupted = lambda: False
        decoder.complete(task, never)
        model.is_interrupted = is_interrupted
        served_after.append(read)
        return True

    model.is_interrupted = is_interrupted
    prompt = [1, 2, 3, 4] * (PREFILL_CHUNK_TOKENS * 2 // 4)
    branch, _ = decoder.prefill(prompt, never, make_way=make_way, shared_chunk_tokens=8)
    assert list(branch.tokens) == prompt
    assert served_after == [PREFILL_CHUNK_TOKENS, PREFILL_CHUNK_TOKENS + 3 + 8]
    assert model.decoded_tokens == len(prompt) + 2 * 3, "nothing was read twice"


@given(PROMPTS, PROMPTS, STOPS, st.sets(st.integers(0, 30), max_size=6), st.booleans())
def test_a_long_answer_that_is_interrupted_in_a_step_is_the_same(
    prompt: list[int], other: list[int], stop: StopRule, at: set[int], drafts: bool
) -> None:
    long, short = (
        DecodingTask(prompt, len(prompt), b"", stop),
        DecodingTask(other, 0, b"", StopRule(5, 2)),
    )
    plain = run(decoder_for(FakeModel()), long)
    alone = run(decoder_for(FakeModel()), short)
    model = FakeModel()
    decoder = decoder_for(model, drafts=drafts)
    steps = itertools.count()
    waiting: list[DecodingTask] = []
    answers: list[list[Completion]] = []

    def is_interrupted() -> bool:
        if not waiting and next(steps) in at:
            waiting.append(short)
        return bool(waiting)

    def make_way() -> bool:
        if not waiting:
            return False
        model.is_interrupted = lambda: False
        answers.append(run(decoder, waiting.pop()))
        model.is_interrupted = is_interrupted
        return True

    model.is_interrupted = is_interrupted
    found = decoder.complete(long, never, make_way=make_way)
    assert texts(found) == texts(plain)
    assert all(texts(answer) == texts(alone) for answer in answers)


def test_who_cancels_a_long_answer_is_obeyed_although_others_wait() -> None:
    model = FakeModel()
    decoder = decoder_for(model)
    model.is_interrupted = lambda: model.calls >= 2
    with pytest.raises(Cancelled):
        decoder.complete(
            DecodingTask([1, 2, 3, 4] * 10, 40, b"", StopRule(60, 99)),
            lambda: model.calls >= 2,
            make_way=lambda: False,
        )
    assert model.calls == 2
