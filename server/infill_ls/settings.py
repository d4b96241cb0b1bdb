"""What a user may set. Wrong values never stop the server: they are named, and the default used.

Nothing wrong opens what a setting was to close. A wrong entry of a list costs that entry alone, one
text counts as a list of one, and a slip in the name of a setting that protects is understood. What
cannot be understood and would protect something takes its value from :data:`CLOSED`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

from infill_ls.models.fim import FAMILIES
from infill_ls.models.store import bundled_model_path, chosen_model, locate
from infill_ls.types import Sampling
from infill_ls.urls import base_url
from infill_retrieval.files.ignore import is_pattern

__all__ = ["Settings", "bundled_model_path", "resolve_settings"]

MODEL_ENVIRONMENT_VARIABLE = "INFILL_LS_MODEL"
CLOSED: Mapping[str, Any] = {
    "enabled": False,
    "disabledLanguages": ("*",),
    "excluded": ("*",),
    "sensitiveNames": ("*",),
    "statistics": False,
}
"""Settings that protect, with the value that protects most: for what cannot be understood."""
_SAID_WHEN_CLOSED = {
    "enabled": "nothing is completed",
    "disabledLanguages": "nothing is completed",
    "excluded": "no file is searched",
    "sensitiveNames": "no file is searched and nothing is completed",
    "statistics": "nothing is counted",
}
LEAST_KV_TOKENS = 512
"""Less does not hold a prompt worth completing."""


class Settings(BaseModel):
    """Resolved settings. On the wire the names are in camelCase, under ``infill-ls``."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    enabled: bool = Field(True, description="Offer completions at all.")
    disabled_languages: tuple[str, ...] = Field(
        (), description="Language ids for which nothing is offered."
    )
    model: str = Field(
        "",
        description="Path of a GGUF model that can fill in the middle, or a name of `infill-ls model "
        "list`. Empty means what `infill-ls model use` chose, else the bundled one.",
    )
    prefix_tokens: int = Field(
        768, ge=16, le=16_384, description="Tokens of the text before the cursor's line."
    )
    suffix_tokens: int = Field(
        256, ge=0, le=16_384, description="Tokens of the text after the cursor."
    )
    snippet_tokens: int = Field(
        512, ge=0, le=16_384, description="Tokens of snippets from other files; 0 turns them off."
    )
    context_tokens: int = Field(
        4096,
        ge=512,
        le=16_384,
        description="Longest prompt with its completion, in tokens, if the model can take it; more "
        "takes more memory.",
    )
    cold_target_ms: int = Field(
        4000,
        ge=0,
        le=60_000,
        description="The three budgets above are cut so that the first suggestion in a file comes "
        "within so many milliseconds, as measured on this machine; 0 leaves them as they are.",
    )
    excluded: tuple[str, ...] = Field(
        (),
        description="Patterns, as in a .gitignore, of files that are not searched; absolute paths "
        "too.",
    )
    sensitive_names: tuple[str, ...] = Field(
        (),
        description="Further names or paths of files with secrets (*.pem, .env and the like always "
        "are): not searched, and nothing is completed in them.",
    )
    max_indexed_file_bytes: int = Field(
        400_000, ge=1_000, le=50_000_000, description="Larger files are not searched."
    )
    max_tokens: int = Field(96, ge=1, le=1024, description="Longest completion, in tokens.")
    max_lines: int = Field(16, ge=1, le=200, description="Longest completion, in lines.")
    time_budget_ms: int = Field(
        1000, ge=20, le=60_000, description="Longest time the model may write, in milliseconds."
    )
    min_probability: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Mean probability that the tokens of a suggestion must have to be shown "
        "while you type; 0 shows all. What you ask for yourself is always shown.",
    )
    candidates: int = Field(
        3, ge=1, le=5, description="Suggestions to choose from when you ask for one yourself."
    )
    temperature: float = Field(
        0.0, ge=0, le=2, description="0 always takes the likeliest token; more varies."
    )
    top_k: int = Field(
        40,
        ge=0,
        le=1000,
        description="With a temperature: choose among so many of the likeliest tokens; 0 means all.",
    )
    top_p: float = Field(
        0.95,
        ge=0,
        le=1,
        description="With a temperature: choose among the likeliest tokens that make up this share.",
    )
    min_p: float = Field(
        0.05,
        ge=0,
        le=1,
        description="With a temperature: leave out tokens less likely than this share of the likeliest.",
    )
    seed: int = Field(
        0, ge=0, le=2**32 - 2, description="With a temperature: equal seeds give equal completions."
    )
    think_ahead: bool = Field(
        True,
        description="When you pause, compute what comes after the suggestion, as if accepted.",
    )
    cursor_hints: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Prepare the place where the cursor rests, so that the first suggestion there comes "
        "at once: auto means not on a low battery, not while the machine is busy, and not on a server.",
    )
    hint_battery_percent: int = Field(
        40,
        ge=0,
        le=100,
        description="With cursorHints auto and without a plug: only from this charge on.",
    )
    frugal: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Save energy: compute nothing ahead, and ask the model after a longer pause in "
        "typing. auto means while the machine runs on its battery.",
    )
    next_edit: bool = Field(
        True,
        description="After an edit, propose what has to change elsewhere: as inline edits to editors "
        "that ask for them, as a code action to all others.",
    )
    completion_items: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Offer completions in the pop-up menu too: auto means only to editors "
        "that have no inline completion.",
    )
    completion_deadline_ms: int = Field(
        300,
        ge=20,
        le=10_000,
        description="How long the pop-up menu may wait for us, as it waits for all servers.",
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads; 0 means as many as measured best."
    )
    kv_tokens: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Size of the KV cache in tokens, for all files together: more files stay "
        "computed, and more memory is used. 0 means enough for two or three prompts, for more of a small model.",
    )
    prompt_cache_mb: int = Field(
        -1,
        ge=-1,
        le=100_000,
        description="Disk space, in MB, for what was read of the files worked on last, so that they are "
        "ready after a restart. It holds their text. 0 keeps nothing, -1 means as much as suits the model.",
    )
    flash_attention: Literal["auto", "on", "off"] = Field(
        "auto", description="How attention is computed: auto means as measured best."
    )
    kv_type: Literal["auto", "f16", "q8_0"] = Field(
        "auto",
        description="Type of the KV cache: q8_0 takes half the memory of f16, auto means as "
        "measured best.",
    )
    idle_minutes: float = Field(
        15.0, gt=0, le=10_000, description="Unload the model after so long without a request."
    )
    statistics: bool = Field(
        True,
        description="Count on this machine what is suggested and accepted, for infill-ls stats.",
    )
    gpu_layers: int = Field(
        -1,
        ge=-1,
        le=1000,
        description="Layers on the GPU if llama.cpp was built for it; -1 means as many as fit.",
    )
    remote_url: str = Field(
        "",
        description="Address of an inference server, such as http://host:8000: prompts, and so "
        "source text, are sent there. Empty means that the model runs on this machine.",
    )
    remote_api: Literal[
        "auto", "vllm", "sglang", "llama-server", "llama-cpp-python", "ollama", "openai"
    ] = Field("auto", description="What kind of server that is; auto finds out.")
    remote_model: str = Field(
        "", description="Name of the model on the server. Empty means the first one it lists."
    )
    remote_family: str = Field(
        "",
        description="Name of the infilling family of the server's model, such as deepseek. Empty "
        "means to find it by its markers.",
    )
    remote_vocabulary: str = Field(
        "",
        description="Path of a GGUF of the server's model, the vocabulary alone will do: tokens are "
        "counted with it, not by the server. Ollama needs it.",
    )
    remote_headers: dict[str, str] = Field(
        {}, description="Further HTTP headers for the server. They are never shown."
    )
    remote_fallback: bool = Field(
        True, description="While the server does not work, use the model on this machine."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: object, info: ValidationInfo) -> object:
        default = cls.model_fields[str(info.field_name)].default
        if isinstance(value, bool) and not isinstance(default, bool):
            raise ValueError("is a truth value")  # noqa: TRY004 - what pydantic wants
        return value

    @field_validator("remote_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        return base_url(value) if value.strip() else ""

    @field_validator("remote_family")
    @classmethod
    def _check_family(cls, value: str) -> str:
        names = sorted({family.name for family in FAMILIES})
        if value and value not in names:
            raise ValueError(f"is none of {', '.join(names)}")
        return value

    @field_validator("kv_tokens")
    @classmethod
    def _must_hold_a_prompt(cls, value: int) -> int:
        if 0 < value < LEAST_KV_TOKENS:
            raise ValueError(f"must be 0, or {LEAST_KV_TOKENS} at least")
        return value

    @property
    def sampling(self) -> Sampling:
        """How tokens are chosen."""
        return Sampling(self.temperature, self.top_k, self.top_p, self.min_p, self.seed)

    @property
    def model_path(self) -> Path:
        """The model file: by the setting, else the environment variable, else the user's choice.

        The bundled model if there is none of these. The file need not exist.
        """
        chosen = self.model or os.environ.get(MODEL_ENVIRONMENT_VARIABLE, "") or chosen_model()
        return locate(chosen) if chosen else bundled_model_path()


def resolve_settings(*layers: object) -> tuple[Settings, list[str]]:
    """Turn what an editor sent, at the start and later, into settings; what came later wins.

    Returns the settings and a warning for each option that is unknown or has a wrong value. An
    option that is null, or missing from a layer, says nothing.
    """
    values: dict[str, Any] = {}
    warnings: list[str] = []
    closed: dict[str, Any] = {}
    for layer in layers:
        if isinstance(layer, dict):
            values |= {str(key): value for key, value in layer.items() if value is not None}
        elif layer:  # nothing empty says anything; Lua's empty table is a list
            closed = dict(CLOSED)
            warnings.append(
                f"settings: expected an object, got {_kind_of(layer)}; until that is mended, no file "
                "is searched and nothing is completed"
            )
    for name in list(values):
        warnings += _mend_name(values, name)
    for name in list(values):
        warnings += _mend_value(values, name)
    try:
        settings = _validate(values | closed)
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0])
            if name not in values:
                continue  # a list with several wrong entries is one mistake
            del values[name]
            if problem["type"] == "extra_forbidden":
                warnings.append(f"settings: there is no option {name!r}; ignored")
            else:
                warnings.append(f"settings: {name}: {problem['msg']}; {_make_safe(values, name)}")
        settings = _validate(values | closed)
    return settings, warnings


def _make_safe(values: dict[str, Any], name: str) -> str:
    """Give a setting the value for what cannot be understood, and say what that means."""
    if name in CLOSED:
        values[name] = CLOSED[name]
        return f"until that is mended, {_SAID_WHEN_CLOSED[name]}"
    return f"using the default {_default_of(name)!r}"


def _mend_name(values: dict[str, Any], name: str) -> list[str]:
    """Understand a slip in the name of a setting that protects; return a warning for it."""
    if name in CLOSED or any(name == field.alias for field in Settings.model_fields.values()):
        return []
    bare = "".join(filter(str.isalnum, name)).lower()
    near = get_close_matches(bare, [known.lower() for known in CLOSED], n=1, cutoff=0.85)
    meant = next((known for known in CLOSED if near == [known.lower()]), None)
    if meant is None or meant in values:
        return []
    values[meant] = values.pop(name)
    return [f"settings: there is no option {name!r}; taken as {meant}"]


def _mend_value(values: dict[str, Any], name: str) -> list[str]:
    """Keep the right entries of a list or object; return warnings for the wrong ones."""
    given, default = values[name], _default_of(name)
    if not isinstance(default, tuple | dict):
        return []
    if given in ([], {}, ""):
        values[name] = default
        return []
    if isinstance(default, dict):
        if not isinstance(given, dict):
            return []
        kept = {key: entry for key, entry in given.items() if isinstance(entry, str)}
        values[name] = kept
        return _said_of_wrong(name, len(given) - len(kept))
    if isinstance(given, str):
        given = values[name] = [given]
        said = [f"settings: {name}: expected a list; taken as a list of this one"]
    elif isinstance(given, list | tuple):
        values[name] = [entry for entry in given if isinstance(entry, str)]
        said = _said_of_wrong(name, len(given) - len(values[name]))
    else:
        return []
    if name == "excluded":
        bad = [entry for entry in values[name] if not _excludes(entry)]
        said += [f"settings: {name}: {entry!r} is no pattern; ignored" for entry in bad]
        values[name] = [entry for entry in values[name] if entry not in bad]
    return said


def _said_of_wrong(name: str, number: int) -> list[str]:
    return [f"settings: {name}: {number} of its entries are no text; ignored"] if number else []


def _excludes(entry: str) -> bool:
    return entry.startswith(("#", "/", ".")) or is_pattern(entry)


def _kind_of(value: object) -> str:
    return {list: "a list", str: "a text", bool: "a truth value"}.get(type(value), "a number")


def _validate(values: Mapping[str, Any]) -> Settings:
    return Settings.model_validate(values, by_alias=True, by_name=False)


def _default_of(alias: str) -> object:
    for field in Settings.model_fields.values():
        if alias == field.alias:
            return field.default
    return None
