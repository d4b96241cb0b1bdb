"""Names that indicate a secret, and values that are one.

A value is told by its name alone where that is clear (a password may be a word), and by how
unlike words it looks where the name is used for other things too (the tokens of a grammar).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from enum import IntEnum
from functools import lru_cache

MIN_ENTROPY_BITS = 3.5
"""Bits per character from which an assigned string looks random rather than like words."""
MIN_CHARS = 6
MAX_CHARS = 4_000
"""What is longer is data."""


class Says(IntEnum):
    """How clearly a name says that its value is a secret."""

    NOTHING = 0
    PERHAPS = 1
    """``token``, ``auth``, ``X_KEY``: the value has to look random, or at least unlike words."""
    KEY = 2
    """``api_key``, ``secret``, ``credential``: anything but plain words."""
    PASSWORD = 3
    """May be a word."""


_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_END = r"s?(?:_?(?:value|val|str|string|text|plain|plaintext|raw|prod|production|dev|staging|live|old|new|current|default|base64|b64|data|base)){0,2}_?\d{0,3}$"
_PASSWORD = re.compile(
    rf"(?:passw(?:or)?d|passphrase|pass_phrase|passwort|contrasena|(?:^|_)(?:pwd|pass|pw)|(?:db|my|user|admin|root)(?:pwd|pass)){_END}"
)
_KEY = re.compile(
    rf"(?:secret|api_?key|app_?key|secret_?key|access_?key|private_?key|signing_?key|encryption_?key"
    rf"|account_?key|master_?key|auth_?key|shared_?key|license_?key|deploy_?key|client_?key|ssh_?key"
    rf"|storage_?key|service_?key|webhook_?key|hmac_?key|jwt_?key|session_?key|credentials?|creds"
    rf"|conn(?:ection)?_?str(?:ing)?|api_?token|auth_?token|access_?token|refresh_?token"
    rf"|bearer_?token|bot_?token|secret_?token|secret_key_base"
    rf"|(?:access|secret)_?key_?id){_END}"
)
_PERHAPS = re.compile(rf"(?:token|bearer|authorization|(?:^|_)auth|_key|_salt|_cookie){_END}")
NAME_MARKS = ("secret", "token", "pass", "pwd", "pw", "key", "auth", "cred", "conn", "bearer",
    "basic", "identified", "salt", "cookie", "contrasena", "pdo(", "-u", "--user", "-p")  # fmt: skip
"""One of these, in lower case, stands in every name that says something."""


@lru_cache(maxsize=16_384)
def what_name_says(name: str) -> Says:
    """Return how clearly a name, in any casing, says that its value is a secret."""
    folded = re.sub(r"[-. \[\]]+", "_", _HUMP.sub("_", name)).lower().strip("_")
    if _PASSWORD.search(folded):
        return Says.PASSWORD
    if folded.startswith(("public_", "pub_")) or "_public_" in folded:
        return Says.NOTHING
    if _KEY.search(folded):
        return Says.KEY
    return Says.PERHAPS if _PERHAPS.search(folded) else Says.NOTHING


_VARIABLE = re.compile(
    r"\$[{(A-Za-z_]|\{\{|<%|%\(|%[A-Z_]{2,40}%|\{[\w.:!\[\]]{0,60}\}|^[<\[]|^%[sdr]|@\w{1,20}@"
)
_PLACEHOLDER = re.compile(
    r"^[xX*.#?_\-=0 ]+$|change[-_ ]?(?:me|it)|your[-_ ]|example|placeholder|redacted|replace|dummy"
    r"|insert|fixme|todo|required|optional|undefined|missing|invalid|unknown|x{6}|\.\.\.|…|\*{3}"
    r"|^(?:none|null|nil|true|false|default|string|foobar|sample|hidden|empty|disabled|enabled)$",
    re.IGNORECASE,
)
_OWN_WORD = re.compile(
    r"pass(?:w|phrase|$)|secret|token|(?:^|[^a-z])(?:api|access)?[-_ ]?key(?:[^a-z]|s?$)|credential"
    r"|auth|user|login|field|header|bearer|cookie|csrf|session|value",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Za-z]?[a-z]*(?:[-_./: ,][A-Za-z]?[a-z]*)*|[A-Z]+(?:[-_ ][A-Z0-9]+)*")
_CAMEL = re.compile(r"[a-z]{2,}(?:[A-Z][a-z]+){1,6}|(?:[A-Z][a-z]+){2,6}")
_DICTIONARY = re.compile(r"[a-z]+(?: [a-z]+){3,8}")
_PLACE = re.compile(
    r"^(?:[a-z][a-z+.-]{1,15}:)?//?[^:@]*$|^\.{1,2}/|^~/|\\[nrtdwsbx(]|^\w{2,40}\.(?:\w{1,40}\.)*[A-Za-z]\w{1,40}$"
)


def is_secret(value: str, says: Says, *, quoted: bool = True) -> bool:
    """Return whether a literal right of a name is a secret."""
    value = value.strip()
    if not MIN_CHARS <= len(value) <= MAX_CHARS or is_placeholder(value):
        return False
    is_wordy = bool(_WORDS.fullmatch(value) or _CAMEL.fullmatch(value))
    if says is Says.PASSWORD:
        return _is_password(value, is_wordy=is_wordy, quoted=quoted)
    if says is Says.NOTHING or " " in value or is_wordy or _PLACE.search(value):
        return False
    has_digit = any(map(str.isdigit, value))
    has_letter = any(map(str.isalpha, value))
    if says is Says.KEY:
        return has_letter or len(value) >= 8
    looks_made = has_digit and has_letter and len(value) >= 10 and varied(value)
    return looks_made and not _OWN_WORD.search(value)


def _is_password(value: str, *, is_wordy: bool, quoted: bool) -> bool:
    if " " in value:
        return bool(_DICTIONARY.fullmatch(value)) and not _OWN_WORD.search(value)
    if _OWN_WORD.search(value) and (is_wordy or not any(map(str.isdigit, value))):
        return False
    # A name, a flag or a path is made of words; a password that is one has no separators.
    return (value.isalpha() and quoted) or (not is_wordy and not _PLACE.search(value))


def is_placeholder(value: str) -> bool:
    """Return whether a value is a placeholder, or comes from a variable."""
    return bool(_VARIABLE.search(value) or _PLACEHOLDER.search(value)) or len(set(value)) < 3


def varied(value: str) -> bool:
    """Return whether a text has about as many different characters as chance would give it."""
    return entropy_bits(value) >= min(MIN_ENTROPY_BITS, math.log2(len(value)) - 0.7)


def looks_random(value: str) -> bool:
    """Return whether a long text looks like chance alone, whatever its name."""
    if value.isalpha() or not any(c.isdigit() for c in value) or "{" in value or "$" in value:
        return False
    return entropy_bits(value) >= MIN_ENTROPY_BITS


def entropy_bits(value: str) -> float:
    """Return the bits per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
