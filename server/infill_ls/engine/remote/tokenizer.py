"""Tokenize with the server's own tokenizer, and find the infilling markers through it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from infill_ls.engine.remote.dialect import Dialect, HttpCall
from infill_ls.engine.remote.spelling import between_markers
from infill_ls.engine.remote.transport import Transport
from infill_ls.errors import RemoteError
from infill_ls.models.fim import FAMILIES, FimFamily, FimTokens

REQUESTS_AT_ONCE = 8
JOINED_CHARS = 32_768
"""About so much text goes into one request."""

# Where tokenizers are known to join a line end with its neighbours.
_LINE_SAMPLES = ("def f():\n    x\n", "{\n\n\n}\n", "f(x);\n\ty\n", "  \n \n", "'a',\n)\r\n")


class ServerTokenizer:
    """Asks a server for tokens; texts go together where that cannot change them.

    Every method raises :class:`~infill_ls.errors.RemoteError`.
    """

    def __init__(self, transport: Transport, dialect: Dialect, model: str) -> None:
        self._transport = transport
        self._dialect = dialect
        self._model = model
        self._bos: tuple[int, ...] = ()
        self._spellings: tuple[str, ...] = ()
        self._newline: int | None = None
        self._sample_ids: tuple[int, ...] = ()
        self._at_once = asyncio.Semaphore(REQUESTS_AT_ONCE)

    @property
    def tokens_stay_in_line(self) -> bool:
        """Whether a text's tokens are those of its lines, as far as samples show it."""
        return self._newline is not None

    async def find_markers(
        self, families: Sequence[FimFamily], name: str
    ) -> tuple[FimTokens, frozenset[int]] | None:
        """Return the markers of the first family that the vocabulary has, or ``None``.

        With them come the ids that end what is written. To be called once, first: it also finds out how the tokenizer treats texts.
        """
        self._bos = await self._find_bos()
        for family in families:
            if family.models and not any(part in name.lower() for part in family.models):
                continue
            found = [await self._special(spelling) for spelling in family.markers]
            markers = [token for token in found if token is not None]
            if len(markers) == len(found):
                self._spellings = (*family.markers, *family.stops)
                await self._look_at_lines()
                self._sample_ids = await self._ask(self._sample(), markers=True)
                return await self._fim_tokens(family, markers)
        return None

    async def is_unchanged(self) -> bool:
        """Tell, with one request, whether a text with all the markers still has the ids that it had."""
        return bool(self._sample_ids) and (
            await self._ask(self._sample(), markers=True) == self._sample_ids
        )

    def _sample(self) -> str:
        return "".join((*self._spellings, *_LINE_SAMPLES))

    async def tokenize(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each text; markers inside a text are plain text."""
        if self._newline is None:
            return list(await asyncio.gather(*map(self._plain, texts)))
        batches = list(_batches(texts))
        found = await asyncio.gather(*(self._joined(batch) for batch in batches))
        return [ids for batch in found for ids in batch]

    async def tokenize_markers(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each text; markers inside are read as such."""
        return [await self._ask(text, markers=True) if text else () for text in texts]

    async def _find_bos(self) -> tuple[int, ...]:
        if self._dialect.adds_bos_unasked:
            return await self._ask("", markers=True, bos=True)
        # Not all servers take an empty text.
        bare = await self._ask("x", markers=False)
        return (await self._ask("x", markers=False, bos=True))[: -len(bare) or None]

    async def _joined(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Tokenize texts in one request, with a line end between them.

        That changes nothing where a line end is a token of its own and nothing is joined with it.
        """
        newlines = sum(text.count("\n") for text in texts) + len(texts) - 1
        lines = _split_at(await self._plain("\n".join(texts)), self._newline)
        if len(lines) != newlines + 1:
            return list(await asyncio.gather(*map(self._plain, texts)))
        found = []
        at = 0
        for text in texts:
            count = text.count("\n") + 1
            mine = lines[at : at + count]
            found.append(_join_with(mine, self._newline))
            at += count
        return found

    async def _plain(self, text: str) -> tuple[int, ...]:
        if not text:
            return ()
        if not self._dialect.reads_markers:
            return await self._ask(text, markers=False)
        pieces = between_markers(text, self._spellings)
        found = await asyncio.gather(*(self._ask(piece, markers=False) for piece in pieces))
        return tuple(token for ids in found for token in ids)

    async def _special(self, spelling: str) -> int | None:
        ids = await self._ask(spelling, markers=True)
        return ids[0] if len(ids) == 1 else None

    async def _look_at_lines(self) -> None:
        newline = await self._ask("\n", markers=False)
        if len(newline) != 1:
            return
        for sample in _LINE_SAMPLES:
            lines = sample.splitlines(keepends=True)
            by_line = [await self._ask(line, markers=False) for line in lines]
            whole = await self._ask(sample, markers=False)
            if whole != tuple(token for ids in by_line for token in ids):
                return
            if whole.count(newline[0]) != sample.count("\n"):
                return
        self._newline = newline[0]

    async def _fim_tokens(
        self, family: FimFamily, markers: Sequence[int]
    ) -> tuple[FimTokens, frozenset[int]]:
        stops = [await self._special(text) for text in family.stops]
        known = (token for token in stops if token is not None)
        fim = FimTokens(
            family=family.name,
            order=family.order,
            prefix=markers[0],
            suffix=markers[1],
            middle=markers[2] if family.middle is not None else None,
            bos=self._bos[0] if self._bos else None,
        )
        return fim, frozenset((*markers, *self._bos[:1], *known))

    async def _ask(self, text: str, *, markers: bool, bos: bool = False) -> tuple[int, ...]:
        call = self._dialect.tokenize(self._model, text, markers=markers, bos=bos)
        if call is None:
            raise RemoteError(
                f"the inference server {self._transport.url} cannot count tokens: set "
                "remoteVocabulary to a GGUF file of the same model; one with the vocabulary alone "
                "is enough",
                is_lasting=True,
            )
        ids = await self._tokens(call)
        unasked = self._dialect.adds_bos_unasked and not bos
        return ids[len(self._bos) :] if unasked else ids

    async def _tokens(self, call: HttpCall) -> tuple[int, ...]:
        async with self._at_once:
            reply = await self._transport.fetch(call)
        return self._transport.read(self._dialect.tokens, reply)


def families_named(name: str) -> tuple[FimFamily, ...]:
    """Return the families to look for: all, or those of one name whatever the model is called."""
    return tuple(family for family in FAMILIES if not name or family.name == name)


def _batches(texts: Sequence[str]) -> Iterable[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > JOINED_CHARS:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _split_at(ids: Sequence[int], newline: int | None) -> list[tuple[int, ...]]:
    lines: list[list[int]] = [[]]
    for token in ids:
        if token == newline:
            lines.append([])
        else:
            lines[-1].append(token)
    return [tuple(line) for line in lines]


def _join_with(lines: Sequence[tuple[int, ...]], newline: int | None) -> tuple[int, ...]:
    assert newline is not None
    joined: list[int] = []
    for index, line in enumerate(lines):
        if index:
            joined.append(newline)
        joined.extend(line)
    return tuple(joined)
