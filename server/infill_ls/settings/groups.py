"""Settings as the server uses them: a record for each part that uses some."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from infill_ls.models.store import bundled_model_path, chosen_model, locate
from infill_ls.settings.written import WrittenSettings
from infill_ls.types import Sampling

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Group = TypeVar("Group", bound="DataclassInstance")

MODEL_ENVIRONMENT_VARIABLE = "INFILL_LS_MODEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionSettings:
    """What is offered, and how long it may be."""

    enabled: bool
    disabled_languages: tuple[str, ...]
    max_tokens: int
    max_lines: int
    time_budget_ms: int
    min_probability: float
    candidates: int
    sampling: Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """How much the model reads."""

    prefix_tokens: int
    suffix_tokens: int
    snippet_tokens: int
    cold_target_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceSettings:
    """What is searched."""

    excluded: tuple[str, ...]
    sensitive_names: tuple[str, ...]
    max_indexed_file_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuSettings:
    """Completions in the pop-up menu."""

    items: str
    deadline_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnaskedSettings:
    """What is computed before anybody asks."""

    think_ahead: bool
    cursor_hints: str
    hint_battery_percent: int
    frugal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """The model on this machine."""

    model_path: Path
    """By the setting, else the environment variable, else the user's choice, else the bundled model;
    the file need not exist."""
    context_tokens: int
    threads: int
    kv_tokens: int
    prompt_cache_mb: int
    flash_attention: str
    kv_type: str
    idle_minutes: float
    gpu_layers: int
    must_infill: bool = True
    """Whether a model that cannot fill in the middle is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructSettings:
    """Instructions to a model."""

    model_path: Path | None
    """The model that follows them, if it runs on this machine."""
    url: str
    """The inference server that has it otherwise; none if empty."""
    outline: str
    context_tokens: int
    snippet_tokens: int
    max_tokens: int
    limit_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """An inference server; none if ``url`` is empty."""

    url: str
    api: str
    model: str
    family: str
    vocabulary: str
    headers: dict[str, str]
    fallback: bool
    is_for_instructions: bool = False
    """Whether the server is that of ``instructUrl``, which is talked to in conversations."""
    may_have_key: bool = True
    """Whether the key and the headers that are meant for ``remoteUrl`` may be sent to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that can be set. The model is looked for once, when this is made."""

    completion: CompletionSettings
    prompt: PromptSettings
    workspace: WorkspaceSettings
    menu: MenuSettings
    unasked: UnaskedSettings
    next_edit: bool
    engine: EngineSettings
    instruct: InstructSettings
    remote: RemoteSettings
    statistics: bool
    written: WrittenSettings
    """The same as the user writes it."""

    @classmethod
    def of(cls, written: WrittenSettings) -> Settings:
        """Return the settings that a user has written."""
        sampling = Sampling(
            written.temperature, written.top_k, written.top_p, written.min_p, written.seed
        )
        is_here = bool(written.instruct_model) and not written.instruct_url
        instruct = locate(written.instruct_model) if is_here else None
        return cls(
            completion=_group(CompletionSettings, written, sampling=sampling),
            prompt=_group(PromptSettings, written),
            workspace=_group(WorkspaceSettings, written),
            menu=_group(MenuSettings, written, "completion_"),
            unasked=_group(UnaskedSettings, written),
            next_edit=written.next_edit,
            engine=_group(EngineSettings, written, model_path=_model_path(written.model)),
            instruct=_group(InstructSettings, written, "instruct_", model_path=instruct),
            remote=_group(RemoteSettings, written, "remote_"),
            statistics=written.statistics,
            written=written,
        )

    def for_instructions(self) -> Settings:
        """Return the settings of the engine that follows instructions, with budgets of its own.

        To be called only where there is such a model.
        """
        instruct = self.instruct
        assert instruct.model_path is not None or instruct.url
        changed = self.changed(
            context_tokens=instruct.context_tokens,
            prefix_tokens=instruct.context_tokens // 4,
            suffix_tokens=instruct.context_tokens // 8,
            snippet_tokens=instruct.snippet_tokens,
            max_tokens=instruct.max_tokens,
            cold_target_ms=0,
            kv_tokens=0,
            prompt_cache_mb=0,
            remote_url=instruct.url,
            remote_api="auto",
            remote_model=self.written.instruct_model if instruct.url else "",
            remote_vocabulary="",
            **({"model": str(instruct.model_path.absolute())} if instruct.model_path else {}),
        )
        is_same = urlsplit(instruct.url)[:2] == urlsplit(self.remote.url)[:2]
        return replace(
            changed,
            engine=replace(changed.engine, must_infill=False),
            remote=replace(
                changed.remote,
                headers=changed.remote.headers if is_same else {},
                is_for_instructions=bool(instruct.url),
                may_have_key=is_same,
            ),
        )

    def changed(self, **written: Any) -> Settings:
        """Return the same settings with other values, by the names that users write, in snake_case."""
        return Settings.of(self.written.model_copy(update=written))


def settings_with(**written: Any) -> Settings:
    """Return the default settings with other values, by their names in snake_case.

    Raises ``pydantic.ValidationError`` for what is no right value.
    """
    return Settings.of(WrittenSettings(**written))


def _group(kind: type[Group], written: WrittenSettings, prefix: str = "", **more: object) -> Group:
    """Return a group with what is written under the names of its fields, behind ``prefix``."""
    names = {field.name: prefix + field.name for field in fields(kind)}
    known = {
        name: getattr(written, long)
        for name, long in names.items()
        if long in WrittenSettings.model_fields
    }
    return kind(**known | more)


def _model_path(model: str) -> Path:
    chosen = model or os.environ.get(MODEL_ENVIRONMENT_VARIABLE, "") or chosen_model()
    return locate(chosen) if chosen else bundled_model_path()
