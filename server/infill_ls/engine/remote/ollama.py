"""The dialect of Ollama: ``/api/generate`` with ``raw``, text in and text out, no token ids.

Source: Ollama's ``docs/api.md``. It puts BOS before the text where the model wants it.
"""

from __future__ import annotations

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
from infill_ls.types import StopReason


class Ollama:
    """Ollama. A stream of JSON lines."""

    name = "ollama"
    takes_token_ids = False
    masks_fragment = False
    masks_when_asked_again = False
    reads_markers = True
    adds_bos_unasked = False

    def about(self, model: str) -> HttpCall:  # noqa: ARG002 - the list has all
        """Return the request for the list of models."""
        return HttpCall("/api/tags")

    def facts(self, reply: Any) -> ServerFacts:
        """Read the names. The context is ours to choose, with every request."""
        return ServerFacts(tuple(text_at(model, "name") for model in get(reply, "models")))

    def tokenize(self, model: str, text: str, *, markers: bool, bos: bool) -> None:  # noqa: ARG002
        """Return ``None``: Ollama has no such request."""
        return

    def tokens(self, reply: Any) -> tuple[int, ...]:
        """Read token ids; not used, as there is no request for them."""
        return ids_at(reply, "tokens")

    def complete(self, ask: Ask) -> HttpCall:
        """Return the request for a completion."""
        options: Message = {
            "num_predict": ask.max_tokens,
            # Without it Ollama takes its own default, and cuts a longer prompt without a word.
            "num_ctx": ask.context_tokens,
            "temperature": ask.sampling.temperature,
            "top_k": ask.sampling.top_k,
            "top_p": ask.sampling.top_p,
            "min_p": ask.sampling.min_p,
            "seed": ask.sampling.seed,
            "repeat_penalty": 1.0,
            "stop": list(ask.stop_texts),
        }
        body = {
            "model": ask.model,
            "prompt": ask.text,
            "raw": True,
            "stream": True,
            "logprobs": True,
            "options": options,
        }
        return HttpCall("/api/generate", body, holds_source=True)

    def chunk(self, event: Any) -> Chunk:
        """Read one event."""
        chosen = event.get("logprobs") or ()
        end = None
        if get(event, "done"):
            end = StopReason.TOKENS if event.get("done_reason") == "length" else StopReason.END
        return Chunk(
            text=str(event.get("response") or ""),
            logprobs=logprobs_of([one.get("logprob") for one in chosen]),
            end=end,
            prompt_tokens=count_at(event, "prompt_eval_count"),
        )
