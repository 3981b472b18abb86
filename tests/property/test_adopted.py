"""Stacks that already run when they are first seen: taken over with no step; nothing of before restarts anybody."""

import pytest

from controller.model.desired import Condition, Leaving, Need
from controller.model.observed import Mount
from controller.model.timings import Span
from tests.builders import HEALTHY, NOW, checked, exited, healthy, job, replica, service, stack, timings, view
from tests.property.bringing import CALLS, containers, starts
from tests.property.life import Event, Life, begin

pytestmark = pytest.mark.unit

LASTING = {span: seconds for span, seconds in CALLS.items() if span is not Span.RUN}
TIMES = timings(db=LASTING, web=LASTING, side=LASTING, migrate=CALLS)
FOLLOWS = checked("web", 2, needs={"db": Need(Condition.HEALTHY, restart=True)})
PAIR = stack(checked("db"), FOLLOWS)
YOUNG = healthy(service="db", created_at=NOW - 20, started_at=NOW - 19, ready_since=NOW - 15)
OLD = (healthy(1), healthy(2))


def test_a_dependency_that_was_replaced_before_we_came_restarts_nobody() -> None:
    play = begin(Life(PAIR, TIMES, views={"db": view(YOUNG), "web": view(*OLD)}))
    play.run(NOW + 3000)
    assert play.done == [] and not starts(play)


def test_one_that_is_replaced_afterwards_does() -> None:
    views = {"db": view(YOUNG), "web": view(*OLD)}
    play = begin(Life(PAIR, TIMES, (Event(50.0, "edit", "db", 2), Event(52.0, "die")), views=views))
    play.run(NOW + 600)
    play.rules.check_goal()
    assert starts(play) == {"db": 1, "web": 2}


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(stack(checked("web", 2)), id="checked"),
        pytest.param(stack(service("web", 2)), id="without any check"),
        pytest.param(stack(checked("web", 2, needs={"gone": Need(HEALTHY, required=False)})), id="with an absent need"),
    ],
)
def test_what_is_as_it_is_to_be_is_not_touched(wanted) -> None:
    found = (replica(4), replica(9)) if wanted.services["web"].readiness is None else (healthy(4), healthy(9))
    play = begin(Life(wanted, TIMES, views={"web": view(*found)}))
    before = containers(play)
    play.run(NOW + 3000)
    assert (play.done, containers(play)) == ([], before)


def test_a_finished_job_and_a_namespace_that_is_shared_are_left_as_they_are() -> None:
    side = service("side", namespace_of="web", needs={"web": HEALTHY})
    wanted = stack(checked("web"), side, job("migrate"))
    done = exited(service="migrate", exit_code=0, started_at=NOW - 90, finished_at=NOW - 80)
    play = begin(
        Life(
            wanted,
            TIMES,
            views={
                "web": view(healthy()),
                "side": view(replica(service="side", namespace_of="web-1-id", started_at=NOW - 30)),
                "migrate": view(done),
            },
        )
    )
    play.run(NOW + 3000)
    assert play.done == []


def test_orphans_run_on() -> None:
    wanted = stack(checked("web"), service("side", 0, leaving=Leaving.ORPHANED))
    play = begin(Life(wanted, TIMES, views={"web": view(healthy()), "side": view(replica(service="side"))}))
    play.run(NOW + 3000)
    assert play.done == []


def test_anonymous_volumes_of_what_is_replaced_go_to_its_successors() -> None:
    found = (healthy(1, mounts=(Mount("/data", "first"),)), healthy(2, mounts=(Mount("/data", "second"),)))
    for dies in (0.5, 1.0, 2.0, 3.5, 5.0):
        events = (Event(10.0, "edit", "web", 2), Event(10.0 + dies, "die"))
        play = begin(Life(stack(checked("web", 2)), TIMES, events, views={"web": view(*found)}))
        play.run(NOW + 600)
        play.rules.check_goal()
        kept = {mount.volume for record in play.simulation.containers.all() for mount in record.base.mounts}
        assert kept == {"first", "second"}, f"the controller died {dies} s after the edit"


def test_the_first_update_after_adoption_makes_no_more_than_it_has_to() -> None:
    play = begin(Life(PAIR, TIMES, (Event(20.0, "edit", "web", 2),), views={"db": view(YOUNG), "web": view(*OLD)}))
    play.run(NOW + 600)
    play.rules.check_goal()
    assert (play.simulation.containers.made, starts(play)) == (2, {"web": 2})
