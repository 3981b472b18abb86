"""Traffic through the ingress: who is led to and when, and that nobody is stopped before its connections are done."""

from dataclasses import replace
from typing import Any

import pytest

from controller.decide.drain import serves
from controller.decide.identity import publishes_itself
from controller.decide.service import decide
from controller.model.decision import Attempt, History
from controller.model.desired import Direct, DriftPolicy, Order, Template, UpdatePolicy
from controller.model.names import Release, Revision, make_release
from controller.model.observed import Health, Replica, ReplicaPhase, Trouble
from controller.model.routes import Frontend, RouteSeen, RouteState
from controller.model.steps import Route, Stop
from tests.builders import IMAGE, NOW, checked, exited, healthy, replica
from tests.unit.decide.cases import case, tell

pytestmark = pytest.mark.unit

IN, DRAINING, OUT, UNKNOWN = (
    RouteSeen(state) for state in (RouteState.IN, RouteState.DRAINING, RouteState.OUT, RouteState.UNKNOWN)
)
FRONT = (Frontend("web", 8080, 80),)
GOOD = make_release(Revision("v1"), IMAGE)
SEEN = History(adopted_at=NOW - 500, good=GOOD)
OPEN = History(adopted_at=NOW - 500, good=GOOD, attempt=Attempt(Release("v2"), best=1, clock=NOW - 1))
DIRECT = Direct(Revision("v0"), Template("web", "hash-v0", "v0"), stays=True)


def web(replicas: int = 1, order: Order = Order.START_FIRST, **others: Any):
    fields = {"frontends": FRONT, "drain_timeout": 30.0, **others}
    return checked("web", replicas, "v2", update=UpdatePolicy(order, 1), **fields)


def draining(connections: int, since: float, at_drain: int | None = 5) -> RouteSeen:
    return RouteSeen(RouteState.DRAINING, connections, NOW - since, at_drain)


def old(number: int, route: RouteSeen | None = IN, **others: Any) -> Replica:
    return healthy(number, "v1", route=route, **others)


def new(number: int, route: RouteSeen | None = IN, **others: Any) -> Replica:
    return healthy(number, "v2", route=route, **others)


@pytest.mark.parametrize(
    ("line", "itself"),
    [
        ("0.0.0.0:8080->80/tcp", True),
        ("127.0.0.1:8080->80/tcp", True),
        ("[::]:8080->80/tcp", True),
        ("0.0.0.0:8080->81/tcp", True),
        ("0.0.0.0:9000->80/tcp", False),
        ("0.0.0.0:18080->80/tcp", False),
        ("0.0.0.0:9000-9010->80/tcp", False),
        ("0.0.0.0:->80/tcp", False),
        ("0.0.0.0:8080->80/udp", False),
    ],
)
def test_who_has_a_host_port_that_the_ingress_is_to_have(line: str, itself: bool) -> None:
    assert publishes_itself(old(1, None, published=("0.0.0.0:1->2/tcp", line)), web()) is itself
    assert not publishes_itself(old(1, None, published=(line,)), web(frontends=()))


YOUNG = {"ready_since": NOW - 1}
PORT = {"published": ("0.0.0.0:8080->80/tcp",)}
ROWS = [
    ("ready: led to", web(), (new(1, OUT),), SEEN, "Ready Ready: route 1"),
    ("off its network: joined first", web(), (new(1, OUT, lost=("front",)),), SEEN, "Ready Mending: connect 1"),
    (
        "off a network where that is only told: led to",
        web(drift=DriftPolicy.REPORT),
        (new(1, OUT, lost=("back",)),),
        SEEN,
        "Ready Ready: route 1",
    ),
    ("led to already", web(), (new(1),), SEEN, "Ready Ready: -"),
    ("how it stands is not known: nothing is told", web(), (new(1, UNKNOWN),), SEEN, "Ready Ready: -"),
    ("the proxy has nothing of it yet", web(), (new(1, None),), SEEN, "Ready Ready: -"),
    (
        "sick, and led to: no more",
        web(2),
        (new(1), replica(2, "v2", health=Health.UNHEALTHY, route=IN, restarts=0)),
        SEEN,
        "Degraded Unhealthy: route 2, restart 2",
    ),
    (
        "drained for an update that is not wanted any more: taken back",
        web(),
        (new(1, DRAINING),),
        SEEN,
        "Ready Ready: route 1",
    ),
    (
        "a new one of an update is watched before it takes traffic",
        web(),
        (old(1), new(2, OUT, **YOUNG)),
        OPEN,
        "Updating Updating: - | wakes +4",
    ),
    (
        "also where its place in the proxy is one that was drained",
        web(),
        (old(1), new(2, DRAINING, **YOUNG)),
        OPEN,
        "Updating Updating: - | wakes +4",
    ),
    (
        "nobody else serves: led to at once",
        web(order=Order.STOP_FIRST),
        (new(1, OUT, **YOUNG),),
        OPEN,
        "Updating Watching: route 1 | wakes +4",
    ),
    (
        "the old one that is left is not ready",
        web(2),
        (replace(old(1), health=Health.STARTING), new(2, OUT, **YOUNG)),
        OPEN,
        "Updating Updating: route 2, route 1 | wakes +4",
    ),
    (
        "only who came with it serves: led to as well",
        web(2, order=Order.STOP_FIRST),
        (new(1, IN, **YOUNG), new(2, OUT, **YOUNG)),
        OPEN,
        "Updating Watching: route 2 | wakes +4",
    ),
    (
        "one that was watched serves: the next is watched first",
        web(2, order=Order.STOP_FIRST),
        (new(1), new(2, OUT, **YOUNG)),
        OPEN,
        "Updating Watching: - | wakes +4",
    ),
    ("watched: led to, and nobody goes before it is", web(), (old(1), new(2, OUT)), OPEN, "Updating Updating: route 2"),
    ("it has its traffic: the old one is drained", web(), (old(1), new(2)), OPEN, "Updating Updating: route 1"),
    (
        "connections are open: waited for",
        web(),
        (old(1, draining(3, 1.0)), new(2)),
        OPEN,
        "Updating Draining: - | wakes +0.2",
    ),
    ("none is open any more", web(), (old(1, draining(0, 1.0)), new(2)), OPEN, "Updating Updating: stop 1"),
    ("its time is over", web(), (old(1, draining(3, 30.0)), new(2)), OPEN, "Updating Updating: stop 1"),
    ("it has no traffic", web(), (old(1, OUT), new(2)), OPEN, "Updating Updating: stop 1"),
    (
        "the proxy does not answer: unknown is not out",
        web(),
        (old(1, UNKNOWN), new(2, UNKNOWN)),
        OPEN,
        "Updating Draining: - | wakes +0.2",
    ),
    (
        "the old one publishes its port itself",
        web(),
        (old(1, None, **PORT), new(2, None)),
        OPEN,
        "Updating Updating: stop 1",
    ),
    (
        "one that has ended is removed at once",
        web(),
        (exited(1, "v1", route=IN), new(2)),
        OPEN,
        "Updating Updating: remove 1",
    ),
    ("scaled down: drained as well", web(1), (new(1), new(2)), SEEN, "Ready ScalingDown: route 2"),
    (
        "the same with its own port stays until something else changes",
        web(direct=DIRECT),
        (healthy(1, "v0", **PORT),),
        SEEN,
        "Ready Ready: -",
    ),
    (
        "the same with its own port has ended: it comes back as it was",
        web(direct=DIRECT),
        (exited(1, "v0", **PORT),),
        SEEN,
        "Starting Starting: start 1",
    ),
    (
        "made by hand with the port that the ingress has: it can never start, and is replaced",
        web(direct=DIRECT),
        (replica(1, "v0", phase=ReplicaPhase.CREATED, started_at=None, route=OUT, **PORT),),
        SEEN,
        "Updating Updating: remove 1",
    ),
    (
        "once one is behind the ingress, it goes",
        web(direct=DIRECT),
        (healthy(1, "v0", **PORT), new(2, None)),
        OPEN,
        "Updating Updating: stop 1",
    ),
]


@pytest.mark.parametrize(
    ("want", "replicas", "history", "expected"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_traffic_and_leaving(want, replicas, history: History, expected: str) -> None:
    assert tell(decide(case(want, *replicas, history=history))).split(" | wakes +600")[0] == expected


@pytest.mark.parametrize(("started", "expected"), [(-2, "Starting NotReady: -"), (-0.5, "Starting NotReady: route 1")])
def test_a_controller_that_has_just_begun_takes_nobody_out_of_whom_it_has_not_asked_yet(
    started: float, expected: str
) -> None:
    """It watches for one second. What began before may be well; what began since then is not ready yet."""
    led_to = replica(1, "v2", health=Health.STARTING, route=IN, started_at=NOW + started)
    decision = decide(case(web(), led_to, history=SEEN, seen={"since": NOW - 1}))
    assert tell(decision).split(" | wakes")[0] == expected


@pytest.mark.parametrize(
    ("replicas", "expected"),
    [
        pytest.param((replica(1, "v2", health=Health.UNHEALTHY, route=IN), new(2)), "route 1", id="who is sick"),
        pytest.param((old(1), old(2)), "-", id="nobody is drained for an update that cannot go on"),
    ],
)
def test_a_call_that_failed_keeps_no_sick_one_in_the_traffic(replicas, expected: str) -> None:
    trouble = Trouble(6, NOW - 1, "Create", "no answer")
    decision = decide(case(web(2, Order.STOP_FIRST), *replicas, history=SEEN, seen={"trouble": trouble}))
    assert tell(decision).split(": ")[1].split(" | ")[0] == expected


def test_how_a_drain_ended_is_told_where_the_replica_is_stopped() -> None:
    (step,) = decide(case(web(), old(1, draining(0, 1.8, 37)), new(2), history=OPEN)).steps
    assert isinstance(step, Stop)
    assert step.because == "replaced by a newer revision; drained 37 connections in 1.8 s, 0 cut"
    (step,) = decide(case(web(), old(1, draining(2, 30.0, None)), new(2), history=OPEN)).steps
    assert step.because == "replaced by a newer revision; drained in 30.0 s, 2 cut"


def test_to_where_traffic_is_led() -> None:
    (step,) = decide(case(web(), old(1), new(2), history=OPEN)).steps
    assert isinstance(step, Route) and (step.replica, step.to) == ("web-1-id", RouteState.DRAINING)
    (step,) = decide(case(web(), old(1), new(2, OUT), history=OPEN)).steps
    assert isinstance(step, Route) and (step.replica, step.to) == ("web-2-id", RouteState.IN)


@pytest.mark.parametrize(
    ("route", "expected"), [(IN, True), (None, True), (UNKNOWN, True), (OUT, False), (DRAINING, False)]
)
def test_behind_the_ingress_who_is_not_led_to_does_not_serve(route: RouteSeen | None, expected: bool) -> None:
    assert serves(case(web()), new(1, route)) is expected
    assert serves(case(web()), new(1, route, **PORT)) and serves(case(checked()), new(1, None))
    assert not serves(case(web()), replica(1, "v2", health=Health.STARTING, route=route))


@pytest.mark.parametrize(("route", "reached"), [(IN, True), (UNKNOWN, True), (OUT, False), (DRAINING, False)])
def test_a_service_of_which_nobody_is_led_to_is_down_for_its_callers(route: RouteSeen, reached: bool) -> None:
    """Not for its dependents: they do not come through the ingress."""
    offers = decide(case(web(), new(1, route), history=SEEN)).offers
    assert (offers.reached, offers.healthy) == (reached, True)


def test_floor_counts_who_has_traffic() -> None:
    """Two of three are being drained, or not led to yet: no third one goes."""
    replicas = (old(1), old(2, DRAINING), new(3, OUT, **YOUNG))
    decision = decide(case(web(2), *replicas, history=OPEN))
    assert not any(isinstance(step, Stop) or step.number == 1 for step in decision.steps)
