"""Walk a workspace folder and analyse the files worth searching."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infill_retrieval.analysis import EMPTY_ANALYSIS, Analysis, analyse
from infill_retrieval.settings import RetrievalSettings
from infill_retrieval.sources import Source, find_sources, read_source
from infill_retrieval.syntax import Language, language_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the workspace and what is searched of it."""

    source: Source
    analysis: Analysis


def crawl_here(folder: Path, settings: RetrievalSettings) -> Iterator[Found]:
    """Yield the analysis of each file below ``folder``, all in this thread."""
    for source in find_sources(folder, settings):
        text = read_source(source.path, settings.max_file_bytes)
        if text is not None:
            yield Found(source, analyse_safely(language_of(source.path), source.path, text))


def analyse_safely(language: Language, path: str, text: str) -> Analysis:
    """Return the analysis of a text, or an empty one if the text brings it down."""
    try:
        return analyse(language, path, text)
    except Exception as error:  # noqa: BLE001  # one file must never stop a crawl
        log.debug("a file could not be analysed: %s", type(error).__name__)
        return EMPTY_ANALYSIS
