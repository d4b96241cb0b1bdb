"""Walk a workspace folder and analyse the files worth searching.

The same walk runs in this process (:func:`crawl_here`) or in one of its own
(:mod:`infill_retrieval.worker`); what it finds is bytes in both cases.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from infill_retrieval.analysis import EMPTY_ANALYSIS, Analysis, analyse, to_bytes
from infill_retrieval.cache import AnalysisCache, text_hash
from infill_retrieval.settings import RetrievalSettings
from infill_retrieval.sources import Source, find_sources, read_source
from infill_retrieval.syntax import Language, language_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the workspace and what is searched of it."""

    source: Source
    data: bytes
    """See :func:`infill_retrieval.analysis.from_bytes`."""


def crawl_here(
    folder: Path,
    settings: RetrievalSettings,
    skip: Collection[str] = (),
    on_analysis: Callable[[str], None] = lambda _: None,
) -> Generator[Found, None, None]:
    """Yield the analysis of each file below ``folder`` but those of the paths ``skip``.

    ``on_analysis`` is told the path of a file before its text is analysed.
    """
    seen: set[str] = set()
    cache = AnalysisCache(settings.cache_folder, folder) if settings.cache_folder else None
    with cache or nullcontext():
        for source in find_sources(folder, settings):
            seen.add(source.path)
            if source.path in skip:
                continue
            data = _find(source, settings, cache, on_analysis)
            if data is not None:
                yield Found(source, data)
        if cache is not None:
            cache.keep_only(seen)


def _find(
    source: Source,
    settings: RetrievalSettings,
    cache: AnalysisCache | None,
    on_analysis: Callable[[str], None],
) -> bytes | None:
    if cache is not None and (data := cache.by_source(source)) is not None:
        return data
    text = read_source(source.path, settings.max_file_bytes)
    if text is None:
        return None
    language = language_of(source.path)
    if cache is None:
        on_analysis(source.path)
        return to_bytes(analyse_safely(language, source.path, text))
    key = text_hash(language.name, text)
    data = cache.by_hash(key)
    if data is None:
        on_analysis(source.path)
        data = to_bytes(analyse_safely(language, source.path, text))
    cache.store(source, key, data)
    return data


def analyse_safely(language: Language, path: str, text: str) -> Analysis:
    """Return the analysis of a text, or an empty one if the text brings it down."""
    try:
        return analyse(language, path, text)
    except Exception as error:  # noqa: BLE001  # one file must never stop a crawl
        log.debug("a file could not be analysed: %s", type(error).__name__)
        return EMPTY_ANALYSIS
