"""Gates for edits: refuse syntax errors, secrets, licences and repetitions of the file."""

from __future__ import annotations

from infill_ls.document.licences import is_licence
from infill_ls.document.lines import with_lf
from infill_ls.instruct.changes import DocumentEdit
from infill_ls.instruct.place import InstructionPlace
from infill_ls.instruct.task import AnswerRefusedError
from infill_retrieval.secrets.judgement import is_bare, secret_lines
from infill_retrieval.syntax import Language, parse

WHOLE_FILE_SHARE = 0.5
"""So much of what surrounds the place, written again, is the file again."""
LEAST_LINES = 5
SHORTEST_LINE_CHARS = 4
CONTEXT_LINES = 10


def check(place: InstructionPlace, edit: DocumentEdit, *, answered: str) -> None:
    """Raise :class:`AnswerRefusedError` if an edit must not be made.

    ``answered`` is all the code of the answer; the edit's last change is the one that was asked for.
    """
    text, asked = place.text, edit.changes[-1]
    if not asked.new.strip() or asked.new == with_lf(asked.old):
        raise AnswerRefusedError("the answer changes nothing")
    # A whole function is asked for: its own signature and documentation are no repetition, though they stay.
    if repeats_file(answered, text[: place.start], text[place.end :], place.target):
        raise AnswerRefusedError("the answer repeats the whole file")
    for one in edit.changes:
        check_text(one.new, text[: one.start], text[one.end :], place.language)
    before, after = parse(place.language, text), parse(place.language, edit.of(text))
    if before is not None and (after is None or after.error_count() > before.error_count()):
        raise AnswerRefusedError("the answer would add syntax errors to the file")


def check_text(new: str, before: str, after: str, language: Language) -> None:
    """Raise :class:`AnswerRefusedError` if new text holds a secret, or words of a licence."""
    above = with_lf(before).split("\n")[-CONTEXT_LINES:]
    below = with_lf(after).split("\n")[:CONTEXT_LINES]
    first = len(above) - 1
    lines = [*above[:-1], *(above[-1] + new + below[0]).split("\n"), *below[1:]]
    last = first + new.count("\n")
    hidden = secret_lines(lines, bare=is_bare(language.name), language=language)
    if any(first <= number <= last for number in hidden):
        raise AnswerRefusedError("the answer contains what looks like a secret")
    known = {line.strip() for line in with_lf(before + after).split("\n")}
    if any(is_licence(line) and line.strip() not in known for line in new.split("\n")):
        raise AnswerRefusedError("the answer contains the words of a licence")


def repeats_file(code: str, before: str, after: str, old: str) -> bool:
    """Tell whether code repeats most of the text around the place."""
    around = set(_lines(before) + _lines(after)) - set(_lines(old))
    if len(around) < LEAST_LINES:
        return False
    return len(around & set(_lines(code))) >= WHOLE_FILE_SHARE * len(around)


def _lines(text: str) -> list[str]:
    stripped = (line.strip() for line in with_lf(text).split("\n"))
    return [line for line in stripped if len(line) >= SHORTEST_LINE_CHARS]
