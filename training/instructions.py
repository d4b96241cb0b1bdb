"""Instructions and their answers, made of a corpus: what the instruct model of the evaluation learns from.

Each documented function of Python gives one or a few: write it (directly, or an outline first), document
it, explain it, or write it from a comment. The words around it are the server's own
(`infill_ls.instruct.prompt`), so that the model is asked as it was taught. Answers end with ``<|EOT|>``, as
those of DeepSeek-Coder-Instruct do (arXiv 2401.14196, section 3.6).

    python -m training.instructions CORPUS.jsonl.zst --held-out HELD-OUT.json.gz --out SAMPLES.jsonl.zst
"""

from __future__ import annotations

import argparse
import ast
import multiprocessing
import random
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_ls.instruct.place import InstructionPlace
from infill_ls.instruct.prompt import SYSTEM, context_of, fenced, request_of
from infill_ls.instruct.task import OutlineUse, Task
from infill_ls.types import Hole
from infill_retrieval import Retrieval
from infill_retrieval.syntax import Language, language_of
from infill_retrieval.syntax.functions import Function
from training import corpus
from training.filters import HeldOut
from training.functions import FunctionLines, functions_of
from training.instruction_rows import Sample, write_samples
from training.outlines import outline_of
from training.tokens import RESPONSE

PYTHON: Language = language_of("a.py", "python")
MOST_CHARS = 5_000
"""Of prompt and answer together: some 1 400 tokens."""
LEAST_DOC_CHARS, MOST_DOC_CHARS = 30, 1_500
MOST_ABOVE_LINES = 40
PLAIN_SHARE = 0.35
"""So many of the functions that are methods, or mere calls of other code, are taken; of the others all."""
_IMPORT = re.compile(r"(?:from\s+\S+\s+)?import\s+(.+)")
_WORD = re.compile(r"[A-Za-z_]\w*")
_STUBS = ("", "", "", "", "pass", "...", "raise NotImplementedError", "# TODO: write this\npass")
_KINDS = (
    (Task.IMPLEMENT, OutlineUse.OFF, 0.42),
    (Task.IMPLEMENT, OutlineUse.DISCARD, 0.38),
    (Task.DOCUMENT, OutlineUse.OFF, 0.1),
    (Task.EXPLAIN, OutlineUse.OFF, 0.04),
    (Task.REWRITE, OutlineUse.OFF, 0.06),
)


@dataclass(frozen=True)
class Piece:
    """A function and what it stands in; ``code``, ``stub`` and ``bare`` are dedented."""

    name: str
    path: str
    code: str
    stub: str
    """The signature with its documentation."""
    bare: str
    """The code without its documentation."""
    doc: str
    above: str
    below: str
    indent: str


def pieces_of(path: str, text: str, rng: random.Random) -> Iterator[Piece]:
    """Yield the documented functions of a file, with some of what surrounds each."""
    lines = text.split("\n")
    imports = _imports(lines)
    for function in functions_of(lines):
        if not function.has_docstring or not (function.is_algorithm or rng.random() < PLAIN_SHARE):
            continue
        piece = _piece(path, lines, imports, function, rng)
        if piece is not None:
            yield piece


def _piece(
    path: str,
    lines: Sequence[str],
    imports: dict[str, str],
    function: FunctionLines,
    rng: random.Random,
) -> Piece | None:
    code = textwrap.dedent("\n".join(lines[function.first : function.last]))
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        return None
    node = body[0] if len(body) == 1 else None
    if not isinstance(node, ast.FunctionDef) or len(node.body) < 2:
        return None
    doc = ast.get_docstring(node) or ""
    if not LEAST_DOC_CHARS <= len(doc) <= MOST_DOC_CHARS:
        return None
    own = code.split("\n")
    doc_end = node.body[0].end_lineno or node.body[0].lineno
    stub = "\n".join(own[:doc_end])
    bare = "\n".join(own[: node.body[0].lineno - 1] + own[doc_end:])
    first = lines[function.first]
    used = set(_WORD.findall(code))
    wanted = list(dict.fromkeys(line for name, line in imports.items() if name in used))
    above, below = "\n".join(wanted), ""
    if rng.random() < 0.35:
        above = "\n".join(
            lines[max(0, function.first - rng.randint(5, MOST_ABOVE_LINES)) : function.first]
        )
        below = "\n".join(lines[function.last : function.last + rng.randint(0, 12)])
    return Piece(
        name=node.name,
        path=path,
        code=code,
        stub=stub,
        bare=bare,
        doc=doc,
        above=above,
        below=below,
        indent=first[: len(first) - len(first.lstrip())],
    )


def sample_of(package: str, piece: Piece, rng: random.Random) -> Sample | None:
    """Return an instruction about a function, of a kind by chance; ``None`` if it gets too long."""
    (kind,) = rng.choices(_KINDS, [share for _, _, share in _KINDS])
    task, outline, _ = kind
    instruction, whole = "", fenced(piece.code, PYTHON.name)
    said = piece.doc.split("\n\n")[0].replace("\n", " ")
    match task:
        case Task.IMPLEMENT:
            target, answer = _with_stub(piece.stub, rng), whole
            if outline is not OutlineUse.OFF:
                steps = outline_of(piece.code)
                if steps is None:
                    outline = OutlineUse.OFF
                else:
                    answer = f"{steps}\n\n{whole}"
        case Task.DOCUMENT:
            target, answer = piece.bare, whole
        case Task.EXPLAIN:
            target, answer = piece.bare, said
        case _:
            instruction = f"Write a function `{piece.name}`. {said}"
            target, answer = f"# {said}", fenced(piece.bare, PYTHON.name)
    prompt = prompt_of(piece, target, task, outline, instruction)
    if len(prompt) + len(answer) > MOST_CHARS:
        return None
    return Sample(package, prompt, answer)


def prompt_of(piece: Piece, target: str, task: Task, outline: OutlineUse, instruction: str) -> str:
    """Return the conversation up to the answer, as the server spells it."""
    before = f"{piece.above}\n\n\n" if piece.above.strip() else ""
    shown = textwrap.indent(target, piece.indent).lstrip()
    start = len(before) + len(piece.indent)
    text = f"{before}{piece.indent}{shown}\n{piece.below}"
    here = Function(
        name=piece.name,
        docs_start=start,
        start=start,
        end=start + len(shown),
        inner_start=start,
        inner_end=start,
        header_end=start,
        has_braces=False,
        docstring=None,
        has_error=False,
    )
    place = InstructionPlace(text, PYTHON, start, start + len(shown), here)
    hole = Hole(before, (), "", "", "", len(before), PYTHON)
    context = context_of(
        place,
        hole,
        piece.below,
        Retrieval(()),
        Path(piece.path).name,
        prefix_line_tokens=(0,) * (before.count("\n") + 1),
        suffix_line_tokens=(0,) * (piece.below.count("\n") + 1),
        prefix_budget_tokens=1,
        suffix_budget_tokens=1,
    )
    request = request_of(place, task, outline, instruction)
    return f"{SYSTEM}\n### Instruction:\n{context}{request}\n{RESPONSE}"


def _imports(lines: Sequence[str]) -> dict[str, str]:
    """Return a file's imports of one line by the names that they bind."""
    found: dict[str, str] = {}
    for line in lines:
        match = _IMPORT.match(line)
        if match and "(" not in line and "\\" not in line:
            for part in match[1].split("#")[0].split(","):
                words = part.split()
                if words:
                    found[words[-1].split(".")[0]] = line
    return found


def _with_stub(stub: str, rng: random.Random) -> str:
    body = rng.choice(_STUBS)
    last = stub.rsplit("\n", maxsplit=1)[-1]
    indent = last[: len(last) - len(last.lstrip())] or "    "
    return f"{stub}\n{textwrap.indent(body, indent)}" if body else stub


def _samples_of_file(entry: tuple[corpus.File, int]) -> list[Sample]:
    file, seed = entry
    rng = random.Random(seed)
    found = (sample_of(file.package, piece, rng) for piece in pieces_of(file.path, file.text, rng))
    return [sample for sample in found if sample is not None]


def _make_samples(args: argparse.Namespace) -> None:
    held_out = HeldOut.load(args.held_out)
    files = [
        file for path in args.corpus for file in corpus.read(path) if file.path.endswith(".py")
    ]
    files = corpus.clean(files, held_out, args.workers)
    with multiprocessing.Pool(args.workers) as pool:
        made = pool.imap(
            _samples_of_file, [(file, args.seed + n) for n, file in enumerate(files)], chunksize=64
        )
        samples = list({one.answer: one for some in made for one in some}.values())
    random.Random(args.seed).shuffle(samples)
    write_samples(args.out, samples)
    chars = sum(len(one.prompt) + len(one.answer) for one in samples)
    packages = len({one.package for one in samples})
    print(len(samples), "samples,", chars / 1e6, "M characters;", packages, "packages")


def main() -> None:
    """Make instructions and answers of a corpus."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--held-out", type=Path, required=True, help="written by training.corpus")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    _make_samples(parser.parse_args())


if __name__ == "__main__":
    main()
