"""Make ``gitleaks_rules.py`` of the rules of gitleaks: ``python -m tools.secret_formats gitleaks.toml VERSION``.

They are data under the MIT licence, which lies beside what is made. Taken are the forms of the
tokens of services; what gitleaks tells by the name beside a value is told by our own rules.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

OUT = (
    Path(__file__).parent.parent
    / "retrieval" / "infill_retrieval" / "secrets" / "gitleaks_rules.py"
)  # fmt: skip
LEFT_OUT = re.compile(
    r"generic|^curl-|^private-key$|^kubernetes|client-id$|public-key$|publishable|client-key$|access-id$"
)
"""Told by rules of ours, or no secrets."""
BETTER_WORDS = {"airtable-personnal-access-token": ("pat",), "sourcegraph-access-token": ("sgp_",)}
"""Where gitleaks' own word may stand elsewhere in the file: we look at lines."""
_ANY_NAME = r"[\w.-]{0,50}?"
HEAD = '''"""Forms of the tokens of services, as gitleaks {version} knows them. Made by ``tools/secret_formats.py``.

Under the MIT licence, Copyright (c) 2019 Zachary Rice: see ``gitleaks_rules.LICENSE``.
"""

from __future__ import annotations

RULES: tuple[tuple[str, str, tuple[str, ...], float, bool], ...] = (
'''
TAIL = ''')
"""Of each rule the name, the pattern, words of which one stands in every line that it matches (in
small letters), the least bits per character, and whether the pattern needs the service's name."""
'''


def as_python(pattern: str) -> str:
    """Return a pattern of Go's as one of Python's, which wants flags in groups of their own."""
    pattern = pattern.replace("[[:alnum:]]", "[0-9A-Za-z]").replace(r"\z", r"\Z")
    out: list[str] = []
    opened: list[list[str]] = [[]]
    """For each open group the flags that were set in it, each a group of ours."""
    at = 0
    while at < len(pattern):
        if flag := re.compile(r"\(\?(-?[is]+)\)").match(pattern, at):
            opened[-1].append(flag[1])
            out.append(f"(?{flag[1]}:")
            at = flag.end()
        elif pattern[at] == "\\":
            out.append(pattern[at : at + 2])
            at += 2
        elif pattern[at] == "[":
            end = pattern.index("]", at + (3 if pattern[at + 1] == "^" else 2))
            while pattern[end - 1] == "\\" and pattern[end - 2] != "\\":
                end = pattern.index("]", end + 1)
            out.append(pattern[at : end + 1])
            at = end + 1
        else:
            char = pattern[at]
            if char == "(":
                opened.append([])
            elif char == ")":
                out.append(")" * len(opened.pop()))
            elif char == "|" and opened[-1]:
                out.append(")" * len(opened[-1]))
                char += "".join(f"(?{flag}:" for flag in opened[-1])
            out.append(char)
            at += 1
    return "".join(out) + ")" * len(opened[0])


def taken(rule: dict[str, Any]) -> tuple[str, str, tuple[str, ...], float, bool] | None:
    """Return what is taken of a rule of gitleaks, or ``None``."""
    pattern = rule.get("regex", "")
    if not pattern or "path" in rule or not rule.get("keywords") or LEFT_OUT.search(rule["id"]):
        return None
    needs_name = _ANY_NAME in pattern
    # Whatever stands before the name of a service makes no difference, and takes time.
    translated = as_python(pattern.replace(_ANY_NAME, ""))
    re.compile(translated)
    words = BETTER_WORDS.get(rule["id"], rule["keywords"])
    keywords = tuple(sorted({word.lower() for word in words}))
    return rule["id"], translated, keywords, float(rule.get("entropy", 0)), needs_name


def main() -> None:
    """Write the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="gitleaks' own config/gitleaks.toml")
    parser.add_argument("version")
    options = parser.parse_args()
    rules = tomllib.loads(options.config.read_text("utf-8"))["rules"]
    found = [row for rule in rules if (row := taken(rule)) is not None]
    body = "".join(f"    {row!r},\n" for row in found)
    OUT.write_text(HEAD.format(version=options.version) + body + TAIL, "utf-8")
    formatter = [sys.executable, "-m", "ruff", "format", "-q", str(OUT)]
    subprocess.run(formatter, check=True)  # noqa: S603  # our own tool
    sys.stdout.write(f"{len(found)} of {len(rules)} rules\n")


if __name__ == "__main__":
    main()
