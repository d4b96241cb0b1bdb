"""The mode of a completion: the kind of place at the cursor, and so how much of the hole to fill.

The rules are those of the table in ``docs/suggestions.md``, from the top. The syntax tree of the
cursor's neighbourhood answers; where it is broken, as code that is being typed often is, a scan for
brackets and quotes does, and without a grammar the lines alone.
"""

from __future__ import annotations

import re

from infill_ls.document.brackets import ScanState, scan, state_after
from infill_ls.document.cursor_window import CursorWindow, cursor_window, parse_near
from infill_ls.document.lines import indent_columns
from infill_ls.types import Hole, Mode
from infill_retrieval.syntax import PLAIN_TEXT, Language, SyntaxTree

PLACEHOLDER = "xyz"
"""Stands for what is to be written, to see which node it would be in."""
_IMPORT_NODE = re.compile(r"import|use_declaration|preproc_include|using_directive")
_STRING_NODE = re.compile(r"string|char_literal|character|heredoc|regex|quoted|_scalar")
_CODE_NODE = re.compile(r"interpolation|substitution")
_COMMENT_NODE = re.compile(r"comment")
_BODY_NODE = re.compile(
    r"(?:^|_)(?:block|body|suite|compound_statement|declaration_list|statement_list|do_block|then"
    r"|do_group|object|dictionary|array|list|mapping|arguments?|argument_list|parameters?)$"
)


def mode_of(hole: Hole) -> Mode:
    """Return how much of ``hole`` to fill; its own ``mode`` is not looked at."""
    near, language = cursor_window(hole), hole.language
    if language is PLAIN_TEXT and _ends_with_opener(language, near.line.rstrip()):
        return Mode.BLOCK  # a language that we do not know: its lines are all there is
    if language.is_prose:
        return Mode.LINE
    state = scan(language, near.line, state_after(language, near.before))
    tree = parse_near(language, near.before + near.line + near.after)
    kind = _kind_by_tree(tree, near) or _kind_by_scan(state)
    return _in_code(language, near, state) if kind is Mode.LINE else kind


def _in_code(language: Language, near: CursorWindow, state: ScanState) -> Mode:
    if _is_import(language, near):
        return Mode.IMPORT
    rest = near.rest_of_line.strip()
    if rest:
        return _before_other_text(near, state, rest)
    if _opens_block(language, near):
        return Mode.BLOCK
    if near.line.strip():
        return Mode.STATEMENT
    if state.open and state.open[-1].char != "{":
        return Mode.ARGUMENT
    return Mode.DECLARATION if _follows_comment(language, near) else Mode.STATEMENT


def _kind_by_tree(tree: SyntaxTree | None, near: CursorWindow) -> Mode | None:
    """Return STRING or COMMENT, LINE for code, and ``None`` where the tree is not to be trusted."""
    if tree is None:
        return None
    cursor = tree.byte_of_offset(len(near.before) + len(near.line))
    line_start = tree.byte_of_offset(len(near.before))
    node = tree.root.descendant_for_byte_range(max(cursor - 1, 0), cursor)
    for above in tree.ancestors(node):
        if above.is_error and above.start_byte >= line_start:
            return None
        ends_behind = above.end_byte > cursor
        if _COMMENT_NODE.search(above.type):
            # A comment up to the line end holds the cursor there, not one on a line above.
            is_open = above.start_byte >= line_start and above.end_byte == cursor
            is_closed = tree.text_of(above).endswith(("*/", "-->"))
            return Mode.COMMENT if ends_behind or (is_open and not is_closed) else Mode.LINE
        if _CODE_NODE.search(above.type):
            return Mode.LINE
        if _STRING_NODE.search(above.type) and above.start_byte < cursor and ends_behind:
            return Mode.STRING
    return None if _has_error_on_line(tree, line_start, cursor) else Mode.LINE


def _has_error_on_line(tree: SyntaxTree, start: int, end: int) -> bool:
    unseen = [tree.root]
    while unseen:
        node = unseen.pop()
        if node.is_error and node.end_byte >= start and node.start_byte <= end:
            return True
        unseen.extend(
            child
            for child in node.children
            if child.has_error and child.end_byte >= start and child.start_byte <= end
        )
    return False


def _kind_by_scan(state: ScanState) -> Mode:
    if state.comment:
        return Mode.COMMENT
    return Mode.STRING if state.string else Mode.LINE


def _is_import(language: Language, near: CursorWindow) -> bool:
    line = near.line.lstrip()
    return bool(language.imports) and re.match(language.imports, line) is not None


def _before_other_text(near: CursorWindow, state: ScanState, rest: str) -> Mode:
    """Return the mode where there is text right of the cursor."""
    if rest[0] not in ")]}" or not state.open:
        return Mode.LINE
    opener = state.open[-1].char
    opens_braces = opener == "{" and rest[0] == "}" and near.line.rstrip().endswith("{")
    return Mode.BLOCK if opens_braces else Mode.ARGUMENT


def _opens_block(language: Language, near: CursorWindow) -> bool:
    """Whether the cursor is at the beginning of a body that does not exist yet."""
    is_blank = not near.line.strip()
    opener_line = near.line_above if is_blank else near.line
    if indent_columns(near.line_below) > indent_columns(opener_line):
        return False  # it has a body
    if not is_blank:
        return _ends_with_opener(language, near.line.rstrip())
    text = f"{near.before}{near.line}{PLACEHOLDER}{near.after}"
    tree = parse_near(language, text)
    by_tree = _is_alone_in_body(tree, near) if tree is not None else None
    if by_tree is not None:
        return by_tree
    is_inside = indent_columns(near.line) > indent_columns(opener_line)
    opens = _ends_with_opener(language, opener_line.rstrip()) or opener_line.endswith(("(", "["))
    return is_inside and opens


def _ends_with_opener(language: Language, line: str) -> bool:
    if language.indented:
        return line.endswith(":")
    words = "|".join(language.block_words)
    ends = rf"\b(?:{words})\s*(?:\|[^|]*\|)?\s*$"
    return line.endswith(("{", "=>", "->")) or re.search(ends, line) is not None


def _is_alone_in_body(tree: SyntaxTree, near: CursorWindow) -> bool | None:
    """Whether the placeholder is the only thing in a body; ``None`` if the tree is broken there."""
    start = len(near.before) + len(near.line)
    place = tree.byte_of_offset(start)
    node = tree.root.descendant_for_byte_range(place, place + len(PLACEHOLDER))
    for above in tree.ancestors(node):
        if above.is_error and above.end_byte - above.start_byte > len(PLACEHOLDER) + 1:
            return None
        if _BODY_NODE.search(above.type):
            others = [
                child
                for child in above.named_children
                if not _COMMENT_NODE.search(child.type)
                and not child.is_missing
                and not child.start_byte <= place <= child.end_byte
            ]
            doc = len(others) == 1 and others[0].end_byte < place and _is_string(others[0])
            return not others or doc
    return False


def _is_string(node: object) -> bool:
    """Whether a statement is nothing but a string: the documentation of its body."""
    children = getattr(node, "named_children", [])
    return len(children) == 1 and _STRING_NODE.search(children[0].type) is not None


def _follows_comment(language: Language, near: CursorWindow) -> bool:
    """Whether the line above is a comment on the code to be written here."""
    above = near.before.removesuffix("\n").rpartition("\n")[2]
    if not above.strip() or indent_columns(above) not in (
        indent_columns(near.line),
        indent_columns(near.line) + 1,  # the last line of a /** ... */
    ):
        return False
    if near.line_below and indent_columns(near.line_below) >= indent_columns(near.line):
        below = near.after.split("\n")
        if len(below) > 1 and below[1].strip():
            return False  # the comment is on what follows
    mark = above.strip()
    return mark.startswith((language.comment, "//", "/*", "*/", "* ")) and not mark.startswith("#!")
