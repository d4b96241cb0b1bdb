"""Scores are those of rank_bm25, bit by bit, whatever was added, replaced and removed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from infill_retrieval import bm25
from infill_retrieval.bm25 import PostingsBM25, Segment, count_terms, merge_segments, renumber

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

    def put(self, key: int, docs: list[Document]) -> None:
        terms, block = count_terms(docs)
        self.index.put(key, block, self.index.vocabulary.number(terms))
        self.blocks.pop(key, None)
        self.blocks[key] = docs

    def put_many(self, blocks: dict[int, list[Document]]) -> None:
        renumbered = []
        for key, docs in blocks.items():
            terms, block = count_terms(docs)
            renumbered.append((key, renumber(block, self.index.vocabulary.number(terms))))
            self.blocks.pop(key, None)
        self.index.put_segment(Segment(renumbered), blocks)
        self.blocks |= blocks

    def remove(self, key: int) -> None:
        self.index.remove(key)
        self.blocks.pop(key, None)

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
@settings(max_examples=150)
def test_scores_stay_equal_through_any_history(data: st.DataObject) -> None:
    model = Model()
    blocks = st.lists(documents, max_size=5)
    for _ in range(data.draw(st.integers(1, 10))):
        step = data.draw(st.sampled_from(["put", "put", "put_many", "remove", "seal", "merge"]))
        if step == "put":
            model.put(data.draw(st.integers(0, 5)), data.draw(blocks))
        elif step == "put_many":
            model.put_many(data.draw(st.dictionaries(st.integers(0, 5), blocks, max_size=4)))
        elif step == "remove":
            model.remove(data.draw(st.integers(0, 5)))
        elif step == "seal":
            model.index._seal_tail()
            model.index._changed()
        else:
            model.index.merge()
        model.check(data.draw(queries))


def test_a_merge_forgets_what_was_removed_while_it_ran() -> None:
    model = Model()
    for first in (0, 2):
        model.put_many({key: [["box", f"w{key}"]] for key in (first, first + 1)})
    old = model.index.wanted_merge()
    merged = merge_segments(old)
    model.put(1, [["lid", "box"]])
    model.remove(3)
    assert model.index.replace(old, merged)
    model.check(["box", "w0", "w1", "w3", "lid"])
    assert not model.index.replace(old, merged), "the old segments are gone"


def test_many_files_make_few_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "TAIL_DOCUMENTS", 4)
    model = Model()
    for key in range(200):
        model.put(key, [["box", f"w{key % 7}"]])
        model.index.merge()
    assert len(model.index._segments) <= 6
    model.check(["box", "w3"])


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
    assert np.isneginf(ranking.scores_of(1)).all()
    assert ranking.scores_of(5)[0] == ranking.top(1)[0].score
    assert len(ranking.scores_of(99)) == 0
