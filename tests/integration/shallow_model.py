"""Builder of a model with the first layer of the bundled one only: it writes nonsense for a tenth of the work."""

from __future__ import annotations

from pathlib import Path

import gguf

from infill_ls.models.store import bundled_model_path

LAYERS = 1


def write_shallow_model(path: Path) -> Path:
    """Write it to ``path``: the same vocabulary, markers and quantization."""
    whole = gguf.GGUFReader(bundled_model_path())
    architecture = str(whole.fields["general.architecture"].contents())
    writer = gguf.GGUFWriter(path, architecture)
    for name, field in whole.fields.items():
        if name == "general.architecture" or name.startswith("GGUF."):
            continue  # the writer's own
        kind, *of = field.types
        value = LAYERS if name == f"{architecture}.block_count" else field.contents()
        writer.add_key_value(name, value, kind, of[-1] if of else None)
    for tensor in whole.tensors:
        block, _, number = tensor.name.partition(".")
        if block != "blk" or int(number.partition(".")[0]) < LAYERS:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
