"""Gather what every feature needs before it asks a model: token counts, budgets, snippets.

One for each engine. A feature has its own pipeline on it (:mod:`infill_ls.pipeline` is that of
completions), so that two features at one place share what was tokenized and found.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import PurePath

from infill_ls.engine import Engine, EngineInfo
from infill_ls.prompting.budgets import Budgets, budgets_for
from infill_ls.prompting.held_snippets import HeldSnippets, SearchPlace
from infill_ls.prompting.tokens import LineTokenizer
from infill_ls.settings import Settings
from infill_ls.types import Hole, Snapshot, Trigger
from infill_retrieval import NO_SNIPPETS, CountTokens, Query, Retrieval

log = logging.getLogger(__name__)

Retrieve = Callable[[Query, int, CountTokens], Retrieval]

SOON_S = 0.1
"""A prompt that is read within so long is made with what other files hold at this moment. Any other
is made with what they held before, and read anew in the background."""
COUNT_TIMEOUT_S = 10.0
"""Only reached if the loop is shut down while a worker thread counts."""
SEARCH_LIMIT_S = 15.0
"""A search that takes longer is not waited for: it may read a file on a network that has gone."""


class Gathering:
    """Tokenizes, measures and searches for one engine, and remembers what it found."""

    def __init__(self, engine: Engine, retrieve: Retrieve, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self._retrieve = retrieve
        self._searches = HeldSnippets()
        self._stuck: asyncio.Future[Retrieval] | None = None
        """A search that hangs; it has a thread, and no other one is to get stuck beside it."""
        self._budgets: tuple[EngineInfo, Budgets] | None = None
        """What was worked out last, and for which model: each request asks three times."""
        self.tokenizer = LineTokenizer(engine)

    async def model(self) -> EngineInfo:
        """Return the facts of the model, loading it first if necessary."""
        return await self.engine.start()

    async def budgets(self) -> Budgets:
        """Return how many tokens the parts of a prompt may have with this model."""
        info = await self.engine.start()
        if self._budgets is None or self._budgets[0] is not info:
            self._budgets = info, budgets_for(self.settings, info)
        return self._budgets[1]

    async def search(self, snapshot: Snapshot, hole: Hole) -> Retrieval:
        """Return the snippets for a place: those that are held for it, or new ones."""
        place = await self._place(snapshot, hole)
        if place.budget_tokens <= 0:
            return NO_SNIPPETS
        if (held := self._searches.get(place)) is not None:
            return held
        former = self._searches.doubtful(place)
        if former is not None and snapshot.trigger is Trigger.AUTOMATIC and self._reads_slowly():
            return former
        return self._searches.settle(place, await self._find(snapshot, hole, place))

    async def search_if_doubtful(self, snapshot: Snapshot, hole: Hole) -> Retrieval | None:
        """Search again for a place if another file has changed, and return what to use from now on.

        It is used only after :meth:`use`. ``None`` if nothing has changed.
        """
        place = await self._place(snapshot, hole)
        if self._searches.doubtful(place) is None:
            return None
        return self._searches.choose(place, await self._find(snapshot, hole, place))

    async def use(self, snapshot: Snapshot, hole: Hole, found: Retrieval) -> None:
        """Hold what :meth:`search_if_doubtful` has found."""
        self._searches.keep(await self._place(snapshot, hole), found)

    def doubt(self, uri: str, path: PurePath) -> None:
        """Search again where another document's snippets are held, as this one has changed."""
        self._searches.doubt(uri, path)

    def doubt_all(self) -> None:
        """Search again everywhere."""
        self._searches.doubt_all()

    async def _place(self, snapshot: Snapshot, hole: Hole) -> SearchPlace:
        # What is typed may say what is needed (the name before a dot), but the snippets are held
        # while it grows: another set would cost the KV cache.
        budget = (await self.budgets()).snippet_tokens
        return SearchPlace(snapshot.uri, hole.prefix, hole.below, budget)

    def _reads_slowly(self) -> bool:
        """Tell whether a whole prefill takes noticeably long but can be done between keys."""
        settings, info = self.settings, self.engine.info
        tokens = (
            settings.prompt.prefix_tokens
            + settings.prompt.suffix_tokens
            + settings.prompt.snippet_tokens
        )
        speed = info.prefill_tokens_per_s if info is not None else 0.0
        return settings.unasked.think_ahead and 0 < speed < tokens / SOON_S

    async def _find(self, snapshot: Snapshot, hole: Hole, place: SearchPlace) -> Retrieval:
        before_tokens, after_tokens = (await self.budgets()).beside(place.budget_tokens)
        query = Query(
            path=snapshot.path,
            language_id=hole.language.name
            if hole.region_before is not None
            else snapshot.language_id,
            prefix=hole.prefix + hole.typed,
            suffix=hole.line_tail + hole.below,
            shown_before_tokens=before_tokens,
            shown_after_tokens=after_tokens,
        )
        loop = asyncio.get_running_loop()

        def count_tokens(texts: Sequence[str]) -> list[int]:
            # Called in the worker thread; the tokenizer lives on the loop.
            counting = asyncio.run_coroutine_threadsafe(self.tokenizer.count(texts), loop)
            return counting.result(COUNT_TIMEOUT_S)

        if self._stuck is not None and not self._stuck.done():
            return NO_SNIPPETS
        search = asyncio.ensure_future(
            asyncio.to_thread(self._retrieve, query, place.budget_tokens, count_tokens)
        )
        try:
            in_time, _ = await asyncio.wait({search}, timeout=SEARCH_LIMIT_S)
        except asyncio.CancelledError:
            search.cancel()
            raise
        if not in_time:
            log.warning("a search for snippets hangs; until it ends, prompts have none")
            self._stuck = search
            search.add_done_callback(lambda late: late.cancelled() or late.exception())
            return NO_SNIPPETS
        return search.result()
