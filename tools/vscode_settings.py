"""Write the server's settings into the VS Code extension's package.json, or check that it has them.

usage: python tools/vscode_settings.py [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from infill_ls.settings import WrittenSettings

MANIFEST = Path(__file__).parents[1] / "editors" / "vscode" / "package.json"
KEYS = ("type", "default", "enum", "minimum", "maximum", "description", "additionalProperties")
OURS = {
    "infill-ls.server.path": {
        "type": "string",
        "default": "",
        "scope": "machine-overridable",
        "description": "Path of the server. Empty: the extension looks for it.",
    },
    "infill-ls.server.arguments": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "scope": "machine-overridable",
        "description": "Additional arguments for the server, such as --log-level.",
    },
    "infill-ls.server.package": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "description": "What pip installs into the extension's own environment: a package name, with or "
        "without a version, or the path or URL of a wheel. Empty: the server that came with the extension.",
    },
    "infill-ls.server.wheels": {
        "type": "string",
        "default": "https://abetlen.github.io/llama-cpp-python/whl",
        "scope": "machine",
        "description": "Index of prebuilt llama.cpp wheels, used when the server is installed. Without a "
        "wheel for the machine, llama.cpp is compiled. Empty: use pip's own index only.",
    },
}
"""Settings of the extension itself; the server restarts when they change."""


SECTIONS = {
    "Suggestions": (
        "enabled disabledLanguages maxTokens maxLines timeBudgetMs minProbability candidates nextEdit "
        "completionItems completionDeadlineMs statistics"
    ),
    "Context": (
        "prefixTokens suffixTokens snippetTokens contextTokens coldTargetMs excluded sensitiveNames "
        "maxIndexedFileBytes"
    ),
    "Model": "model temperature topK topP minP seed",
    "Instructions": (
        "instructModel instructUrl instructOutline instructContextTokens instructSnippetTokens "
        "instructMaxTokens instructLimitS"
    ),
    "Speed and Energy": (
        "thinkAhead cursorHints hintBatteryPercent frugal threads gpuLayers kvTokens promptCacheMb "
        "flashAttention kvType idleMinutes"
    ),
    "Inference Server": (
        "remoteUrl remoteApi remoteModel remoteFamily remoteVocabulary remoteHeaders remoteFallback"
    ),
    "Installation": "server.path server.arguments server.package server.wheels",
}
"""The sections of the page of settings, each with its settings in the order in which they are shown."""

OF_THE_USER = ("model", "instructModel", "instructUrl")
"""Settings that name a file or a server: a workspace has no say in them."""


def properties() -> dict[str, Any]:
    """Return all settings as VS Code wants them."""
    found: dict[str, Any] = dict(OURS)
    for name, schema in WrittenSettings.model_json_schema(by_alias=True)["properties"].items():
        setting = {key: schema[key] for key in KEYS if key in schema}
        if "`" in setting.get("description", ""):
            setting["markdownDescription"] = setting.pop("description")
        if "items" in schema:
            setting["items"] = {"type": schema["items"]["type"]}
        if name.startswith("remote") or name in OF_THE_USER:
            # A workspace that one has just cloned must not say where source text and key are sent,
            # nor which file is read as a model.
            setting["scope"] = "machine"
        elif name in ("threads", "gpuLayers"):
            setting["scope"] = "machine-overridable"  # they differ between machines
        else:
            setting["scope"] = "window"
        found[f"infill-ls.{name}"] = setting
    return found


def sections() -> list[dict[str, Any]]:
    """Return the settings in sections; each setting must be in one of them."""
    left = properties()
    found: list[dict[str, Any]] = []
    for title, names in SECTIONS.items():
        settings = [f"infill-ls.{name}" for name in names.split()]
        # Without an order VS Code would sort them by name.
        ordered = {name: {**left.pop(name), "order": at} for at, name in enumerate(settings)}
        found.append({"title": title, "order": len(found), "properties": ordered})
    if left:
        raise LookupError(f"in no section of tools/vscode_settings.py: {', '.join(left)}")
    return found


def main() -> int:
    """Write or check; return the exit status."""
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    manifest["contributes"]["configuration"] = sections()
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    if sys.argv[1:] != ["--check"]:
        MANIFEST.write_text(text, "utf-8")
        return 0
    if MANIFEST.read_text("utf-8") == text:
        return 0
    sys.stderr.write(f"{MANIFEST.name} is out of date: run python tools/vscode_settings.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
