"""Pauses until the next look grow, have an end, and begin anew once there was something to see."""

import pytest

from controller.loop.pauses import Pauses
from controller.model.observed import ServiceView

pytestmark = pytest.mark.unit

WHOLE, HALF = ServiceView(), ServiceView(complete=False)


def test_an_engine_that_does_not_answer_is_asked_ever_more_slowly_until_it_answers() -> None:
    pauses = Pauses()
    assert [pauses.after_failure() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    pauses.after_answer()
    assert pauses.after_failure() == 0.5


def test_a_service_that_was_seen_in_part_is_looked_at_again_by_itself() -> None:
    pauses = Pauses()
    assert pauses.after_look({"db": WHOLE, "web": HALF}, whole=False) == {"web": 0.25}
    assert pauses.after_look({"db": HALF, "web": HALF}, whole=False) == {"db": 0.25, "web": 0.5}
    assert pauses.after_look({"web": WHOLE}, whole=False) == {}
    assert pauses.after_look({"db": HALF, "web": HALF}, whole=False) == {"db": 0.5, "web": 0.25}


def test_half_a_look_at_the_stack_is_repeated_as_a_whole_until_all_was_seen() -> None:
    pauses = Pauses()
    looks = [pauses.after_look({"db": WHOLE, "web": HALF}, whole=True) for _ in range(7)]
    assert looks == [{None: pause} for pause in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)]
    assert pauses.after_look({"db": WHOLE, "web": WHOLE}, whole=True) == {}
    assert pauses.after_look({"db": HALF}, whole=True) == {None: 0.25}
