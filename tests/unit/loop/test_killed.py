"""Which deaths for want of memory say something of the limit that holds."""

from __future__ import annotations

from typing import Any

import pytest

from controller.loop.killed import DYING, Death, Short, ended_before, note_short
from controller.model.adjustment import Adjustment
from controller.model.desired import DockerRestart
from controller.model.names import Instant, ReplicaId, Revision
from controller.model.observed import Replica, ReplicaPhase
from controller.model.resources import Limit

pytestmark = pytest.mark.unit

OWN, MORE = Limit(16 * 2**20), Limit(116 * 2**20)
WEB = ReplicaId("a" * 64)
SEEN, ENOUGH = 100.0, 102.0
"""When it was last seen with less, and first with enough."""
NO, ALWAYS = DockerRestart.NO, DockerRestart.UNLESS_STOPPED
EXITED, RESTARTING, RUNNING = ReplicaPhase.EXITED, ReplicaPhase.RESTARTING, ReplicaPhase.RUNNING


def seen(limit: Limit = MORE, began: Instant | None = 90.0, **others: Any) -> Replica:
    phase = others.pop("phase", EXITED)
    return Replica(WEB, "web-1", "web", 1, Revision("r"), phase, started_at=began, limit=limit, **others)


def death(began: Instant | None, ended: Instant | None, policy: DockerRestart, phase: ReplicaPhase = EXITED) -> Death:
    return Death(seen(began=began, phase=phase, finished_at=ended), (WEB, began), policy)


@pytest.mark.parametrize(
    ("began", "ended", "policy", "before"),
    [
        pytest.param(90.0, ENOUGH - 0.5, ALWAYS, True, id="gone before it was seen to have more"),
        pytest.param(90.0, ENOUGH + DYING, NO, True, id="gone a moment after that"),
        pytest.param(90.0, ENOUGH + DYING + 0.1, ALWAYS, False, id="killed later"),
        pytest.param(101.0, ENOUGH + 0.1, ALWAYS, True, id="Docker started it between the two looks"),
        pytest.param(101.0, ENOUGH + 0.1, NO, False, id="we start nobody before he has more"),
        pytest.param(ENOUGH + 0.2, ENOUGH + 0.4, ALWAYS, False, id="a short life that began with more"),
        pytest.param(90.0, None, ALWAYS, False, id="nobody knows when"),
        pytest.param(-3000.0, -2990.0, ALWAYS, False, id="the clock was set back since"),
    ],
)
def test_who_is_killed_as_it_gets_more_says_nothing_of_that(
    began: Instant | None, ended: Instant | None, policy: DockerRestart, before: bool
) -> None:
    adjustment = Adjustment(OWN, MORE, since=SEEN, reached=(WEB,))
    short = Short(90.0, SEEN, ENOUGH)
    assert ended_before(death(began, ended, policy), OWN, adjustment, (WEB,), short) is before


def test_a_short_life_may_have_its_end_before_its_start() -> None:
    short = Short(90.0, SEEN, ENOUGH)
    assert death(101.0, 100.999, ALWAYS, RESTARTING).may_be_of(short)
    assert not death(90.0, 80.0, ALWAYS, RUNNING).may_be_of(short), "it lives on, without a part"


def test_who_always_had_what_holds_was_killed_under_that() -> None:
    adjustment = Adjustment(OWN, MORE, since=SEEN, reached=(WEB,))
    assert not ended_before(death(90.0, ENOUGH, ALWAYS), OWN, adjustment, (WEB,))
    assert not ended_before(death(90.0, 91.0, ALWAYS), MORE, Adjustment(MORE), ())


def test_who_was_never_seen_to_have_what_holds_was_killed_under_what_it_had() -> None:
    adjustment = Adjustment(OWN, MORE, since=SEEN)
    assert ended_before(death(ENOUGH + 1, ENOUGH + 9, ALWAYS), OWN, adjustment, ())
    less = Death(seen(OWN, finished_at=ENOUGH + 9), (WEB, 90.0))
    assert ended_before(less, OWN, adjustment, (WEB,)), "it has less yet"


def test_who_has_less_is_remembered_until_a_moment_after_it_has_enough() -> None:
    held = MORE.memory or 0
    first = note_short([seen(OWN)], {}, held, 100.0)
    assert first == {WEB: Short(90.0, 100.0)}
    assert note_short([seen(OWN, 99.0)], first, held, 101.0) == {WEB: Short(99.0, 101.0)}
    enough = note_short([seen()], first, held, 102.0)
    assert enough == {WEB: Short(90.0, 100.0, 102.0)} == note_short([seen()], enough, held, 103.0)
    assert note_short([], enough, held, 104.0) == {}
    assert note_short([seen()], first, held, 102.0, busy=True) == {WEB: Short(90.0, 102.0)}, "it is only told so"
    assert note_short([seen()], enough, held, 103.0, busy=True) == enough, "the call is another one"
    assert note_short([seen()], {}, held, 103.0, busy=True) == {}
    assert note_short([seen(Limit(256 * 2**20))], {}, held, 100.0) == {}, "lowered: what it has is no less"
