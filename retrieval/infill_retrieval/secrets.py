"""What must never be sent to a model: files that hold secrets, and lines that are one.

Two nets. Files with the names of :data:`SENSITIVE_NAMES` are not read at all. In the others,
each line with a private key or the token of a known service, or that assigns a random-looking
string to a name like ``password``, is blanked before anything else sees the text. Completions are
off inside files of both sorts: :func:`sensitivity` says so.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath

from infill_retrieval.chunk import MAX_LINE_CHARS, split_lines

SENSITIVE_NAMES: tuple[str, ...] = (
    ".env",
    ".env.*",
    "*.env",
    ".envrc",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.p8",
    "*.jks",
    "*.keystore",
    "*.crt",
    "*.cer",
    "*.der",
    "*.csr",
    "*.asc",
    "*.gpg",
    "*.kdbx",
    "*.ppk",
    "*.ovpn",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".pypirc",
    ".npmrc",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".vault-token",
    "credentials",
    "credentials.*",
    "*.credentials",
    "secrets.json",
    "secrets.toml",
    "secrets.y*ml",
    "*.secrets",
    "service-account*.json",
    "*.tfstate",
    "*.tfstate.*",
    "*.tfvars",
    "master.key",
    "*.env.sh",
    ".dev.vars",
    ".flaskenv",
    ".my.cnf",
    ".mylogin.cnf",
    ".renviron",
    ".s3cfg",
    ".yarnrc.yml",
    "kubeconfig",
    "*.kubeconfig",
)
"""Names (as of ``fnmatch``, in lower case) of files that hold secrets. A setting adds to them."""

_COPY_ENDINGS = ("~", ".bak", ".backup", ".old", ".orig", ".save", ".swp")
"""What editors and people put behind the name of a file that they keep a copy of."""
_HARMLESS_NAMES = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist"})

_TOKENS = re.compile(
    r"""
      -----BEGIN\ [A-Z ]*PRIVATE\ KEY(?:\ BLOCK)?-----
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                        # AWS
    | \bgh[pousr]_[0-9A-Za-z]{36,}                         # GitHub
    | \bgithub_pat_[0-9A-Za-z_]{40,}
    | \bgl(?:pat|rt|dt|ptt)-[0-9A-Za-z_-]{20,}             # GitLab
    | \bxox[abeoprs]-[0-9A-Za-z-]{10,}                     # Slack
    | \bsk-(?:[a-z]+-)*[0-9A-Za-z_-]{20,}                  # OpenAI, Anthropic
    | \b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}               # Stripe
    | \bAIza[0-9A-Za-z_-]{35}                              # Google
    | \bya29\.[0-9A-Za-z_-]{20,}
    | \bnpm_[0-9A-Za-z]{36}
    | \bpypi-[0-9A-Za-z_-]{50,}
    | \bhf_[0-9A-Za-z]{30,}                                # Hugging Face
    | \bdop_v1_[0-9a-f]{64}                                # DigitalOcean
    | \bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}         # SendGrid
    | \beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.       # JSON web tokens
    | [a-z]{3,10}://[^\s:/@"'{}$<>]+:[^\s:/@"'{}$<>]{3,}@  # a password in a URL
    """,
    re.VERBOSE,
)
_KEY_MARK = "PRIVATE KEY"
_URL_MARK = "://"
_TOKEN_MARKS = (
    _KEY_MARK, "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "glrt-", "gldt-", "glptt-", "xox", "sk-", "sk_live_", "sk_test_", "rk_live_", "rk_test_",
    "AIza", "ya29.", "npm_", "pypi-", "hf_", "dop_v1_", "SG.", "eyJ", _URL_MARK,
)  # fmt: skip
"""One of these stands in every text that ``_TOKENS`` matches; looking for them is much faster."""

_ASSIGNMENT = re.compile(
    r"""(?:secret|token|passw(?:or)?d|pwd|api_?key|access_?key|private_?key|auth)\w*["']?
        \s*(?::=|[:=])>?\s*["']([^\s"']{16,})["']""",
    re.VERBOSE | re.IGNORECASE,
)
_ASSIGNMENT_MARKS = ("secret", "token", "passw", "pwd", "key", "auth")
_LONG_VALUE = re.compile(r"""[:=]>?\s*["'][^\s"']{16}""")
"""What is assigned, whatever the name: looking for it first is much faster than for the names."""
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_KEY_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY")
MIN_ENTROPY_BITS = 3.5
"""Bits per character from which an assigned string looks random rather than like words."""


def is_sensitive_name(path: str, extra: Sequence[str] = ()) -> bool:
    """Return whether a file with this name is taken for one with secrets."""
    name = PurePath(path).name.lower()
    while ending := next((e for e in _COPY_ENDINGS if name.endswith(e) and name != e), None):
        name = name.removesuffix(ending)
    if name in _HARMLESS_NAMES:
        return False
    return any(fnmatchcase(name, pattern.lower()) for pattern in (*SENSITIVE_NAMES, *extra))


def secret_lines(lines: Sequence[str]) -> list[int]:
    """Return the numbers (0-based, ascending) of the lines that hold a secret."""
    text = "\n".join(lines)
    marks = [mark for mark in _TOKEN_MARKS if mark in text]
    if not marks and not _may_assign(text):
        return []
    if _KEY_MARK in marks:
        suspects: Iterable[int] = range(len(lines))
    else:
        suspects = _lines_at(text, [*_places(text, marks), *_long_values(text)])
    found: list[int] = []
    inside_key = False
    for number in suspects:
        line = lines[number]
        if inside_key:
            found.append(number)
            inside_key = _KEY_END.search(line) is None
        elif _is_secret(line, marks):
            found.append(number)
            inside_key = _KEY_BEGIN.search(line) is not None and _KEY_END.search(line) is None
    return found


def sensitivity(path: str, text: str = "", extra: Sequence[str] = ()) -> str | None:
    """Return why nothing should be completed inside a file, in a few words, or ``None``."""
    if is_sensitive_name(path, extra):
        return "its name says that it holds secrets"
    if secret_lines(split_lines(text)):
        return "it holds a private key or a token"
    return None


def _may_assign(text: str) -> bool:
    folded = text.lower()
    return any(mark in folded for mark in _ASSIGNMENT_MARKS)


def _places(text: str, marks: Sequence[str]) -> Iterator[int]:
    for mark in marks:
        place = text.find(mark)
        while place >= 0:
            # An address is suspect only with what may be a password in it.
            if mark != _URL_MARK or "@" in text[place : place + MAX_LINE_CHARS]:
                yield place
            place = text.find(mark, place + 1)


def _long_values(text: str) -> Iterator[int]:
    return (match.start() for match in _LONG_VALUE.finditer(text))


def _lines_at(text: str, places: Iterable[int]) -> Iterator[int]:
    """Yield the numbers of the lines around some places, ascending and each once."""
    number, last, counted = 0, -1, 0
    for place in sorted(places):
        number += text.count("\n", counted, place)
        counted = place
        if number != last:
            yield number
            last = number


def _is_secret(line: str, marks: Sequence[str]) -> bool:
    if any(mark in line for mark in marks) and _TOKENS.search(line):
        return True
    if not _may_assign(line):
        return False
    return any(_looks_random(match[1]) for match in _ASSIGNMENT.finditer(line))


def _looks_random(value: str) -> bool:
    if value.isalpha() or not any(c.isdigit() for c in value) or "{" in value or "$" in value:
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= MIN_ENTROPY_BITS
