"""Who follows its dependency restarts in turn, and is drained first; who is to stop is drained as well."""

from dataclasses import replace
from typing import Any

import pytest

from controller.decide.service import decide
from controller.model.desired import Leaving, Need, UpdatePolicy
from controller.model.observed import Health, Replica
from controller.model.routes import Frontend, RouteSeen
from controller.model.steps import Restart
from tests.builders import HEALTHY, NOW, checked, healthy, probe, ready, replica
from tests.unit.decide.cases import case, tell
from tests.unit.decide.test_drain import IN, OUT, SEEN, UNKNOWN, draining, new, web
from tests.unit.decide.worlds import acts, world

pytestmark = pytest.mark.unit

FOLLOWS = {"needs": {"db": Need(HEALTHY, restart=True)}}
REPLACED = {"db": ready(epoch=NOW - 50)}


def starting(number: int, started_at: float = NOW - 5, route: RouteSeen | None = OUT) -> Replica:
    return replica(number, "v2", health=Health.STARTING, check=probe(), started_at=started_at, route=route)


def followed(number: int, route: RouteSeen | None = IN) -> Replica:
    return new(number, route, started_at=NOW - 20)


TURNS = [
    ("the first is drained", (new(1), new(2), new(3)), "Updating Following: route 1"),
    (
        "its connections are waited for",
        (new(1, draining(3, 1.0)), new(2), new(3)),
        "Updating Draining: - | wakes +0.2",
    ),
    ("none is open any more", (new(1, draining(0, 1.0)), new(2), new(3)), "Updating Following: restart 1"),
    ("it comes up", (starting(1, route=draining(0, 9.0)), new(2), new(3)), "Starting NotReady: -"),
    (
        "it is ready: led to again",
        (followed(1, draining(0, 9.0)), new(2), new(3)),
        "Updating Following: route 1, route 2",
    ),
    ("the last one", (followed(1), followed(2), new(3)), "Updating Following: route 3"),
    ("all have followed", (followed(1), followed(2), followed(3)), "Ready Ready: -"),
    (
        "one that will not come up in time is not waited for",
        (starting(1, NOW - 121), new(2), new(3)),
        "Degraded Unhealthy: restart 1, route 2",
    ),
    ("who has no traffic needs no drain", (new(1, OUT), new(2), new(3)), "Updating Following: restart 1"),
]


@pytest.mark.parametrize(("replicas", "expected"), [row[1:] for row in TURNS], ids=[row[0] for row in TURNS])
def test_followers_restart_one_after_another_and_drained(replicas, expected: str) -> None:
    decision = decide(case(web(3, **FOLLOWS), *replicas, history=SEEN, gates=REPLACED))
    told, _, wakes = tell(decision).partition(" | wakes")
    assert told == expected.partition(" | wakes")[0] and wakes.startswith(expected.partition(" | wakes")[2])


def test_a_follower_that_is_restarted_says_how_its_drain_ended() -> None:
    (step,) = decide(case(web(**FOLLOWS), new(1, draining(0, 1.8, 37)), history=SEEN, gates=REPLACED)).steps
    assert isinstance(step, Restart)
    assert step.because == "db was replaced; drained 37 connections in 1.8 s, 0 cut"


@pytest.mark.parametrize(
    ("parallelism", "expected"), [(1, "restart 1"), (2, "restart 1, restart 2"), (0, "restart 1, restart 2, restart 3")]
)
def test_without_an_ingress_followers_restart_by_the_updates_parallelism_too(parallelism: int, expected: str) -> None:
    want = checked("web", 3, "v2", update=UpdatePolicy(parallelism=parallelism), **FOLLOWS)
    replicas = [healthy(number, "v2") for number in (1, 2, 3)]
    assert tell(decide(case(want, *replicas, history=SEEN, gates=REPLACED))) == f"Updating Following: {expected}"


def test_who_lost_its_namespace_serves_nobody_and_is_not_waited_with() -> None:
    want = checked("web", 2, "v2", namespace_of="db", **FOLLOWS)
    gates = {"db": ready(epoch=NOW - 50, holder="db-1-id", holder_started_at=NOW - 50)}
    replicas = [healthy(number, "v2", namespace_of="db-1-id") for number in (1, 2)]
    assert tell(decide(case(want, *replicas, history=SEEN, gates=gates))) == "Updating Following: restart 1, restart 2"


LEAVING = [
    ("it has traffic: drained", IN, {}, "Stopped Stopped: route 1"),
    ("connections are open: waited for", draining(3, 1.0), {}, "Stopped Stopped: - | wakes +0.2"),
    ("none is open any more", draining(0, 1.0), {}, "Stopped Stopped: stop 1"),
    ("a proxy that does not answer is not waited for", UNKNOWN, {}, "Stopped Stopped: stop 1"),
    ("without grace: at once", IN, {"hurried": True}, "Stopped Stopped: stop 1"),
]


@pytest.mark.parametrize(("route", "others", "expected"), [row[1:] for row in LEAVING], ids=[r[0] for r in LEAVING])
def test_who_is_to_stop_is_drained_as_well(route: RouteSeen, others: dict[str, Any], expected: str) -> None:
    want = web(replicas=0, leaving=Leaving.STOPPED)
    assert tell(decide(case(want, new(1, route), history=SEEN, **others))) == expected


def test_who_is_to_end_without_grace_is_known_by_name() -> None:
    both = world(
        web(),
        checked("api", 1, frontends=(Frontend("api", 8081, 80),)),
        web=[new(1)],
        api=[healthy(service="api", route=IN)],
    )
    both.histories = dict.fromkeys(both.histories, replace(SEEN, stopped="StoppedByUser"))
    both.hurried = frozenset({"web"})
    assert acts(both) == {"web": "stop 1", "api": "route 1"}


def test_while_it_drains_a_service_that_is_to_stop_says_so() -> None:
    want = web(replicas=0, leaving=Leaving.STOPPED)
    assert decide(case(want, new(1, draining(3, 1.0)), history=SEEN)).message == "drains shop-web-1"
