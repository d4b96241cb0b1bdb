"""Recognise licence text, which models repeat from their training data."""

from __future__ import annotations

import re

_LICENCE = re.compile(
    r"\bcopyright\b|\(c\) \d{4}|SPDX-|all rights reserved|\blicen[cs]ed? under\b|\bwarrant(?:y|ies)\b",
    re.IGNORECASE,
)


def is_licence(line: str) -> bool:
    """Tell whether a line of a comment is a part of a licence."""
    return _LICENCE.search(line) is not None
