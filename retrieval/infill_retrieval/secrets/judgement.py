"""Judge which files and lines must never be sent to a model.

Three nets. Files with the names of :data:`SENSITIVE_NAMES` are not read at all. In the others two
kinds of lines are hidden: blanked before they are searched, kept or shown to a model.

- A *certain* secret has the form of a private key or of the token of a known service (``formats``,
  ``services``), is a password in an address, or is a long random-looking string that is assigned
  to a name like ``password``. Nothing is completed in a file that holds one, unless it is the
  source of a test (:func:`is_test`): :func:`sensitivity` says so.
- A *named* secret is what stands right of a name that says so, whatever it looks like (``values``):
  by lines (``places``), and by the syntax tree where there is a grammar (``statements``). Sources
  are full of such dummies, so these lines are hidden and the rest of the file is completed. A
  dummy is told by its form: it is short or made of words, and one in the form of a service says so
  (``EXAMPLE``, ``xxxxxx``) and is not hidden at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePath

from infill_retrieval.lines import bare_lines
from infill_retrieval.secrets.formats import FORMAT_MARKS, FORMATS, LONG_WORD, UNMARKED, URL_MARK
from infill_retrieval.secrets.places import (
    has_named_secret,
    has_url_password,
    may_go_on,
    next_line_holds_it,
)
from infill_retrieval.secrets.services import ServiceToken, service_token
from infill_retrieval.secrets.statements import may_say_secret, secrets_of_statements
from infill_retrieval.secrets.values import MIN_CHARS, NAME_MARKS, is_placeholder, looks_random
from infill_retrieval.syntax.language import Language
from infill_retrieval.syntax.languages import language_of

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

_ASSIGNMENT = re.compile(
    r"""(?:secret|token|passw(?:or)?d|pwd|api_?key|access_?key|private_?key|auth)\w{0,100}["']?
        \s*(?::=|[:=])>?\s*["']([^\s"']{16,})["']""",
    re.VERBOSE | re.IGNORECASE,
)
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_KEY_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY")
_KEY_BODY = re.compile(
    r"""\A[\s"'`]{0,80}\+?[\s"'`]{0,9}[0-9A-Za-z/=][0-9A-Za-z+/=]{15,}+(?:\\n)?[\s"'`+,;\\]*$"""
)
_DUMMY = re.compile(r"EXAMPLE|[xX]{6}|0{10}|1{10}|A{10}|a{10}")
"""Stands in tokens that documentation shows, but hardly in ones that chance made."""
_BARE_LANGUAGES = frozenset(
    {"cmake", "dockerfile", "latex", "make", "plaintext", "rst", "xml", "yaml"}
)
_BARE_ENDINGS = frozenset(
    {
        ".cfg", ".cnf", ".conf", ".config", ".desktop", ".env", ".ini", ".inf", ".netrc",
        ".properties", ".prefs", ".reg", ".service", ".txt",
    }
)  # fmt: skip
_BARE_NAMES = frozenset({".gitconfig", ".editorconfig", ".hgrc", "config"})
_TEST_FOLDERS = frozenset(
    {
        "test", "tests", "testing", "__tests__", "spec", "specs", "fixtures", "testdata", "mocks",
        "__mocks__", "e2e",
    }
)  # fmt: skip
_TEST_NAME = re.compile(
    r"(?:^|[._-])(?:tests?|specs?|conftest|mocks?|fixtures?)(?=[._-])|(?<=[a-z0-9])(?:Tests?|Spec)(?=\.)"
)
_TRIPLE = ('"""', "'''", "`")
_ASSIGNMENT_MARKS = ("secret", "token", "passw", "pwd", "key", "auth")
_CERTAIN, _NAMED, _OPENS, _NAMES, _ENDS_KEY = 1, 2, 4, 8, 16
MAX_KEPT_CHARS = 1_000
"""Longer lines are judged anew each time, as keeping them would take much memory."""
MAX_LITERAL_LINES = 20
"""So many lines of a literal that holds a secret are hidden; most end earlier."""


def is_sensitive_name(path: str, extra: Sequence[str] = ()) -> bool:
    """Return whether a file with this name is taken for one with secrets.

    Patterns of ``extra`` with a ``/`` are about the whole path: see :func:`_covers`.
    """
    place = PurePath(path)
    name = place.name.lower()
    while ending := next((e for e in _COPY_ENDINGS if name.endswith(e) and name != e), None):
        name = name.removesuffix(ending)
    if any(fnmatchcase(name, pattern.lower()) for pattern in extra if "/" not in pattern):
        return True
    if any("/" in pattern for pattern in extra):
        parts = [*(part.lower() for part in place.parts[:-1]), name]
        if any(_covers(pattern.lower(), parts) for pattern in extra if "/" in pattern):
            return True
    if name in _HARMLESS_NAMES:
        return False
    return any(fnmatchcase(name, pattern) for pattern in SENSITIVE_NAMES)


def _covers(pattern: str, parts: Sequence[str]) -> bool:
    """Return whether the pattern of a path, absolute or the end of one, is about this file.

    ``./a.py`` and ``**/a.py`` are about any ``a.py``, ``b/a.py`` about those in a folder ``b``,
    and ``b/`` or ``b/**`` about all that is in such a folder. ``*`` stays within a name.
    """
    wanted = [part for part in pattern.split("/") if part not in ("", ".")]
    reached = {0}
    for part in parts:
        for number, want in enumerate(wanted):
            if want == "**" and number in reached:
                reached.add(number + 1)
        if len(wanted) in reached:
            return True
        reached = {0} | {
            number + (wanted[number] != "**")
            for number in reached
            if wanted[number] == "**" or fnmatchcase(part, wanted[number])
        }
    return len(wanted) in reached


def is_bare(language: str, path: str = "") -> bool:
    """Return whether a word without quotes is a value in files of a language, or of a name.

    The name counts as well, as an editor may take an ``.ini`` for something else.
    """
    return language in _BARE_LANGUAGES or is_bare_name(path)


def is_bare_name(path: str) -> bool:
    """Return whether files of this name are settings, in which words without quotes are values."""
    place = PurePath(path)
    is_named = place.name.lower() in _BARE_NAMES or place.suffix.lower() in _BARE_ENDINGS
    return is_named or language_of(path).name in _BARE_LANGUAGES - {"plaintext"}


def secret_lines(
    lines: Sequence[str], *, bare: bool = False, language: Language | None = None
) -> list[int]:
    """Return the numbers (0-based, ascending) of the lines that hold a secret.

    ``bare``: see :func:`is_bare`. Cheap enough for every key: a line is judged once, and so are
    the lines of ``language`` that begin with a name that says secret.
    """
    verdicts = [_judge(line, bare) for line in lines]
    found = set(_certain(lines, verdicts))
    for number, verdict in enumerate(verdicts):
        if verdict & _NAMED:
            found.add(number)
        following = lines[number + 1 : number + 2] if verdict & _OPENS else ()
        if following and next_line_holds_it(lines[number], following[0]):
            found.update(_literal(lines, number))
    if language is not None and not bare:
        naming = [number for number, verdict in enumerate(verdicts) if verdict & _NAMES]
        found |= secrets_of_statements(lines, naming, language)
    return sorted(found)


def certain_lines(lines: Sequence[str]) -> list[int]:
    """Return the numbers of the lines whose secret is known by its form, or looks random."""
    return _certain(lines, [_judge(line, False) for line in lines])


def sensitivity(path: str, text: str = "", extra: Sequence[str] = ()) -> str | None:
    """Return why nothing should be completed inside a file, in a few words, or ``None``."""
    if is_sensitive_name(path, extra):
        return "its name indicates secrets"
    if not is_test(path) and certain_lines(bare_lines(text)):
        return "it holds a private key or a token"
    return None


def is_test(path: str) -> bool:
    """Return whether a file is the source of a test, whose secrets are dummies nearly always.

    Its name says so, or one of the folders next to it.
    """
    place = PurePath(path)
    if is_bare(language_of(path).name, path):
        return False
    # ``A.Tests`` is what a project of tests is called in C#.
    folders = {folder.lower().rpartition(".")[2] for folder in place.parts[-5:-1]}
    return _TEST_NAME.search(place.name) is not None or not _TEST_FOLDERS.isdisjoint(folders)


def _certain(lines: Sequence[str], verdicts: Sequence[int]) -> list[int]:
    if not any(verdicts):
        return []
    found: list[int] = []
    inside_key = False
    for number, verdict in enumerate(verdicts):
        if inside_key:
            found.append(number)
            inside_key = _KEY_END.search(lines[number]) is None
        elif verdict & _CERTAIN:
            found.append(number)
            line = lines[number]
            inside_key = _KEY_BEGIN.search(line) is not None and _KEY_END.search(line) is None
        elif verdict & _ENDS_KEY:
            # The text begins in the middle of a key.
            first = number
            while first and _KEY_BODY.match(lines[first - 1]):
                first -= 1
            found += range(first, number + 1)
    return sorted(set(found))


def _judge(line: str, bare: bool) -> int:
    if len(line) < MIN_CHARS:
        return 0
    return _judge_anew(line, bare) if len(line) > MAX_KEPT_CHARS else _judge_once(line, bare)


def _judge_anew(line: str, bare: bool) -> int:
    """Return the judgement of a single line, as a sum of ``_CERTAIN`` and the others."""
    folded = line.lower()
    has_name = any(mark in folded for mark in NAME_MARKS)
    token = service_token(line, folded)
    verdict = _CERTAIN if token is ServiceToken.CERTAIN or _is_certain(line, folded) else 0
    is_named = token is ServiceToken.NAMED
    if is_named or ((has_name or URL_MARK in line) and has_named_secret(line, bare=bare)):
        verdict |= _NAMED
    if "-----END" in line and _KEY_END.search(line):
        verdict |= _ENDS_KEY
    if has_name and may_say_secret(line):
        verdict |= _NAMES
    return verdict | (_OPENS if has_name and may_go_on(line) else 0)


_judge_once = lru_cache(maxsize=32_768)(_judge_anew)


def _is_certain(line: str, folded: str) -> bool:
    is_marked = any(mark in line for mark in FORMAT_MARKS)
    if is_marked and any(not _DUMMY.search(match[0]) for match in FORMATS.finditer(line)):
        return True
    if URL_MARK in line and has_url_password(line, certain=True):
        return True
    if LONG_WORD.search(line) and UNMARKED.search(line):
        return True
    return any(mark in folded for mark in _ASSIGNMENT_MARKS) and any(
        looks_random(match[1]) and not is_placeholder(match[1])
        for match in _ASSIGNMENT.finditer(line)
    )


def _literal(lines: Sequence[str], opening: int) -> list[int]:
    """Return the lines of a literal that begins in the line after ``opening``."""
    mark = next((mark for mark in _TRIPLE if lines[opening].rstrip().endswith(mark)), None)
    first = opening + 1
    if mark is None:
        return [first]
    last = min(len(lines), first + MAX_LITERAL_LINES)
    end = next((n for n in range(first, last) if mark in lines[n]), last - 1)
    return list(range(first, end + 1))
