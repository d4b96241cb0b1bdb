"""The declarations and imports of a file, found by the query of its language.

The queries in ``queries/`` capture a declaration as ``@type`` (it holds members), ``@function``
(what is inside is nobody else's business), ``@value`` or ``@field`` (a member even where it
stands inside a function, as ``self.x = ...`` does), its ``@name``, its ``@body`` and its ``@owner``,
the type that it is a member of though it stands elsewhere, or ``@base``, if it is a type whose members
its own type has too; an import as ``@import`` with ``@import.module``, ``@import.name`` and ``@import.alias``; the namespace that the
file declares as ``@package``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infill_retrieval.syntax.grammar import SyntaxTree, load_query
from infill_retrieval.syntax.r_outline import outline_r
from infill_retrieval.syntax.records import (
    EMPTY_OUTLINE,
    MAX_DECLARATIONS,
    MAX_SIGNATURE_LINES,
    Declaration,
    DeclarationKind,
    Import,
    Outline,
)
from infill_retrieval.syntax.type_names import MAX_HEAD_CHARS, annotation_of, type_names

if TYPE_CHECKING:
    import tree_sitter

    from infill_retrieval.syntax.language import Language


def outline(language: Language, tree: SyntaxTree | None, text: str) -> Outline:
    """Return the declarations and imports of a file; empty where the language has no query."""
    if tree is None:
        return outline_r(text) if language.name == "r" else EMPTY_OUTLINE
    query = load_query(language)
    if query is None:
        return EMPTY_OUTLINE
    matches = tree.matches(query)
    packages = [node for match in matches for node in match.get("package", ())]
    return Outline(
        _declarations(tree, matches, language),
        _imports(tree, matches),
        tree.text_of(packages[0]) if packages else "",
    )


# -- declarations ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Found:
    """What the patterns of a query said of one node."""

    kind: DeclarationKind
    node: tree_sitter.Node
    name: str
    body: tree_sitter.Node | None
    owner: str = ""
    bases: tuple[str, ...] = ()


def _found(
    tree: SyntaxTree, matches: list[dict[str, list[tree_sitter.Node]]]
) -> dict[tuple[int, int], _Found]:
    found: dict[tuple[int, int], _Found] = {}
    for match in matches:
        for kind in DeclarationKind:
            if kind not in match or "name" not in match:
                continue
            node, body = match[kind][0], match.get("body", [None])[0]
            name = last_identifier(tree.text_of(match["name"][0]))
            place = (node.start_byte, -node.end_byte)
            known = found.get(place)
            # A pattern with a body says more about the same node than one without.
            if name and (known is None or (body is not None and known.body is None)):
                known = found[place] = _Found(kind, node, name, body)
            if known is not None and "base" in match:
                known.bases = (name,)
            if known is not None and "owner" in match:
                known.owner = last_identifier(tree.text_of(match["owner"][0]))
    return found


def _declarations(
    tree: SyntaxTree, matches: list[dict[str, list[tree_sitter.Node]]], language: Language
) -> tuple[Declaration, ...]:
    declarations: list[Declaration] = []
    enclosing: list[tuple[int, DeclarationKind, int]] = []
    function_head = ""
    for _, one in sorted(_found(tree, matches).items(), key=lambda item: item[0]):
        kind, node = one.kind, one.node
        while enclosing and enclosing[-1][0] <= node.start_byte:
            enclosing.pop()
        inside_function = any(outer is DeclarationKind.FUNCTION for _, outer, _ in enclosing)
        parent = enclosing[-1][2] if enclosing else -1
        if kind is DeclarationKind.FIELD:
            parent = next(
                (at for _, outer, at in reversed(enclosing) if outer is DeclarationKind.TYPE), -1
            )
        elif inside_function:
            continue
        if len(declarations) == MAX_DECLARATIONS:
            break
        last_line, end_column = _end_of_signature(tree, node, one.body)
        head = tree.head_of(node, one.body, MAX_HEAD_CHARS)
        types = one.bases or type_names(
            kind, one.name, head, before_names=language.types_before_names
        )
        if kind is DeclarationKind.FIELD and inside_function and not types:
            types = _type_of_parameter(head, function_head)
        if kind is DeclarationKind.FUNCTION:
            function_head = head
        owner = one.owner if parent < 0 else ""
        first_line = node.start_point.row
        declarations.append(
            Declaration(one.name, kind, first_line, last_line, end_column, parent, owner, types)
        )
        if kind in {DeclarationKind.TYPE, DeclarationKind.FUNCTION}:
            enclosing.append((node.end_byte, kind, len(declarations) - 1))
    return tuple(declarations)


def _type_of_parameter(head: str, function_head: str) -> tuple[str, ...]:
    """Return the type of a field that a parameter is assigned to, as constructors do."""
    value = _PLAIN_VALUE.search(head)
    return annotation_of(value[1], function_head) if value is not None else ()


def _end_of_signature(
    tree: SyntaxTree, node: tree_sitter.Node, body: tree_sitter.Node | None
) -> tuple[int, int]:
    first = node.start_point.row
    if body is None:
        end = node.end_point
        last = end.row if end.column or end.row == first else end.row - 1
        return min(last, first + MAX_SIGNATURE_LINES - 1), -1
    start = body.start_point
    if start.row - first >= MAX_SIGNATURE_LINES:
        return first + MAX_SIGNATURE_LINES - 1, -1
    return start.row, tree.column_of(body.start_byte, start.column)


_IDENTIFIER = re.compile(r"[^\W\d][\w$!?-]*|\w+")
_PLAIN_VALUE = re.compile(r"=\s*([^\W\d]\w*)\s*$")
_NAMED_BEFORE = re.compile(r"(?<!\s)\s*+[\[({<:=]")


def last_identifier(text: str) -> str:
    """Return the name in a declarator: ``*ns::Type::method(int x)`` is ``method``."""
    head = _NAMED_BEFORE.split(text.replace("::", "."), maxsplit=1)[0]
    names = _IDENTIFIER.findall(head) or _IDENTIFIER.findall(text)
    return names[-1] if names else ""


# -- imports ---------------------------------------------------------------------------------


def _imports(
    tree: SyntaxTree, matches: list[dict[str, list[tree_sitter.Node]]]
) -> tuple[Import, ...]:
    names: dict[tuple[int, str], dict[str, None]] = {}
    aliases: dict[tuple[int, str], dict[str, None]] = {}
    for match in matches:
        if "import" not in match:
            continue
        for module_node in match["import.module"]:
            key = (match["import"][0].start_byte, tree.text_of(module_node).strip("\"'`<> \t\r\n"))
            names.setdefault(key, {}).update(
                (tree.text_of(node), None) for node in match.get("import.name", ())
            )
            aliases.setdefault(key, {}).update(
                (tree.text_of(node), None) for node in match.get("import.alias", ())
            )
    return tuple(Import(key[1], tuple(names[key]), tuple(aliases[key])) for key in names)
