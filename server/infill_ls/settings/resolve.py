"""Resolve what an editor sent into settings. Wrong values never stop the server: warnings name them.

A mistake never opens what a setting was meant to close. A wrong entry of a list costs that entry alone,
one string counts as a list of one, and a misspelt name of a protective setting is understood. A
protective setting whose value cannot be understood takes it from :data:`CLOSED`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infill_ls.settings import model_files
from infill_ls.settings.groups import Settings
from infill_ls.settings.wording import what_is_wrong
from infill_ls.settings.written import WrittenSettings
from infill_retrieval.files.ignore import is_pattern

CLOSED: Mapping[str, Any] = {
    "enabled": False,
    "disabledLanguages": ("*",),
    "excluded": ("*",),
    "sensitiveNames": ("*",),
    "statistics": False,
}
"""Protective settings, with the value that protects most, used when theirs cannot be understood."""
_SAID_WHEN_CLOSED = {
    "enabled": "nothing is completed",
    "disabledLanguages": "nothing is completed",
    "excluded": "no file is searched",
    "sensitiveNames": "no file is searched and nothing is completed",
    "statistics": "nothing is counted",
}


def resolve_settings(*layers: object, folders: Sequence[Path] = ()) -> tuple[Settings, list[str]]:
    """Merge what an editor sent, at the start and later, into settings; later layers win.

    Returns the settings and a warning for each option that is unknown or has a wrong value. An
    option that is null, or missing from a layer, says nothing. A model file in one of ``folders`` is
    refused, see :mod:`infill_ls.settings.model_files`.
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
                f"settings: expected an object, got {_kind_of(layer)}; until this is fixed, no file "
                "is searched and nothing is completed"
            )
    for name in list(values):
        warnings += _mend_name(values, name)
    for name in list(values):
        warnings += _mend_value(values, name)
    try:
        written = _validate(values | closed)
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0])
            if name not in values:
                continue  # a list with several wrong entries is one mistake
            del values[name]
            if problem["type"] == "extra_forbidden":
                warnings.append(f"settings: there is no option {name!r}{_meant(name)}; ignored")
            else:
                wrong = what_is_wrong(problem)
                warnings.append(f"settings: {name} {wrong}; {_make_safe(values, name)}")
        written = _validate(values | closed)
    for name in model_files.NAMES:
        is_path = name != "instructModel" or not written.instruct_url
        folder = model_files.lies_in(values.get(name, ""), folders) if is_path else None
        if folder is not None:
            del values[name]
            warnings.append(
                f"settings: {name}: the file is in the open folder {folder.name}, and an open folder must "
                f"not choose the model; using the default {_default_of(name)!r} (move the file elsewhere, "
                "or choose it with `infill-ls model use PATH`)"
            )
            written = _validate(values | closed)
    return Settings.of(written), warnings


def _make_safe(values: dict[str, Any], name: str) -> str:
    """Set the safe value of a setting that cannot be understood, and say what that means."""
    if name in CLOSED:
        values[name] = CLOSED[name]
        return f"until this is fixed, {_SAID_WHEN_CLOSED[name]}"
    return f"using the default {_default_of(name)!r}"


def _mend_name(values: dict[str, Any], name: str) -> list[str]:
    """Correct a misspelt name of a protective setting; return a warning for it."""
    if name in CLOSED or any(
        name == field.alias for field in WrittenSettings.model_fields.values()
    ):
        return []
    bare = "".join(filter(str.isalnum, name)).lower()
    near = get_close_matches(bare, [known.lower() for known in CLOSED], n=1, cutoff=0.85)
    meant = next((known for known in CLOSED if near == [known.lower()]), None)
    if meant is None or meant in values:
        return []
    values[meant] = values.pop(name)
    return [f"settings: there is no option {name!r}; using it as {meant}"]


def _meant(name: str) -> str:
    """Return which option a name may stand for, as the end of a clause."""
    known = [str(field.alias) for field in WrittenSettings.model_fields.values()]
    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _mend_value(values: dict[str, Any], name: str) -> list[str]:
    """Keep the valid entries of a list or object; return warnings for the others."""
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
        said = [f"settings: {name}: expected a list; using a list of this one entry"]
    elif isinstance(given, list | tuple):
        values[name] = [entry for entry in given if isinstance(entry, str)]
        said = _said_of_wrong(name, len(given) - len(values[name]))
    else:
        return []
    if name == "excluded":
        bad = [entry for entry in values[name] if not _excludes(entry)]
        said += [f"settings: {name}: {entry!r} is not a pattern; ignored" for entry in bad]
        values[name] = [entry for entry in values[name] if entry not in bad]
    return said


def _said_of_wrong(name: str, number: int) -> list[str]:
    return [f"settings: {name}: {number} of its entries are not strings; ignored"] if number else []


def _excludes(entry: str) -> bool:
    return entry.startswith(("#", "/", ".")) or is_pattern(entry)


def _kind_of(value: object) -> str:
    return {list: "a list", str: "a string", bool: "a boolean"}.get(type(value), "a number")


def _validate(values: Mapping[str, Any]) -> WrittenSettings:
    return WrittenSettings.model_validate(values, by_alias=True, by_name=False)


def _default_of(alias: str) -> object:
    for field in WrittenSettings.model_fields.values():
        if alias == field.alias:
            return field.default
    return None
