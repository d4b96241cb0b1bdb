"""Tokens of services, by the formats of gitleaks (``gitleaks_rules``).

Most lines are dismissed by one look: there is no long word in them. A pattern is made when a line
first has one of its words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from enum import IntEnum
from functools import cache

from infill_retrieval.secrets.gitleaks_rules import RULES
from infill_retrieval.secrets.values import entropy_bits, is_placeholder

_LONG_WORD = re.compile(r"[0-9A-Za-z_~.+/=%|-]{15}")
"""Stands in all that the rules match."""
_DUMMY = re.compile(r"(?i:EXAMPLE|x{6}|abcdefgh)|0{10}|1{10}|a{10}|1234567890")


class ServiceToken(IntEnum):
    """How certainly a line holds the token of a service."""

    NONE = 0
    NAMED = 1
    """It looks like one, and the name of the service stands beside it."""
    CERTAIN = 2
    """It has a form that nothing else has."""


@cache
def _numbers_by_word() -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for number, (_, _, words, _, _) in enumerate(RULES):
        for word in words:
            found[word].append(number)
    return dict(found)


@cache
def pattern_of(number: int) -> re.Pattern[str]:
    """Return the pattern of a rule."""
    return re.compile(RULES[number][1])


def service_token(line: str, folded: str) -> ServiceToken:
    """Return whether a line, ``folded`` to small letters, holds the token of a service."""
    if _LONG_WORD.search(line) is None:
        return ServiceToken.NONE
    if not any(map(folded.__contains__, "0123456789")) and "api_org_" not in line:
        return ServiceToken.NONE  # of the others, chance makes hardly any without a digit
    found = ServiceToken.NONE
    for number in _candidates(folded):
        _, _, _, least_bits, needs_name = RULES[number]
        kind = ServiceToken.NAMED if needs_name else ServiceToken.CERTAIN
        if kind > found and _matches(number, line, least_bits):
            found = kind
    return found


def _candidates(folded: str) -> Iterator[int]:
    for word, numbers in _numbers_by_word().items():
        if word in folded:
            yield from numbers


def _matches(number: int, line: str, least_bits: float) -> bool:
    for match in pattern_of(number).finditer(line):
        token = max((group for group in match.groups() if group), key=len, default=match[0])
        if (
            entropy_bits(token) >= least_bits
            and (not RULES[number][4] or any(map(str.isdigit, token)))
            and not _DUMMY.search(match[0])
            and not is_placeholder(token)
        ):
            return True
    return False
