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
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath

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
)
"""Names (as of ``fnmatch``, in lower case) of files that hold secrets. A setting adds to them."""

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
_TOKEN_MARKS = (
    "PRIVATE KEY", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "glrt-", "gldt-", "glptt-", "xox", "sk-", "sk_live_", "sk_test_", "rk_live_", "rk_test_",
    "AIza", "ya29.", "npm_", "pypi-", "hf_", "dop_v1_", "SG.", "eyJ", "://",
)  # fmt: skip
"""One of these stands in every text that ``_TOKENS`` matches; looking for them is much faster."""

_ASSIGNMENT = re.compile(
    r"""(?:secret|token|passw(?:or)?d|pwd|api_?key|access_?key|private_?key|auth)\w*["']?
        \s*(?::=|[:=])>?\s*["']([^\s"']{16,})["']""",
    re.VERBOSE | re.IGNORECASE,
)
_ASSIGNMENT_MARK = re.compile(r"secret|token|passw|pwd|key|auth", re.IGNORECASE)
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_KEY_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY")
MIN_ENTROPY_BITS = 3.5
"""Bits per character from which an assigned string looks random rather than like words."""


def is_sensitive_name(path: str, extra: Sequence[str] = ()) -> bool:
    """Return whether a file with this name is taken for one with secrets."""
    name = PurePath(path).name.lower()
    if name in _HARMLESS_NAMES:
        return False
    return any(fnmatchcase(name, pattern.lower()) for pattern in (*SENSITIVE_NAMES, *extra))


def secret_lines(lines: Sequence[str]) -> list[int]:
    """Return the numbers (0-based, ascending) of the lines that hold a secret."""
    found: list[int] = []
    inside_key = False
    for number, line in enumerate(lines):
        if inside_key:
            found.append(number)
            inside_key = _KEY_END.search(line) is None
        elif _is_secret(line):
            found.append(number)
            inside_key = _KEY_BEGIN.search(line) is not None and _KEY_END.search(line) is None
    return found


def without_secrets(text: str) -> tuple[str, bool]:
    """Return ``text`` with the lines that hold secrets emptied, and whether there were any.

    Lines keep their numbers.
    """
    if not any(mark in text for mark in _TOKEN_MARKS) and not _ASSIGNMENT.search(text):
        return text, False
    lines = text.split("\n")
    found = secret_lines(lines)
    for number in found:
        lines[number] = ""
    return "\n".join(lines), bool(found)


def sensitivity(path: str, text: str = "", extra: Sequence[str] = ()) -> str | None:
    """Return why nothing should be completed inside a file, in a few words, or ``None``."""
    if is_sensitive_name(path, extra):
        return "its name says that it holds secrets"
    if without_secrets(text)[1]:
        return "it holds a private key or a token"
    return None


def _is_secret(line: str) -> bool:
    if any(mark in line for mark in _TOKEN_MARKS) and _TOKENS.search(line):
        return True
    if not _ASSIGNMENT_MARK.search(line):
        return False
    return any(_looks_random(match[1]) for match in _ASSIGNMENT.finditer(line))


def _looks_random(value: str) -> bool:
    if value.isalpha() or not any(c.isdigit() for c in value) or "{" in value or "$" in value:
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= MIN_ENTROPY_BITS
