"""Measure identifier coverage for CrossCodeEval's retrieval and ours, and write it down.

    python -m bench.retrieval.coverage [--limit 100] [--set dev] [--out FILE]
    python -m bench.retrieval.coverage --held FOLDER [--limit 60] [--out FILE]
    python -m bench.retrieval.coverage --far [--limit 40] [--out FILE]

Identifier coverage: is what must be known in the context, and as a declaration. ``--held`` measures
packages that nothing was chosen on, archives in a folder with one of each language, and ``--far`` what a
file declares itself, out of sight of the cursor.
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.command import finish, parser_of
from bench.packages import archives_of, fetch, packages, unpack
from bench.retrieval import crosscodeeval_method
from bench.retrieval.token_counts import count_all, count_tokens

from infill_ls.measuring.cross_file import NeededIdentifier, cases_of, read
from infill_ls.measuring.far_parts import far_cases_of
from infill_ls.measuring.intervals import Comparison, compare
from infill_retrieval import Query, RetrievalSettings
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.render import render_snippet
from infill_retrieval.syntax import language_of

BUDGET_TOKENS = 512
LANGUAGES = frozenset(
    ["c", "cpp", "csharp", "go", "java", "javascript", "python", "rust", "typescript"]
)
"""Of the held-out packages that are measured."""
PINNED = ("click", "pygls", "hiredis", "libuv", "cobra", "urfave", "hyper")
"""Words in the names of held-out packages that are among those of ``packages.toml`` as well."""
_BEHIND_DOT = re.compile(r"(?:\.|->|::)\s*$")

CasesOf = Callable[[str, str, Path, int], list[NeededIdentifier]]


@dataclass(frozen=True, slots=True)
class CoverageOutcome:
    """What one method made of one case."""

    case: NeededIdentifier
    mentioned: bool
    declared: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class UnpackedPackage:
    """A package to measure on, unpacked."""

    name: str
    language: str
    set: str
    folder: Path


def pinned(only: str | None) -> Iterator[UnpackedPackage]:
    """Yield the packages of ``packages.toml``, or those of one set."""
    for package in packages():
        if only in {None, package.set}:
            folder = fetch(package).resolve()
            name = f"{package.name} {package.version}"
            yield UnpackedPackage(name, package.language, package.set, folder)


def held_out(folder: Path) -> Iterator[UnpackedPackage]:
    """Yield the packages of a folder of archives, but for those that are pinned."""
    for language, archive in archives_of(folder):
        if language in LANGUAGES and not any(word in archive.name for word in PINNED):
            with tempfile.TemporaryDirectory() as place:
                inner = unpack(archive, Path(place))
                (inner / ".git").mkdir(exist_ok=True)
                yield UnpackedPackage(inner.name, language, "held out", inner)


def measure_folder(
    name: str,
    language: str,
    folder: Path,
    limit: int,
    settings: RetrievalSettings | None = None,
    find_cases: CasesOf = cases_of,
) -> tuple[list[CoverageOutcome], list[CoverageOutcome]]:
    """Return the outcomes of CrossCodeEval's method and of ours on cases of the code in ``folder``."""
    cases = find_cases(name, language, folder, limit)
    index = WorkspaceIndex([folder], settings or RetrievalSettings(crawl_in_process=False))
    index.crawl()
    texts = {
        path: read(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and language_of(path.name).name == language
    }
    theirs, ours = [], []
    for case in cases:
        prefix, suffix = case.split(texts[case.path])
        context = crosscodeeval_method.context(
            case.path, prefix, folder, texts, BUDGET_TOKENS, count_tokens
        )
        theirs.append(_judge(case, context))
        ours.append(_judge(case, our_context(index, case.path, prefix, suffix)))
    index.close()
    return theirs, ours


def our_context(index: WorkspaceIndex, path: Path, prefix: str, suffix: str) -> str:
    """Return what our retrieval puts before the prompt."""
    found = index.retrieve(
        Query(path=str(path), language_id="", prefix=prefix, suffix=suffix),
        BUDGET_TOKENS,
        count_all,
    )
    return "".join(render_snippet(snippet.path, snippet.text) for snippet in found.snippets)


def _judge(case: NeededIdentifier, context: str) -> CoverageOutcome:
    pattern = re.compile(rf"(?<![\w$]){re.escape(case.name)}(?![\w$])")
    shown = [line for line in context.split("\n") if pattern.search(line)]
    return CoverageOutcome(
        case, bool(shown), any(_declares(line, case) for line in shown), count_tokens(context)
    )


def _declares(line: str, case: NeededIdentifier) -> bool:
    # A signature may be cut where its body begins, or have its lines put together; theirs has a
    # comment mark before it.
    code = re.sub(r"^(#|//) ", "", line).strip()
    return any(
        declared.startswith(code) or code.startswith(declared) for declared in case.declared_as
    )


Pairs = list[tuple[CoverageOutcome, CoverageOutcome]]


def main() -> None:
    """Run the evaluation as the command line says."""
    parser = parser_of(__doc__)
    parser.add_argument("--limit", type=int, default=100, help="most cases of a package")
    parser.add_argument("--set", choices=["dev", "test"], help="only these packages")
    parser.add_argument("--held", type=Path, help="archives of held-out packages")
    parser.add_argument("--far", action="store_true", help="what a file declares itself, far away")
    options = parser.parse_args()
    rows: defaultdict[str, Pairs] = defaultdict(list)
    for place in held_out(options.held) if options.held else pinned(options.set):
        find_cases: CasesOf = far_cases_of if options.far else cases_of
        theirs, ours = measure_folder(
            place.name.rpartition(" ")[0] or place.name, place.language, place.folder,
            options.limit, find_cases=find_cases,
        )  # fmt: skip
        texts = {path: read(path) for path in {outcome.case.path for outcome in ours}}
        for pair in zip(theirs, ours, strict=True):
            case = pair[0].case
            is_member = _BEHIND_DOT.search(case.split(texts[case.path])[0][-40:]) is not None
            kind = "behind a dot" if is_member else "elsewhere"
            for name in (f"{place.language}: {place.name}", place.language, f"set {place.set}",
                         kind, f"{kind}, set {place.set}", f"{kind}, {place.language}", "all"):  # fmt: skip
                rows[name].append(pair)
    table = {name: _figures(pairs) for name, pairs in sorted(rows.items())}
    print("| | cases | mentioned: CrossCodeEval % | ours % | times | declared: theirs % | ours % "
          "| times |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for name, figures in table.items():
        cells = [str(figures["mentioned"].cases)]
        for key in ("mentioned", "declared"):
            cells += [str(figures[key].theirs), str(figures[key].ours), str(figures[key].ratio)]
        print("|", " | ".join([name, *cells]), "|")
    finish(
        options.out,
        "coverage",
        run={"budget_tokens": BUDGET_TOKENS, "most_cases_of_a_package": options.limit},
        figures={
            "mean_tokens": {
                "theirs": _mean([theirs.tokens for theirs, _ in rows["all"]]),
                "ours": _mean([ours.tokens for _, ours in rows["all"]]),
            },
            "rows": {
                name: {key: asdict(one) for key, one in figures.items()}
                for name, figures in table.items()
            },
        },
    )


def _figures(pairs: Pairs) -> dict[str, Comparison]:
    hidden = [pair for pair in pairs if not pair[0].case.in_suffix]
    figures = {
        "mentioned": compare([a.mentioned for a, _ in pairs], [b.mentioned for _, b in pairs]),
        "declared": compare([a.declared for a, _ in pairs], [b.declared for _, b in pairs]),
    }
    if hidden:
        figures["mentioned_where_not_in_suffix"] = compare(
            [a.mentioned for a, _ in hidden], [b.mentioned for _, b in hidden]
        )
    return figures


def _mean(values: list[int]) -> float:
    return round(sum(values) / len(values), 1)


if __name__ == "__main__":
    main()
