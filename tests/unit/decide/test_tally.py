"""What all have together: kept up bit by bit, the same as if it were added up, and laid over without a trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decide.demand import Held
from controller.decide.leeway import add
from controller.decide.tally import Tally
from controller.model.resources import Amount

pytestmark = pytest.mark.unit

NAMES = "abc"
Notes = list[tuple[str, Held]]

amounts = st.builds(Amount, st.integers(0, 2**40), st.integers(0, 64))
notes = st.lists(
    st.tuples(st.sampled_from(NAMES), st.builds(Held, amount=amounts, vacant=amounts, coming=st.integers(0, 2)))
)


def adds_up(tally: Tally) -> bool:
    held = [tally.of(name) for name in NAMES]
    coming = {name for name in NAMES if tally.of(name).coming}
    sums = (add(one.amount for one in held), add(one.vacant for one in held), coming)
    return (tally.total, tally.vacant, tally.coming) == sums


@given(notes, notes, st.sets(st.sampled_from(NAMES)))
def test_totals_are_those_of_all_that_was_noted(first: Notes, then: Notes, kept: set[str]) -> None:
    below = Tally()
    for name, held in first:
        before = below.of(name)
        assert below.note(name, held) == before and below.of(name) == held
    assert adds_up(below)
    whole, seen = (below.total, below.vacant, below.coming), [below.find(name) for name in NAMES]
    above = Tally(below)
    for name, held in then:
        above.note(name, held)
    assert adds_up(above) and all(above.of(name) == held for name, held in dict(then).items())
    assert ((below.total, below.vacant, below.coming), [below.find(name) for name in NAMES]) == (whole, seen)
    below.keep_only(kept)
    assert adds_up(below) and all(below.find(name) is None or name in kept for name in NAMES)
