"""Pure text work: passages out of documents, vectors out of passages. The same text always gives the same vector."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

DIMENSIONS = 384
_WORD = re.compile(r"[^\W_]+")
_PASSAGE_WORDS = 120
_OVERLAP_WORDS = 20
_STOP_WORDS = frozenset(
    "a an and are as at be but by can do does for from has have how i if in into is it its not of on or our so "  # noqa: SIM905
    "that the their then there these they this to was we were what when where which who why will with you your".split()
)


def split_passages(text: str, size: int = _PASSAGE_WORDS, overlap: int = _OVERLAP_WORDS) -> tuple[str, ...]:
    """Passages of at most `size` words; neighbours share `overlap`, so that no sentence is only ever cut in two."""
    if not 0 <= overlap < size:
        raise ValueError(f"overlap {overlap} is not below the size {size}")
    words = text.split()
    # A last window that brings no new word would be a mere repetition.
    starts = range(0, max(len(words) - overlap, 1), size - overlap)
    return tuple(" ".join(words[start : start + size]) for start in starts) if words else ()


def embed(text: str) -> tuple[float, ...]:
    """A unit vector of signed feature hashes over words and word pairs; all zeros when no word carries meaning."""
    vector = [0.0] * DIMENSIONS
    for feature, count in Counter(_features(text)).items():
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        # The sign makes collisions cancel out on average instead of adding up.
        sign = 1.0 if digest[0] & 1 else -1.0
        # A word said ten times is not ten times as important.
        vector[int.from_bytes(digest[1:]) % DIMENSIONS] += sign * (1.0 + math.log(count))
    length = math.sqrt(sum(value * value for value in vector))
    return tuple(value / length for value in vector) if length else tuple(vector)


def _features(text: str) -> Iterator[str]:
    words = [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]
    yield from words
    for first, second in pairwise(words):
        yield f"{first} {second}"


def _stem(word: str) -> str:
    """Enough to make `replaces`, `replaced` and `replacing` one word."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
