"""Passages and vectors of the sample's retrieval server."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ragserver.text import DIMENSIONS, embed, split_passages

pytestmark = pytest.mark.unit


def similarity(first: str, second: str) -> float:
    return sum(a * b for a, b in zip(embed(first), embed(second), strict=True))


@given(st.text())
def test_a_vector_has_length_one_or_is_zero(text: str) -> None:
    vector = embed(text)
    length = math.sqrt(sum(value * value for value in vector))
    assert len(vector) == DIMENSIONS
    assert length == pytest.approx(1.0) or length == 0.0


def test_stop_words_alone_carry_no_meaning() -> None:
    assert not any(embed("and the of it"))


def test_endings_do_not_part_words() -> None:
    assert similarity("replaces", "replacing") == pytest.approx(1.0)


def test_a_related_text_is_nearer_than_an_unrelated_one() -> None:
    question = "how are replicas replaced in a rolling update"
    assert similarity(question, "A rolling update replaces replicas one by one.") > 0.3
    assert similarity(question, "Bananas grow in warm countries.") < 0.1


@given(st.lists(st.sampled_from("abcdefgh"), max_size=80), st.integers(2, 12))
def test_passages_hold_every_word_in_order(words: list[str], size: int) -> None:
    overlap = size // 2
    passages = [passage.split() for passage in split_passages(" ".join(words), size, overlap)]
    joined = [
        word for number, passage in enumerate(passages) for word in (passage if number == 0 else passage[overlap:])
    ]
    assert joined == words
    assert all(0 < len(passage) <= size for passage in passages)


def test_an_overlap_as_large_as_the_passage_is_refused() -> None:
    with pytest.raises(ValueError, match="not below"):
        split_passages("a b c", 2, 2)
