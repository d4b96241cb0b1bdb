"""Tests of bracket balance: a suggestion opens and closes only what the text around it expects."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from infill_ls.document.brackets import closed_by, scan
from infill_ls.document.cut import cut
from infill_ls.suggesting.filters import FILTERS, Site, conclude, filters_of
from infill_ls.types import Completion, EngineTimings, StopReason
from unit.documents import snapshot

CODE = st.text("ab(){}[],;:'\" \n#", max_size=40)
TIMINGS = EngineTimings(0, 0, 0.0, 1, 1.0)


@given(CODE, CODE, CODE, st.sampled_from(list(StopReason)))
@example(":[", "]", "[(", StopReason.END)
@example("", ":", "):", StopReason.END)
@example('"', '"', '""', StopReason.END)
@example("", ":::", "):", StopReason.END)
def test_what_is_shown_is_balanced(before: str, after: str, text: str, stop: StopReason) -> None:
    site = Site.of(cut(snapshot(f"{before}‸{after}")))
    steps = filters_of(Completion(text, stop, -0.1, TIMINGS), site)
    shown = steps[-1].text if steps else ""
    if not shown.strip() or site.hole.mode.value == "comment":
        return
    suggestion, _ = conclude(steps, site)
    if suggestion is None:
        return
    rest = site.near.rest_of_line
    replaced = rest[: suggestion.replaced]
    assert _is_subsequence(replaced.replace(" ", ""), suggestion.text)
    if suggestion.replaced == site.fit(shown).replaced:  # else a part stays that would be put back
        assert site.balance.excess_closer(suggestion.text_to_insert) is None
    if site.is_code and site.balance.left_open(shown, site.fit(shown).replaced) is not None:
        assert shown.rstrip()[-1] in "([{"


@given(st.lists(st.sampled_from("([{"), max_size=6), CODE)
def test_no_closer_is_written_that_is_below(openers: list[str], text: str) -> None:
    closers = "".join({"(": ")", "[": "]", "{": "}"}[one] for one in reversed(openers))
    site = Site.of(cut(snapshot(f"x = {''.join(openers)}‸{closers}")))
    steps = filters_of(Completion(text, StopReason.END, -0.1, TIMINGS), site)
    suggestion, _ = conclude(steps, site)
    if suggestion is None:
        return
    line = f"x = {''.join(openers)}{suggestion.text}{closers[suggestion.replaced :]}"
    assert not scan(site.hole.language, line).unmatched


def _is_subsequence(short: str, text: str) -> bool:
    rest = iter(text)
    return all(char in rest for char in short)


@given(CODE, CODE)
def test_filters_only_shorten_or_reindent(before: str, text: str) -> None:
    hole = replace(cut(snapshot(f"{before}‸")))
    steps = filters_of(Completion(text, StopReason.END, -0.1, TIMINGS), Site.of(hole))
    assert len(steps) <= len(FILTERS)
    for earlier, later in pairwise(steps):
        assert earlier.text.strip()
        assert bool(later.reason) == (later.text != earlier.text)


def test_what_closes_ours_must_not_be_what_closes_those_around() -> None:
    site = Site.of(cut(snapshot("f(‸)")))
    assert site.balance.left_open("g(x") is not None
    assert site.balance.left_open("g(x)") is None
    assert closed_by(site.balance.at_cursor.open, ()) == set()
