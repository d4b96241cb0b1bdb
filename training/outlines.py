"""The steps of a Python function in words: what a model learns to write before the code.

Made of the syntax tree, and of the comments in the code where there are some: an author's own words
say more than a statement retold.
"""

from __future__ import annotations

import ast
import re

MOST_STEPS = 24
"""Of a longer function no outline is made: it would be the code once more."""
_MOST_CHARS = 48
"""An expression that is longer is named by what it does."""
_CODE_COMMENT = re.compile(
    r"[=(){}\[\];]|^(?:type:|noqa|pylint|pragma|todo|fixme|xxx|!)", re.IGNORECASE
)
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "Add {value} to {target}.",
    ast.Sub: "Subtract {value} from {target}.",
    ast.Mult: "Multiply {target} by {value}.",
    ast.Div: "Divide {target} by {value}.",
    ast.FloorDiv: "Divide {target} by {value}, rounded down.",
}
_METHODS = {
    "append": "Append {value} to {target}.",
    "add": "Add {value} to {target}.",
    "extend": "Extend {target} by {value}.",
    "update": "Update {target} with {value}.",
    "remove": "Remove {value} from {target}.",
}
_SIZES = {ast.List: "list", ast.Dict: "dictionary", ast.Set: "set", ast.Tuple: "tuple"}


def outline_of(code: str) -> str | None:
    """Return the numbered steps of the one function in ``code``; ``None`` where there is little to say.

    ``code`` is dedented. A function of one step, of more than ``MOST_STEPS``, or that does not parse has none.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return None
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef)), None)
    if function is None:
        return None
    steps = _Steps(_comments(code))
    lines = steps.of(function.body, "")
    if not 2 <= len(lines) <= MOST_STEPS:
        return None
    numbered = []
    number = 0
    for line in lines:
        if line.startswith(" "):
            numbered.append(line)
        else:
            number += 1
            numbered.append(f"{number}. {line}")
    return "\n".join(numbered)


def _comments(code: str) -> dict[int, str]:
    """Return the comments that say something, by the number of the line of code below them."""
    found: dict[int, str] = {}
    words: list[str] = []
    for number, line in enumerate(code.split("\n"), 1):
        bare = line.strip()
        if bare.startswith("#"):
            words.append(bare.lstrip("#").strip())
            continue
        said = " ".join(words).strip()
        if bare and 8 <= len(said) <= 100 and not _CODE_COMMENT.search(said):
            found[number] = f"{said[0].upper()}{said[1:].rstrip('.:')}."
        words = []
    return found


class _Steps:
    """Puts statements into words."""

    def __init__(self, comments: dict[int, str]) -> None:
        self._comments = comments

    def of(self, body: list[ast.stmt], indent: str) -> list[str]:
        """Return the lines for some statements, those inside of them indented."""
        lines: list[str] = []
        for node in body:
            said = self._comments.get(node.lineno)
            if said is not None:
                lines.append(f"{indent}{said}")
                continue
            lines += [f"{indent}{line}" for line in self._step(node)]
        return lines

    def _step(self, node: ast.stmt) -> list[str]:
        match node:
            case ast.If():
                return self._branch("If", node)
            case ast.For():
                return self._block(f"For each {_of(node.target)} in {_of(node.iter)}", node.body)
            case ast.While():
                return self._block(f"While {_of(node.test)}", node.body)
            case ast.With():
                what = ", ".join(_of(item.context_expr) for item in node.items)
                return self._block(f"With {what}", node.body)
            case ast.Try():
                lines = self._block("Try this", node.body)
                for handler in node.handlers:
                    what = _of(handler.type) if handler.type is not None else "anything"
                    lines += self._block(f"If {what} is raised", handler.body)
                return lines
            case ast.FunctionDef():
                return self._block(f"Define a helper `{node.name}`", node.body)
            case _:
                line = _sentence(node)
                return [line] if line else []

    def _branch(self, word: str, node: ast.If) -> list[str]:
        lines = self._block(f"{word} {_of(node.test)}", node.body)
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            lines += self._branch("Otherwise, if", node.orelse[0])
        elif node.orelse:
            lines += self._block("Otherwise", node.orelse)
        return lines

    def _block(self, head: str, body: list[ast.stmt]) -> list[str]:
        inner = self.of(body, "   ")
        if not inner:
            return [f"{head}, do nothing."]
        if len(inner) == 1:
            step = inner[0].strip()
            return [f"{head}, {step[0].lower()}{step[1:]}"]
        return [f"{head}:", *inner]


def _sentence(node: ast.stmt) -> str:
    """Return one statement as a sentence; an empty one where nothing is done."""
    match node:
        case ast.Return(value=None):
            return "Return."
        case ast.Return(value=value) if value is not None:
            return f"Return {_of(value)}."
        case ast.Assign(targets=[target], value=value):
            return f"Set {_of(target)} to {_of(value)}."
        case ast.AnnAssign(target=target, value=value) if value is not None:
            return f"Set {_of(target)} to {_of(value)}."
        case ast.AugAssign(target=target, op=op, value=value):
            form = _OPERATORS.get(type(op), "Change {target} by {value}.")
            return form.format(target=_of(target), value=_of(value))
        case ast.Raise(exc=exc) if exc is not None:
            raised = exc.func if isinstance(exc, ast.Call) else exc
            return f"Raise {_of(raised)}."
        case ast.Assert(test=test):
            return f"Make sure that {_of(test)}."
        case ast.Expr(value=ast.Constant()):
            return ""
        case ast.Expr(value=ast.Yield(value=value)) if value is not None:
            return f"Yield {_of(value)}."
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=target, attr=name), args=[value])
        ) if name in _METHODS:
            return _METHODS[name].format(target=_of(target), value=_of(value))
        case ast.Expr(value=ast.Call() as call):
            return f"Call {_of(call).removeprefix('what ').removesuffix(' gives')}."
        case ast.Delete(targets=targets):
            return f"Delete {', '.join(map(_of, targets))}."
        case ast.Break():
            return "Stop the loop."
        case ast.Continue():
            return "Go on with the next one."
        case _:
            return ""


def _of(node: ast.expr) -> str:
    """Return an expression in words, or as code if it is short."""
    if isinstance(node, tuple(_SIZES)) and not getattr(node, "elts", getattr(node, "keys", None)):
        return f"an empty {_SIZES[type(node)]}"
    code = ast.unparse(node)
    if isinstance(node, ast.Tuple):
        code = code.removeprefix("(").removesuffix(")")
    if len(code) <= _MOST_CHARS and "\n" not in code:
        return f"`{code}`"
    match node:
        case ast.Call(func=func):
            return f"what {_name(func)} gives"
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return f"what is made of each of {_name(node.generators[0].iter)}"
        case ast.BoolOp(op=op, values=values):
            word = " and " if isinstance(op, ast.And) else " or "
            return word.join(map(_of, values))
        case ast.List() | ast.Dict() | ast.Set() | ast.Tuple():
            return f"a {_SIZES[type(node)]}"
        case ast.BinOp(left=left, right=right):
            return f"{_of(left)} combined with {_of(right)}"
        case ast.IfExp(test=test):
            return f"a value that depends on {_of(test)}"
        case ast.Constant() | ast.JoinedStr():
            return "a text"
        case _:
            return "an expression"


def _name(node: ast.expr) -> str:
    code = ast.unparse(node)
    return f"`{code}`" if len(code) <= _MOST_CHARS and "\n" not in code else "an expression"
