"""Separate outline and code in an answer, by block marks and by syntax."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infill_ls.document.lines import with_lf
from infill_ls.instruct.indentation import dedented
from infill_ls.instruct.task import AnswerRefusedError
from infill_retrieval.syntax import (
    PLAIN_TEXT,
    Language,
    SyntaxTree,
    language_named,
    language_of,
    parse,
)
from infill_retrieval.syntax.functions import Function, functions

_MARKS = ("```", "~~~")
MAX_ANSWER_CHARS = 200_000
_PHP = "<?php\n"
_WRAPS = (("", ""), ("class InfillWrap {\n", "\n}"))
"""In some languages a method stands in a class alone."""


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A block of code in an answer."""

    info: str
    """What its mark says: a language, mostly."""
    code: str
    is_closed: bool = True
    """Whether its end has been written."""


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """An answer, taken apart."""

    outline: str
    """What stands before the first block."""
    blocks: tuple[CodeBlock, ...]
    whole: str

    @property
    def closed_blocks(self) -> int:
        """How many blocks are written to their end."""
        return sum(block.is_closed for block in self.blocks)


@dataclass(frozen=True, slots=True)
class FoundFunction:
    """A function in an answer, with the text in which its offsets count."""

    text: str
    function: Function


def read_answer(text: str) -> ParsedAnswer:
    """Take an answer apart, a part of one too: the last block may have no end yet."""
    text = with_lf(text[:MAX_ANSWER_CHARS])
    prose: list[str] = []
    blocks: list[CodeBlock] = []
    lines: list[str] = []
    mark = info = ""
    for line in text.split("\n"):
        bare = line.strip()
        if not mark and bare.startswith(_MARKS):
            mark = bare[: len(bare) - len(bare.lstrip(bare[0]))]
            info, lines = bare[len(mark) :].strip(), []
        elif mark and bare.startswith(mark) and not bare.strip(mark[0]):
            blocks.append(CodeBlock(info, "\n".join(lines)))
            mark = ""
        elif mark:
            lines.append(line)
        elif not blocks:
            prose.append(line)
    if mark:
        blocks.append(CodeBlock(info, "\n".join(lines), is_closed=False))
    return ParsedAnswer("\n".join(prose).strip(), tuple(blocks), text)


def candidates(answer: ParsedAnswer, language: Language) -> tuple[str, ...]:
    """Return the texts that may be the code: the blocks, or all of it if there are none.

    Raises :class:`AnswerRefusedError` if what is there is in another language.
    """
    mine = [dedented(one.code, language) for one in answer.blocks if not _is_foreign(one, language)]
    mine = [code for code in mine if code.strip()]
    if mine:
        return tuple(mine)
    foreign = [one.info for one in answer.blocks if one.code.strip()]
    if foreign:
        raise AnswerRefusedError(f"the answer is in {foreign[0]}, not in {language.name}")
    if answer.blocks or not answer.whole.strip():
        raise AnswerRefusedError("the answer has no code")
    return (answer.whole,)


def find_function(code: str, name: str, language: Language) -> FoundFunction | None:
    """Return the function of that name whose syntax is right, if the code has one."""
    for text, tree in parsed(code, language):
        for one in functions(language, tree):
            if one.name == name and not one.has_error:
                return FoundFunction(text, one)
    return None


def has_functions(code: str, language: Language) -> bool:
    """Tell whether there is any function in the code."""
    return any(functions(language, tree) for _, tree in parsed(code, language))


def has_all(answer: ParsedAnswer, language: Language, name: str | None) -> bool:
    """Tell whether the last block that is closed has what is asked for: no more need be written.

    That is the function ``name``, or, without a name, anything with correct syntax.
    """
    closed = [block for block in answer.blocks if block.is_closed]
    if not closed or not closed[-1].code.strip() or _is_foreign(closed[-1], language):
        return False
    code = dedented(closed[-1].code, language)
    if name is not None:
        return find_function(code, name, language) is not None
    return is_right(code, language)


def is_right(code: str, language: Language) -> bool:
    """Tell whether the code's syntax is right by itself, or in a class; so it is without a grammar."""
    trees = [tree for _, tree in parsed(code, language)]
    return not trees or any(not tree.error_count() for tree in trees)


def parsed(code: str, language: Language) -> Iterator[tuple[str, SyntaxTree]]:
    """Yield code with its tree: as it is, then as what stands in a class. None without a grammar."""
    head = _PHP if language.name == "php" and not code.lstrip().startswith("<?") else ""
    for before, after in _WRAPS:
        text = f"{head}{before}{code}{after}"
        tree = parse(language, text)
        if tree is not None:
            yield text, tree


def _is_foreign(block: CodeBlock, language: Language) -> bool:
    name = block.info.split()[0].strip("{}.").lower() if block.info.split() else ""
    known = (language_named(name) or language_of(f"a.{name}")) if name else PLAIN_TEXT
    if known in {PLAIN_TEXT, language}:
        return False
    return known.grammar != language.grammar and not (
        known.family and known.family == language.family
    )
