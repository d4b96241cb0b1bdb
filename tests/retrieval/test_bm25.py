"""Tests that BM25 scores equal rank_bm25's bit by bit after any additions, replacements and removals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from infill_retrieval.indexing.bm25 import PostingsBM25
from infill_retrieval.indexing.postings import (
    Postings,
    TermTable,
    count_documents,
    join,
    join_tables,
    used_rows,
)
from infill_retrieval.indexing.terms import hash_terms

Document = list[str]
words = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h", "lid", "box", "ü"])
documents = st.lists(words, max_size=12)
corpora = st.lists(documents, min_size=1, max_size=14).filter(any)
queries = st.lists(words | st.just("unknown"), max_size=8)


class Model:
    """The index under test beside the plain lists that it stands for."""

    def __init__(self) -> None:
        self.index: PostingsBM25[int] = PostingsBM25()
        self.blocks: dict[int, list[Document]] = {}

    def put(self, blocks: dict[int, list[Document]]) -> None:
        for key in blocks:
            self.remove(key)
        counted = count_documents(
            [doc for docs in blocks.values() for doc in docs], [*map(len, blocks.values())]
        )
        self.index.parts = [*self.index.parts, Postings(list(blocks), *counted)]
        self.blocks |= blocks

    def remove(self, key: int) -> None:
        if self.blocks.pop(key, None) is None:
            return
        for part in self.index.parts:
            for number, other in enumerate(part.keys):
                if other == key and number not in self.gone(part):
                    part.remove(number)
                    self.gone(part).add(number)
        self.index.changed()

    def gone(self, part: Postings[int]) -> set[int]:
        found: set[int] = part.__dict__.setdefault("gone", set())
        return found

    def merge(self, first: int, last: int) -> None:
        parts = self.index.parts
        old = parts[first:last]
        if old:
            kept = [
                np.array([n not in self.gone(p) for n in range(len(p.keys))], bool) for p in old
            ]
            used = [used_rows([part.arrays], mask) for part, mask in zip(old, kept, strict=True)]
            table, rows = join_tables([part.table for part in old], used)
            arrays = join([part.arrays for part in old], kept, rows, len(table))
            keys = [
                p.keys[n]
                for p, mask in zip(old, kept, strict=True)
                for n in np.flatnonzero(mask).tolist()
            ]
            self.index.parts = [*parts[:first], Postings(keys, table, arrays), *parts[last:]]

    def check(self, query: list[str]) -> None:
        corpus = [doc for docs in self.blocks.values() for doc in docs]
        assert self.index.corpus_size == len(corpus)
        if not any(corpus):
            assert not self.index.get_scores(query).any()
            return
        expected = BM25Okapi(corpus)
        assert self.index.average_idf == expected.average_idf
        assert self.index.idf == expected.idf
        assert self.index.doc_len == expected.doc_len
        assert self.index.doc_freqs == expected.doc_freqs
        assert self.index.avgdl == expected.avgdl
        assert self.index.get_scores(query).tobytes() == expected.get_scores(query).tobytes()
        places = range(0, len(corpus), 2)
        assert self.index.get_batch_scores(query, places) == expected.get_batch_scores(
            query, list(places)
        )
        assert self.index.get_top_n(query, corpus, 3) == expected.get_top_n(query, corpus, 3)


@given(corpora, queries)
def test_scores_of_a_corpus_are_bitwise_those_of_rank_bm25(
    corpus: list[Document], query: list[str]
) -> None:
    index: PostingsBM25[int] = PostingsBM25(corpus)
    expected = BM25Okapi(corpus)
    assert index.get_scores(query).tobytes() == expected.get_scores(query).tobytes()


@given(st.data())
@settings(max_examples=200)
def test_scores_stay_equal_through_any_history(data: st.DataObject) -> None:
    model = Model()
    blocks = st.dictionaries(st.integers(0, 5), st.lists(documents, max_size=5), max_size=4)
    for _ in range(data.draw(st.integers(1, 10))):
        step = data.draw(st.sampled_from(["put", "put", "remove", "merge"]))
        if step == "put":
            model.put(data.draw(blocks))
        elif step == "remove":
            model.remove(data.draw(st.integers(0, 5)))
        else:
            first = data.draw(st.integers(0, len(model.index.parts)))
            model.merge(first, data.draw(st.integers(first, len(model.index.parts))))
        model.check(data.draw(queries))


def test_a_table_finds_its_terms_alone() -> None:
    table, _ = count_documents([["box", "lid", "ü"]])
    hashes = hash_terms(["lid", "hinge", "ü", ""])
    rows = table.rows_of(hashes)
    assert (rows >= 0).tolist() == [True, False, True, False]
    assert table.names(rows[[0, 2]].tolist()) == ["lid", "ü"]
    assert TermTable.of([], hashes[:0]).rows_of(hashes).tolist() == [-1] * 4


@pytest.mark.parametrize("corpus", [[], [[]], [[], []]])
def test_a_corpus_without_words_scores_nothing(corpus: list[Document]) -> None:
    index: PostingsBM25[int] = PostingsBM25(corpus)
    assert index.get_scores(["box"]).tolist() == [0.0] * len(corpus)
    assert index.average_idf == 0.0
    assert index.rank(["box"]).top(3) == []


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiny_corpora_rank_by_shared_words_where_okapi_cannot(size: int) -> None:
    corpus = [["box", "lid"], ["box"], ["hinge"]][:size]
    index: PostingsBM25[int] = PostingsBM25(corpus)
    hits = index.rank(["box", "lid", "box"]).top(5)
    assert [hit.key for hit in hits] == [0, 1][:size]
    assert index.rank(["nothing"]).top(5) == []


def test_top_is_sorted_stable_and_leaves_out_what_is_asked() -> None:
    corpus = [["box", "lid"] if n % 5 == 0 else ["hinge", "pin"] for n in range(40)]
    index: PostingsBM25[int] = PostingsBM25(corpus)
    ranking = index.rank(["lid"])
    assert [hit.key for hit in ranking.top(3)] == [0, 5, 10]
    assert [hit.key for hit in ranking.top(3, without=[0, 10])] == [5, 15, 20]
    (part,) = index.parts
    assert np.isneginf(ranking.scores_of(part, 1)).all()
    assert ranking.scores_of(part, 5)[0] == ranking.top(1)[0].score


@given(corpora, queries, st.sets(st.integers(0, 5)), st.integers(1, 6))
def test_what_is_left_out_leaves_the_order_of_the_rest(
    corpus: list[Document], query: list[str], without: set[int], count: int
) -> None:
    index: PostingsBM25[int] = PostingsBM25()
    half = len(corpus) // 2
    index.parts = [
        Postings(list(range(first, first + len(some))), *count_documents(some, [1] * len(some)))
        for first, some in ((0, corpus[:half]), (half, corpus[half:]))
        if some
    ]
    everything = index.rank(query).top(len(corpus))
    wanted = [hit for hit in everything if hit.key not in without][:count]
    assert index.rank(query).top(count, without) == wanted


def test_words_of_the_best_documents_are_mentioned_the_more_the_rarer_they_are() -> None:
    corpus = [["box", "lid", "all"], ["box", "hinge", "all"], ["box", "hinge", "all"]]
    corpus += [["other", "all", f"word{number}"] for number in range(20)]
    index: PostingsBM25[int] = PostingsBM25(corpus)
    names = ["hinge", "lid", "all", "other", "nowhere"]
    found = index.rank(["box"]).mentions(3).of(hash_terms(names)).tolist()
    hinge, lid, everywhere, other, nowhere = found
    assert 1 > hinge > lid > everywhere >= 0
    assert other == nowhere == 0
    assert index.rank(["unknown"]).mentions(3).of(hash_terms(names)).tolist() == [0.0] * 5
    assert index.rank(["box"]).mentions(3, without={0, 1, 2}).of(hash_terms(["lid"]))[0] == 0
