"""Which deaths for want of memory say something of the limit that holds."""

from __future__ import annotations

import pytest

from controller.loop.killed import DYING, Death, ended_before
from controller.model.adjustment import Adjustment
from controller.model.desired import DockerRestart
from controller.model.names import Instant, ReplicaId, Revision
from controller.model.observed import Replica, ReplicaPhase
from controller.model.resources import Limit

pytestmark = pytest.mark.unit

OWN, MORE = Limit(16 * 2**20), Limit(116 * 2**20)
WEB = ReplicaId("a" * 64)
CHANGED, REACHED = 100.0, 102.0
NO, ALWAYS = DockerRestart.NO, DockerRestart.UNLESS_STOPPED


def death(began: Instant | None, ended: Instant | None, policy: DockerRestart, limit: Limit = MORE) -> Death:
    replica = Replica(
        WEB, "web-1", "web", 1, Revision("r"), ReplicaPhase.EXITED, exit_code=137, finished_at=ended, limit=limit
    )
    return Death(replica, (WEB, began), policy)


@pytest.mark.parametrize(
    ("began", "ended", "policy", "before"),
    [
        pytest.param(90.0, REACHED - 0.5, ALWAYS, True, id="gone before it was seen to have more"),
        pytest.param(90.0, REACHED + DYING, ALWAYS, True, id="gone a moment after that"),
        pytest.param(90.0, REACHED + DYING + 0.1, ALWAYS, False, id="killed later"),
        pytest.param(101.0, REACHED + 0.1, ALWAYS, True, id="Docker started it before that, under what it had"),
        pytest.param(101.0, REACHED + 0.1, NO, False, id="nobody else starts it: it began with more"),
        pytest.param(90.0, REACHED + 0.1, NO, True, id="it lived when it got more"),
        pytest.param(REACHED + 0.2, REACHED + 0.4, ALWAYS, False, id="a short life that began with more"),
        pytest.param(101.0, 95.0, ALWAYS, False, id="it lives on without a part: the end is of the life before"),
        pytest.param(101.0, None, ALWAYS, False, id="it lives on without a part"),
        pytest.param(None, REACHED + 0.1, ALWAYS, True, id="nobody knows when it began"),
    ],
)
def test_who_is_killed_as_it_gets_more_says_nothing_of_that(
    began: Instant | None, ended: Instant | None, policy: DockerRestart, before: bool
) -> None:
    adjustment = Adjustment(OWN, MORE, since=CHANGED, reached=(WEB,))
    assert ended_before(death(began, ended, policy), OWN, adjustment, {WEB: REACHED}) is before


def test_who_was_never_seen_to_have_what_holds_was_killed_under_what_it_had() -> None:
    adjustment = Adjustment(OWN, MORE, since=CHANGED)
    assert ended_before(death(REACHED + 1, REACHED + 9, ALWAYS), OWN, adjustment, {})
    assert ended_before(death(90.0, REACHED + 9, NO, OWN), OWN, adjustment, {WEB: REACHED}), "it has less yet"


def test_where_nothing_was_changed_each_death_counts() -> None:
    assert not ended_before(death(90.0, 91.0, ALWAYS, OWN), OWN, Adjustment(OWN), {})
