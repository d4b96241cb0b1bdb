"""Filters against repetition of text that is already there."""

from __future__ import annotations

import re
from itertools import takewhile

from infill_ls.document.licences import is_licence
from infill_ls.suggesting.filters.site import Site
from infill_ls.types import Mode

REPEATED_LINES = 3
"""So many lines like those below are a repetition even if the text then goes another way; and so
many equal lines in a row."""
SHORTEST_ECHO_CHARS = 3
"""A repeated end this short, such as ``)``, is only taken off if it is the line's whole tail."""
_CLOSING_LINE = re.compile(r"(?:end|done|fi|esac)[,;)]*|</[\w.:-]*>")
SHORTEST_COMMENT_WORDS = 3
"""Shorter comments, such as section marks, may well come twice."""
LOOPS = ((3, 6), (10, 4))
"""A part so long or longer, so many times in a row, is a loop."""
LOOP_CHARS = 1_000
"""So much of the end of a line is looked at."""
_WORD = re.compile(r"[^\W\d]\w+")


def line_tail(text: str, site: Site) -> str:
    """Take off what repeats the rest of the cursor's line; brackets alone are matched elsewhere."""
    tail = site.near.rest_of_line[site.fit(text).replaced :].rstrip()
    if not tail.strip(" \t)]}"):
        return text
    overlap = _overlap(text, tail)
    if overlap >= SHORTEST_ECHO_CHARS or (overlap and overlap == len(tail)):
        return text[: len(text) - overlap]
    return text


def lines_below(text: str, site: Site) -> str:
    """End the text where it begins to repeat the lines that follow the cursor."""
    following = [_comparable(line) for line in site.hole.below.split("\n") if line.strip()]
    if not following:
        return text
    lines = text.split("\n")
    full = [_comparable(line) for line in (site.near.line + lines[0], *lines[1:])]
    for number, line in enumerate(full):
        if line != following[0]:
            continue
        rest = [one for one in full[number:] if one]
        pairs = zip(rest, following, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if number == 0 and same == 1 and not _says_it_again(lines[0], line):
            continue
        if same == len(rest) or same >= REPEATED_LINES:
            return "\n".join(lines[:number])
    return text


def _says_it_again(written: str, line: str) -> bool:
    """Whether a first line like the one below is a repetition, not the end of something else."""
    return len(written.strip()) * 2 >= len(line.strip())  # else most of it is typed by the user


def line_above(text: str, site: Site) -> str:
    """Show nothing if the line would only repeat the one above."""
    first, *rest = text.split("\n")
    written = (site.near.line + first).strip()
    above = site.near.line_above.strip()
    is_echo = written == above and len(written) > SHORTEST_ECHO_CHARS
    return "" if is_echo and not rest else text


def itself(text: str, _site: Site) -> str:
    """End the text where it begins to go round in a circle: lines, or parts of a line."""
    lines = text.split("\n")
    for number in range(len(lines) - REPEATED_LINES + 1):
        run = [line.strip() for line in lines[number : number + REPEATED_LINES]]
        if len(run[0]) > SHORTEST_ECHO_CHARS and len(set(run)) == 1:
            return "\n".join(lines[: number + 1])
    return "" if ends_in_loop(lines[0]) else text


def ends_in_loop(line: str) -> bool:
    """Return whether words come again and again until the line's last word, or into it.

    Rulers and blanks repeat themselves too, and are none.
    """
    line = line[-LOOP_CHARS:]
    last_blank = max((place for place, char in enumerate(line) if char.isspace()), default=-1)
    return any(
        any(map(str.isalnum, line[-period * times :]))
        and _is_periodic(line, period, period * (times - 1), last_blank)
        for chars, times in LOOPS
        for period in range(chars, len(line) // times + 1)
    )


def _is_periodic(line: str, period: int, length: int, last: int) -> bool:
    """Return whether ``length`` characters, up to ``last`` or beyond, are those ``period`` before."""
    run = 0
    for place in range(len(line) - 1, period - 1, -1):
        if line[place] == line[place - period]:
            run += 1
            if run == length:
                return True
        elif place > last:
            run = 0
        else:
            break
    return False


def comments(text: str, site: Site) -> str:
    """End the text before a comment that the neighbourhood has already, or a licence."""
    near, language = site.near, site.hole.language
    known = {line.strip() for line in f"{near.before}{near.after}".split("\n")}
    lines = text.split("\n")
    for number, line in enumerate(lines):
        full = (near.line + line if number == 0 else line).strip()
        is_comment = full.startswith(language.comment) or (
            number == 0 and site.hole.mode is Mode.COMMENT
        )
        if not is_comment:
            continue
        if number == 0 and near.line.strip(language.comment + " \t*/"):
            continue  # it is the user's own comment that goes on
        is_known = full in known and len(_WORD.findall(full)) >= SHORTEST_COMMENT_WORDS
        if is_known or is_licence(line):
            return "\n".join(lines[:number])
    return text


def _comparable(line: str) -> str:
    """Return the line without its indentation, which matters only for a lone closing bracket."""
    stripped = line.strip()
    is_closing = not stripped.strip("()[]{};,`") or _CLOSING_LINE.fullmatch(stripped) is not None
    return line.rstrip() if stripped and is_closing else stripped


def _overlap(text: str, following: str) -> int:
    """Return how many characters at the end of ``text`` are the beginning of ``following``."""
    for size in range(min(len(text), len(following)), 0, -1):
        if text.endswith(following[:size]):
            return size
    return 0
