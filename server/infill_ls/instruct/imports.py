"""The imports of an answer that its code needs and the file does not have, and where they go.

Only in languages of which the table knows how an import begins, and the query what it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infill_ls.document.lines import line_end
from infill_ls.instruct.answer import parsed
from infill_ls.instruct.changes import TextChange
from infill_retrieval.syntax import Language, SyntaxTree, outline
from infill_retrieval.syntax.grammar import load_query

if TYPE_CHECKING:
    import tree_sitter

_PARTS = ("import_specifier", "aliased_import")
"""Nodes that hold a name with what it is to be called."""
_HEADS = ("hash_bang_line", "package_clause", "package_declaration", "package_header", "php_tag",
          "file_scoped_namespace_declaration", "namespace_definition")  # fmt: skip
"""Nodes that stand before the imports."""
_FOR_THE_WHOLE_FILE = "__future__"
"""Such an import changes what other code means."""


@dataclass(slots=True)
class _Imported:
    """One import: a statement, or one entry of a statement that has several in brackets."""

    start: int
    end: int
    """Of the statement."""
    text: str
    """As it may stand alone."""
    modules: set[str] = field(default_factory=set)
    names: dict[str, tuple[int, int]] = field(default_factory=dict)
    """What is taken one by one, with the place of each in ``text``."""
    aliases: set[str] = field(default_factory=set)

    def lines_without(self, known: set[str]) -> str:
        """Return the statement without the names that are known."""
        text = self.text
        for name, (start, end) in sorted(self.names.items(), key=lambda one: -one[1][0]):
            if name in known:
                text = text[:start] + re.sub(r"\A\s*,\s*", "", text[end:])
        return re.sub(r",(\s*[)}]|\s*\Z)", r"\1", text)


def needed_imports(answered: Iterable[str], code: str, file: str, language: Language) -> list[str]:
    """Return the imports in ``answered`` that ``code`` uses and ``file`` lacks."""
    if not language.imports:
        return []
    tree = next((tree for _, tree in parsed(file, language)), None)
    if tree is None:
        return []
    here = _imported(tree, language)
    texts = {_plain(one.text) for one in here}
    declared = {
        one.name for one in outline(language, tree, tree.text).declarations if one.parent < 0
    }
    found: dict[str, None] = {}
    for text in answered:
        for one in _of(text, language):
            known = declared | {
                name
                for other in here
                if other.modules & one.modules
                for name in (*other.names, *other.aliases)
            }
            named = set(one.names) | one.aliases
            if (
                _plain(one.text) in texts
                or (named and named <= known)
                or _FOR_THE_WHOLE_FILE in one.modules
                or not _is_used(one, named - known, code, language)
            ):
                continue
            found[one.lines_without(known)] = None
    return list(found)


def without_imports(code: str, language: Language) -> str:
    """Return code without the import statements that it begins with."""
    end = 0
    for one in _of(code, language):
        if code[end : one.start].strip() and not _is_comment(code[end : one.start], language):
            break
        end = max(end, one.end)
    return code[end:].lstrip("\n") if end else code


def imports_change(
    imports: list[str], text: str, language: Language, before: int
) -> TextChange | None:
    """Return the change that puts imports with those of the file, above ``before``; where it can be."""
    tree = next((tree for _, tree in parsed(text, language)), None)
    shift = 0 if tree is None else len(tree.text) - len(text)
    if not imports or tree is None or shift:
        return None
    lines = "\n".join(imports)
    at = 0
    for one in _imported(tree, language):
        if one.start > before or (at and not _is_comment(text[at : one.start], language)):
            break
        at = max(at, one.end)
    if at:
        at = line_end(text, at)
        return TextChange(at, at, "", f"\n{lines}") if at <= before else None
    at = _end_of_head(tree)
    if at > before:
        return None
    gap = "\n\n" if not language.indented else "\n\n\n"
    if not at:
        return TextChange(0, 0, "", f"{lines}{gap}")
    return TextChange(at, at, "", f"\n\n{lines}")


def _of(code: str, language: Language) -> list[_Imported]:
    text, tree = next(iter(parsed(code, language)), ("", None))
    if tree is None:
        return []
    found = _imported(tree, language)
    shift = len(text) - len(code)  # of what the grammar wants in front
    for one in found:
        one.start, one.end = one.start - shift, one.end - shift
    return found


def _imported(tree: SyntaxTree, language: Language) -> list[_Imported]:
    """Return the imports at the margin of a text, in their order."""
    query = load_query(language)
    if query is None or not language.imports:
        return []
    begins = re.compile(language.imports)
    found: dict[tuple[int, int], _Imported] = {}
    for match in tree.matches(query):
        if "import" not in match:
            continue
        node = match["import"][0]
        statement = _statement(tree, node, begins)
        if statement is None:
            continue
        key = (node.start_byte, node.end_byte)
        if key not in found:
            whole = tree.text_of(statement).rstrip()
            text = whole
            if node.start_byte != statement.start_byte:
                head = begins.match(whole)
                end = ";" if whole.endswith(";") else ""
                text = f"{head[0].strip() if head else ''} {tree.text_of(node)}{end}"
            start = tree.offset_of_byte(statement.start_byte)
            found[key] = _Imported(start, start + len(whole), text)
        _take_names(found[key], tree, statement, match)
    return sorted(found.values(), key=lambda one: one.start)


def _take_names(
    one: _Imported,
    tree: SyntaxTree,
    statement: tree_sitter.Node,
    match: dict[str, list[tree_sitter.Node]],
) -> None:
    one.modules.update(tree.text_of(node).strip("\"'`<> \t\r\n") for node in match["import.module"])
    one.aliases.update(tree.text_of(node) for node in match.get("import.alias", ()))
    first = tree.offset_of_byte(statement.start_byte)
    for node in match.get("import.name", ()):
        above = node.parent
        part = above if above is not None and above.type in _PARTS else node
        place = tree.offset_of_byte(part.start_byte), tree.offset_of_byte(part.end_byte)
        one.names[tree.text_of(node)] = place[0] - first, place[1] - first


def _statement(
    tree: SyntaxTree, node: tree_sitter.Node, begins: re.Pattern[str]
) -> tree_sitter.Node | None:
    """Return the outermost node around an import that is one, and stands at the margin."""
    outer = None
    for above in tree.ancestors(node):
        if above.start_point.column == 0 and begins.match(tree.text_of(above)):
            outer = above if above != tree.root else outer
    return outer


def _is_used(one: _Imported, unknown: set[str], code: str, language: Language) -> bool:
    words = unknown
    if not (one.names or one.aliases):
        if not language.imports_bind or "*" in one.text:
            return True
        words = {word for module in one.modules for word in re.findall(r"\w+", module)}
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", code) for word in words)


def _end_of_head(tree: SyntaxTree) -> int:
    """Return where what stands before all imports ends: a package, a licence, a description."""
    end = 0
    nodes = tree.root.children
    for node, after in zip(nodes, [*nodes[1:], None], strict=True):
        is_text = node.type == "expression_statement" and _holds_text(node)
        gap = after.start_point.row - node.end_point.row if after is not None else 0
        stands_apart = gap > 1 or tree.text_of(node).startswith("#!")
        if "comment" in node.type:
            if stands_apart:
                end = node.end_byte
        elif is_text or node.type in _HEADS:
            end = node.end_byte
        elif node.is_named:
            break
    return len(tree.text[: tree.offset_of_byte(end)].rstrip())


def _holds_text(node: tree_sitter.Node) -> bool:
    return [child.type for child in node.named_children] == ["string"]


def _is_comment(between: str, language: Language) -> bool:
    marks = (language.comment, *language.further_comments, "*")
    lines = (line.strip() for line in between.split("\n"))
    return all(not line or line.startswith(marks) for line in lines)


def _plain(statement: str) -> str:
    return re.sub(r"\s+", " ", statement).rstrip("; ")
