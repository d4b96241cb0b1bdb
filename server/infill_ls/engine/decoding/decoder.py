"""The decoding loop: from token ids to text.

It reuses the KV cache, heals the typed fragment, verifies drafts in one batch, obeys a stop rule
and gives up within one step when cancelled. Pure of llama.cpp: it drives anything that looks like
:class:`TokenModel`, so its behaviour is tested without a model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from infill_ls.engine.decoding.chunks import background_chunk_tokens
from infill_ls.engine.decoding.draft import Drafter
from infill_ls.engine.decoding.kv_tree import Branch, KvTree, SequenceStore
from infill_ls.engine.decoding.run import DecodingTask, NextToken, Run, ms_since
from infill_ls.engine.decoding.vocabulary import Vocabulary
from infill_ls.types import Completion, OnWritten, Sampling, StopReason
from infill_retrieval.syntax import TreeCache

Logits = npt.NDArray[np.float32]

CALM_CHUNKS = 16
"""Small chunks of a long answer's prompt after others were let first: whoever types goes on typing."""
PREFILL_CHUNK_TOKENS = 64
"""Tokens decoded between two looks at the cancel flag. A cancelled prefill keeps its chunks, and is
not interrupted within one: the request that supersedes it mostly needs the very same tokens."""
UNCERTAIN_MARGIN = 0.5
"""Logits from a batch differ from those of a single step: llama.cpp rounds activations in another
order there, and 4-bit kernels magnify that (0.5 seen between the two best tokens). Where these are
closer, a draft is not trusted but decoded again by itself."""


MakeWay = Callable[[], bool]
"""Has others served that come first, with the same decoder; tells whether there were any."""


class Cancelled(Exception):  # noqa: N818 - an outcome, not an error
    """The request was cancelled; what was decoded stays in the KV cache."""


class Sampler(Protocol):
    """Chooses a token at random, in C."""

    def sample(self, index: int) -> int:
        """Return a token for the logits at ``index`` of the last batch."""

    def close(self) -> None:
        """Free its memory."""


class TokenModel(SequenceStore, Protocol):
    """A context that holds several sequences of decoded tokens."""

    @property
    def context_tokens(self) -> int:
        """How many tokens one prompt and its completion may have."""

    def decode(
        self,
        sequence: int,
        position: int,
        token_ids: Sequence[int],
        *,
        all_logits: bool,
        interruptible: bool,
    ) -> None:
        """Append tokens to ``sequence``, which holds ``position`` tokens.

        Keeps the logits after each token, or after the last one only. If ``interruptible`` it may
        raise :class:`Cancelled`, and has then appended nothing.
        """

    def logits(self, index: int) -> Logits:
        """Return the logits at an index of the last batch: a view, valid until the next decode."""

    def sampler(self, sampling: Sampling) -> Sampler:
        """Return a sampler; only asked for if ``sampling`` is not greedy."""


class Decoder:
    """Runs tasks, one at a time, on one model."""

    def __init__(
        self,
        model: TokenModel,
        tree: KvTree,
        vocabulary: Vocabulary,
        drafter: Drafter,
        stop_ids: frozenset[int],
        *,
        prefill_chunk_tokens: int = PREFILL_CHUNK_TOKENS,
    ) -> None:
        self._model = model
        self._prefill_chunk_tokens = prefill_chunk_tokens
        self._tree = tree
        self._vocabulary = vocabulary
        self._drafter = drafter
        self._stop_ids = stop_ids
        self._trees = TreeCache()
        self._model_ms = 0.0
        """Time spent in the model since the request began."""
        self.reads_until = 0
        """The position behind the chunk of a prompt that is being read, or was last."""

    def read_in_chunks_of(self, tokens: int) -> None:
        """Set the size of prefill chunks, in tokens."""
        self._prefill_chunk_tokens = tokens

    def prefill(
        self,
        token_ids: Sequence[int],
        is_cancelled: Callable[[], bool],
        *,
        room: int = 0,
        anchor_tokens: int | None = None,
        document: str = "",
        chunk_tokens: int = 0,
        interruptible: bool = False,
        make_way: MakeWay | None = None,
        shared_chunk_tokens: int = 0,
    ) -> tuple[Branch, int]:
        """Make a branch hold exactly ``token_ids``; return it and how many it already held.

        With ``chunk_tokens`` 0 it is done in the chunks of a request. With ``make_way`` an interrupt
        loses the chunk under way and lets others go first; for a while after that chunks are of
        ``shared_chunk_tokens`` (unless 0), so that there is some progress between two keys. If it is
        ``interruptible``, ``chunk_tokens`` are those of the first chunk.
        Raises :class:`Cancelled`, and ``ValueError`` for a prompt larger than the cache.
        """
        anchor = len(token_ids) if anchor_tokens is None else anchor_tokens
        branch, reused = self._tree.take(token_ids, anchor, room, document)
        size = chunk_tokens or self._prefill_chunk_tokens
        start, calm = reused, CALM_CHUNKS
        while start < len(token_ids):
            model_ms = self._model_ms
            if make_way is not None and make_way():
                self._model_ms = model_ms
                branch, start = self._tree.take(token_ids, anchor, room, document)
                calm = 0
                continue
            now = min(size, shared_chunk_tokens or size) if calm < CALM_CHUNKS else size
            if interruptible:
                now = background_chunk_tokens(size, start - reused)
            self.reads_until = min(start + now, len(token_ids))
            if is_cancelled():
                raise Cancelled
            may_stop = interruptible or make_way is not None
            try:
                self._append(branch, token_ids[start : start + now], interruptible=may_stop)
            except Cancelled:
                if make_way is None or is_cancelled():
                    raise
            else:
                start, calm = start + now, calm + 1
        return branch, reused

    def warm(
        self,
        token_ids: Sequence[int],
        is_cancelled: Callable[[], bool],
        chunk_tokens: int,
        document: str = "",
        anchor_tokens: int | None = None,
    ) -> None:
        """Decode a prompt in the background, in chunks that may be interrupted and grow from ``chunk_tokens`` on.

        Raises what :meth:`prefill` raises.
        """
        self.prefill(
            token_ids,
            is_cancelled,
            anchor_tokens=anchor_tokens,
            document=document,
            chunk_tokens=chunk_tokens,
            interruptible=True,
        )

    def complete(
        self,
        task: DecodingTask,
        is_cancelled: Callable[[], bool],
        on_written: OnWritten = lambda _: None,
        make_way: MakeWay | None = None,
        shared_chunk_tokens: int = 0,
    ) -> list[Completion]:
        """Return up to ``task.candidates`` different completions, the most likely first.

        ``on_written`` hears of each token of the first one; ``make_way`` is called between two
        tokens of that, between two chunks of the prompt (see :meth:`prefill` for their size), and
        when the model was interrupted in one of them, which is then done again.
        Raises what :meth:`prefill` raises.
        """
        started = time.perf_counter()
        self._model_ms = 0.0
        if len(task.token_ids) >= self._model.context_tokens:
            raise ValueError(
                f"{len(task.token_ids)} tokens do not fit into a context of "
                f"{self._model.context_tokens}"
            )
        limit = min(task.stop.max_tokens, self._model.context_tokens - len(task.token_ids))
        branch, reused = self.prefill(
            task.token_ids,
            is_cancelled,
            room=limit,
            anchor_tokens=task.anchor_tokens,
            document=task.document,
            make_way=make_way,
            shared_chunk_tokens=shared_chunk_tokens,
        )
        prefill_ms = ms_since(started)
        sampler = None if task.sampling.is_greedy else self._model.sampler(task.sampling)
        try:
            firsts = self._first_choices(task, sampler)
            forks = self._tree.fork(branch, len(firsts) - 1, limit)
            completions = []
            for choice, fork in zip(firsts, [branch, *forks], strict=False):
                self._drafter.begin(task.token_ids, task.anchor_tokens)
                run = Run(
                    task, self._trees, limit, len(task.token_ids) - reused, reused, prefill_ms
                )
                listeners = (on_written, make_way) if fork is branch else None
                self._write(run, fork, choice, sampler, is_cancelled, listeners)
                completions.append(run.completion(self._model_ms))
        finally:
            if sampler is not None:
                sampler.close()
        distinct = {completion.text: completion for completion in reversed(completions)}
        return sorted(distinct.values(), key=lambda c: c.mean_logprob, reverse=True)

    def _write(
        self,
        run: Run,
        branch: Branch,
        choice: NextToken | None,
        sampler: Sampler | None,
        is_cancelled: Callable[[], bool],
        listeners: tuple[OnWritten, MakeWay | None] | None,
    ) -> None:
        """Write from ``choice`` on until a rule stops it.

        Invariant at the head of the loop: the branch holds the prompt and all that ``run`` has
        taken; ``choice`` comes next and is not decoded yet.
        """
        while True:
            if choice is None:
                return run.finish(StopReason.STUCK)
            reason = run.take(choice, self._vocabulary, self._stop_ids)
            if reason is not None:
                return run.finish(reason)
            make_way = None
            if listeners is not None:
                on_written, make_way = listeners
                on_written(run.written())
                branch = self._make_way(run, branch, make_way, is_cancelled)
            if is_cancelled():
                raise Cancelled
            started = time.perf_counter()
            branch, draft = self._step(run, branch, choice, make_way, is_cancelled)
            held = len(branch.tokens) - 1 - len(draft)
            accepted = 0
            while True:
                choice = self._choose(accepted if draft else -1, run.required, sampler)
                if accepted == len(draft) or choice is None:
                    break
                if sampler is None and self._is_uncertain(accepted):
                    choice = self._decode_again(branch, held + accepted)
                    break
                if choice.token != draft[accepted]:
                    break
                reason = run.take(choice, self._vocabulary, self._stop_ids)
                if reason is not None:
                    break
                self._drafter.add([choice.token])
                accepted += 1
            if draft:
                run.drafted += len(draft)
                run.accepted += accepted
                self._tree.truncate(branch, held + 1 + accepted)
            self._drafter.learn(len(draft), accepted, ms_since(started))
            if reason is not None:
                return run.finish(reason)

    def _step(
        self,
        run: Run,
        branch: Branch,
        choice: NextToken,
        make_way: MakeWay | None,
        is_cancelled: Callable[[], bool],
    ) -> tuple[Branch, list[int]]:
        """Decode the chosen token and a draft; return the branch that holds them, and the draft."""
        while True:
            draft = [] if run.required else self._drafter.propose(choice.token, run.tokens_left - 1)
            tokens = [choice.token, *draft]
            try:
                self._append(branch, tokens, all_logits=bool(draft), interruptible=True)
            except Cancelled:
                if make_way is None or is_cancelled():
                    raise
                branch = self._make_way(run, branch, make_way, is_cancelled)
                if is_cancelled():
                    raise
            else:
                self._drafter.add([choice.token])
                return branch, draft

    def _make_way(
        self,
        run: Run,
        branch: Branch,
        make_way: MakeWay | None,
        is_cancelled: Callable[[], bool],
    ) -> Branch:
        """Let others go first if there are any, then return a branch that holds the same tokens."""
        held, anchor, document = tuple(branch.tokens), branch.anchor_tokens, branch.document
        started, model_ms = time.perf_counter(), self._model_ms
        if make_way is None or not make_way():
            return branch
        run.paused(ms_since(started))
        self._model_ms = model_ms
        branch, _ = self.prefill(
            held,
            is_cancelled,
            room=run.tokens_left + 1,
            anchor_tokens=anchor,
            document=document,
            make_way=make_way,
        )
        self._drafter.begin(held, anchor)
        return branch

    def _first_choices(self, task: DecodingTask, sampler: Sampler | None) -> list[NextToken | None]:
        """Return the first tokens to go on with: the best one, and for more candidates the next."""
        best = self._choose(-1, task.fragment, sampler)
        if task.candidates == 1 or best is None:
            return [best]
        logits = self._model.logits(-1)
        ids = self._vocabulary.allowed(task.fragment) if task.fragment else np.arange(len(logits))
        ranked = ids[np.argsort(-logits[ids])][: task.candidates + len(self._stop_ids)]
        others = [
            int(token)
            for token in ranked
            if token != best.token and int(token) not in self._stop_ids
        ]
        more = [
            NextToken(token, _logprob(logits, token, logits.max()))
            for token in others[: task.candidates - 1]
        ]
        return [best, *more]

    def _choose(self, index: int, required: bytes, sampler: Sampler | None) -> NextToken | None:
        """Return the next token: the most likely, or a random one; always as ``required`` has it."""
        logits = self._model.logits(index)
        if required:
            allowed = self._vocabulary.allowed(required)
            if not allowed.size:
                return None
            # Probability among the tokens that may come: what the user typed is no doubt of ours.
            logits = logits[allowed]
            best = int(np.argmax(logits))
            return NextToken(int(allowed[best]), _logprob(logits, best, logits[best]))
        best = int(logits.argmax())
        token = best if sampler is None else sampler.sample(index)
        return NextToken(token, _logprob(logits, token, logits[best]))

    def _is_uncertain(self, index: int) -> bool:
        logits = self._model.logits(index)
        best = int(np.argmax(logits))
        top = logits[best]
        logits[best] = -np.inf  # for one look: half the time of a copy
        second = logits.max()
        logits[best] = top
        return bool(top - second < UNCERTAIN_MARGIN)

    def _decode_again(self, branch: Branch, position: int) -> NextToken | None:
        """Decode the token at ``position`` by itself and return its successor."""
        token = branch.tokens[position]
        self._tree.truncate(branch, position)
        self._append(branch, [token])
        return self._choose(-1, b"", None)

    def _append(
        self,
        branch: Branch,
        token_ids: Sequence[int],
        *,
        all_logits: bool = False,
        interruptible: bool = False,
    ) -> None:
        started = time.perf_counter()
        try:
            self._model.decode(
                branch.id,
                len(branch.tokens),
                token_ids,
                all_logits=all_logits,
                interruptible=interruptible,
            )
        except Cancelled:
            raise
        except BaseException:
            self._tree.clear()  # how much of the batch went in is unknown
            raise
        self._model_ms += ms_since(started)
        self._tree.append(branch, token_ids)


def _logprob(logits: Logits, token: int, largest: np.float32) -> float:
    """Return the natural log of the token's softmax probability."""
    shifted = logits - largest
    np.exp(shifted, out=shifted)
    return float(logits[token] - largest) - math.log(np.add.reduce(shifted))
