"""``infill-ls model ...``: list, download, choose and inspect models."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infill_ls.cli.layout import HelpWithExamples
from infill_ls.errors import ModelError, UsageError
from infill_ls.models import store

QUANTIZATIONS = ("Q4_0", "Q4_K_M", "Q5_K_M", "Q8_0")
LOCAL = "local"
"""Part of the name of a file that was quantised here, to tell it from one that was pulled."""
EXAMPLES = """examples:
  infill-ls model list                     what there is, and what fits here
  infill-ls model use deepseek-coder-1.3b  use it in all editors, and download it first
  infill-ls model use infill-ls-mini       use the bundled model again

`infill-ls model ACTION --help` shows the arguments of each action."""
EXAMPLES_OF = {
    "list": "infill-ls model list",
    "pull": "infill-ls model pull qwen2.5-coder-7b-instruct",
    "use": """infill-ls model use deepseek-coder-1.3b
  infill-ls model use ~/models/own.gguf""",
    "remove": "infill-ls model remove deepseek-coder-1.3b",
    "info": "infill-ls model info infill-ls-mini",
    "quantize": "infill-ls model quantize ~/models/own.gguf Q4_K_M --output ~/models/small.gguf",
    "check": "infill-ls model check ~/models/own.gguf",
}


def add_command(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "model",
        help="list, download, choose and check models",
        description="Manage models. A model goes by its name in the list, or by OWNER/REPOSITORY/FILE.gguf "
        "on the Hugging Face hub; actions that need no download also take the path of any GGUF file.",
        epilog=EXAMPLES,
        formatter_class=HelpWithExamples,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    def add(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> Any:
        action = actions.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"examples:\n  {EXAMPLES_OF[name]}",
            formatter_class=HelpWithExamples,
        )
        action.set_defaults(run=run)
        return action

    listing = add("list", "show the known and the installed models", _list)
    listing.add_argument("--json", action="store_true", help="print as JSON")
    pulling = add("pull", "download a model, or resume an interrupted download", _pull)
    pulling.add_argument("name", metavar="NAME", help="from `infill-ls model list`")
    using = add("use", "choose a model for all editors, and download it if necessary", _use)
    using.add_argument(
        "name",
        metavar="NAME|PATH",
        help=f"from `infill-ls model list`; {store.BUNDLED_MODEL_NAME} is the bundled model",
    )
    removing = add("remove", "delete a model from this machine", _remove)
    removing.add_argument("name", metavar="NAME", help="from `infill-ls model list`")
    informing = add("info", "show what is known about a model and what its file says", _info)
    informing.add_argument("name", metavar="NAME|PATH")
    informing.add_argument(
        "--json", action="store_true", help="print as JSON, with what `use` would download"
    )
    quantizing = add(
        "quantize", "make a smaller file from a larger one, on this machine", _quantize
    )
    quantizing.add_argument("name", metavar="NAME|PATH")
    quantizing.add_argument("quantization", choices=QUANTIZATIONS, type=str.upper)
    quantizing.add_argument(
        "--output", type=Path, help="the new file (default: in the folder of models)"
    )
    checking = add("check", "check a model's file, and let the model fill a hole", _check)
    checking.add_argument("name", metavar="NAME|PATH")


def fetch(name: str) -> Path:
    """Pull the model that goes by ``name`` unless it is on this machine; return its file.

    Raises :class:`~infill_ls.errors.UnknownModelError` and
    :class:`~infill_ls.errors.DownloadError`.
    """
    from infill_ls.models import registry
    from infill_ls.models.download import pull

    known_name, source = registry.hub_file(name)
    target = store.stored_path(known_name)
    if target.is_file():
        print(f"{known_name} is already on this machine: {target}")
        return target
    if (known := registry.find(known_name)) is not None:
        print(f"{known.model.title} {source.quantization}, licence {known.model.licence}:")
        print(f"  {known.model.licence_url}")
    pull(source, target, say=print)
    print(f"{known_name} is ready: {target}")
    return target


def _list(options: argparse.Namespace) -> int:
    from infill_ls.cli.model_list import model_rows, print_models

    rows = model_rows()
    if options.json:
        print(
            json.dumps(
                {
                    "folder": str(store.model_folder()),
                    "chosen": store.chosen_model(),
                    "models": [row.to_json() for row in rows if not row.is_instruct],
                },
                indent=2,
            )
        )
    else:
        print_models(rows)
    return 0


def _pull(options: argparse.Namespace) -> int:
    fetch(options.name)
    print(f"To use it in all editors: infill-ls model use {options.name}")
    return 0


def _use(options: argparse.Namespace) -> int:
    from infill_ls.models import registry

    name = options.name
    if (known := registry.find(name)) is not None and known.model.is_instruct:
        raise UsageError(
            f"{known.name} is an instruct model and does not complete code: download it with `infill-ls "
            f"model pull {known.name}`, then set instructModel to its name"
        )
    path = store.locate(name)
    if not path.is_file() and not _looks_like_a_path(name):
        path = fetch(name)
        name = registry.hub_file(name)[0]
    store.choose("" if path == store.bundled_model_path() else name)
    print(f"All editors use {path} after their next start, unless their setting 'model' differs.")
    return 0


def _remove(options: argparse.Namespace) -> int:
    chosen = store.chosen_model()
    was_chosen = bool(chosen) and store.locate(chosen) == store.locate(options.name)
    removed = store.remove(options.name)
    print(f"{removed.name} was removed; this freed {removed.bytes / 1e6:.0f} MB.")
    if was_chosen:
        store.choose("")
        print("It was the chosen model; the bundled one is used instead.")
    return 0


def _info(options: argparse.Namespace) -> int:
    from infill_ls.cli.model_list import download_row, print_facts
    from infill_ls.engine.child import run_chore
    from infill_ls.models import registry

    path = store.locate(options.name)
    known = registry.find(options.name)
    download = None
    if options.json and not path.is_file() and not _looks_like_a_path(options.name):
        name, source = registry.hub_file(options.name)
        path = store.stored_path(name)
        download = None if path.is_file() else download_row(name, source).to_json()
    facts = run_chore("facts", str(path.absolute())) if path.is_file() else None
    if facts is None and known is None and download is None:
        raise ModelError(store.why_missing(path))
    if options.json:
        told = {"path": str(path.absolute()), "facts": facts, "download": download}
        print(json.dumps(told, indent=2))
    else:
        print_facts(options.name, path, known, facts)
    return 0


def _quantize(options: argparse.Namespace) -> int:
    from infill_ls.engine.child import run_chore
    from infill_ls.models.download import check_space

    source = _existing(options.name)
    target = options.output or store.stored_path(
        f"{source.stem}-{options.quantization.lower()}-{LOCAL}"
    )
    if target.exists():
        raise UsageError(f"{target} already exists")
    temporary = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        check_space(target.parent, source.stat().st_size)
        made = run_chore(
            "quantize",
            str(source.absolute()),
            str(temporary.absolute()),
            options.quantization,
            timeout_s=None,
        )
        if made["bytes"] >= source.stat().st_size:
            raise UsageError(
                f"{source} is no more precise than {options.quantization}: start from a larger file"
            )
        temporary.replace(target)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    print(f"{target.stem} is ready: {target}, {made['bytes'] / 1e6:.0f} MB")
    return 0


def _check(options: argparse.Namespace) -> int:
    from infill_ls.cli.self_test import try_model
    from infill_ls.engine.child import run_chore
    from infill_ls.models import registry
    from infill_ls.models.download import file_sha256

    path = _existing(options.name)
    known = registry.find(options.name)
    if known is not None and known.source.sha256 is not None:
        if file_sha256(path) != known.source.sha256:
            raise ModelError(
                f"{path} is not the known file of {known.name} (its checksum differs): "
                f"remove it and pull it again"
            )
        print("checksum: correct")
    facts = run_chore("facts", str(path.absolute()))
    print(f"markers: family {facts['family']}")
    trial = try_model(path)
    for note in trial.info.notes:
        print(f"note: {note}")
    print(f"loads: with a context of {trial.info.context_tokens} tokens")
    print(f"fills in: {trial.before}[{trial.text}]")
    if not trial.is_right:
        raise ModelError(
            f"{path} did not fill the hole with what the text around it demands "
            f"({trial.expected!r}): the file may be damaged, or the model not trained to infill"
        )
    return 0


def _existing(name: str) -> Path:
    path = store.locate(name)
    if not path.is_file():
        raise ModelError(store.why_missing(path))
    return path


def _looks_like_a_path(name: str) -> bool:
    return Path(name).expanduser().is_absolute() or name.startswith((".", "~"))
