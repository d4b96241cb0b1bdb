"""Tables of models, as text and as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infill_ls.cli.layout import print_pair
from infill_ls.engine.shape import default_kv_tokens, memory_bytes
from infill_ls.models import registry, store
from infill_ls.settings import settings_with

GIGABYTE = 1e9
NARROW = 70
"""Columns below which the table has fewer."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model that is known, or on this machine, or both."""

    name: str
    title: str
    quantization: str
    bytes: int | None
    memory_bytes: int | None
    """What the engine takes with the default context, all in main memory."""
    licence: str
    path: Path | None
    """The file, if it is on this machine."""
    is_in_use: bool
    is_instruct: bool = False
    """Whether it is for instructions, and no choice for completions."""
    licence_url: str = ""
    source: str = ""
    """Where it comes from, or would come from: OWNER/REPOSITORY/FILE on the Hugging Face hub."""

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON data for editors that offer a choice of completion models."""
        return {
            "name": self.name,
            "title": self.title,
            "quantization": self.quantization,
            "bytes": self.bytes,
            "memoryBytes": self.memory_bytes,
            "licence": self.licence,
            "licenceUrl": self.licence_url,
            "source": self.source,
            "path": str(self.path) if self.path else None,
            "installed": self.path is not None,
            "inUse": self.is_in_use,
        }


def model_rows() -> list[ModelRow]:
    """Return the models on this machine, then those that could be pulled."""
    in_use = settings_with().engine.model_path
    stored = {model.name: model for model in store.stored_models()}
    rows = [_stored_row(model, in_use) for model in stored.values()]
    if in_use.is_file() and in_use not in [model.path for model in stored.values()]:
        own = store.StoredModel(str(in_use), in_use, in_use.stat().st_size)
        rows.append(_stored_row(own, in_use))
    rows += [_known_row(known) for known in registry.known_files() if known.name not in stored]
    return rows


def _stored_row(model: store.StoredModel, in_use: Path) -> ModelRow:
    known = model.known
    needed = _memory(known, model.bytes)
    if model.name == store.BUNDLED_MODEL_NAME:
        title, licence = "the bundled model", "MIT"
        shape = (store.BUNDLED_CONTEXT_TOKENS, store.BUNDLED_KV_BYTES_PER_TOKEN)
        needed = _with_default_context(model.bytes, *shape)
    elif known is not None:
        title, licence = known.model.title, known.model.licence
    else:
        title = licence = ""
    return ModelRow(
        name=model.name,
        title=title,
        quantization=known.source.quantization if known else "",
        bytes=model.bytes,
        memory_bytes=needed,
        licence=licence,
        path=model.path,
        is_in_use=model.path == in_use,
        is_instruct=known is not None and known.model.is_instruct,
        licence_url=known.model.licence_url if known else "",
        source=_source(known.source) if known else "",
    )


def _known_row(known: registry.KnownFile) -> ModelRow:
    return ModelRow(
        name=known.name,
        title=known.model.title,
        quantization=known.source.quantization,
        bytes=known.source.size_bytes,
        memory_bytes=_memory(known, known.source.size_bytes),
        licence=known.model.licence,
        path=None,
        is_in_use=False,
        is_instruct=known.model.is_instruct,
        licence_url=known.model.licence_url,
        source=_source(known.source),
    )


def download_row(name: str, source: registry.HubFile) -> ModelRow:
    """Return what is known of a model before it is downloaded; of one that is not in the registry that is little."""
    if (known := registry.find(name)) is not None:
        return _known_row(known)
    return ModelRow(
        name=name,
        title="",
        quantization="",
        bytes=None,
        memory_bytes=None,
        licence="",
        path=None,
        is_in_use=False,
        source=_source(source),
    )


def _source(source: registry.HubFile) -> str:
    return f"{source.repository}/{source.file}"


def _memory(known: registry.KnownFile | None, size_bytes: int | None) -> int | None:
    if known is None or size_bytes is None:
        return None
    model = known.model
    return _with_default_context(size_bytes, model.context_tokens, model.kv_bytes_per_token)


def _with_default_context(size_bytes: int, context_tokens: int, kv_bytes_per_token: int) -> int:
    context = min(settings_with().engine.context_tokens, context_tokens)
    kv_tokens = default_kv_tokens(context, kv_bytes_per_token)
    return memory_bytes(size_bytes, kv_bytes_per_token, kv_tokens)


def print_models(rows: list[ModelRow]) -> None:
    """Print the table."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for column in ("", "name", "file"):
        table.add_column(column, no_wrap=True)
    for column in ("disk", "memory"):
        table.add_column(column, justify="right")
    table.add_column("licence")
    is_narrow = console.width < NARROW
    if is_narrow:
        # The licence and the kind of file are also in `model info`.
        table = Table("", "name", "memory", box=None, pad_edge=False)
    for row in rows:
        mark = "*" if row.is_in_use else "" if row.path is None else "+"
        memory = _gigabytes(row.memory_bytes)
        more = (row.quantization, _gigabytes(row.bytes), memory, row.licence)
        table.add_row(mark, row.name, *((memory,) if is_narrow else more))
    console.print(table)
    console.print(
        "\n* in use, + on this machine. Sizes in GB; memory: file, KV cache of the default context, engine."
        f"\nFiles are kept in {store.model_folder()}",
        style="bright_black",
        soft_wrap=True,
    )


def print_facts(
    name: str, path: Path, known: registry.KnownFile | None, facts: dict[str, Any] | None
) -> None:
    """Print what the registry and the file say about a model."""
    rows: list[tuple[str, object]] = [("name", name)]
    if known is not None:
        source = known.source
        rows += [
            ("model", known.model.title),
            ("parameters", f"{known.model.parameters_millions / 1000:.1f} billion"),
            ("licence", f"{known.model.licence}, {known.model.licence_url}"),
            ("from", _source(source)),
            ("sha256", source.sha256 or "from the hub"),
            ("disk", f"{_gigabytes(source.size_bytes)} GB"),
            ("memory", f"{_gigabytes(_memory(known, source.size_bytes))} GB"),
        ]
    if facts is None:
        rows.append(("file", f"not on this machine: infill-ls model pull {name}"))
    else:
        shape = facts["shape"]
        rows += [
            ("file", path),
            ("file size", f"{_gigabytes(facts['file_bytes'])} GB"),
            ("calls itself", facts["name"]),
            ("architecture", facts["architecture"]),
            ("infilling markers", f"family {facts['family']}"),
            (
                "vocabulary",
                f"{facts['vocabulary_tokens']} tokens, {facts['pre_tokenizer'] or 'no'} pre-tokenizer",
            ),
            ("trained on", f"up to {shape['context_tokens']} tokens"),
            ("KV cache", f"{shape['kv_bytes_per_token'] / 1024:.0f} KiB a token"),
            *(("note", note) for note in facts["notes"]),
        ]
    console = Console(highlight=False)
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        print_pair(console, Text(f"{label:{width}}  ", style="bright_black"), Text(str(value)))


def _gigabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / GIGABYTE:.2f}"
