"""Which deaths for want of memory say something of the limit that holds."""

from __future__ import annotations

from typing import Any

import pytest

from controller.loop.killed import DYING, ended_before, may_be_of_less, note_less
from controller.model.adjustment import Adjustment
from controller.model.names import Instant, ReplicaId, Revision
from controller.model.observed import Replica, ReplicaPhase
from controller.model.resources import Limit

pytestmark = pytest.mark.unit

OWN, MORE = Limit(16 * 2**20), Limit(116 * 2**20)
WEB = ReplicaId("a" * 64)
ENOUGH = 102.0
"""When it was first seen with enough."""
EXITED, RESTARTING, RUNNING = ReplicaPhase.EXITED, ReplicaPhase.RESTARTING, ReplicaPhase.RUNNING
RAISED = Adjustment(OWN, MORE, since=100.0)


def seen(limit: Limit = MORE, began: Instant | None = 90.0, **others: Any) -> Replica:
    phase = others.pop("phase", EXITED)
    return Replica(WEB, "web-1", "web", 1, Revision("r"), phase, started_at=began, limit=limit, **others)


@pytest.mark.parametrize(
    ("began", "ended", "before"),
    [
        pytest.param(90.0, ENOUGH - 0.5, True, id="gone before it was seen to have more"),
        pytest.param(90.0, ENOUGH + DYING, True, id="gone a moment after that"),
        pytest.param(90.0, ENOUGH + DYING + 0.1, False, id="killed later"),
        pytest.param(101.9, ENOUGH + 0.1, True, id="Docker started it a moment before"),
        pytest.param(ENOUGH + 0.2, ENOUGH + 0.4, False, id="a short life that began with more"),
        pytest.param(90.0, None, False, id="nobody knows when"),
        pytest.param(None, ENOUGH, True, id="nobody knows since when it ran"),
    ],
)
def test_who_is_killed_as_it_gets_more_says_nothing_of_that(
    began: Instant | None, ended: Instant | None, before: bool
) -> None:
    replica, life = seen(began=began, finished_at=ended), (WEB, began)
    assert ended_before(replica, life, OWN, RAISED, (WEB,), {WEB: ENOUGH}) is before


def test_a_short_life_may_have_its_end_before_its_start() -> None:
    short = seen(began=101.0, finished_at=100.999, phase=RESTARTING)
    assert may_be_of_less(short, (WEB, 101.0), {WEB: ENOUGH})
    on = seen(began=90.0, finished_at=80.0, phase=RUNNING)
    assert not may_be_of_less(on, (WEB, 90.0), {WEB: ENOUGH}), "it lives on, without a part"


def test_who_always_had_what_holds_was_killed_under_that() -> None:
    assert not ended_before(seen(finished_at=ENOUGH), (WEB, 90.0), OWN, RAISED, (WEB,), {})
    assert not ended_before(seen(finished_at=91.0), (WEB, 90.0), MORE, Adjustment(MORE), (), {})


def test_who_was_never_seen_to_have_what_holds_was_killed_under_what_it_had() -> None:
    life = (WEB, ENOUGH + 1)
    assert ended_before(seen(began=life[1], finished_at=ENOUGH + 9), life, OWN, RAISED, (), {})
    less = seen(OWN, finished_at=ENOUGH + 9)
    assert ended_before(less, (WEB, 90.0), OWN, RAISED, (WEB,), {}), "it has less yet"


def test_who_has_less_is_remembered_with_when_it_has_enough() -> None:
    held = MORE.memory or 0
    first = note_less([seen(OWN)], {}, held, 100.0, busy=False)
    assert first == {WEB: None} == note_less([seen(OWN)], first, held, 101.0, busy=True)
    assert note_less([seen()], first, held, 102.0, busy=True) == first, "it is only told so"
    enough = note_less([seen()], first, held, 102.0, busy=False)
    assert enough == {WEB: 102.0} == note_less([seen()], enough, held, 103.0, busy=False)
    assert note_less([seen()], enough, held, 103.0, busy=True) == enough, "the call is another one"
    assert note_less([seen(OWN)], enough, held, 103.0, busy=False) == {WEB: None}
    assert note_less([], enough, held, 104.0, busy=False) == {}
    assert note_less([seen()], {}, held, 103.0, busy=True) == {}
    assert note_less([seen(Limit(256 * 2**20))], {}, held, 100.0, busy=False) == {}, "lowered: it has no less"
