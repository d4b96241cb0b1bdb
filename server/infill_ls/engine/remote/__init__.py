"""An engine on an inference server: vLLM, SGLang, llama-server, llama-cpp-python or Ollama."""

from infill_ls.engine.remote.engine import RemoteEngine
from infill_ls.engine.remote.options import RemoteOptions

__all__ = ["RemoteEngine", "RemoteOptions"]
