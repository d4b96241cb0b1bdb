"""Keep the snippets of a place unchanged, so that the prompt stays in the KV cache.

A change of another file casts doubt on them. The next request searches again, and what was held
stays unless the new result differs in a file that has changed: ranking is relative, so that an
edit anywhere shifts the scores of all, and another order or a marginal snippet in place of another
is not worth computing the prompt again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import PurePath

from infill_retrieval import Retrieval

HELD_SEARCHES = 8


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """The place that a search is for; equal places have equal prompts, except for typed text."""

    uri: str
    prefix: str
    below: str
    budget_tokens: int


@dataclass(slots=True)
class _Held:
    found: Retrieval
    changed: list[str] = field(default_factory=list)
    """Files that have changed since, as absolute paths with ``/``."""
    all_changed: bool = False

    @property
    def is_doubtful(self) -> bool:
        return self.all_changed or bool(self.changed)

    def has_changed(self, snippet_path: str) -> bool:
        """Tell whether a file has changed, by the path that the prompt shows of it."""
        return self.all_changed or any(
            path == snippet_path or path.endswith(f"/{snippet_path}") for path in self.changed
        )


class HeldSnippets:
    """The results of one pipeline's searches, the least recently used go first."""

    def __init__(self) -> None:
        self._held: OrderedDict[SearchPlace, _Held] = OrderedDict()

    def get(self, place: SearchPlace) -> Retrieval | None:
        """Return the held snippets, or ``None`` if a search is needed."""
        held = self._held.get(place)
        if held is None or held.is_doubtful:
            return None
        self._held.move_to_end(place)
        return held.found

    def doubtful(self, place: SearchPlace) -> Retrieval | None:
        """Return the held snippets even if a file has changed since, or ``None``."""
        held = self._held.get(place)
        return held.found if held is not None and held.is_doubtful else None

    def settle(self, place: SearchPlace, found: Retrieval) -> Retrieval:
        """Take the result of a new search; return which to use, it or the one that was held."""
        found = self.choose(place, found)
        self.keep(place, found)
        return found

    def choose(self, place: SearchPlace, found: Retrieval) -> Retrieval:
        """Return which to use, the result of a new search or what was held."""
        held = self._held.get(place)
        return found if held is None or _differs_in_a_changed_file(held, found) else held.found

    def keep(self, place: SearchPlace, found: Retrieval) -> None:
        """Hold this from now on."""
        self._held[place] = _Held(found)
        self._held.move_to_end(place)
        while len(self._held) > HELD_SEARCHES:
            self._held.popitem(last=False)

    def doubt(self, uri: str, path: PurePath) -> None:
        """Note that a document has changed. Nothing of itself is ever found for it."""
        changed = path.as_posix()
        for place, held in self._held.items():
            if place.uri != uri and changed not in held.changed:
                held.changed.append(changed)

    def doubt_all(self) -> None:
        """Note that any file may have changed."""
        for held in self._held.values():
            held.all_changed = True


def _differs_in_a_changed_file(held: _Held, found: Retrieval) -> bool:
    before = {(snippet.path, snippet.text) for snippet in held.found.snippets}
    now = {(snippet.path, snippet.text) for snippet in found.snippets}
    return any(held.has_changed(path) for path, _ in before ^ now)
