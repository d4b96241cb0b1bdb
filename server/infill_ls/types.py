"""The records that pass between the stages of a completion.

``Snapshot -> Hole -> [Snippet] -> Prompt -> Completion -> Suggestion``

Each stage takes frozen records and returns new ones. Offsets are code points of the document's
text; LSP positions exist only in :mod:`infill_ls.lsp.convert`, bytes only at the tokenizer and the
syntax tree. Times are milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from infill_retrieval import NO_SNIPPETS, Retrieval
from infill_retrieval.syntax import Language


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was offered unasked at one kind of place, and how much of it the user took."""

    offered: int
    taken: int


class Trigger(StrEnum):
    """Why the editor asks."""

    AUTOMATIC = "automatic"
    """The user typed. A late or doubtful answer is worse than none."""
    INVOKED = "invoked"
    """The user asked. An answer is always attempted."""
    MENU = "menu"
    """A completion menu wants items; the protocol does not tell whether the user typed or asked.
    Answered everywhere, as an item is in nobody's way, but not at greater length than while typing.
    """


class Mode(StrEnum):
    """How much of the hole to fill. ``docs/suggestions.md`` has the table of all rules."""

    LINE = "line"
    """The rest of the cursor's line, whatever it is."""
    STATEMENT = "statement"
    """The rest of the line, and further lines if it leaves something open."""
    BLOCK = "block"
    """The lines of a block whose beginning the cursor stands at."""
    DECLARATION = "declaration"
    """What the comment above describes, with its body."""
    ARGUMENT = "argument"
    """Up to the bracket that closes right of the cursor, or one item of a list of lines."""
    STRING = "string"
    """Up to the end of the string, within the line."""
    COMMENT = "comment"
    """The rest of the comment's line."""
    IMPORT = "import"
    """The rest of the import, on more lines if it is in brackets."""

    @property
    def end_kind(self) -> EndKind | None:
        """What must be whole at the end; ``None`` if the end of the line is the end."""
        return _END_KINDS.get(self)


class EndKind(StrEnum):
    """What is to be whole when a completion of several lines ends."""

    BLOCK = "block"
    """The block that is open at the cursor."""
    STATEMENT = "statement"
    """What begins at the cursor or on its line; the header alone, where a body is indented."""
    DECLARATION = "declaration"
    """The same with its body."""


_END_KINDS = {
    Mode.STATEMENT: EndKind.STATEMENT,
    Mode.IMPORT: EndKind.STATEMENT,
    Mode.BLOCK: EndKind.BLOCK,
    Mode.DECLARATION: EndKind.DECLARATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One document at one moment, with a cursor in it."""

    uri: str
    path: str
    """Absolute path, or empty for a document without a file."""
    name: str
    """Path as the prompt shows it: relative to the workspace folder, with ``/``."""
    language_id: str
    text: str
    offset: int
    """The cursor, ``0 <= offset <= len(text)``."""
    trigger: Trigger = Trigger.AUTOMATIC
    cells_before: str = ""
    """The cells of a notebook before this one, with a newline at the end; LF line ends."""
    cells_after: str = ""
    """The cells after it, with a newline at the beginning."""

    @property
    def whole_text(self) -> str:
        """The document; with the other cells, if it is one of a notebook."""
        return f"{self.cells_before}{self.text}{self.cells_after}"

    @property
    def whole_offset(self) -> int:
        """The cursor in ``whole_text``."""
        return len(self.cells_before) + self.offset


_CLOSERS = frozenset(")]}>\"'`;:, \t")


@dataclass(frozen=True, slots=True)
class Hole:
    """The place to fill: ``prefix + typed + [middle] + line_tail + below``, all with LF line ends.

    As long as the user types ahead only ``typed`` and ``line_tail`` change and everything else
    stays equal. The KV cache lives on that.
    """

    prefix: str
    """Text up to the anchor, cut to a window; ends with a newline unless the line is huge."""
    prefix_borders: tuple[int, ...]
    """Line numbers of ``prefix`` at which a syntax node starts: good places to cut it shorter."""
    typed: str
    """What stands between the anchor and the cursor: a line, or a few if the anchor was held."""
    line_tail: str
    """The text after the cursor on its line."""
    below: str
    """The lines after the cursor's, cut to a window; starts with a newline or is empty."""
    anchor: int
    """Offset of the cut in the snapshot's whole text."""
    language: Language
    """The language at the cursor, which may be embedded in a document of another one."""
    mode: Mode = Mode.LINE
    region_before: int | None = None
    """Characters right before the cursor that are of that language; all if ``None``."""
    region_after: int | None = None
    """The same of the characters after it."""
    has_bare_values: bool = False
    """Whether the document's name says that words without quotes are values, as in settings."""

    @property
    def line_typed(self) -> str:
        """The text before the cursor on its line."""
        return self.typed.rpartition("\n")[2]

    @property
    def suffix(self) -> str:
        """What the prompt shows of the text after the cursor.

        Closing brackets and the like are left out: editors put them in and take them out while
        the user types, and each time all that follows would have to be computed again. The model
        writes them itself, and they are taken off what it wrote.
        """
        return self.below if _CLOSERS.issuperset(self.line_tail) else self.line_tail + self.below


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One part of a prompt as text, and how many tokens it takes."""

    name: str
    tokens: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with a model that follows instructions."""

    system: str
    context: str
    """The beginning of the user's words: it is the same for all instructions at one place."""
    request: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model sees."""

    token_ids: tuple[int, ...]
    anchor_tokens: int
    """``token_ids[:anchor_tokens]`` stays the same while the user types on the line."""
    fragment: str
    """Typed text held back from ``token_ids``: the output must start with it (token healing)."""
    text: str
    """The prompt for people to read, with markers spelled out and the fragment left out."""
    parts: tuple[PromptPart, ...] = ()
    document: str = ""
    """Whose it is: where memory is short, the older prompts of a document go before its newest."""
    conversation: Conversation | None = None
    """In the place of all tokens, for an engine that puts a model's markers around it by itself."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What the engine must know to see by the syntax where a completion ends."""

    kind: EndKind
    language: str
    before: str
    """The neighbourhood of the cursor, from a good place to parse from; with the typed text."""
    after: str


@dataclass(frozen=True, slots=True)
class StopRule:
    """When the engine stops, besides the model's own end."""

    max_tokens: int
    max_lines: int
    """1 stops before the first newline."""
    min_indent: int = 0
    """A line after the first that is indented by fewer columns ends a block; it is cut off."""
    time_budget_ms: int = 1000
    """Time for decoding, counted from the first new token. Prefill is not counted."""
    min_probability: float = 0.0
    """What will not have this mean probability is not shown: it is not written to its end."""
    ending: Ending | None = None
    """How the syntax ends the completion; by lines and indentation alone if absent."""


class StopReason(StrEnum):
    """Why the engine stopped."""

    END = "end"
    """The model said that the hole is filled."""
    LINES = "lines"
    DEDENT = "dedent"
    """The next line is indented less than the block."""
    SYNTAX = "syntax"
    """What was to be filled in is whole."""
    TOKENS = "tokens"
    TIME = "time"
    DOUBT = "doubt"
    """It would not be shown: too little of it is likely."""
    STUCK = "stuck"
    """The fragment could not be reproduced. Only a broken vocabulary does that."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the engine chooses among tokens. Greedy unless the temperature is above 0."""

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    seed: int = 0

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature <= 0


GREEDY = Sampling()


@dataclass(frozen=True, slots=True)
class EngineTimings:
    """What the engine did, in its own words."""

    reused_tokens: int
    """Prompt tokens found in the KV cache."""
    prefill_tokens: int
    prefill_ms: float
    decode_tokens: int
    decode_ms: float
    drafted_tokens: int = 0
    """Tokens guessed and verified in a batch; ``accepted_tokens`` of them were right."""
    accepted_tokens: int = 0
    model_ms: float = 0.0
    """Time inside the model, since the request began; what else passed is our own doing."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the model has written so far of a completion that it is still at."""

    text: str
    """From the cursor on. What comes next goes behind it, unless a rule cuts its last line off."""
    mean_logprob: float
    tokens: int


OnWritten = Callable[[Written], None]
"""Hears of each token of a completion."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The model's text from the cursor on; the fragment is already removed."""

    text: str
    stop: StopReason
    mean_logprob: float
    """Mean natural log probability of the tokens chosen; 0 is certain."""
    timings: EngineTimings
    logprobs: tuple[float, ...] = ()
    """That of each token, the one that ended it included; empty where a server does not say."""

    @property
    def probability(self) -> float:
        """Geometric mean of the probabilities of the tokens chosen."""
        return math.exp(self.mean_logprob)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text to put at the cursor. Never empty, never blank."""

    text: str
    """With LF line ends; editors adapt them to the document."""
    replaced: int = 0
    """So many characters right of the cursor, on its line, it takes the place of: brackets and
    quotes that it closes itself, at other places. They are a subsequence of ``text``."""
    inserted: str | None = None
    """What to put at the cursor where nothing can be replaced; ``text`` if that is ``None``."""

    @property
    def text_to_insert(self) -> str:
        """What to put at the cursor where nothing can be replaced; may be blank."""
        return self.text if self.inserted is None else self.inserted

    def after(self, typed: str) -> Suggestion | None:
        """Return what is left when ``typed`` was typed of it; ``None`` if that is not its beginning.

        It takes the place of the same characters.
        """
        if not self.text.startswith(typed):
            return None
        inserted = self.inserted
        if inserted is not None:
            inserted = inserted[len(typed) :] if inserted.startswith(typed) else ""
        return Suggestion(self.text[len(typed) :], self.replaced, inserted)


@dataclass(frozen=True, slots=True)
class FilterStep:
    """What one filter made of the text that the model wrote."""

    name: str
    text: str
    """What was left; nothing is shown if that is blank."""
    reason: str = ""
    """Why it changed the text, if it did."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one request, for the editor's answer and for ``explain``."""

    snapshot: Snapshot
    suggestion: Suggestion | None
    reason: str
    """Why there is (no) suggestion, in words for the user."""
    is_beginning: bool = False
    """Whether the rest of the suggestion is still being written."""
    alternatives: tuple[Suggestion, ...] = ()
    """Further suggestions, less likely ones, if the user asked."""
    hole: Hole | None = None
    retrieval: Retrieval = NO_SNIPPETS
    prompt: Prompt | None = None
    budget_cuts: tuple[str, ...] = ()
    """Why the prompt may have fewer tokens than the settings allow."""
    completion: Completion | None = None
    filters: tuple[FilterStep, ...] = ()
    """What each filter made of ``completion``, in order, up to one that left nothing."""
    step_ms: dict[str, float] = field(default_factory=dict)
