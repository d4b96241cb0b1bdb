"""Tests of settings as users write them: defaults, warnings and wrong values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infill_ls.models.store import bundled_model_path
from infill_ls.settings import resolve_settings, settings_with


def test_nothing_set_is_the_defaults_without_a_warning() -> None:
    assert resolve_settings(None) == (settings_with(), [])
    assert resolve_settings({}) == (settings_with(), [])


def test_names_are_in_camel_case() -> None:
    settings, warnings = resolve_settings({"snippetTokens": 100, "disabledLanguages": ["latex"]})
    assert (settings.prompt.snippet_tokens, settings.completion.disabled_languages) == (
        100,
        ("latex",),
    )
    assert warnings == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"snipetTokens": 5}, "'snipetTokens'"),
        ({"snippet_tokens": 5}, "'snippet_tokens'"),
        ({"snippetTokens": -1}, "snippetTokens"),
        ({"snippetTokens": "many"}, "snippetTokens"),
        ({"completionItems": "sometimes"}, "completionItems"),
        ({"kvTokens": 100}, "kvTokens"),
        ({"remoteUrl": "host:8000"}, "remoteUrl"),
        ({"remoteUrl": "ftp://host"}, "remoteUrl"),
        ({"remoteUrl": "http://host:port"}, "remoteUrl"),
        ({"remoteUrl": "http://host/v1?key=1"}, "remoteUrl"),
        ({"remoteApi": "telnet"}, "remoteApi"),
        ({"remoteFamily": "gpt"}, "remoteFamily"),
        ({"remoteHeaders": {"X": 1}}, "remoteHeaders"),
        ({"kvType": "q1"}, "kvType"),
        ({"disabledLanguages": [1]}, "disabledLanguages"),
    ],
)
def test_a_wrong_option_is_named_and_gets_its_default(options: object, named: str) -> None:
    settings, warnings = resolve_settings(options)
    assert settings == settings_with()
    assert len(warnings) == 1
    assert named in warnings[0]


@pytest.mark.parametrize("name", ["sensitiveNames", "excluded", "disabledLanguages"])
@pytest.mark.parametrize(
    ("given", "kept"),
    [(["a", 5], ("a",)), ([None, "a", {}, "b"], ("a", "b")), ("a", ("a",)), ([["a"], "b"], ("b",))],
)
def test_a_wrong_entry_of_a_list_costs_that_entry_alone(
    name: str, given: object, kept: tuple[str, ...]
) -> None:
    settings, warnings = resolve_settings({name: given, "maxLines": 0})
    assert settings.written.model_dump(by_alias=True)[name] == kept
    assert len(warnings) == 2
    assert any(name in warning for warning in warnings)


def test_right_options_beside_wrong_ones_count() -> None:
    settings, warnings = resolve_settings({"maxTokens": 7, "maxLines": 0, "what": 1})
    assert settings == settings_with(max_tokens=7)
    assert len(warnings) == 2


@pytest.mark.parametrize(
    "typed",
    ["http://host:8000", " http://host:8000/ ", "http://host:8000/v1", "http://host:8000/v1/"],
)
def test_an_address_is_put_into_its_base_form(typed: str) -> None:
    assert settings_with(remote_url=typed).remote.url == "http://host:8000"


@pytest.mark.parametrize(
    "options",
    [
        {"remoteUrl": "https://user:hunter2@host/"},
        {"remoteUrl": "https://host/v1?token=hunter2"},
        {"remoteHeaders": {"X-Key": ["hunter2"]}},
        {"remoteHeaders": "hunter2"},
    ],
)
def test_a_warning_does_not_repeat_secrets(options: object) -> None:
    settings, warnings = resolve_settings(options)
    assert settings == settings_with()
    assert len(warnings) == 1
    assert "hunter2" not in warnings[0]


def test_model_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFILL_LS_MODEL", raising=False)
    assert settings_with().engine.model_path == bundled_model_path()
    monkeypatch.setenv("INFILL_LS_MODEL", "/models/a.gguf")
    assert settings_with().engine.model_path == Path("/models/a.gguf")
    assert settings_with(model="~/b.gguf").engine.model_path == Path.home() / "b.gguf"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"maxLines": "x"}, "maxLines must be a whole number; using the default 16"),
        ({"prefixTokens": 1.5}, "prefixTokens must be a whole number; using the default 768"),
        ({"maxLines": 0}, "maxLines must be at least 1; using the default 16"),
        ({"minProbability": 7}, "minProbability must be at most 1"),
        ({"minProbability": "much"}, "minProbability must be a number"),
        ({"idleMinutes": 0}, "idleMinutes must be more than 0"),
        ({"enabled": "perhaps"}, "enabled must be true or false; until this is fixed, nothing is"),
        ({"model": 3}, "model must be a text"),
        ({"remoteHeaders": 3}, "remoteHeaders must be an object"),
        ({"disabledLanguages": 5}, "disabledLanguages must be a list"),
        ({"frugal": "yes"}, "frugal must be 'auto', 'on' or 'off'"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_plain_words(
    options: dict[str, Any], said: str
) -> None:
    (warning,) = resolve_settings(options)[1]
    assert said in warning
