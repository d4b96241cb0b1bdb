"""The functions of a file with their bodies and their documentation, as offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infill_retrieval.syntax.grammar import SyntaxTree, load_query
from infill_retrieval.syntax.outline import last_identifier
from infill_retrieval.syntax.records import DeclarationKind

if TYPE_CHECKING:
    import tree_sitter

    from infill_retrieval.syntax.language import Language

_WRAPPERS = (
    "decorated_definition",
    "export_statement",
    "lexical_declaration",
    "template_declaration",
)
_END_WORD = "end"


@dataclass(frozen=True, slots=True)
class Function:
    """A function that has a body, or a place for one. Offsets are code points."""

    name: str
    docs_start: int
    """Where the comments right above it begin; ``start`` if there are none."""
    start: int
    """Where it begins, decorators and ``export`` included."""
    end: int
    inner_start: int
    """Where its statements begin: behind the opening bracket, or behind the documentation inside."""
    inner_end: int
    header_end: int
    """The same as ``inner_start``, but for comments that stand before the first statement."""
    has_braces: bool
    docstring: tuple[int, int] | None
    """Start and end of the documentation inside the body, as Python has it."""
    has_error: bool
    """Whether its syntax is wrong."""


def functions(language: Language, tree: SyntaxTree) -> tuple[Function, ...]:
    """Return the functions of a file, also those inside of others, in the order of their starts."""
    query = load_query(language)
    if query is None:
        return ()
    found: dict[tuple[int, int], Function] = {}
    for match in tree.matches(query):
        if DeclarationKind.FUNCTION not in match or "name" not in match:
            continue
        node, body = match[DeclarationKind.FUNCTION][0], match.get("body", [None])[0]
        function = _function(tree, node, last_identifier(tree.text_of(match["name"][0])), body)
        if function is not None:
            found.setdefault((node.start_byte, node.end_byte), function)
    return tuple(sorted(found.values(), key=lambda one: (one.start, -one.end)))


def _function(
    tree: SyntaxTree, node: tree_sitter.Node, name: str, body: tree_sitter.Node | None
) -> Function | None:
    text = tree.text
    outer = node
    for above in tree.ancestors(node):
        if above != node and above.type not in _WRAPPERS:
            break
        outer = above
    start, end = tree.offset_of_byte(outer.start_byte), tree.offset_of_byte(node.end_byte)
    docstring = None
    has_braces = False
    header_end = -1
    if body is None:
        if not text[:end].endswith(_END_WORD) or text[start:end].count("\n") == 0:
            return None  # a declaration without a body
        inner_start = inner_end = len(text[: end - len(_END_WORD)].rstrip())
    else:
        body_start, inner_end = (
            tree.offset_of_byte(body.start_byte),
            tree.offset_of_byte(body.end_byte),
        )
        has_braces = text[body_start : body_start + 1] == "{" and text[inner_end - 1] == "}"
        docstring = _docstring(tree, body)
        if has_braces:
            inner_start, inner_end = body_start + 1, inner_end - 1
        elif docstring is not None:
            inner_start = docstring[1]
        elif text[body_start:inner_end].startswith("=") or body.type.endswith("expression"):
            return None  # an expression, not statements
        else:
            inner_start = len(text[:body_start].rstrip())
            header_end = tree.offset_of_byte(_end_of_header(body))
            inner_end = max(inner_start, len(text[:inner_end].rstrip()))
    return Function(
        name=name,
        docs_start=_docs_start(tree, outer),
        start=start,
        end=end,
        inner_start=inner_start,
        inner_end=inner_end,
        header_end=min(header_end, inner_start) if header_end >= 0 else inner_start,
        has_braces=has_braces,
        docstring=docstring,
        has_error=node.has_error,
    )


def _docstring(tree: SyntaxTree, body: tree_sitter.Node) -> tuple[int, int] | None:
    first = next((child for child in body.named_children if child.type != "comment"), None)
    if first is None or first.type != "expression_statement" or first.named_child_count != 1:
        return None
    text = first.named_children[0]
    if text.type != "string":
        return None
    return tree.offset_of_byte(text.start_byte), tree.offset_of_byte(text.end_byte)


def _end_of_header(body: tree_sitter.Node) -> int:
    before = body.prev_sibling
    while before is not None and "comment" in before.type:
        before = before.prev_sibling
    return before.end_byte if before is not None else body.start_byte


def _docs_start(tree: SyntaxTree, outer: tree_sitter.Node) -> int:
    first = outer
    while (before := first.prev_sibling) is not None and "comment" in before.type:
        if first.start_point.row - before.end_point.row > 1:
            break
        above = before.prev_sibling
        if (
            above is not None
            and above.end_point.row == before.start_point.row
            and above.end_point.column
        ):
            break  # it stands behind other code
        first = before
    return tree.offset_of_byte(first.start_byte)
