"""The dialect of OpenAI's ``/v1/completions``, and of servers that extend it.

Sources: vLLM's and SGLang's OpenAI-compatible ``protocol.py``; llama-cpp-python's ``server/app.py``.
"""

from __future__ import annotations

import re
from typing import Any

from infill_ls.engine.remote.dialect import (
    Ask,
    Chunk,
    HttpCall,
    Message,
    ServerFacts,
    count_at,
    get,
    ids_at,
    logprobs_of,
    text_at,
)
from infill_ls.engine.remote.llama_server import starts_with
from infill_ls.types import StopReason

MAX_STOP_TEXTS = 4
"""OpenAI's own limit."""


class OpenAi:
    """A server that is only known to speak OpenAI's protocol."""

    name = "openai"
    takes_token_ids = False
    masks_fragment = False
    masks_when_asked_again = False
    reads_markers = True
    adds_bos_unasked = False

    def about(self, model: str) -> HttpCall:  # noqa: ARG002 - the list has all
        """Return the request for the list of models."""
        return HttpCall("/v1/models")

    def facts(self, reply: Any) -> ServerFacts:
        """Read the names, and how long a context they have where the server says so."""
        models = get(reply, "data")
        names = tuple(str(get(model, "id")) for model in models)
        return ServerFacts(names, count_at(reply, "data", 0, "max_model_len"))

    def tokenize(self, model: str, text: str, *, markers: bool, bos: bool) -> HttpCall | None:  # noqa: ARG002
        """Return ``None``: OpenAI's protocol has no such request."""
        return None

    def tokens(self, reply: Any) -> tuple[int, ...]:
        """Read the tokens."""
        return ids_at(reply, "tokens")

    def complete(self, ask: Ask) -> HttpCall:
        """Return the request for a completion."""
        body: Message = {
            "model": ask.model,
            "prompt": list(ask.token_ids) if self.takes_token_ids else ask.text,
            "max_tokens": ask.max_tokens,
            "stream": True,
            "temperature": ask.sampling.temperature,
            "seed": ask.sampling.seed,
            **self._extra(ask),
        }
        if not ask.sampling.is_greedy:
            body["top_p"] = ask.sampling.top_p
        return HttpCall("/v1/completions", body, holds_source=not self.takes_token_ids)

    def chunk(self, event: Any) -> Chunk:
        """Read one event; one without choices only counts tokens."""
        choices = get(event, "choices")
        choice = choices[0] if choices else {}
        logprobs = choice.get("logprobs")
        return Chunk(
            text=text_at(choice, "text") if choices else "",
            logprobs=logprobs_of(logprobs.get("token_logprobs")) if logprobs else (),
            end=_end(choice),
            prompt_tokens=count_at(event, "usage", "prompt_tokens"),
            reused_tokens=count_at(event, "usage", "prompt_tokens_details", "cached_tokens"),
        )

    def _extra(self, ask: Ask) -> Message:
        return {"stop": list(ask.stop_texts[:MAX_STOP_TEXTS])}


class LlamaCppPython(OpenAi):
    """``python -m llama_cpp.server``. It serves one request at a time and takes text only."""

    name = "llama-cpp-python"
    masks_fragment = True
    adds_bos_unasked = True

    def tokenize(self, model: str, text: str, *, markers: bool, bos: bool) -> HttpCall:  # noqa: ARG002
        """Return a request for a text's tokens: always with BOS, and markers always read."""
        return HttpCall("/extras/tokenize", {"input": text, "model": model}, holds_source=True)

    def _extra(self, ask: Ask) -> Message:
        # It asks for no log probabilities: the server refuses them unless started with logits_all.
        extra: Message = {
            "stop": list(ask.stop_texts),
            "top_k": ask.sampling.top_k,
            "min_p": ask.sampling.min_p,
            "repeat_penalty": 1.0,
        }
        if ask.fragment:
            extra["grammar"] = starts_with(ask.fragment)
        return extra


class Vllm(OpenAi):
    """vLLM. Its prefix cache finds the anchored part of a prompt by itself."""

    name = "vllm"
    takes_token_ids = True
    masks_when_asked_again = True

    def tokenize(self, model: str, text: str, *, markers: bool, bos: bool) -> HttpCall:  # noqa: ARG002
        """Return a request for a text's tokens; markers are always read."""
        body = {"model": model, "prompt": text, "add_special_tokens": bos}
        return HttpCall("/tokenize", body, holds_source=True)

    def _extra(self, ask: Ask) -> Message:
        forced = self._matching(_beginning_with(ask)) if ask.fragment else {}
        return forced | {
            "stop": list(ask.stop_texts),
            "stop_token_ids": list(ask.stop_ids),
            "top_k": ask.sampling.top_k if not ask.sampling.is_greedy else -1,
            "min_p": ask.sampling.min_p if not ask.sampling.is_greedy else 0.0,
            "logprobs": 1,
            "add_special_tokens": False,
        }

    def _matching(self, pattern: str) -> Message:
        """Return what forces the output to match."""
        return {"structured_outputs": {"regex": pattern}}


class Sglang(Vllm):
    """SGLang: vLLM's requests, but for the tokenizer's path and the name of two fields."""

    name = "sglang"

    def tokenize(self, model: str, text: str, *, markers: bool, bos: bool) -> HttpCall:
        """Return a request for a text's tokens; markers are always read."""
        call = super().tokenize(model, text, markers=markers, bos=bos)
        return HttpCall("/v1/tokenize", call.body, holds_source=True)

    def _extra(self, ask: Ask) -> Message:
        extra = super()._extra(ask)
        del extra["add_special_tokens"]
        return extra

    def _matching(self, pattern: str) -> Message:
        return {"regex": pattern}


def _beginning_with(ask: Ask) -> str:
    """Return a pattern for a text that begins with the fragment and goes on as it likes."""
    is_one_line = "\n" in ask.stop_texts
    fragment = re.escape(ask.fragment).replace(r"\ ", " ")  # which xgrammar warns of
    return fragment + (r"[^\n]*" if is_one_line else r"[\s\S]*")


def _end(choice: Any) -> StopReason | None:
    match choice.get("finish_reason"):
        case None:
            return None
        case "length":
            return StopReason.TOKENS
    # vLLM calls it stop_reason, SGLang matched_stop: the text or the id that ended it.
    word = choice.get("stop_reason") or choice.get("matched_stop")
    return StopReason.LINES if word == "\n" else StopReason.END
