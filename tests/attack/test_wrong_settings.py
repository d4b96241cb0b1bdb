"""Tests of every setting with a value of every wrong type: no protection is lost by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infill_ls.settings import Settings, WrittenSettings, resolve_settings, settings_with
from infill_ls.settings.resolve import CLOSED
from infill_retrieval import Query, Snippet
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.settings import RetrievalSettings

WRONG: list[Any] = [
    None,
    True,
    False,
    0,
    5,
    -1,
    2**70,
    1.5,
    float("inf"),
    "",
    "text",
    "\x00\ud83d",
    [],
    ["a", 5],
    [[]],
    [None],
    [True, "a"],
    {},
    {"a": 5},
    {"a": "b", "c": 5},
    {"a": {"b": []}},
]
DEFAULTS: dict[str, Any] = {
    str(field.alias): field.default for field in WrittenSettings.model_fields.values()
}
BESIDE: dict[str, Any] = {
    "enabled": False,
    "disabledLanguages": ["c"],
    "excluded": ["b"],
    "sensitiveNames": ["a.*"],
    "statistics": False,
    "maxLines": 7,
}
OPEN_OR_NOT_A_MATTER = {"nextEdit", "thinkAhead", "remoteFallback", "remoteHeaders"}
"""Switches, lists and objects whose default protects as much as any other value."""


def values(settings: Settings) -> dict[str, Any]:
    return settings.written.model_dump(by_alias=True)


def understood(given: Any, default: Any) -> Any:
    """Return the value that a wrong one must have got, or ``...`` if it may be a right one."""
    if given is None:
        return default
    if isinstance(default, tuple):
        if given in ([], {}, ""):
            return ()
        if isinstance(given, str):
            return (given,)
        if isinstance(given, list):
            return tuple(entry for entry in given if isinstance(entry, str))
        return None
    if isinstance(default, dict):
        if given in ([], ""):
            return {}
        if not isinstance(given, dict):
            return None
        return {key: entry for key, entry in given.items() if isinstance(entry, str)}
    if isinstance(default, bool):
        return bool(given) if given in (True, False) and not isinstance(given, str) else None
    if isinstance(default, str):
        return ... if isinstance(given, str) else None
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return ... if is_number else None


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("name", DEFAULTS)
def test_every_setting_with_every_wrong_type(name: str, wrong: Any) -> None:
    beside = {key: value for key, value in BESIDE.items() if key != name}
    settings, warnings = resolve_settings({**beside, name: wrong})
    got = values(settings)
    for key, value in beside.items():
        assert got[key] == (tuple(value) if isinstance(value, list) else value)
    expected = understood(wrong, DEFAULTS[name])
    if expected is ...:
        assert got[name] in (wrong, DEFAULTS[name])
        assert (got[name] == wrong) or warnings
    elif expected is None:
        assert got[name] == CLOSED.get(name, DEFAULTS[name])
        assert len(warnings) == 1
        assert name in warnings[0]
        assert ("until this is fixed" in warnings[0]) == (name in CLOSED)
    else:
        assert got[name] == expected
    assert len(warnings) <= 1


def test_a_new_setting_must_say_what_it_is_when_it_cannot_be_understood() -> None:
    for name, default in DEFAULTS.items():
        if isinstance(default, bool | tuple | dict):
            assert (name in CLOSED) != (name in OPEN_OR_NOT_A_MATTER), name
    assert set(CLOSED) <= set(DEFAULTS)


@pytest.mark.parametrize("wrong", ["text", [1], ["a"], 5, True, 1.5, {"infill-ls"}], ids=repr)
def test_settings_that_are_no_object_close_everything(wrong: Any) -> None:
    many: list[tuple[Any, ...]] = [
        (wrong,),
        ({"maxLines": 7}, wrong),
        (wrong, {"excluded": []}, {}),
    ]
    for layers in many:
        settings, warnings = resolve_settings(*layers)
        assert {name: values(settings)[name] for name in CLOSED} == dict(CLOSED)
        assert len(warnings) == 1
        assert "expected an object" in warnings[0]


@pytest.mark.parametrize("nothing", [None, {}, [], "", False], ids=repr)
def test_nothing_is_no_mistake(nothing: Any) -> None:
    assert resolve_settings(nothing) == (settings_with(), [])
    first = {"excluded": ["a"], "maxLines": 7}
    expected: object = (settings_with(excluded=("a",), max_lines=7), [])
    assert resolve_settings(first, nothing) == expected
    assert resolve_settings(first, {"maxLines": None}) == expected


def test_a_later_layer_wins_key_by_key() -> None:
    first = {"excluded": ["a"], "sensitiveNames": ["b"], "maxLines": 7}
    settings, _ = resolve_settings(first, {"excluded": ["c"], "maxLines": 8})
    assert settings == settings_with(excluded=("c",), sensitive_names=("b",), max_lines=8)
    assert resolve_settings(first, {"excluded": 5})[0].workspace.excluded == ("*",)


SLIPS = {
    "sensitive_names": "sensitiveNames",
    "sensitivenames": "sensitiveNames",
    "SensitiveName": "sensitiveNames",
    "sensitive-names": "sensitiveNames",
    "exclude": "excluded",
    "excludes": "excluded",
    "disabled_languages": "disabledLanguages",
    "disableLanguages": "disabledLanguages",
    "disabledLanguage": "disabledLanguages",
    "enable": "enabled",
    "statistic": "statistics",
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_the_name_of_what_protects_is_understood(slip: str) -> None:
    meant = SLIPS[slip]
    value: Any = ["a.py"] if isinstance(DEFAULTS[meant], tuple) else False
    settings, warnings = resolve_settings({slip: value})
    assert values(settings)[meant] == (tuple(value) if value else value)
    assert len(warnings) == 1
    assert repr(slip) in warnings[0]
    assert meant in warnings[0]


def test_what_is_no_pattern_is_named_and_costs_itself_alone() -> None:
    given = ["a", "!", "b\\", "[", "#c", "./d", "/", "e"]
    settings, warnings = resolve_settings({"excluded": given})
    assert settings.workspace.excluded == ("a", "#c", "./d", "/", "e")
    assert len(warnings) == 3


SECRETIVE = ["hidden.py", "hidden_5.py"]


@pytest.mark.parametrize(
    "options",
    [
        {"excluded": value, "sensitiveNames": ["hidden_5*"]}
        for value in (["hidden.py", 5], "hidden.py", [None, "./hidden.py"], 5, True, {"a": True})
    ]
    + [
        {"sensitiveNames": value, "excluded": ["hidden_5*"]}
        for value in (["hidden.py", 5], "hidden.py", [[], "./hidden.py"], 5, True, {"a": True})
    ]
    + ["hidden.py", ["hidden.py"], 5],
    ids=repr,
)
def test_what_was_to_be_hidden_is_not_searched(tmp_path: Path, options: Any) -> None:
    for name in SECRETIVE:
        tmp_path.joinpath(name).write_text("def launch_missiles(code):\n    return 4711\n")
    settings, warnings = resolve_settings(options)
    assert warnings
    assert found(tmp_path, settings) == ()
    assert found(tmp_path, settings_with()) != ()


def found(folder: Path, settings: Settings) -> tuple[Snippet, ...]:
    """Return the snippets for a call of what is defined in the hidden files."""
    retrieval = RetrievalSettings(
        excluded=settings.workspace.excluded,
        sensitive_names=settings.workspace.sensitive_names,
        crawl_in_process=False,
    )
    with WorkspaceIndex([folder], retrieval) as index:
        index.crawl()
        index.open_buffer(folder / "hidden.py", "def launch_missiles(c):\n    pass\n", "python")
        query = Query(
            path=str(folder / "main.py"), language_id="python", prefix="launch_missiles(", suffix=""
        )
        return tuple(index.retrieve(query, 500, lambda texts: list(map(len, texts))).snippets)
