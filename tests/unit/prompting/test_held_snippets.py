"""Tests of the snippets that are held for a place while it is typed at."""

from __future__ import annotations

from pathlib import PurePosixPath

from infill_ls.prompting.held_snippets import HELD_SEARCHES, HeldSnippets, SearchPlace
from infill_retrieval import Retrieval
from infill_retrieval.types import Channel, Snippet

HERE = SearchPlace("file:///w/here.py", "a\n", "\nb", 512)


def found(*snippets: tuple[str, str]) -> Retrieval:
    return Retrieval(tuple(Snippet(p, t, 0, Channel.USAGE, 1.0, 5) for p, t in snippets), 5)


ONE = found(("pkg/one.py", "x\n"), ("pkg/two.py", "y\n"))


def holding(result: Retrieval = ONE) -> HeldSnippets:
    searches = HeldSnippets()
    assert searches.get(HERE) is None
    assert searches.settle(HERE, result) is result
    assert searches.get(HERE) is result
    return searches


def change(searches: HeldSnippets, path: str) -> None:
    searches.doubt(f"file://{path}", PurePosixPath(path))


def test_a_change_of_the_document_itself_casts_no_doubt() -> None:
    searches = holding()
    change(searches, "/w/here.py")
    assert searches.get(HERE) is ONE


def test_a_change_of_another_file_is_searched_for_and_what_is_held_stays_if_it_is_the_same() -> (
    None
):
    searches = holding()
    change(searches, "/w/pkg/one.py")
    assert searches.get(HERE) is None
    again = found(*((s.path, s.text) for s in reversed(ONE.snippets)))
    assert searches.settle(HERE, again) is ONE
    assert searches.get(HERE) is ONE


def test_a_shift_of_the_ranking_does_not_cost_the_prompt() -> None:
    searches = holding()
    change(searches, "/w/pkg/other.py")
    shifted = found(("pkg/one.py", "x\n"), ("pkg/three.py", "z\n"))
    assert searches.settle(HERE, shifted) is ONE


def test_what_has_become_stale_or_is_new_in_the_changed_file_counts() -> None:
    for path, text in (("pkg/one.py", "x = 2\n"), ("pkg/new.py", "def needed\n")):
        searches = holding()
        change(searches, f"/w/{path}")
        other = found((path, text), ("pkg/two.py", "y\n"))
        assert searches.settle(HERE, other) is other
        assert searches.get(HERE) is other
    searches = holding()
    change(searches, "/w/pkg/one.py")
    without = found(("pkg/two.py", "y\n"))
    assert searches.settle(HERE, without) is without


def test_after_a_crawl_any_difference_counts() -> None:
    searches = holding()
    searches.doubt_all()
    assert searches.get(HERE) is None
    other = found(("pkg/one.py", "x\n"), ("pkg/three.py", "z\n"))
    assert searches.settle(HERE, other) is other


def test_another_place_is_another_search() -> None:
    searches = holding()
    assert searches.get(SearchPlace(HERE.uri, HERE.prefix + "c\n", HERE.below, 512)) is None
    for number in range(HELD_SEARCHES):
        searches.settle(SearchPlace(f"file:///w/{number}.py", "", "", 512), ONE)
    assert searches.get(HERE) is None, "the least recently used has gone"
