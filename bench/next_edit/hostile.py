"""What the next edit costs in files that are made to be dear: 512 KB that match everywhere, many documents.

Times are those of the processor, in a process that has judged once; the least and the median of some runs.

    python -m bench.next_edit.hostile --out bench/results/next_edit/hostile.json
"""

from __future__ import annotations

import time
from statistics import median

from bench.command import finish, parser_of

from infill_ls.next_edit import Document, History, propose
from infill_retrieval.syntax import TreeCache, language_of

SIZE_BYTES = 512 * 1024
RUNS = 9
FORMS = {
    "one name everywhere": ("foo foo foo foo\n", "foo", "bar", "a.py"),
    "one line without an end": ("foo(", "foo", "bar", "a.py"),
    "brackets": ("((((((((", "(", "[", "a.js"),
    "the same call": ("foo(a, b);\n", "b)", "b, c)", "a.c"),
    "the same declaration": ("int foo(int a, int b);\n", ", int b", "", "a.c"),
    "a name in many casings": ("userId = user_id(USER_ID)\n", "userId", "accountId", "a.js"),
    "the same line": ("    x = 1\n", "    x = 1\n", "", "a.py"),
    "a line above each": ("def f():\n    pass\n", "def", "@g\ndef", "a.py"),
    "a binary": ("\x00\x01foo\x02", "foo", "bar", "a.py"),
}
DOCUMENTS = 500


def main() -> None:
    """Measure and write the result."""
    options = parser_of(__doc__).parse_args()
    figures = {}
    for name, (unit, old, new, path) in FORMS.items():
        text = unit * (SIZE_BYTES // len(unit))
        figures[name] = _measure(text, old, new, path, {})
    line = "from a import compute_total\nprint(compute_total([1]))\n"
    others = {f"file:///{number}.py": line for number in range(DOCUMENTS)}
    text = "def compute_total(x):\n    pass\n" + "compute_total(1)\n" * 20
    figures[f"{DOCUMENTS} documents"] = _measure(
        text, "compute_total", "compute_sum", "a.py", others
    )
    finish(options.out, "hostile", run={"bytes": SIZE_BYTES, "runs": RUNS}, figures=figures)


def _measure(
    text: str, old: str, new: str, path: str, others: dict[str, str]
) -> dict[str, float | int]:
    """Return what two edits in the middle cost, and how many places were looked at."""
    uri = f"file:///{path}"
    history = History()
    for other, content in others.items():
        history.opened(other, content)
    history.opened(uri, text)
    at = len(text) // 2 if len(text) > SIZE_BYTES // 2 else 0
    for _ in range(2):
        at = text.index(old, at)
        text = text[:at] + new + text[at + len(old) :]
        history.changed(uri, text)
        at += len(new)
    documents = {uri: Document(text, language_of(path))}
    documents |= {other: Document(one, language_of(other)) for other, one in others.items()}
    spent, found = [], 0
    for _ in range(RUNS):
        started = time.process_time()
        proposal = propose(uri, documents, history.edits, trees=TreeCache())
        spent.append((time.process_time() - started) * 1000)
        found = len(proposal.offers) + len(proposal.declined)
    return {
        "cpu_ms": round(median(spent), 1),
        "least_cpu_ms": round(min(spent), 1),
        "candidates": found,
    }


if __name__ == "__main__":
    main()
