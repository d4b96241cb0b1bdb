"""What a user may set, and which values are right."""

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
    instruct_model: str = Field(
        "",
        description="Path of a GGUF model that follows instructions, or a name of `infill-ls model list`, "
        "for `infill-ls ask` and the code actions. Loaded when it is asked, on top of the other. Empty "
        "means none: functions are then implemented by the model that fills in.",
    )
    instruct_url: str = Field(
        "",
        description="Address of an inference server for instructions, such as http://host:8000: what the "
        "instruct model is shown, and so source text, is sent there. instructModel is then the name of its "
        "model, empty the first one that it lists. Empty means that the model runs on this machine.",
    )
    instruct_outline: Literal["discard", "comment", "off"] = Field(
        "discard",
        description="The steps that an instruct model writes before the code: thrown away, or kept as a "
        "comment; off means that it is not asked for them.",
    )
    instruct_context_tokens: int = Field(
        8192,
        ge=1024,
        le=131_072,
        description="Longest conversation with an instruct model, in tokens.",
    )
    instruct_snippet_tokens: int = Field(
        2048,
        ge=0,
        le=65_536,
        description="Tokens of snippets from other files for an instruct model.",
    )
    instruct_max_tokens: int = Field(
        2048, ge=16, le=16_384, description="Longest answer to an instruction, in tokens."
    )
    instruct_limit_s: int = Field(
        300, ge=1, le=3600, description="Longest time for an answer to an instruction, in seconds."
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

    @field_validator("remote_url", "instruct_url")
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
