"""Values of a name in a syntax tree: the strings that are secret because of the name.

Nothing here knows a language. Grammars call their nodes differently, but in all of them a value
is a later sibling of its name, or of something around the name, behind a token: ``=``, ``:``,
``=>``, a comma. So the way goes up from the name until such a token is met.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import tree_sitter

from infill_retrieval.secrets.values import Says, is_secret, what_name_says
from infill_retrieval.syntax.grammar import SyntaxTree

MAX_NODES = 2_000
"""Looked at for one name."""
MAX_CLIMB = 12
"""Levels between a name and the value that is assigned to it."""

_NAME_ALONE = re.compile(r"[-:$@]{0,2}(?:[\w$-]{1,60}[.:/]){0,6}([\w$-]{2,80})")
"""A string that is a name, as a key or an option of a command."""
_ASSIGNS = frozenset(
    ["=", ":=", "+=", "??=", "||=", "|=", "?=", ".=", ":", "=>", "->", "<-", "<<<", "or", "||",
     "??", "?:", ":-"]
)  # fmt: skip
_COMPARES = frozenset(["==", "===", "!=", "!==", "~=", "is", "eq"])
_ACCESSES = frozenset([".", "?.", "::", "->", "&.", "optional_chain"])
# Types of nodes, by what is common to the grammars.
_STRING = re.compile(
    r"string|heredoc|nowdoc|quoted_template|char_literal|^text$|raw_text|symbol|atom"
)
_NO_STRING = re.compile(r"interpolation|substitution|_type$|^concatenated|^chained|_beginning$")
_ARGUMENTS = re.compile(r"argument|^args$|value_args|call_suffix|initializer_list")
_CALL = re.compile(r"call|invocation|creation|new_expression|macro|composite")
_FUNCTION = re.compile(
    r"function(?!_declarator|_call|_value)|method(?!_invoc|_call)|^class|accessor|^singleton"
    r"|constructor_decl"
)
_DECLARES = re.compile(r"declarator|initializer|constant")
_BRANCHES = re.compile(
    r"^(?:switch_|match_|case|when|default_case|expression_case|type_case|if_|while_|for_|with_"
    r"|try_|except)"
)
_CASE = re.compile(r"case|pattern|label|arm|when")
_INDEX = re.compile(r"subscript|index|element_access|bracket|element_reference")
_PARTS = re.compile(
    r"^(?:pair|keyword_argument|field_initializer|element|array|list|.*subscript.*|.*_list)$"
)
_BODY = re.compile(r"block|body|compound_statement|suite|declaration_list|^then$|^do$")
_ENDS = re.compile(
    r"_statement$|_declaration$|_definition$|_item$|block|body|^(?:program|module|source_file"
    r"|translation_unit|compilation_unit|document|source|script|chunk)$"
)
_RETURNS = re.compile(
    r"return|^concatenated|^expression_list$|arrow_expression_clause|body_statement|block_body"
    r"|^block$|function_value"
)
# Names of functions.
_SETS = re.compile(r"(?i)^(?:set|with|change|update|reset|use|add|put)_?[a-z]")
_TAKES = re.compile(
    r"(?i)(?:cmp|cpy|copy|equals?|eql|compare(?:_digest|to)?|unwrap_or(?:_else)?|or_?else"
    r"|or_?default|set_?default|fetch|coalesce|insert|put|emplace|getenv|snprintf)$"
)
"""Those in which a name and its value stand side by side, or that have what is taken else."""
# Values.
_ALGORITHM = re.compile(
    r"(?i)^(?:sha|md|hs|rs|es|ps|hmac|aes|des|rsa|dsa|ec|ed|pbkdf|b?scrypt|argon|blake|utf|iso|latin"
    r"|base|x\.?509|pkcs|chacha|poly|oauth|tls|ssl|v|http)[-_/a-z]{0,12}\d{1,5}(?:[-_/][a-z0-9]{1,12}){0,4}$"
)
_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_KEY_CHARS = re.compile(r"[0-9A-Za-z+/=_~!@%^*-]{10,4000}")
_OPENING = re.compile(
    r"""^\s*(?:(?:String\.raw|[A-Za-z@$:&]{0,3}\#{0,3})(?:["'`]+(?:\w{0,16}\()?)"""
    r"""|<<<?[~-]?\s?["']?\w{1,40}["']?$|%[qQwWiI]?[\[({<|!]|:(?=\w))?"""
)
_CLOSERS = "\\\"'`)]}>|!;,# \t"
_IN_QUOTES = re.compile(r'"([^"\n]{1,4000})"')


class Nearness(IntEnum):
    """How directly a string is the value of a name, and so how much it has to look like one."""

    FAR = 0
    """Beside it in a call: it has to look random."""
    INSIDE = 1
    """Inside of what the name gets, as an argument or entry: it has to be unlike words."""
    VALUE = 2
    """It is what the name gets."""


Found = tuple[tree_sitter.Node, Nearness]
"""A string, and how near it is to the name."""
Step = tuple[Iterable[Found], bool]
"""What is found at a level, and whether that is all there is."""


@dataclass(frozen=True, slots=True)
class _Level:
    """A level on the way up from a name."""

    branch: tree_sitter.Node
    """The node that holds the name."""
    parent: tree_sitter.Node
    before: Sequence[tree_sitter.Node]
    """The children of ``parent`` before the branch, and those after it."""
    after: Sequence[tree_sitter.Node]
    mark: str
    """The first mark after the branch: an operator, a comma, a bracket."""

    @classmethod
    def of(cls, branch: tree_sitter.Node, parent: tree_sitter.Node) -> _Level | None:
        children = parent.children
        place = next((n for n, child in enumerate(children) if child == branch), None)
        if place is None:
            return None
        after = children[place + 1 :]
        mark = next((node.type for node in after if not node.is_named), "")
        return cls(branch, parent, children[:place], after, mark)

    def behind_mark(self) -> Sequence[tree_sitter.Node]:
        place = next(n for n, node in enumerate(self.after) if not node.is_named)
        return self.after[place + 1 :]


class NamedValues:
    """A name in a tree, from which its value is looked for."""

    def __init__(self, tree: SyntaxTree, node: tree_sitter.Node, name: str) -> None:
        self._tree = tree
        self._path = [*tree.ancestors(node)]
        self._name = name
        self._says = what_name_says(name)
        self._is_string = False
        self._is_chained = False
        """Whether something of what has the name is meant, as in ``name.length``."""
        self._nodes_left = MAX_NODES

    def secret_lines(self) -> set[int]:
        """Return the lines of the strings that are secret because of this name."""
        lines: set[int] = set()
        if not self._enter():
            return lines
        for branch, parent in pairwise(self._path[: MAX_CLIMB + 1]):
            level = _Level.of(branch, parent)
            if level is None or _is_string(parent) or "interpolation" in parent.type:
                break
            found, is_all = self._look(level)
            for node, nearness in found:
                lines |= self._secret_lines_of(node, nearness)
            if is_all or _ENDS.search(parent.type) or _BRANCHES.search(parent.type):
                break
        return lines

    def _enter(self) -> bool:
        """Begin at the whole string if the name is one; ``False`` if it stands in a text."""
        if any("comment" in node.type for node in self._path[:3]):
            return False
        level = next((n for n, node in enumerate(self._path) if _is_string(node)), None)
        if level is None:
            return True
        if any(_NO_STRING.search(node.type) for node in self._path[:level]):
            return False
        while level + 1 < len(self._path) and _is_string(self._path[level + 1]):
            level += 1
        match = _NAME_ALONE.fullmatch(_bare_text(self._tree.text_of(self._path[level])))
        if match is None or (says := what_name_says(match[1])) is Says.NOTHING:
            return False
        self._path = self._path[level:]
        self._says, self._is_string = says, True
        return True

    def _look(self, level: _Level) -> Step:
        rules = (
            self._function, self._macro, self._index, self._property, self._arguments,
            self._access, self._assignment, self._list, self._comparison, self._call, self._switch,
        )  # fmt: skip
        for rule in rules:
            step = rule(level)
            if step is not None:
                return step
        return (), False

    # -- rules: each returns what it finds, or None where it is about something else ------------

    def _function(self, level: _Level) -> Step | None:
        if not _FUNCTION.search(level.parent.type) or _CALL.search(level.parent.type):
            return None
        name = level.parent.child_by_field_name("name")
        is_its_name = name is None or name == level.branch
        return (self._returned(level.parent) if is_its_name else ()), True

    def _macro(self, level: _Level) -> Step | None:
        if not level.parent.type.startswith("preproc_def"):
            return None
        return [(node, Nearness.VALUE) for node in level.after if node.is_named], True

    def _index(self, level: _Level) -> Step | None:
        """Nothing is known of ``entries[name] = value``."""
        is_index = _INDEX.search(level.parent.type) and level.before
        if not is_index or level.before[-1].type != "[" or self._is_string or self._name.isupper():
            return None
        return (), True

    def _property(self, level: _Level) -> Step | None:
        if level.parent.type != "property_declaration" or level.mark in _ASSIGNS:
            return None
        return self._returned(level.parent), True

    def _arguments(self, level: _Level) -> Step | None:
        """``value.equals(name)``, ``fetch(name) { value }``."""
        if not _ARGUMENTS.search(level.branch.type) or not self._takes(level.branch):
            return None
        blocks = [node for node in level.after if _BODY.search(node.type)]
        return self._strings_in([*level.before, *blocks], Nearness.VALUE), True

    def _access(self, level: _Level) -> Step | None:
        """``name.equals(value)``; else it is not about the name any more."""
        if level.mark not in _ACCESSES or level.after[0].is_named != (
            level.mark == "optional_chain"
        ):
            return None
        self._is_chained = True
        last = level.after[-1]
        if not _ARGUMENTS.search(last.type) or not self._takes(last):
            return (), False
        return self._strings_in([last], Nearness.VALUE), False

    def _assignment(self, level: _Level) -> Step | None:
        if not self._relates(level) or _BRANCHES.search(level.parent.type):
            return None
        if self._is_chained:
            return (), True
        wanted: list[tree_sitter.Node] = []
        for node in level.behind_mark():
            if node.type in {",", ";"}:
                break
            if not _BODY.search(node.type):
                wanted.append(node)
        return self._strings_in(wanted, Nearness.VALUE), level.mark not in _COMPARES

    def _list(self, level: _Level) -> Step | None:
        """``("name", value)`` in a list or a call, ``compare(name, value)``."""
        if level.mark != ",":
            is_last = bool(level.before) and level.before[-1].type == ","
            if not is_last or not _ARGUMENTS.search(level.parent.type):
                return None
            takes = self._takes(level.parent)
            return (self._direct(level.before, Nearness.VALUE), True) if takes else None
        is_call = _ARGUMENTS.search(level.parent.type) is not None
        others = [node for node in level.after if node.is_named]
        if self._is_string or self._name.isupper():
            found = [
                (node, near)
                for node, near in self._strings_in(others[:1], Nearness.VALUE)
                if not _bare_text(self._tree.text_of(node)).isalpha()  # a list of words
            ]
            return found + (self._direct(others[1:], Nearness.FAR) if is_call else []), True
        if not is_call:
            return (), True
        if self._takes(level.parent):
            return self._direct([*others, *level.before], Nearness.VALUE), True
        return self._direct(others, Nearness.FAR), True

    def _comparison(self, level: _Level) -> Step | None:
        if self._is_chained or not level.before or level.before[-1].type not in _COMPARES:
            return None
        return self._strings_in(level.before[:-1], Nearness.VALUE), False

    def _call(self, level: _Level) -> Step | None:
        """``set_name(value)``, ``name(value)``."""
        parent, after = level.parent, level.after
        # Go takes ``a.B("c")`` for the conversion to a type.
        if not after or not (_ARGUMENTS.search(after[0].type) or "conversion" in parent.type):
            return None
        callee = self._tree.text_of(level.branch)
        is_its_name = callee.endswith(self._name)
        takes = _TAKES.search(callee.rstrip(":!<>"))
        if _DECLARES.search(parent.type) or _SETS.search(self._name) or takes:
            return self._strings_in(after, Nearness.VALUE), is_its_name
        if not is_its_name:
            return (), False
        near = Nearness.FAR if self._says is Says.PERHAPS else Nearness.INSIDE
        arguments = [child for node in after for child in (node, *node.children)]
        return self._direct([node for node in arguments if _is_string(node)], near), True

    def _switch(self, level: _Level) -> Step | None:
        if not level.parent.type.startswith(("switch_", "match_")):
            return None
        cases = self._strings_in(level.after, Nearness.INSIDE)
        return [
            (node, near)
            for node, near in cases
            if node.parent is not None and _CASE.search(node.parent.type)
        ], True

    # -- helpers of the rules ---------------------------------------------------------------

    def _relates(self, level: _Level) -> bool:
        """Return whether a value follows."""
        if level.mark in _ASSIGNS or level.mark in _COMPARES:
            return True
        behind = level.behind_mark() if level.mark == "?" else ()
        return bool(behind) and behind[0].type == ":"  # PHP's ``name ?: value``

    def _takes(self, arguments: tree_sitter.Node) -> bool:
        """Return whether the function before its arguments is one that takes name and value."""
        before = self._tree.text[: self._tree.offset_of_byte(arguments.start_byte)]
        return _TAKES.search(before[-80:].rstrip("(:!<> ")) is not None

    def _returned(self, function: tree_sitter.Node) -> list[Found]:
        return [
            (node, near)
            for node, near in self._strings_in(function.children, Nearness.INSIDE)
            if node.parent is not None and _RETURNS.search(node.parent.type)
        ]

    def _direct(self, nodes: Sequence[tree_sitter.Node], nearness: Nearness) -> list[Found]:
        return self._strings_in(nodes, nearness, is_direct=True)

    def _strings_in(
        self, nodes: Sequence[tree_sitter.Node], nearness: Nearness, *, is_direct: bool = False
    ) -> list[Found]:
        """Return the strings in ``nodes``; with ``is_direct`` without those of calls in there."""
        found: list[Found] = []
        waiting = [(node, nearness, True) for node in reversed(nodes)]
        while waiting and self._nodes_left:
            self._nodes_left -= 1
            node, near, is_first = waiting.pop()
            if node.type == "heredoc_beginning":
                waiting += [(body, near, False) for body in self._heredocs()]
            if _is_string(node) or node.type in {"word", "preproc_arg"}:
                found.append((node, near))
                continue
            if _ARGUMENTS.search(node.type) and not is_first:
                if is_direct:
                    continue
                near = min(near, Nearness.INSIDE)
            if node.child_count > 1 and _PARTS.match(node.type):
                near = min(near, Nearness.INSIDE)
            children = node.children
            if any(child.type in _COMPARES for child in children):
                continue  # what is compared to something else
            waiting += [(child, near, False) for child in reversed(children)]
        return found

    def _heredocs(self) -> list[tree_sitter.Node]:
        """Return the first text that stands below the statement that begins it."""
        waiting = [self._tree.root]
        while waiting and self._nodes_left:
            self._nodes_left -= 1
            node = waiting.pop(0)
            if node.type == "heredoc_body":
                return [node]
            waiting += node.children
        return []

    def _secret_lines_of(self, node: tree_sitter.Node, nearness: Nearness) -> set[int]:
        text = self._tree.text_of(node)
        is_macro = node.type == "preproc_arg"
        return {
            row
            for row, line in enumerate(text.split("\n"), node.start_point.row)
            for value in (_IN_QUOTES.findall(line) if is_macro else [_bare_text(line)])
            if self._is_secret(value, nearness)
        }

    def _is_secret(self, value: str, nearness: Nearness) -> bool:
        if nearness is Nearness.VALUE:
            return is_secret(value, self._says)
        if _ALGORITHM.match(value) or (self._says is Says.PERHAPS and _GUID.fullmatch(value)):
            return False
        if nearness is Nearness.FAR:
            return _KEY_CHARS.fullmatch(value) is not None and is_secret(value, Says.PERHAPS)
        has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
        return has_both and len(value) >= 8 and is_secret(value, self._says, quoted=False)


def _is_string(node: tree_sitter.Node) -> bool:
    is_one = node.is_named and _STRING.search(node.type) is not None
    return is_one and _NO_STRING.search(node.type) is None


def _bare_text(literal: str) -> str:
    """Return the text between the marks of a string, or of one line of it."""
    return _OPENING.sub("", literal, count=1).rstrip(_CLOSERS).strip()
