"""Rules for tokens that were replaced, removed or inserted, at similar places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from infill_ls.next_edit.candidate import PROVED, EditCandidate, Pattern, Rule
from infill_ls.next_edit.changes import Change, ChangeForm
from infill_ls.next_edit.rules.context import candidate, is_done, same_end, with_counts
from infill_ls.next_edit.tokens import bounded, has_word, is_word
from infill_ls.next_edit.view import View

LEAST_SOUGHT_CHARS = 5
"""A shorter name means something else in another document."""
MAX_CHARS = 200
"""Longer texts stand in one place only."""
_SINGLE_CONTEXT = 3, 2
"""Tokens before and after that must be the same where one edit alone speaks for it."""


def replaced(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the other places of a text that was replaced or removed."""
    change = pattern.change
    if not _is_plain(change) or not has_word(change.old):
        return
    rule = _kind(pattern)
    known = max(pattern.view.count(change.new) - pattern.support, 0) if has_word(change.new) else 0
    found = []
    views = (pattern.view, *pattern.others) if rule in {Rule.NAME, Rule.TYPE} else (pattern.view,)
    for view in views:
        if view is not pattern.view and (
            len(change.old) < LEAST_SOUGHT_CHARS or change.old not in view.text
        ):
            continue
        for match in view.find(bounded(change.old)):
            start, end = match.span()
            if is_done(change, view.text, start) or is_edited(pattern, start, view.uri):
                continue
            before = view.text[max(start - 1, 0) : start]
            more = {
                "new is known": float(known > 0),
                "old is short": float(len(change.old) < 4),
                "old is long": float(len(change.old) > 12),
                "member differs": float((before == ".") != (change.left[-1:] == (".",))),
            }
            if rule is Rule.NAME and view is pattern.view:
                more["proved by scope"] = float(
                    not more["member differs"] and _is_of_scope(pattern, start, end)
                )
            found.append(candidate(pattern, start, change.old, change.new, rule, more, view))
    # What an import takes is declared there by some grammars.
    is_renamed = (
        rule is Rule.NAME
        and _renames_a_function(pattern)
        and not any(one.features["declared here"] > one.features["in an import"] for one in found)
    )
    unbound = _functions_without(pattern, found) if rule is Rule.NAME else frozenset()
    for one in with_counts(found, pattern):
        if (is_renamed and _is_proved(one.features)) or _is_unbound_use(pattern, one, unbound):
            one.features[PROVED] = 1.0
        yield one


def inserted(pattern: Pattern) -> Iterator[EditCandidate]:
    """Yield the places between the same tokens as where something was put in."""
    change = pattern.change
    if not _is_plain(change) or has_word(change.old) or not change.new.strip():
        return
    regex = _between(pattern)
    if regex is None:
        return
    found = []
    for match in pattern.view.find_few(regex):
        start = match.start("gap")
        text = pattern.view.text
        stripped = change.new.strip()
        behind = text[start : start + len(change.new) + 1].strip()
        ahead = text[max(start - len(change.new), 0) : start].rstrip()
        if behind.startswith(stripped) or ahead.endswith(stripped):
            continue
        if is_done(change, text, start) or is_edited(pattern, start, pattern.view.uri):
            continue
        more = {"inserts a word": float(has_word(change.new))}
        found.append(
            candidate(pattern, start, change.old, change.new, Rule.INSERTION, more)
        )  # fmt: skip
    yield from with_counts(found, pattern)


def _is_plain(change: Change) -> bool:
    return (
        change.form is ChangeForm.TOKENS
        and not change.inner
        and len(change.old) <= MAX_CHARS
        and len(change.new) <= MAX_CHARS
        and "\n" not in change.old + change.new
    )


def _kind(pattern: Pattern) -> Rule:
    change = pattern.change
    facts = pattern.view.facts(change.start, change.end)
    if not change.new.strip():
        return Rule.DELETION
    if facts.kind == "string" or change.old[:1].isdigit() or change.old[:1] in "\"'`":
        return Rule.LITERAL
    if facts.is_type:
        return Rule.TYPE
    return Rule.NAME if is_word(change.old) and is_word(change.new) else Rule.TEXT


def _is_of_scope(pattern: Pattern, start: int, end: int) -> bool:
    """Tell whether a place uses what was declared, in the same function, where it was replaced."""
    view = pattern.view
    here = view.facts(start, end)
    if here.kind != "code" or here.is_declared or here.function < 0:
        return False
    return any(
        one.left[-1:] != (".",)
        and (there := view.facts(one.start, one.end)).is_declared
        and there.function == here.function
        for one in pattern.agreeing
    )


def _functions_without(pattern: Pattern, found: Iterable[EditCandidate]) -> frozenset[int]:
    """Return the functions that declared the old name and declare it no longer, nor does what is around them.

    What stands beside a declaration is hardly ever left for a later part of a commit, so that the judge has
    learnt nothing of it; but while one types, nearly all uses of a local name do.
    """
    view = pattern.view
    functions = {
        view.facts(one.start, one.end).function
        for one in pattern.agreeing
        if one.left[-1:] != (".",) and _binds(view, one.start, one.end)
    } - {-1}
    for one in found:
        if not functions or one.uri != view.uri:
            continue
        end = one.start + len(one.old)
        if one.features["in an import"] or _binds(view, one.start, end):
            function = view.facts(one.start, end).function
            functions = functions - {function} if function >= 0 else set()
    return frozenset(functions)


_BINDS_NOTHING = re.compile("binary|boolean|comparison|augmented|compound|keyword_argument")
"""Nodes whose left side, or name, is no declaration."""
_BINDS_BY_SIGN = re.compile(r"[\w\s,]{0,200}:=")
_NAMES_A_MEMBER = re.compile("shorthand|property|field|label|key")
_NAMES_AN_ARGUMENT = re.compile(r"[ \t]{0,9}(?::(?!:)|=>)")
"""What follows the name of a member or an argument, in languages without a block that begins with a colon."""


def _binds(view: View, start: int, end: int) -> bool:
    """Tell whether a name is declared or assigned at a place."""
    here = view.facts(start, end)
    if here.kind != "code":
        return False
    if here.parent == "expression_list":
        return _BINDS_BY_SIGN.match(view.text, end) is not None
    return here.is_declared and not _BINDS_NOTHING.search(here.parent)


def _is_unbound_use(pattern: Pattern, one: EditCandidate, functions: frozenset[int]) -> bool:
    """Tell whether a place uses a name that one of the functions declared by the old name, and no longer does."""
    if not functions or one.uri != pattern.view.uri or one.features.get("member differs"):
        return False
    view, end = pattern.view, one.start + len(one.old)
    here = view.facts(one.start, end)
    if here.kind != "code" or here.function not in functions:
        return False
    if _NAMES_A_MEMBER.search(here.node) or _NAMES_A_MEMBER.search(here.parent):
        return False
    if here.parent == "keyword_argument" and here.is_declared:
        return False
    return view.language.name == "python" or not _NAMES_AN_ARGUMENT.match(view.text, end)


def _renames_a_function(pattern: Pattern) -> bool:
    """Tell whether one of the agreeing changes was made where a function is declared."""
    view = pattern.view
    return any(
        view.text[one.end : one.end + 1] == "(" and view.facts(one.start, one.end).is_declared
        for one in pattern.agreeing
    )


def _is_proved(features: dict[str, float]) -> bool:
    """Tell whether a place calls a function whose only declaration got another name."""
    if not features.get("is called here"):
        return False
    if any(features.get(name) for name in ("in comment", "in string", "member differs")):
        return False
    is_elsewhere = bool(features.get("other document"))
    return not is_elsewhere or bool(features.get("imports the edited document"))


def is_edited(pattern: Pattern, start: int, uri: str) -> bool:
    """Tell whether the change was made at a place already."""
    return uri == pattern.view.uri and any(
        one.start <= start < max(one.end, one.start + 1) for one in pattern.agreeing
    )


def _between(pattern: Pattern) -> str | None:
    """Return a pattern of the tokens around, with the place itself as the group ``gap``."""
    change = pattern.change
    lefts = [one.left for one in pattern.agreeing]
    rights = [one.right for one in pattern.agreeing]
    if len(pattern.agreeing) > 1:
        # Changes of one line are counted once: their contexts hold each other.
        n_left = min(same_end(change.left, left) for left in lefts)
        n_right = min(same_end(change.right[::-1], right[::-1]) for right in rights)
    else:
        n_left, n_right = _SINGLE_CONTEXT
    left, right = (
        change.left[len(change.left) - min(n_left, len(change.left)) :],
        change.right[:n_right],
    )
    if not any(map(has_word, (*left, *right))):
        return None
    is_first = all(len(one) == len(left) for one in lefts) and len(left) < 6
    is_last = all(len(one) == len(right) for one in rights) and len(right) < 6
    blanks = r"[ \t]*"
    before = blanks.join(map(re.escape, left))
    after = blanks.join(map(re.escape, right))
    if left and (left[0][:1].isalnum() or left[0][:1] == "_"):
        before = rf"(?<!\w){before}"
    if right and (right[-1][-1:].isalnum() or right[-1][-1:] == "_"):
        after = rf"{after}(?!\w)"
    elif is_last:
        after = rf"{after}{blanks}(?=[\r\n]|\Z)"
    if is_first:
        before = rf"(?:(?<=[\r\n])|\A){blanks}{before}"
    gap = re.escape(change.old)
    clings = not change.new[:1].strip() or change.new[:1] in ",;"
    inner = f"(?P<gap>{gap}){blanks}" if clings else f"{blanks}(?P<gap>{gap})"
    return f"{before}{inner}(?={after})" if after else f"{before}{inner}"
