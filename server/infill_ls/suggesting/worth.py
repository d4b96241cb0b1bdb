"""Estimate whether a suggestion is worth showing unasked. Pure.

JetBrains' full line completion has such a filter in front of its ghost text ("Full Line Code Completion",
arXiv 2405.08704); ours is a logistic regression over what the engine says of the tokens and what is known
of the place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import fmean

from infill_ls.suggesting.triggers import is_word_char
from infill_ls.suggesting.worth_weights import BIAS, MODEL, THRESHOLDS, WEIGHTS
from infill_ls.types import Completion, Hole, Suggestion

FIRST_TOKENS = 3
CLOSERS = (")", "]", "}", ";")
_WORD = re.compile(r"[^\W\d]\w*")


def knows(model_name: str) -> bool:
    """Tell whether the weights are those of a model: another one is sure of itself in another way."""
    return model_name == MODEL


def worth_of(features: Mapping[str, float]) -> float:
    """Return the probability that a suggestion with these features is right, 0 to 1."""
    odds = BIAS + sum(WEIGHTS.get(name, 0.0) * value for name, value in features.items())
    return 1 / (1 + math.exp(-max(min(odds, 50.0), -50.0)))


def least_worth(min_probability: float) -> float:
    """Return the worth from which on as many right suggestions are shown as with a mean probability."""
    for (low, worth), (high, next_worth) in pairwise(THRESHOLDS):
        if min_probability <= high:
            share = (min_probability - low) / (high - low)
            return worth + (next_worth - worth) * max(share, 0.0)
    return THRESHOLDS[-1][1]


def features_of(completion: Completion, hole: Hole, suggestion: Suggestion) -> dict[str, float]:
    """Return the features of the decision, by name. Empty if the engine tells of no tokens."""
    logprobs = completion.logprobs
    if not logprobs:
        return {}
    half = max(len(logprobs) // 2, 1)
    written, shown = completion.text.rstrip(), suggestion.text
    typed = hole.line_typed.lstrip()
    begins, rest = logprobs[:FIRST_TOKENS], logprobs[1:] or logprobs
    words = _words(shown, hole.line_typed)
    return {
        "mean": fmean(logprobs),
        "mean_probability": math.exp(fmean(logprobs)),
        "whole_probability": math.exp(sum(logprobs)),
        "least": min(logprobs),
        "second_least": sorted(logprobs)[1] if len(logprobs) > 1 else min(logprobs),
        "first": logprobs[0],
        "begins_mean": fmean(begins),
        "begins_least": min(begins),
        "least_behind_first": min(rest),
        "last": logprobs[-1],
        "slope": fmean(logprobs[half:] or logprobs) - fmean(logprobs[:half]),
        "doubtful": _doubtful(logprobs),
        "tokens": math.log1p(len(logprobs)),
        "chars": math.log1p(len(shown)),
        "first_line_chars": math.log1p(len(shown.strip("\n").partition("\n")[0])),
        "lines": math.log1p(shown.count("\n")),
        "words": math.log1p(len(words)),
        "new_words": _new_share(words, hole),
        "cut": 1 - len(shown) / max(len(written), len(shown), 1),
        "begins_a_line": float(shown[:1] == "\n"),
        "begins_a_word": float(is_word_char(shown.lstrip()[:1])),
        "ends_closed": float(shown.rstrip()[-1:] in CLOSERS),
        "replaces": float(suggestion.replaced > 0),
        "typed": math.log1p(len(typed)),
        "nothing_typed": float(not typed),
        "in_a_word": float(is_word_char(typed[-1:])),
        "tail": float(bool(hole.line_tail.strip())),
        "above": math.log1p(len(hole.prefix)),
    }


def _words(shown: str, line_typed: str) -> list[str]:
    """Return the words of a suggestion, the first one with what is typed of it."""
    return _WORD.findall(line_typed[_word_start(line_typed) :] + shown)


def _word_start(typed: str) -> int:
    """Return where the word at the end begins. No pattern: it would look from each place of a long line to its end."""
    start = len(typed)
    while start and is_word_char(typed[start - 1]):
        start -= 1
    return start


def _new_share(words: Sequence[str], hole: Hole) -> float:
    """Return the share of words that do not stand around the cursor."""
    if not words:
        return 0.0
    lines, _, last_line = hole.prefix.rpartition("\n")
    around = _WORD.findall(f"{last_line}{hole.typed[: _word_start(hole.typed)]}\n{hole.line_tail}")
    known = _words_of(lines) | _words_of(hole.below) | {*around}
    return fmean(float(word not in known) for word in words)


@lru_cache(maxsize=4)
def _words_of(lines: str) -> frozenset[str]:
    """Return the words of lines; from memory, as those around the cursor's stay while that one is typed."""
    return frozenset(_WORD.findall(lines))


def _doubtful(logprobs: Sequence[float]) -> float:
    """Return the share of tokens that had a rival as likely as they."""
    return fmean(float(one < math.log(0.5)) for one in logprobs)
