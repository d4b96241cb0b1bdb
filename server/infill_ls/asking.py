"""The stages from an instruction to one edit, as ``pipeline`` has those of a completion.

No LSP and no state. A model that follows instructions answers (:meth:`Asking.ask`), or, where there is
none, the one that fills in writes a body in place (:meth:`Asking.fill`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from infill_ls.document.cut import cut
from infill_ls.engine import CompletionRequest, EngineInfo, Priority
from infill_ls.engine.chat_form import ChatForm, chat_form
from infill_ls.errors import ModelError
from infill_ls.gathering import Gathering
from infill_ls.instruct.answer import ParsedAnswer, read_answer
from infill_ls.instruct.changes import DocumentEdit
from infill_ls.instruct.edit import (
    appended_tests,
    body_change,
    code_of_tests,
    edit_of,
    has_enough,
)
from infill_ls.instruct.gates import check
from infill_ls.instruct.indentation import dedented
from infill_ls.instruct.place import InstructionPlace, find_place
from infill_ls.instruct.prompt import SYSTEM, context_of, request_of
from infill_ls.instruct.task import AnswerRefusedError, NothingToDoError, OutlineUse, Task
from infill_ls.pipeline import Pipeline
from infill_ls.prompting.budgets import answer_tokens
from infill_ls.prompting.redact import redact
from infill_ls.suggesting.ranking import rank
from infill_ls.suggesting.stopping import stop_rule
from infill_ls.types import (
    Completion,
    Conversation,
    Hole,
    Mode,
    Prompt,
    PromptPart,
    Snapshot,
    StopReason,
    StopRule,
    Trigger,
    Written,
)
from infill_retrieval.secrets.judgement import is_bare, secret_lines

MANY_LINES = 10_000
AGAIN_TEMPERATURE = 0.6
"""For a further answer: without chance it would be the same."""
FILLED_TOKENS = 512
"""The longest body that is filled in place: a model that fills in loses its way in longer ones."""
FILLED_IN_PLACE = (
    "written by the completion model, because no instruct model is set: a good guess from the name, the "
    "documentation and the project (setting instructModel)"
)


@dataclass(frozen=True, slots=True)
class TestsFile:
    """The file that tests go to."""

    name: str
    """As the prompt shows it."""
    text: str
    manner: str
    """How the project's tests look."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction. ``snapshot.offset`` is where the selection starts."""

    snapshot: Snapshot
    end: int
    task: Task
    instruction: str = ""
    tests: TestsFile | None = None
    attempt: int = 0
    """How often the same was asked for before: a further answer is another one, chosen by chance."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What there is of an answer that is being written."""

    outline: str
    code_lines: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of an instruction: an edit of the document or of the file of tests, or words."""

    edit: DocumentEdit | None
    words: str = ""
    note: str = ""
    """What the user is to know of it."""


OnProgress = Callable[[Progress], None]


class Asking:
    """Has instructions carried out by the engine of ``gathering``."""

    def __init__(self, gathering: Gathering, limit_s: int) -> None:
        self._gathering = gathering
        self._engine = gathering.engine
        self._settings = gathering.settings
        self._limit_s = limit_s

    async def ask(
        self, asked: Instruction, outline: OutlineUse, on_progress: OnProgress
    ) -> Answered:
        """Carry out an instruction with the instruct model; return the answer.

        Raises :class:`~infill_ls.errors.InfillError` with the reason if nothing is to be changed.
        """
        place = await asyncio.to_thread(_place_of, asked)
        info = await self._gathering.model()
        prompt = await self._prompt(asked, place, outline, await _form_of(info), info)
        rule = StopRule(
            max_tokens=answer_tokens(self._settings, info),
            max_lines=MANY_LINES,
            time_budget_ms=self._limit_s * 1000,
        )
        text = await self._until_enough(
            prompt, rule, on_progress, asked, lambda so_far: has_enough(so_far, place, asked.task)
        )
        answer = read_answer(text)
        if asked.task is Task.EXPLAIN:
            if not answer.whole.strip():
                raise AnswerRefusedError("the model gave no answer")
            return Answered(None, words=answer.whole.strip())
        if asked.tests is not None:
            tests = await asyncio.to_thread(code_of_tests, answer, place.language)
            return Answered(await asyncio.to_thread(_appended, tests, asked.tests, place))
        return Answered(await asyncio.to_thread(edit_of, answer, place, asked.task, outline))

    async def warm(self, asked: Instruction) -> None:
        """Prefill the prompt up to an instruction while the user types it."""
        place = await asyncio.to_thread(_place_of, asked)
        info = await self._gathering.model()
        form = await _form_of(info)
        await self._engine.warm(await self._prompt(asked, place, OutlineUse.OFF, form, info))

    async def fill(self, asked: Instruction, on_progress: OnProgress) -> Answered:
        """Return the body that the model which fills in writes in place.

        Raises what :meth:`ask` raises.
        """
        place = await asyncio.to_thread(_place_of, asked)
        function, text = place.needs_function(), place.text
        blank = body_change(place, "_")  # where its one statement stands is where to write
        head, _, tail = blank.new.rpartition("_")
        before, after = text[: blank.start] + head, tail + text[blank.end :]
        snapshot = replace(
            asked.snapshot, text=before + after, offset=len(before), trigger=Trigger.INVOKED
        )
        prepared = await Pipeline(self._gathering).prepare(snapshot)
        if prepared.prompt is None or prepared.hole is None:
            raise NothingToDoError(f"nothing was written here: {prepared.reason}")
        hole = replace(prepared.hole, mode=Mode.BLOCK)
        rule = replace(
            stop_rule(hole, Trigger.INVOKED, self._settings),
            max_lines=MANY_LINES,
            time_budget_ms=self._limit_s * 1000,
        )
        completion = await self._write(prepared.prompt, rule, on_progress, asked.attempt)
        choice = await asyncio.to_thread(rank, (completion,), hole, Trigger.INVOKED, 0.0)
        if not choice.suggestions:
            raise AnswerRefusedError(f"the model wrote nothing usable: {choice.reason}")
        indent = head.rpartition("\n")[2]
        body = dedented(indent + choice.suggestions[0].text, place.language)
        edit = DocumentEdit((body_change(place, body),))
        await asyncio.to_thread(check, place, edit, answered=body)
        return Answered(edit, note=f"{function.name} was {FILLED_IN_PLACE}")

    async def _until_enough(
        self,
        prompt: Prompt,
        rule: StopRule,
        on_progress: OnProgress,
        asked: Instruction,
        is_enough: Callable[[ParsedAnswer], bool],
    ) -> str:
        """Return the model's text until there is enough: many models go on to explain it.

        Raises if it does not come to an end.
        """
        closed, enough = 0, ""

        def look(written: Written, so_far: ParsedAnswer) -> None:
            nonlocal closed, enough
            if so_far.closed_blocks > closed:
                closed = so_far.closed_blocks
                if is_enough(so_far):
                    enough = written.text
                    writing.cancel()

        writing = asyncio.ensure_future(self._write(prompt, rule, on_progress, asked.attempt, look))
        try:
            return (await writing).text
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if not enough or (this is not None and this.cancelling()):
                raise
            return enough

    async def _write(
        self,
        prompt: Prompt,
        rule: StopRule,
        on_progress: OnProgress,
        attempt: int,
        on_answer: Callable[[Written, ParsedAnswer], None] = lambda *_: None,
    ) -> Completion:
        """Return the model's answer. Raises if it does not finish."""

        def tell(written: Written) -> None:
            so_far = read_answer(written.text)
            lines = sum(block.code.count("\n") + 1 for block in so_far.blocks)
            on_progress(Progress(so_far.outline, lines, written.tokens))
            on_answer(written, so_far)

        sampling = self._settings.completion.sampling
        if attempt:
            sampling = replace(
                sampling,
                temperature=max(sampling.temperature, AGAIN_TEMPERATURE),
                seed=sampling.seed + attempt,
            )
        request = CompletionRequest(
            prompt=prompt,
            stop=rule,
            sampling=sampling,
            priority=Priority.LONG,
            answer_within_s=self._limit_s,
        )
        completion = (await self._engine.complete(request, tell))[0]
        if completion.stop is StopReason.TOKENS:
            raise AnswerRefusedError(f"the model did not finish within {rule.max_tokens} tokens")
        if completion.stop in {StopReason.TIME, StopReason.LINES}:
            raise AnswerRefusedError(f"the model did not finish within {self._limit_s} s")
        return completion

    async def _prompt(
        self,
        asked: Instruction,
        place: InstructionPlace,
        outline: OutlineUse,
        form: ChatForm | None,
        info: EngineInfo,
    ) -> Prompt:
        tokenizer = self._gathering.tokenizer
        tests = asked.tests
        request = request_of(
            place,
            asked.task,
            outline,
            asked.instruction,
            tests=tests.name if tests is not None else "",
            manner=tests.manner if tests is not None else "",
        )
        hole, below = _surroundings(asked.snapshot, place)
        retrieval = await self._gathering.search(
            replace(asked.snapshot, offset=place.start, trigger=Trigger.INVOKED), hole
        )
        (fixed,) = await tokenizer.count([SYSTEM + place.target + request])
        budgets = await self._gathering.budgets()
        room = budgets.room_tokens - fixed - retrieval.tokens
        if room <= 0:
            raise NothingToDoError(
                f"this part is too long for {info.context_tokens} tokens with an answer of "
                f"{answer_tokens(self._settings, info)} (instructContextTokens)"
            )
        prefix, suffix = replace(budgets, room_tokens=room).beside(0)
        context = context_of(
            place,
            hole,
            below,
            retrieval,
            asked.snapshot.name,
            prefix_line_tokens=await tokenizer.count_lines(hole.prefix + hole.typed),
            suffix_line_tokens=await tokenizer.count_lines(below),
            prefix_budget_tokens=prefix,
            suffix_budget_tokens=suffix,
        )
        said = Conversation(SYSTEM, context, request)
        if form is None:
            return Prompt((), 0, "", f"{SYSTEM}\n\n{context}{request}", conversation=said)
        return await self._spell(form, said, asked.snapshot.uri, info)

    async def _spell(
        self, form: ChatForm, conversation: Conversation, document: str, info: EngineInfo
    ) -> Prompt:
        """Return the conversation as tokens: of the form's markers alone become special ones."""
        context, request = conversation.context, conversation.request
        said, before_user = f"{conversation.system}\n\n{context}", ""
        if form.between is not None:
            said, before_user = conversation.system, form.between
        marked = await self._engine.tokenize(
            [form.opening, before_user, form.closing], reads_markers=True
        )
        opening, between, closing = marked
        plain = await self._engine.tokenize([said, context if before_user else "", request])
        words, shown, asks = plain
        head = (*opening, *words, *between, *shown)
        ids = (*head, *asks, *closing)
        if len(ids) + answer_tokens(self._settings, info) > info.context_tokens:
            raise NothingToDoError(
                f"the conversation has {len(ids)} tokens, which leaves no room for an answer of "
                f"{answer_tokens(self._settings, info)} in {info.context_tokens}"
            )
        return Prompt(
            token_ids=ids,
            anchor_tokens=len(head),
            fragment="",
            text=f"{form.opening}{said}{before_user}{context if before_user else ''}{request}{form.closing}",
            parts=(PromptPart("context", len(head)), PromptPart("request", len(asks))),
            document=document,
        )


async def _form_of(info: EngineInfo) -> ChatForm | None:
    """Return the form of a conversation; ``None`` where the engine knows it. Raises :class:`ModelError`."""
    if info.takes_conversations:
        return None
    if info.chat is None:
        raise ModelError(
            f"the model {info.model_name} has no chat template: choose one that is made to follow "
            "instructions (an instruct model) as instructModel"
        )
    return await chat_form(info.chat)


def _place_of(asked: Instruction) -> InstructionPlace:
    snapshot = asked.snapshot
    place = find_place(
        snapshot.text,
        snapshot.path or snapshot.name,
        snapshot.language_id,
        snapshot.offset,
        asked.end,
        asked.task,
    )
    lines = place.target.splitlines()
    if secret_lines(lines, bare=is_bare(place.language.name), language=place.language):
        raise NothingToDoError("this part holds what looks like a secret")
    if asked.task is Task.REWRITE and not asked.instruction.strip():
        raise NothingToDoError("there is no instruction: say how to rewrite it")
    return place


def _surroundings(snapshot: Snapshot, place: InstructionPlace) -> tuple[Hole, str]:
    """Return the text before the place, as a hole, and the text behind it, without secrets."""
    start = redact(cut(replace(snapshot, offset=place.start)))
    end = redact(cut(replace(snapshot, offset=place.end)))
    if start is None or end is None:
        raise NothingToDoError("this part holds what looks like a secret")
    return start, end.line_tail + end.below


def _appended(tests: str, file: TestsFile, place: InstructionPlace) -> DocumentEdit:
    """Return the edit that puts tests at the end of their file."""
    edit = appended_tests(tests, file.text, place.language)
    whole = InstructionPlace(
        file.text, place.language, len(file.text.rstrip()), len(file.text), None
    )
    check(whole, edit, answered=tests)
    return edit
