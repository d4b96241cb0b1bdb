"""Languages by LSP language id, by name, by file name."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import PurePath

from infill_retrieval.syntax.language import Language
from infill_retrieval.syntax.language_table import LANGUAGES, PLAIN_TEXT

_BY_NAME = {name: lang for lang in LANGUAGES for name in (lang.name, *lang.aliases)}
_BY_EXTENSION = {ext: lang for lang in LANGUAGES for ext in lang.extensions}
_BY_FILENAME = {name: lang for lang in LANGUAGES for name in lang.filenames}


def language_named(language_id: str) -> Language | None:
    """Return the language with this LSP language id, name or alias, or ``None``."""
    return _BY_NAME.get(language_id.lower())


def language_of(path: str, language_id: str = "") -> Language:
    """Return the language of a document; the editor's ``language_id`` wins over the file name.

    Unknown documents are ``PLAIN_TEXT``, never an error.
    """
    if language_id and (known := language_named(language_id)):
        return known
    return _language_of_name(os.path.basename(path))  # noqa: PTH119  # a hundred times a query


@lru_cache(maxsize=4096)
def _language_of_name(name: str) -> Language:
    suffix = PurePath(name).suffix
    return (
        _BY_FILENAME.get(name)
        or _BY_EXTENSION.get(suffix)
        or _BY_EXTENSION.get(suffix.lower())
        or PLAIN_TEXT
    )


def family_of(language: Language) -> str:
    """Return the group of languages whose files import each other."""
    return language.family or language.name
