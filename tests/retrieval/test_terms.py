"""Tests of term extraction in batches: the same terms as ``words.py``, with stable hashes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infill_retrieval.indexing.terms import TermNumbers, hash_terms
from infill_retrieval.indexing.words import MAX_WORD_CHARS, search_terms

texts = st.text(
    st.sampled_from("abAB_ \n\t.12é\u0130ßß中😀\ud800\u0307"), max_size=60
) | st.sampled_from(["x" * MAX_WORD_CHARS, "x" * (MAX_WORD_CHARS + 1), "HTTPTransport", "12345"])


@given(st.lists(st.lists(texts, max_size=6), max_size=3))
def test_a_batch_has_the_terms_of_each_text(batches: list[list[str]]) -> None:
    numbers = TermNumbers(slots_log2=2)  # so small that words want the same slot
    for batch in batches:
        lengths = np.array([len(text) for text in batch], np.int64)
        ends = np.cumsum(lengths + 1) - 1
        found = numbers.number(" ".join(batch), ends - lengths, ends)
        names = numbers.terms()
        assert found.document_count == len(batch)
        for place, text in enumerate(batch):
            mine = found.terms[found.documents == place]
            assert [names[number] for number in mine] == search_terms(text)
    assert numbers.hashes().tolist() == hash_terms(numbers.terms()).tolist()
    assert len(set(numbers.hashes().tolist())) == len(numbers)


@given(st.lists(st.text(max_size=9)))
def test_a_hash_does_not_depend_on_what_stands_around(terms: list[str]) -> None:
    together = hash_terms(terms).tolist()
    assert together == [int(hash_terms([term])[0]) for term in terms]
    assert len(set(together)) == len(set(terms))


def test_what_lies_between_the_documents_is_left_out() -> None:
    numbers = TermNumbers()
    found = numbers.number("box lid hinge", np.array([0, 8]), np.array([3, 13]))
    assert [numbers.terms()[number] for number in found.terms] == ["box", "hinge"]
    assert found.documents.tolist() == [0, 1]
