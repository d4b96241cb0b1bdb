"""The settings as users write them, with defaults, limits and descriptions."""

from __future__ import annotations

from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

from infill_ls.models.fim import FAMILIES
from infill_ls.urls import base_url

LEAST_KV_TOKENS = 512
"""Less does not hold a prompt worth completing."""


class WrittenSettings(BaseModel):
    """Settings as users write them: flat, the names in camelCase, under ``infill-ls``."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    enabled: bool = Field(True, description="Offer completions.")
    disabled_languages: tuple[str, ...] = Field(
        (), description="Language ids in which nothing is suggested."
    )
    model: str = Field(
        "",
        description="Path of a GGUF model that can fill in the middle, or a name from `infill-ls model "
        "list`. Empty: the model chosen with `infill-ls model use`, or else the bundled one.",
    )
    prefix_tokens: int = Field(
        768, ge=16, le=16_384, description="Token budget for the text before the cursor's line."
    )
    suffix_tokens: int = Field(
        256, ge=0, le=16_384, description="Token budget for the text after the cursor."
    )
    snippet_tokens: int = Field(
        512,
        ge=0,
        le=16_384,
        description="Token budget for snippets from other files; 0 turns them off.",
    )
    context_tokens: int = Field(
        4096,
        ge=512,
        le=16_384,
        description="Maximum length of a prompt with its completion, in tokens, as far as the model "
        "supports it. More tokens use more memory.",
    )
    cold_target_ms: int = Field(
        4000,
        ge=0,
        le=60_000,
        description="Target time for the first suggestion in a file, in milliseconds. The three token "
        "budgets above are reduced to meet it at the speed measured on this machine; 0 never "
        "reduces them.",
    )
    excluded: tuple[str, ...] = Field(
        (),
        description="Patterns, as in a .gitignore, of files that are not searched. Absolute paths "
        "work too.",
    )
    sensitive_names: tuple[str, ...] = Field(
        (),
        description="More names or paths of files with secrets, in addition to *.pem, .env and the "
        "like. These files are not searched, and nothing is completed in them.",
    )
    max_indexed_file_bytes: int = Field(
        400_000, ge=1_000, le=50_000_000, description="Files larger than this are not searched."
    )
    max_tokens: int = Field(
        96, ge=1, le=1024, description="Maximum length of a completion, in tokens."
    )
    max_lines: int = Field(
        16, ge=1, le=200, description="Maximum length of a completion, in lines."
    )
    time_budget_ms: int = Field(
        1000,
        ge=20,
        le=60_000,
        description="Maximum time that the model spends writing a completion, in milliseconds.",
    )
    min_probability: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Minimum mean token probability of a suggestion that is shown while you type; "
        "0 shows all. Suggestions that you ask for yourself are always shown.",
    )
    candidates: int = Field(
        3, ge=1, le=5, description="Number of suggestions when you ask for them yourself."
    )
    temperature: float = Field(
        0.0,
        ge=0,
        le=2,
        description="Sampling temperature: 0 always takes the most likely token, higher values vary.",
    )
    top_k: int = Field(
        40,
        ge=0,
        le=1000,
        description="With a temperature above 0: sample from this many of the most likely tokens; "
        "0 means all.",
    )
    top_p: float = Field(
        0.95,
        ge=0,
        le=1,
        description="With a temperature above 0: sample from the most likely tokens whose "
        "probabilities add up to this.",
    )
    min_p: float = Field(
        0.05,
        ge=0,
        le=1,
        description="With a temperature above 0: leave out tokens whose probability is below this "
        "fraction of the most likely token's.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 2,
        description="With a temperature above 0: equal seeds give equal completions.",
    )
    think_ahead: bool = Field(
        True,
        description="When you pause, compute what would follow if you accepted the suggestion.",
    )
    cursor_hints: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Prepare the place where the cursor rests, so that the first suggestion there comes "
        "at once. auto: not on a low battery, not while the machine is busy, and not for a remote model.",
    )
    hint_battery_percent: int = Field(
        40,
        ge=0,
        le=100,
        description="With cursorHints auto, on battery: prepare only at this charge or above.",
    )
    frugal: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Save energy: compute nothing ahead, and wait for a longer pause in typing before "
        "asking the model. auto: while the machine runs on battery.",
    )
    next_edit: bool = Field(
        True,
        description="After an edit, propose what has to change elsewhere: as inline edits in editors "
        "that ask for them, as a code action in all others.",
    )
    completion_items: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Offer completions in the pop-up menu too. auto: only in editors without inline "
        "completion.",
    )
    completion_deadline_ms: int = Field(
        300,
        ge=20,
        le=10_000,
        description="Maximum time that the pop-up menu waits for a completion, in milliseconds; the "
        "menu waits for every server.",
    )
    instruct_model: str = Field(
        "",
        description="Path of a GGUF model that follows instructions, or a name from `infill-ls model list`, "
        "for `infill-ls ask` and the code actions. It is loaded at the first instruction, in addition to "
        "the completion model. Empty: none; the completion model then implements functions.",
    )
    instruct_url: str = Field(
        "",
        description="Address of an inference server for instructions, such as http://host:8000. "
        "Instructions and the source text that goes with them are sent there. instructModel is then the "
        "name of a model on that server (empty: the first one it lists). Empty: the model runs on this "
        "machine.",
    )
    instruct_outline: Literal["discard", "comment", "off"] = Field(
        "discard",
        description="What happens to the outline that an instruct model writes before the code: discard "
        "it, or keep it as a comment. off does not ask for one.",
    )
    instruct_context_tokens: int = Field(
        8192,
        ge=1024,
        le=131_072,
        description="Maximum length of a conversation with an instruct model, in tokens.",
    )
    instruct_snippet_tokens: int = Field(
        2048,
        ge=0,
        le=65_536,
        description="Token budget for snippets from other files in the prompt of an instruct model.",
    )
    instruct_max_tokens: int = Field(
        2048,
        ge=16,
        le=16_384,
        description="Maximum length of an answer to an instruction, in tokens.",
    )
    instruct_limit_s: int = Field(
        300, ge=1, le=3600, description="Maximum time for an answer to an instruction, in seconds."
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads; 0 uses as many as were measured to be fastest."
    )
    kv_tokens: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Size of the KV cache in tokens, for all files together. A larger cache keeps more "
        "files computed and uses more memory. 0: enough for two or three prompts, or more with a small model.",
    )
    prompt_cache_mb: int = Field(
        -1,
        ge=-1,
        le=100_000,
        description="Disk space in MB for the computed prompts of recently used files, so that they are "
        "ready after a restart. They contain source text. 0 keeps nothing; -1 uses as much as suits the "
        "model.",
    )
    flash_attention: Literal["auto", "on", "off"] = Field(
        "auto", description="Flash attention; auto uses what was measured to be faster."
    )
    kv_type: Literal["auto", "f16", "q8_0"] = Field(
        "auto",
        description="Type of the KV cache: q8_0 uses half the memory of f16; auto uses it if that was "
        "measured to be faster.",
    )
    idle_minutes: float = Field(
        15.0,
        gt=0,
        le=10_000,
        description="Unload the model after this many minutes without a request.",
    )
    statistics: bool = Field(
        True,
        description="Count suggestions and acceptances for infill-ls stats, and let what you accept move how "
        "certain suggestions must be. The counts stay on this "
        "machine.",
    )
    gpu_layers: int = Field(
        -1,
        ge=-1,
        le=1000,
        description="Layers on the GPU, if llama.cpp was built for one; -1 means as many as fit.",
    )
    remote_url: str = Field(
        "",
        description="Address of an inference server, such as http://host:8000. Prompts, and so source "
        "text, are sent there. Empty: the model runs on this machine.",
    )
    remote_api: Literal[
        "auto", "vllm", "sglang", "llama-server", "llama-cpp-python", "ollama", "openai"
    ] = Field("auto", description="Kind of inference server; auto detects it.")
    remote_model: str = Field(
        "", description="Name of the model on the server. Empty: the first one it lists."
    )
    remote_family: str = Field(
        "",
        description="Infilling family of the server's model, such as deepseek. Empty: detected by its "
        "markers.",
    )
    remote_vocabulary: str = Field(
        "",
        description="Path of a GGUF file of the server's model; one with the vocabulary alone is enough. "
        "Tokens are then counted on this machine, not by the server. Required for Ollama.",
    )
    remote_headers: dict[str, str] = Field(
        {}, description="Additional HTTP headers for the server. They are never shown."
    )
    remote_fallback: bool = Field(
        True, description="Use the model on this machine while the server does not work or is full."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: object, info: ValidationInfo) -> object:
        default = cls.model_fields[str(info.field_name)].default
        if isinstance(value, bool) and not isinstance(default, bool):
            raise ValueError("must not be true or false")  # noqa: TRY004 - pydantic needs it
        return value

    @field_validator("remote_url", "instruct_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        return base_url(value) if value.strip() else ""

    @field_validator("remote_family")
    @classmethod
    def _check_family(cls, value: str) -> str:
        names = sorted({family.name for family in FAMILIES})
        if value and value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return value

    @field_validator("kv_tokens")
    @classmethod
    def _must_hold_a_prompt(cls, value: int) -> int:
        if 0 < value < LEAST_KV_TOKENS:
            raise ValueError(f"must be 0 or at least {LEAST_KV_TOKENS}")
        return value
