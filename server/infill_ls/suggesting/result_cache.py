"""Cache of results: answers computed before, and text that is being typed through."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from infill_ls.document.lines import with_lf
from infill_ls.suggesting.fit import is_closing
from infill_ls.types import Completion, Prompt, Sampling, Snapshot, StopRule, Suggestion

CACHED_RESULTS = 128
DOCUMENTS = 16
MOST_CLOSERS = 16
"""Marks that an editor puts right of the cursor while a suggestion is typed."""


@dataclass(frozen=True, slots=True)
class ResultKey:
    """Everything that a completion depends on, beside the model."""

    token_ids: tuple[int, ...]
    fragment: str
    stop: StopRule
    sampling: Sampling
    candidates: int

    @classmethod
    def of(cls, prompt: Prompt, stop: StopRule, sampling: Sampling, candidates: int) -> ResultKey:
        """Return the key of a call of the engine."""
        return cls(prompt.token_ids, prompt.fragment, stop, sampling, candidates)


class ResultCache:
    """The completions of one engine, the least recently used go first."""

    def __init__(self) -> None:
        self._results: OrderedDict[ResultKey, tuple[Completion, ...]] = OrderedDict()

    def get(self, key: ResultKey) -> tuple[Completion, ...] | None:
        """Return the completions of an equal call, or ``None``."""
        found = self._results.get(key)
        if found is not None:
            self._results.move_to_end(key)
        return found

    def put(self, key: ResultKey, completions: tuple[Completion, ...]) -> None:
        """Remember the completions of a call."""
        self._results[key] = completions
        while len(self._results) > CACHED_RESULTS:
            self._results.popitem(last=False)


def typed_since(before: Snapshot, now: Snapshot) -> str | None:
    """Return the text that was put at the cursor, if that is all that has changed."""
    start, end = before.offset, now.offset
    is_all = (
        before.uri == now.uri
        and end >= start
        and len(now.text) - len(before.text) == end - start
        and now.text[:start] == before.text[:start]
        and now.text[end:] == before.text[start:]
    )
    return with_lf(now.text[start:end]) if is_all else None


class ShownSuggestions:
    """The suggestion last shown in each document."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, tuple[Snapshot, Suggestion]] = OrderedDict()

    def remember(self, snapshot: Snapshot, suggestion: Suggestion | None) -> None:
        """Remember the suggestion shown at the snapshot's cursor."""
        if suggestion is None:
            self._shown.pop(snapshot.uri, None)
            return
        self._shown[snapshot.uri] = (snapshot, suggestion)
        self._shown.move_to_end(snapshot.uri)
        while len(self._shown) > DOCUMENTS:
            self._shown.popitem(last=False)

    def rest_after_typing(self, snapshot: Snapshot) -> Suggestion | None:
        """Return the rest of the suggestion, if the user did nothing but type its beginning.

        Meanwhile the editor may have put closing marks right of the cursor, or taken away those
        that were typed over: as long as the rest still closes what stands there now.
        """
        if snapshot.uri not in self._shown:
            return None
        before, suggestion = self._shown[snapshot.uri]
        start, end = before.offset, snapshot.offset
        typed = with_lf(snapshot.text[start:end])
        behind = before.text[start + suggestion.replaced :]
        closers = snapshot.text[end : len(snapshot.text) - len(behind)]
        rest = suggestion.after(typed)
        unchanged = (
            end >= start
            and rest is not None
            and rest.text.strip()
            and len(snapshot.text) - end >= len(behind)
            and len(closers) <= MOST_CLOSERS
            and is_closing(closers)
            and snapshot.text[:start] == before.text[:start]
            and snapshot.text.endswith(behind)
            and _is_subsequence(closers, rest.text)
        )
        if not unchanged or rest is None:
            return None
        if not closers:
            return Suggestion(rest.text)
        if suggestion.replaced and rest.inserted:
            return Suggestion(rest.text, len(closers), rest.inserted)
        return Suggestion(rest.text, len(closers), rest.text.partition(closers[0])[0])


def _is_subsequence(short: str, text: str) -> bool:
    rest = iter(text)
    return all(char in rest for char in short)
