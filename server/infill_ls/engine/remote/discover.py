"""Discover a server's dialect and the model to use."""

from __future__ import annotations

from typing import Any

from infill_ls.engine.remote.dialect import Dialect, HttpCall, ServerFacts
from infill_ls.engine.remote.llama_server import LlamaServer
from infill_ls.engine.remote.ollama import Ollama
from infill_ls.engine.remote.openai import LlamaCppPython, OpenAi, Sglang, Vllm
from infill_ls.engine.remote.transport import Transport
from infill_ls.errors import RemoteError

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (Vllm(), Sglang(), LlamaServer(), LlamaCppPython(), Ollama(), OpenAi())
}
"""All dialects by the names that the setting ``remoteApi`` takes."""

_OWNERS = {
    "vllm": "vllm",
    "vllm-frontend-rs": "vllm",
    "sglang": "sglang",
    "llamacpp": "llama-server",
    "me": "llama-cpp-python",
    "library": "ollama",
}
"""What servers write as the owner of their models in OpenAI's list."""


async def discover(
    transport: Transport, api: str, model: str, setting: str = "remoteModel"
) -> tuple[Dialect, ServerFacts, str]:
    """Return the dialect, the server's facts, and the name of the model to request.

    Raises :class:`RemoteError`, also if the server has no model called ``model``, which is what
    ``setting`` says.
    """
    dialect = DIALECTS[api] if api in DIALECTS else await _detect(transport)
    reply = await transport.fetch(dialect.about(model))
    facts = transport.read(dialect.facts, reply)
    return dialect, facts, _choose(transport.url, facts.models, model, setting)


async def _detect(transport: Transport) -> Dialect:
    models = await transport.fetch(HttpCall("/v1/models"))
    return DIALECTS[_OWNERS.get(_owner(models), "openai")]


def _owner(models: Any) -> str:
    match models:
        case {"data": [{"owned_by": str(owner)}, *_]}:
            return owner
    return ""


def _choose(url: str, names: tuple[str, ...], wanted: str, setting: str) -> str:
    if not wanted:
        if not names:
            raise RemoteError(f"the inference server {url} has no model loaded", is_lasting=True)
        return names[0]
    for name in names:
        if wanted in {name, name.removesuffix(":latest")}:  # Ollama's way to say: the usual one
            return name
    known = ", ".join(names[:5]) or "none"
    raise RemoteError(
        f"the inference server {url} has no model {wanted!r}; it has {known}: see the setting "
        f"{setting}",
        is_lasting=True,
    )
