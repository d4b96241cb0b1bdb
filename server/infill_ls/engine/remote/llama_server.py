"""The dialect of llama.cpp's own HTTP server, whose grammars make healing exact.

Source: ``tools/server/README.md`` of llama.cpp; tried with Debian's llama-server and xllamacpp's.
"""

from __future__ import annotations

from typing import Any

from infill_ls.engine.remote.dialect import (
    Ask,
    Chunk,
    HttpCall,
    ServerFacts,
    count_at,
    get,
    ids_at,
    logprobs_of,
    text_at,
)
from infill_ls.types import StopReason


class LlamaServer:
    """``/completion`` with token ids and ``cache_prompt``."""

    name = "llama-server"
    takes_token_ids = True
    masks_fragment = True
    masks_when_asked_again = False
    reads_markers = False
    adds_bos_unasked = False

    def about(self, model: str) -> HttpCall:  # noqa: ARG002 - it has one
        """Return the request for the server's properties."""
        return HttpCall("/props")

    def facts(self, reply: Any) -> ServerFacts:
        """Read the model's name and the context of one slot."""
        name = str(reply.get("model_alias") or text_at(reply, "model_path"))
        context = count_at(reply, "default_generation_settings", "n_ctx")
        return ServerFacts((name.replace("\\", "/").rpartition("/")[2],), context)

    def tokenize(self, model: str, text: str, *, markers: bool, bos: bool) -> HttpCall:  # noqa: ARG002
        """Return a request for a text's tokens."""
        body = {"content": text, "add_special": bos, "parse_special": markers}
        return HttpCall("/tokenize", body, holds_source=True)

    def tokens(self, reply: Any) -> tuple[int, ...]:
        """Read the tokens."""
        return ids_at(reply, "tokens")

    def complete(self, ask: Ask) -> HttpCall:
        """Return the request for a completion."""
        sampling = ask.sampling
        body = {
            "prompt": list(ask.token_ids),
            "n_predict": ask.max_tokens,
            "stream": True,
            "cache_prompt": True,
            "return_tokens": True,
            "n_probs": 1,
            "stop": list(ask.stop_texts),
            # Greedy: the samplers in between cost time and change nothing.
            "samplers": ["temperature"]
            if sampling.is_greedy
            else ["top_k", "top_p", "min_p", "temperature"],
            "temperature": sampling.temperature,
            "top_k": sampling.top_k,
            "top_p": sampling.top_p,
            "min_p": sampling.min_p,
            "seed": sampling.seed,
        }
        if ask.fragment:
            body["grammar"] = starts_with(ask.fragment)
        return HttpCall("/completion", body)

    def chunk(self, event: Any) -> Chunk:
        """Read one event."""
        chosen = event.get("completion_probabilities") or ()
        end = _end(event) if get(event, "stop") else None
        return Chunk(
            text=text_at(event, "content"),
            token_ids=ids_at(event, "tokens") if "tokens" in event else (),
            logprobs=logprobs_of([one.get("logprob") for one in chosen]),
            end=end,
            prompt_tokens=count_at(event, "timings", "prompt_n"),
            reused_tokens=count_at(event, "timings", "cache_n"),
        )


def starts_with(fragment: str) -> str:
    """Return a grammar, in llama.cpp's form, of all texts that start with ``fragment``."""
    spelled = "".join(f"\\U{ord(character):08X}" for character in fragment)
    return f'root ::= "{spelled}" [^\\x00]*'


def _end(event: Any) -> StopReason:
    match event.get("stop_type"):
        case "limit":
            return StopReason.TOKENS
        case "word" if event.get("stopping_word") == "\n":
            return StopReason.LINES
    return StopReason.END
