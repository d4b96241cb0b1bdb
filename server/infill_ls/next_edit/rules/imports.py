"""Rules for imports: those an edit left unused, and those it needs and another document has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_ls.document.lines import line_end, line_start
from infill_ls.next_edit.candidate import EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import ChangeForm
from infill_ls.next_edit.rules.context import candidate, with_counts
from infill_ls.next_edit.tokens import bounded, is_word, texts
from infill_ls.next_edit.view import View

MAX_WORDS = 8
MAX_IMPORT_LINES = 200


def unused(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the import of a name whose last use was removed."""
    change, view = pattern.change, pattern.view
    if not view.language.imports or change.old == "":
        return
    gone = [word for word in dict.fromkeys(texts(change.old)) if is_word(word)]
    gone = [word for word in gone if word not in texts(change.new)][:MAX_WORDS]
    if _is_import(view, view.line_at(change.start)) or _is_import(view, change.old.strip()):
        return
    found = []
    for word in gone:
        places = [match.start() for match in _all(view, bounded(word))]
        if len(places) != 1 or len(word) < 2 or view.low > 0 or view.high < len(view.text):
            continue
        start = line_start(view.text, places[0])
        line = view.line_at(start)
        if not _is_import(view, line) or not _binds(line, word):
            continue
        edit = _without(view.text, start, line, word)
        if edit is not None:
            at, old, new = edit
            more = {"whole line": float(old.strip() == line.strip()), "proved by use": 1.0}
            found.append(candidate(pattern, at, old, new, Rule.IMPORT, more))
    yield from with_counts(found, pattern)


def missing(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield an import that another open document has of a name that is new in this one."""
    change, view = pattern.change, pattern.view
    if not view.language.imports or not change.new or change.form is ChangeForm.LINES_REMOVED:
        return
    if view.low > 0 or _is_import(view, view.line_at(change.start)):
        return
    come = [word for word in dict.fromkeys(texts(change.new)) if is_word(word) and len(word) > 2]
    found = []
    for word in [word for word in come if word not in texts(change.old)][:MAX_WORDS]:
        if view.count(word) != len(re.findall(bounded(word), change.new)):
            continue  # it was known already
        for other in pattern.others:
            line = _import_of(other, word)
            if line is None or line in view.text:
                continue
            at = _end_of_imports(view)
            if at is not None:
                used = rf"(?<![\w.]){re.escape(word)}\s*[.(\[]"
                more = {
                    "adds an import": 1.0,
                    "proved by use": float(re.search(used, change.new) is not None),
                }
                found.append(candidate(pattern, at, "", line + view.eol, Rule.IMPORT, more))
            break
    yield from with_counts(found, pattern)


def _all(view: View, regex: str) -> list[re.Match[str]]:
    found = []
    for match in re.compile(regex).finditer(view.text, view.low, view.high):
        found.append(match)
        if len(found) > 2:
            break
    return found


def _is_import(view: View, line: str) -> bool:
    imports = view.language.imports
    return bool(imports) and re.match(rf"\s*(?:{imports})", line) is not None


def _binds(line: str, word: str) -> bool:
    """Tell whether an import line makes ``word`` known, and not as a module it only leads to."""
    head = line if line.lstrip().startswith("#") else re.split(r"//|#", line, maxsplit=1)[0]
    if re.search(rf"{bounded(word)}\s+as\b", head):
        return False
    if match := re.match(r"\s*from\s+\S+\s+import\s+(.*)", head):
        return re.search(bounded(word), match[1]) is not None
    if match := re.match(r"\s*import\s+(?:type\s+)?(.+?)\s+from\s", head):
        return re.search(bounded(word), match[1]) is not None
    # import a.b.Word; use a::b::Word; import word
    return re.search(rf"[\s.:\\/\"]{re.escape(word)}[\"']?\s*;?\s*\Z", head) is not None


def _without(text: str, start: int, line: str, word: str) -> tuple[int, str, str] | None:
    """Return the edit that takes a name out of an import: its line, or its item of a list."""
    end = line_end(text, start)
    after = end + (2 if text[end : end + 2] == "\r\n" else 1)
    names = re.search(r"(?:import\s+(?!.*\bfrom\b)|\{)([^{}()\"';]*)", line)
    listed = [one.strip() for one in names[1].split(",")] if names else []
    listed = [one for one in listed if one]
    if len(listed) <= 1:
        if line.count("(") != line.count(")") or line.count("{") != line.count("}"):
            return None
        return start, text[start : min(after, len(text))], ""
    if word not in listed or names is None:
        return None
    rest = [one for one in listed if one != word]
    body = names[1]
    lead = body[: len(body) - len(body.lstrip())]
    trail = body[len(body.rstrip()) :]
    return start + names.start(1), body, lead + ", ".join(rest) + trail


def _import_of(view: View, word: str) -> str | None:
    for count, match in enumerate(view.find(rf"(?:(?<=\n)|\A)[^\n]*{bounded(word)}[^\n]*")):
        if count > MAX_IMPORT_LINES:
            break
        line = match[0].rstrip("\r")
        is_relative = re.search(r"from\s+\.|['\"]\.", line) is not None
        if _is_import(view, line) and not line[:1].isspace() and _binds(line, word):
            names = line.count(",") == 0 and not is_relative
            return line if names else None
    return None


def _end_of_imports(view: View) -> int | None:
    last = None
    at = 0
    for _ in range(MAX_IMPORT_LINES):
        line = view.line_at(at)
        if _is_import(view, line) and not line[:1].isspace():
            if line.count("(") != line.count(")"):
                return None
            end = line_end(view.text, at)
            last = end + (2 if view.text[end : end + 2] == "\r\n" else 1)
        end = line_end(view.text, at)
        if end >= len(view.text):
            break
        at = end + (2 if view.text[end : end + 2] == "\r\n" else 1)
    return last
