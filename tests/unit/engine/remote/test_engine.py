"""Tests of every server dialect: the same completion, whatever is on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from infill_ls.engine import CompletionRequest, EngineOptions
from infill_ls.engine.remote import RemoteEngine
from infill_ls.errors import EngineUnavailableError, RemoteError
from infill_ls.prompting.tokens import LineTokenizer
from infill_ls.types import Sampling, StopReason, StopRule
from unit.engine.remote import fakes
from unit.engine.remote.conftest import Connect
from unit.engine.remote.fakes import FakeServer, prompt_of

LINE = StopRule(max_tokens=50, max_lines=1, time_budget_ms=20_000)
BLOCK = StopRule(max_tokens=50, max_lines=9, min_indent=4, time_budget_ms=20_000)
Make = Callable[..., FakeServer]

ALL = [fakes.vllm, fakes.sglang, fakes.llama_server, fakes.llama_cpp_python, fakes.ollama]
COMPLETIONS = "/v1/completions", "/completion", "/api/generate"


@pytest.fixture(params=ALL, ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    chosen: Make = request.param
    return chosen


def vocabulary_for(make: Make) -> dict[str, object]:
    local = EngineOptions(Path("vocabulary.gguf"), vocabulary_only=True)
    return {"vocabulary": local} if make is fakes.ollama else {}


def completions_asked(server: FakeServer) -> list[fakes.Request]:
    return [request for path in COMPLETIONS for request in server.asked(path)]


async def test_a_line(make: Make, connect: Connect) -> None:
    server = make(lambda typed: f"<{typed}>\nmore")
    engine = await connect(server, **vocabulary_for(make))
    info = await engine.start()
    assert info.model_name.startswith(fakes.MODEL)
    assert info.context_tokens == 4096
    assert info.fim_tokens().family == "deepseek"
    assert info.tokens_stay_in_line
    (found,) = await engine.complete(
        CompletionRequest(prompt=prompt_of("a\n", "x = ", "\nb"), stop=LINE)
    )
    assert (found.text, found.stop) == ("<x = >", StopReason.LINES)
    known = 0 if make is fakes.llama_cpp_python else -0.5
    assert found.mean_logprob == pytest.approx(known)


async def test_the_prompt_on_the_wire(make: Make, connect: Connect) -> None:
    server = make(lambda _: "y")
    engine = await connect(server, **vocabulary_for(make))
    prompt = prompt_of("a\n", "x = ", "\nb")
    await engine.complete(CompletionRequest(prompt=prompt, stop=LINE))
    (request,) = completions_asked(server)
    spelled = "<｜fim▁begin｜>a\n<｜fim▁hole｜>\nb<｜fim▁end｜>x = "
    as_text = make in (fakes.ollama, fakes.llama_cpp_python)
    assert request.body["prompt"] == (spelled if as_text else list(prompt.token_ids))
    assert request.body["stream"] is True
    options = request.body.get("options", request.body)
    assert options["temperature"] == 0
    assert "\n" in options["stop"]
    if make is fakes.ollama:
        assert (request.body["raw"], options["num_ctx"]) == (True, 4096)
    if make is fakes.llama_server:
        assert request.body["cache_prompt"] is True


async def test_a_marker_in_the_source_is_text(make: Make, connect: Connect) -> None:
    server = make(lambda typed: str(len(typed)))
    engine = await connect(server, **vocabulary_for(make))
    source = f"m = '{fakes.FAMILY.middle}'\n"
    assert await engine.tokenize([source, "x"]) == [tuple(map(ord, source)), (ord("x"),)]
    (found,) = await engine.complete(CompletionRequest(prompt=prompt_of(source, "x = "), stop=LINE))
    assert found.text == "4"  # the text behind the real last marker


async def test_a_fragment_is_taken_off(make: Make, connect: Connect) -> None:
    server = make(lambda typed: "mounts()" if typed == "self." else "wrong")
    engine = await connect(server, **vocabulary_for(make))
    (found,) = await engine.complete(
        CompletionRequest(prompt=prompt_of("", "self.", fragment="mo"), stop=LINE)
    )
    assert found.text == "unts()"
    assert found.stop is StopReason.END
    assert len(completions_asked(server)) == 1


async def test_what_does_not_reproduce_the_fragment_is_dropped(
    make: Make, connect: Connect
) -> None:
    server = make(lambda typed: {"self.": "name", "self.mo": "unts()"}[typed])
    engine = await connect(server, **vocabulary_for(make))
    (found,) = await engine.complete(
        CompletionRequest(prompt=prompt_of("", "self.", fragment="mo"), stop=LINE)
    )
    assert found.text == "unts()"  # asked once more, with the fragment in the prompt
    first, *_, last = completions_asked(server)
    assert first.body["prompt"] != last.body["prompt"]


@pytest.mark.parametrize(
    ("serve", "field", "value"),
    [
        (fakes.vllm, "structured_outputs", {"regex": r"mo[^\n]*"}),
        (fakes.sglang, "regex", r"mo[^\n]*"),
    ],
)
async def test_a_server_is_made_to_begin_with_a_fragment_that_it_has_not_written(
    serve: Callable[..., fakes.FakeServer], field: str, value: object, connect: Connect
) -> None:
    server = serve(lambda _: "name", forced=lambda pattern: "mounts()" if "mo" in pattern else "")
    engine = await connect(server)
    (found,) = await engine.complete(
        CompletionRequest(prompt=prompt_of("", "self.", fragment="mo"), stop=LINE)
    )
    assert found.text == "unts()"
    free, forced = completions_asked(server)
    assert field not in free.body
    assert forced.body[field] == value
    assert forced.body["prompt"] == free.body["prompt"]  # which the server has cached


@pytest.mark.parametrize("refusal", [None, 400], ids=["does_not_know_it", "refuses"])
async def test_a_vllm_that_forces_nothing_is_asked_so_once_only(
    connect: Connect, refusal: int | None
) -> None:
    written = {"self.": "name", "self.mo": "unts()"}
    server = fakes.vllm(lambda typed: written[typed], forced=refusal)
    engine = await connect(server)
    for _ in range(2):
        (found,) = await engine.complete(
            CompletionRequest(prompt=prompt_of("", "self.", fragment="mo"), stop=LINE)
        )
        assert found.text == "unts()"
    assert not engine.is_given_up
    assert ["structured_outputs" in one.body for one in completions_asked(server)] == [
        False, True, False, False, False,
    ]  # fmt: skip


async def test_a_pattern_lets_a_block_have_several_lines(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "name", forced=lambda _: "if (x):\n        y\n    z\nend")
    engine = await connect(server)
    (found,) = await engine.complete(
        CompletionRequest(prompt=prompt_of("", "    ", fragment="if (x"), stop=BLOCK)
    )
    assert found.text == "):\n        y\n    z"
    pattern = completions_asked(server)[1].body["structured_outputs"]["regex"]
    assert pattern == r"if \(x[\s\S]*"


async def test_vllm_with_its_front_end_in_rust_is_vllm(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "x", owner="vllm-frontend-rs")
    engine = await connect(server)
    await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=LINE))
    (asked,) = completions_asked(server)
    assert asked.body["prompt"] == list(prompt_of("", "").token_ids)


async def test_a_fragment_that_is_no_plain_text_is_no_pattern(connect: Connect) -> None:
    server = fakes.vllm(lambda typed: {"": "name", "\t": "x"}[typed])
    engine = await connect(server)
    (found,) = await engine.complete(
        CompletionRequest(prompt=prompt_of("", "", fragment="\t"), stop=LINE)
    )
    assert found.text == "x"
    assert not any("structured_outputs" in one.body for one in completions_asked(server))


async def test_a_block_ends_where_the_indent_does(make: Make, connect: Connect) -> None:
    server = make(lambda _: "if x:\n        y\n    z\nend of it\n" + "w" * 5000)
    engine = await connect(server, **vocabulary_for(make))
    (found,) = await engine.complete(CompletionRequest(prompt=prompt_of("", "    "), stop=BLOCK))
    assert found.text == "if x:\n        y\n    z"
    assert found.stop is StopReason.DEDENT


async def test_the_connection_is_closed_when_a_rule_ends_the_completion(
    make: Make, connect: Connect
) -> None:
    server = make(lambda _: "x\n" * 5000, pause_s=0.001)
    engine = await connect(server, **vocabulary_for(make))
    (found,) = await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=LINE))
    assert found.text == "x"
    await until(lambda: server.hung_up == 1)


async def test_cancelling_closes_the_connection(make: Make, connect: Connect) -> None:
    server = make(lambda _: "x" * 5000, pause_s=0.01)
    engine = await connect(server, **vocabulary_for(make))
    call = asyncio.create_task(ask(engine))
    await until(lambda: bool(completions_asked(server)))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: server.hung_up == 1)


async def test_cancel_stops_every_completion(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "x" * 5000, pause_s=0.01)
    engine = await connect(server)
    calls = [asyncio.create_task(ask(engine)) for _ in range(3)]
    await until(lambda: len(completions_asked(server)) == 3)
    for call in calls:
        call.cancel()
    for call in calls:
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_time_ends_a_completion_and_keeps_what_came(connect: Connect) -> None:
    server = fakes.llama_server(lambda _: "x" * 5000, pause_s=0.05)
    engine = await connect(server)
    (found,) = await engine.complete(
        CompletionRequest(prompt=prompt_of("", ""), stop=StopRule(5000, 1, time_budget_ms=300))
    )
    assert found.stop is StopReason.TIME
    assert set(found.text) == {"x"}


async def test_candidates_are_different_and_the_first_is_greedy(connect: Connect) -> None:
    answers = iter(["a", "b", "a"])
    server = fakes.vllm(lambda _: next(answers))
    engine = await connect(server)
    found = await engine.complete(
        CompletionRequest(prompt=prompt_of("", ""), stop=LINE, candidates=3)
    )
    assert {completion.text for completion in found} == {"a", "b"}
    temperatures = [request.body["temperature"] for request in completions_asked(server)]
    assert sorted(temperatures) == [0, 0.6, 0.6]
    assert len({request.body["seed"] for request in completions_asked(server)}) == 3


async def test_without_log_probabilities_the_greedy_candidate_is_the_first(
    connect: Connect,
) -> None:
    server = fakes.llama_cpp_python(lambda _: "")
    server.routes["/v1/completions"] = server.stream(
        lambda request: [
            fakes.sse({"choices": [{"text": text, "finish_reason": "stop"}]})
            for text in [str(request.body["seed"])]
        ]
    )
    engine = await connect(server)
    found = await engine.complete(
        CompletionRequest(prompt=prompt_of("", ""), stop=LINE, candidates=3)
    )
    assert [completion.text for completion in found] == ["0", "1", "2"]


async def test_an_instruct_model_is_noted(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "")
    models = [{"id": "deepseek-coder-6.7b-instruct", "owned_by": "vllm"}]
    server.routes["/v1/models"] = fakes.json_reply({"data": models})
    info = await (await connect(server)).start()
    assert "is an instruct model" in info.notes[0]


async def test_a_line_is_counted_again_when_the_server_has_another_model(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "")
    engine = await connect(server)
    await engine.start()
    tokenizer = LineTokenizer(engine)
    assert await tokenizer.count(["ab\n"]) == [3]
    server.routes["/v1/completions"] = fakes.json_reply({}, 500)
    with pytest.raises(RemoteError):
        await ask(engine)  # the server goes away
    models = [{"id": "starcoder", "owned_by": "vllm"}]
    server.routes["/v1/models"] = fakes.json_reply({"data": models})
    await engine.start()
    before = len(server.asked("/tokenize"))
    await tokenizer.count(["ab\n"])
    assert len(server.asked("/tokenize")) == before + 1


async def test_sampling_is_passed_on(connect: Connect) -> None:
    server = fakes.llama_server(lambda _: "x")
    engine = await connect(server)
    await engine.complete(
        CompletionRequest(
            prompt=prompt_of("", ""), stop=LINE, sampling=Sampling(0.7, 9, 0.8, 0.1, 3)
        )
    )
    body = completions_asked(server)[0].body
    assert [body[key] for key in ("temperature", "top_k", "top_p", "min_p", "seed")] == [
        0.7, 9, 0.8, 0.1, 3,
    ]  # fmt: skip


async def test_warming_sends_what_stays_equal(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "x")
    engine = await connect(server)
    prompt = prompt_of("a", "typed")
    await engine.warm(prompt)
    body = completions_asked(server)[0].body
    assert body["prompt"] == list(prompt.token_ids[: prompt.anchor_tokens])
    assert body["max_tokens"] == 1


async def test_lines_are_tokenized_in_one_request(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "")
    engine = await connect(server)
    await engine.start()
    before = len(server.asked("/tokenize"))
    texts = ["a\n", "", "b\nc\n", "\n", "d"]
    assert await engine.tokenize(texts) == [tuple(map(ord, text)) for text in texts]
    assert len(server.asked("/tokenize")) == before + 1


async def test_one_session_one_number(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "")
    engine = await connect(server, headers=(("X-Team", "blue"),))
    await ask(engine)
    assert len({request.headers["x-session-id"] for request in server.requests}) == 1
    assert {request.headers["x-team"] for request in server.requests} == {"blue"}


async def test_an_api_can_be_named(connect: Connect) -> None:
    server = fakes.vllm(lambda _: "x")
    server.routes["/v1/models"] = fakes.json_reply({"data": [{"id": "m", "owned_by": "us"}]})
    engine = await connect(server, api="vllm", model="m")
    assert (await engine.start()).context_tokens == 2048  # nothing said
    assert (await ask(engine)) == "x"


async def test_a_closed_engine_says_so(connect: Connect) -> None:
    engine = await connect(fakes.vllm(lambda _: "x"))
    await engine.close()
    with pytest.raises(EngineUnavailableError):
        await engine.start()


async def ask(engine: RemoteEngine) -> str:
    (found,) = await engine.complete(CompletionRequest(prompt=prompt_of("", ""), stop=LINE))
    return found.text


async def until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        await asyncio.sleep(0.01)
