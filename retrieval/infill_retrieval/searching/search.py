"""Search for the snippets of a query: candidates, ranking, packing."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from infill_retrieval.files.sources import read_source
from infill_retrieval.indexing.analysis import (
    Details,
    Edited,
    analyse_edited,
    digest_of,
    snippet_lines,
)
from infill_retrieval.indexing.corpus import Corpus
from infill_retrieval.searching.candidate import Candidate
from infill_retrieval.searching.channels import (
    CHANNELS,
    SIMILAR_WINDOWS,
    Pick,
    PlaceFacts,
    Shelf,
    Uses,
    shares_of,
)
from infill_retrieval.searching.cursor import Cursor, read_cursor
from infill_retrieval.searching.modules import ModuleTable
from infill_retrieval.searching.pack import in_stable_order, pack
from infill_retrieval.searching.query import MAX_SCANNED_CHARS, SearchQuery, search_query
from infill_retrieval.searching.related import Related, receiver_types, related_files
from infill_retrieval.searching.type_finder import TypeFinder
from infill_retrieval.settings import RetrievalSettings
from infill_retrieval.syntax import Language, family_of, language_of
from infill_retrieval.types import Channel, CountTokens, Query, Retrieval, Snippet

FILES_KEPT = 256
"""Files whose lines, and whose places of snippets, are kept; a query shows some dozens."""
OUTLINES_KEPT = 8

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class SearchedWorkspace:
    """What is searched. The index changes it, under ``lock``."""

    lock: threading.RLock
    corpus: Corpus
    modules: ModuleTable
    buffer_of: Callable[[str], str | None]
    """Returns the text of an open buffer."""
    boosts_for: Callable[[str], Callable[[str], float]]
    """Returns, for the file being edited, by what the scores of any other are multiplied."""
    edit_boost: Callable[[str, int, int], float]
    """Returns, for lines of a file, by what their scores are multiplied besides."""


class Search:
    """Answers queries, and caches what the next one is likely to need again."""

    def __init__(self, workspace: SearchedWorkspace, settings: RetrievalSettings) -> None:
        self._workspace = workspace
        self._settings = settings
        self._details: _Recent[str, tuple[bytes, Details]] = _Recent(FILES_KEPT)
        self._lines: _Recent[str, tuple[bytes, list[str]]] = _Recent(FILES_KEPT)
        self._edited: _Recent[str, tuple[int, int, Edited]] = _Recent(OUTLINES_KEPT)
        self._last: tuple[str, tuple[Snippet, ...]] = ("", ())

    def retrieve(
        self,
        query: Query,
        budget_tokens: int,
        count_tokens: CountTokens,
        steps_ms: dict[str, float],
    ) -> Retrieval:
        """Return the snippets for ``query``; adds the time of each step to ``steps_ms``."""
        with timed(steps_ms, "query"):
            search = search_query(query)
            text = self._text_of(query)
            own = self._edited_text(query, text)
            cursor = read_cursor(
                query.prefix[-MAX_SCANNED_CHARS:],
                before_names=language_of(query.path, query.language_id).types_before_names,
            )
        with timed(steps_ms, "rank"):
            with self._workspace.lock:
                picks = self._picks(query, search, cursor, own, budget_tokens)
                found = {
                    pick.key: self._named(pick.key) for picked in picks.values() for pick in picked
                }
                last = self._last[1] if self._last[0] == query.path else ()
            candidates = {
                channel: [
                    c
                    for pick in picked
                    if (
                        c := self._cut_own(pick, own, text, found[pick.key][0])
                        if pick.key == query.path
                        else self._cut(pick, *found[pick.key])
                    )
                    is not None
                ]
                for channel, picked in picks.items()
            }
        with timed(steps_ms, "pack"):
            packed = pack(
                candidates,
                budget_tokens,
                _timing(count_tokens, steps_ms),
                shares_of(candidates),
                search.visible,
            )
            snippets = in_stable_order(packed.snippets, last)
        self._last = query.path, snippets
        steps_ms["pack"] -= steps_ms.get("tokenize", 0.0)
        tokens = sum(snippet.tokens for snippet in snippets)
        return Retrieval(snippets, tokens, packed.considered, steps_ms, budget_tokens)

    def _picks(
        self,
        query: Query,
        search: SearchQuery,
        cursor: Cursor,
        own: Edited,
        budget_tokens: int,
    ) -> dict[Channel, list[Pick]]:
        workspace, modules = self._workspace, self._workspace.modules
        language = language_of(query.path, query.language_id)
        related = related_files(
            own.details.outline, query.path, language, modules, self._details_of, search
        )
        finder = TypeFinder(
            query.path,
            language,
            own.details,
            modules,
            self._details_of,
            related,
            cursor,
            query.prefix[-MAX_SCANNED_CHARS:],
            query.suffix[:MAX_SCANNED_CHARS],
        )
        uses = Uses(finder.receiver_members(), finder.called(), finder.overridden())
        family = family_of(language)
        for name, path in receiver_types(
            search, lambda folded: modules.types_called(folded, query.path)
        ):
            if family_of(language_of(path)) == family:
                related.setdefault(path, Related()).receivers.add(name)
        if not search.terms and not related and not uses:
            return {}
        ranking = workspace.corpus.declarations.rank(search.terms)
        shelf = Shelf(
            self._details_of,
            workspace.boosts_for(query.path),
            lambda path: workspace.corpus.declaration_scores(ranking, path),
            workspace.edit_boost,
        )
        windows = workspace.corpus.windows.rank(search.terms)
        found = PlaceFacts(
            path=query.path,
            own=own.details,
            far=self._far(query.path, language, own, search.visible),
            budget_tokens=budget_tokens,
            related=related,
            uses=uses,
            cursor=cursor,
            partial=search.partial,
            declarations=ranking,
            words=search.words,
            mentions=windows.mentions(SIMILAR_WINDOWS, {query.path}),
            windows=windows,
            shelf=shelf,
        )
        return {rule.channel: rule.pick(found)[: rule.most] for rule in CHANNELS}

    def _named(self, path: str) -> tuple[str, bytes]:
        source = self._workspace.corpus.source_of(path)
        if source is None:
            return path.rpartition("/")[2], b""  # the file being edited may not be indexed
        return source.name, self._workspace.corpus.digest_of(path)

    def _details_of(self, path: str) -> Details | None:
        corpus = self._workspace.corpus
        if path not in corpus:
            return None
        digest = corpus.digest_of(path)
        known = self._details.get(path)
        if known is not None and known[0] == digest:
            return known[1]
        details = corpus.details_of(path)
        if details is not None:
            self._details.put(path, (digest, details))
        return details

    def _cut(self, pick: Pick, name: str, digest: bytes) -> Candidate | None:
        """Return a candidate with its text, unless the file has another text by now."""
        known = self._lines.get(pick.key)
        if known is None or known[0] != digest:
            text = self._workspace.buffer_of(pick.key)
            if text is None:
                text = read_source(pick.key, self._settings.max_file_bytes)
            if text is None or digest_of(text) != digest:
                return None
            known = digest, snippet_lines(text, pick.details)
            self._lines.put(pick.key, known)
        return pick.cut(name, known[1])

    def _cut_own(self, pick: Pick, own: Edited, text: str, name: str) -> Candidate | None:
        """Return a candidate of the file being edited, unless the line has changed by now."""
        line = own.lines[pick.details.declaration(pick.number).first_line]
        return pick.cut(name, own.lines) if line and line in text else None

    def _far(
        self, path: str, language: Language, own: Edited, visible: frozenset[str]
    ) -> frozenset[int]:
        """Return the declarations of the file being edited that the prompt does not show anyway."""
        if language_of(path) is not language:
            return frozenset()  # a region or a cell: the file is of another language
        return frozenset(
            number
            for number, one in enumerate(own.details.outline.declarations)
            if own.lines[one.first_line].strip() not in visible
        )

    def prepare(self, query: Query) -> None:
        """Look at all of the file being edited, so that the next query for it need not."""
        text = self._text_of(query)
        known = self._edited.get(query.path)
        if known is None or known[1] != hash(text):
            self._look_at(query, text, _mark_of(language_of(query.path, query.language_id), text))

    def _edited_text(self, query: Query, text: str) -> Edited:
        """Return what the file being edited has, parsed again only if its imports may differ.

        A declaration that is new in it is known after the next :meth:`prepare`.
        """
        mark = _mark_of(language_of(query.path, query.language_id), text)
        known = self._edited.get(query.path)
        if known is not None and known[0] == mark:
            return known[2]
        return self._look_at(query, text, mark)

    def _look_at(self, query: Query, text: str, mark: int) -> Edited:
        edited = analyse_edited(language_of(query.path, query.language_id), query.path, text)
        self._edited.put(query.path, (mark, hash(text), edited))
        return edited

    def _text_of(self, query: Query) -> str:
        text = self._workspace.buffer_of(query.path)
        if text is None:
            text = query.prefix + query.suffix
        if len(text) > self._settings.max_file_bytes:
            text = text[: self._settings.max_file_bytes // 4]
        return text


class _Recent(Generic[_Key, _Value]):
    """The values that were used last; any thread may ask."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[_Key, _Value] = OrderedDict()

    def get(self, key: _Key) -> _Value | None:
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: _Key, value: _Value) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._size:
                self._values.popitem(last=False)


_IMPORT = re.compile(
    r"\b(?:import|from|include|require\w*|use|using|package|namespace|alias|mod|export|source|"
    r"library)\b[^\n({]*(?:[({][^)}]*)?"
)


def _mark_of(language: Language, text: str) -> int:
    """Return a mark that is the same while what may be imports is, in some language."""
    return hash((language.name, *_IMPORT.findall(text)))


def _timing(count_tokens: CountTokens, steps_ms: dict[str, float]) -> CountTokens:
    """Return ``count_tokens`` with its time as a step of its own."""

    def count(texts: Sequence[str]) -> list[int]:
        with timed(steps_ms, "tokenize"):
            return count_tokens(texts)

    return count


@contextmanager
def timed(steps_ms: dict[str, float], step: str) -> Iterator[None]:
    """Add the time that the body takes to ``step``."""
    started = time.perf_counter()
    yield
    steps_ms[step] = steps_ms.get(step, 0.0) + (time.perf_counter() - started) * 1000
