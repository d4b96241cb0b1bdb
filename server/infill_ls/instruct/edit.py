"""Turn an answer into one edit, or into the reason why there is none."""

from __future__ import annotations

from infill_ls.document.lines import with_lf
from infill_ls.instruct.answer import (
    ParsedAnswer,
    candidates,
    find_function,
    has_all,
    has_functions,
    is_right,
)
from infill_ls.instruct.changes import DocumentEdit, TextChange, replacing
from infill_ls.instruct.gates import check
from infill_ls.instruct.imports import imports_change, needed_imports, without_imports
from infill_ls.instruct.indentation import dedented, reindented, step_of
from infill_ls.instruct.place import InstructionPlace
from infill_ls.instruct.task import AnswerRefusedError, OutlineUse, Task
from infill_retrieval.syntax import Language, parse
from infill_retrieval.syntax.functions import Function

_OUTLINE_LINES = 40


def edit_of(
    answer: ParsedAnswer, place: InstructionPlace, task: Task, outline: OutlineUse
) -> DocumentEdit:
    """Return the edit that an answer means. Raises :class:`AnswerRefusedError`."""
    codes = candidates(answer, place.language)
    if task is Task.REWRITE:  # some show what there was before they show what is to be
        codes = tuple(code for code in codes if not _is_as_it_was(code, place)) or codes
    steps = answer.outline if outline is OutlineUse.COMMENT and answer.blocks else ""
    match task:
        case Task.IMPLEMENT:
            change = _implement(codes, place, steps)
        case Task.DOCUMENT:
            change = _document(codes, place)
        case _:
            change = _rewrite(codes, place, steps, is_marked=bool(answer.blocks))
    edit = DocumentEdit((change,))
    if task is Task.IMPLEMENT or (task is Task.REWRITE and _is_of_function(place)):
        edit = _with_imports(change, codes, place)
    check(place, edit, answered="\n".join(codes))
    return edit


def has_enough(answer: ParsedAnswer, place: InstructionPlace, task: Task) -> bool:
    """Tell whether all that a task takes of an answer is written, so that the rest is of no use."""
    match task:
        case Task.EXPLAIN:
            return False
        case Task.TESTS:
            return has_all(answer, place.language, None)
    closed = [block for block in answer.blocks if block.is_closed]
    if task is Task.REWRITE and closed and _is_as_it_was(closed[-1].code, place):
        return False
    needs_name = task is not Task.REWRITE or _is_of_function(place)
    return has_all(answer, place.language, place.needs_function().name if needs_name else None)


def body_change(place: InstructionPlace, code: str) -> TextChange:
    """Return the change that puts dedented statements into the body of the function."""
    function, text = place.needs_function(), place.text
    step = step_of(text)
    indented = reindented(code, _body_indent(place, function, step), step, place.language)
    end = f"\n{place.base_indent}" if function.has_braces else ""
    return replacing(text, function.inner_start, function.inner_end, f"\n{indented}{end}")


def code_of_tests(answer: ParsedAnswer, language: Language) -> str:
    """Return the tests in an answer. Raises :class:`AnswerRefusedError`."""
    codes = [code for code in candidates(answer, language) if is_right(code, language)]
    if not answer.blocks and not any(has_functions(code, language) for code in codes):
        codes = []
    if not codes:
        raise AnswerRefusedError(f"the answer has no {language.name} with correct syntax")
    return max(codes, key=len)


def appended_tests(tests: str, file: str, language: Language) -> DocumentEdit:
    """Return the edit that puts tests at the end of their file, what they import above."""
    imports = needed_imports([tests], tests, file, language) if file.strip() else []
    above = imports_change(imports, file, language, len(file.rstrip()))
    if above is not None or (file.strip() and not imports):
        tests = without_imports(tests, language)
    gap = "\n\n\n" if file.strip() else ""
    below = replacing(file, len(file.rstrip()), len(file), f"{gap}{tests}\n")
    return DocumentEdit((above, below) if above is not None else (below,))


def _with_imports(
    change: TextChange, codes: tuple[str, ...], place: InstructionPlace
) -> DocumentEdit:
    imports = needed_imports(codes, change.new, place.text, place.language)
    above = imports_change(imports, place.text, place.language, place.start)
    return DocumentEdit((above, change) if above is not None else (change,))


def _is_as_it_was(code: str, place: InstructionPlace) -> bool:
    before = place.base_indent + with_lf(place.target)
    return dedented(code, place.language) == dedented(before, place.language)


def _is_of_function(place: InstructionPlace) -> bool:
    function = place.function
    return function is not None and (place.start, place.end) == (function.start, function.end)


def _implement(codes: tuple[str, ...], place: InstructionPlace, steps: str) -> TextChange:
    function, language = place.needs_function(), place.language
    for code in codes:
        if (found := find_function(code, function.name, language)) is not None:
            body = found.text[found.function.header_end : found.function.inner_end]
            break
    else:
        body = next((code for code in codes if not has_functions(code, language)), "")
        if not body or not is_right(body, language) or len(codes) > 1:
            raise AnswerRefusedError(
                f"the answer has no function {function.name} with correct syntax"
            )
    return body_change(place, _with_steps(dedented(body, language), steps, language))


def _rewrite(
    codes: tuple[str, ...], place: InstructionPlace, steps: str, *, is_marked: bool
) -> TextChange:
    language = place.language
    code = max(codes, key=len)
    if _is_of_function(place) and place.function is not None:
        for each in codes:
            if (found := find_function(each, place.function.name, language)) is not None:
                wanted = found.function
                before = found.text[found.text.rfind("\n", 0, wanted.start) + 1 : wanted.start]
                code = before + found.text[wanted.start : wanted.end]
                break
        else:
            if not is_marked:
                raise AnswerRefusedError("the answer has no code")
    elif not is_marked and not (is_right(code, language) and parse(language, code) is not None):
        raise AnswerRefusedError(f"the answer has no {language.name} with correct syntax")
    code = _with_steps(dedented(code, language), steps, language)
    new = reindented(code, place.base_indent, step_of(place.text), language)
    return replacing(place.text, place.start, place.end, new.removeprefix(place.base_indent))


def _document(codes: tuple[str, ...], place: InstructionPlace) -> TextChange:
    function, text, language = place.needs_function(), place.text, place.language
    inside = language.name == "python"
    docs = ""
    for code in codes:
        found = find_function(code, function.name, language)
        docs = (
            _docs_of(found.text, found.function)
            if found is not None
            else _only_docs(code, language)
        )
        if docs:
            break
    if not docs:
        raise AnswerRefusedError(f"the answer has no documentation of {function.name}")
    step = step_of(text)
    if not inside:
        indent = place.base_indent
        lines = _moved(docs, indent)
        return replacing(text, function.docs_start, function.start, f"{lines}\n{indent}")
    indent = _body_indent(place, function, step)
    lines = _moved(docs, indent)
    if function.docstring is not None:
        return replacing(text, *function.docstring, lines)
    return replacing(text, function.inner_start, function.inner_start, f"\n{indent}{lines}")


def _docs_of(text: str, function: Function) -> str:
    start, end = function.docstring or (function.docs_start, function.start)
    column = len(text[text.rfind("\n", 0, start) + 1 : start])
    lines = text[start:end].rstrip().split("\n")
    return "\n".join([lines[0], *(_less(line, column) for line in lines[1:])])


def _only_docs(code: str, language: Language) -> str:
    """Return code that is nothing but a comment, or nothing but a text."""
    tree = parse(language, code)
    if tree is None or tree.error_count() or not tree.root.named_children:
        return ""
    nodes = tree.root.named_children
    if all("comment" in node.type for node in nodes):
        return code.strip()
    is_text = len(nodes) == 1 and nodes[0].type == "expression_statement"
    return code.strip() if is_text and nodes[0].named_children[0].type == "string" else ""


def _less(line: str, columns: int) -> str:
    blanks = len(line) - len(line.lstrip(" \t"))
    return line[min(blanks, columns) :]


def _moved(docs: str, indent: str) -> str:
    """Return lines of documentation, the first of which is indented already."""
    first, *rest = docs.split("\n")
    return "\n".join([first, *(f"{indent}{line}" if line.strip() else "" for line in rest)])


def _body_indent(place: InstructionPlace, function: Function, step: str) -> str:
    """Return the indentation of the statements, as they have it or as they would."""
    text = place.text
    for line in text[function.inner_start : function.inner_end].split("\n")[1:]:
        if line.strip():
            return line[: len(line) - len(line.lstrip(" \t"))]
    if function.docstring is not None:
        start = function.docstring[0]
        white = text[text.rfind("\n", 0, start) + 1 : start]
        if not white.strip():
            return white
    return place.base_indent + step


def _with_steps(code: str, steps: str, language: Language) -> str:
    """Put the outline before the code, as comments."""
    end = f" {language.comment_end}" if language.comment_end else ""
    lines = [line.strip() for line in steps.split("\n") if line.strip()][:_OUTLINE_LINES]
    if language.comment_end:
        lines = [line.replace(language.comment_end, "") for line in lines]
    return "\n".join([*(f"{language.comment} {line}{end}" for line in lines), code])
