"""The names under which a replica is found: it loses them before its end, and has them again where it stays."""

from dataclasses import replace
from typing import Any

import pytest

from controller.decide.aim import Around, aim
from controller.decide.drain import serves
from controller.decide.service import decide
from controller.model.decision import Attempt, History
from controller.model.desired import DesiredService, Leaving, Order, UpdatePolicy
from controller.model.names import Release, Revision, make_release
from controller.model.observed import Health, Replica, Trouble
from controller.model.routes import Frontend, RouteSeen, RouteState
from controller.model.steps import Connect
from tests.builders import IMAGE, NOW, checked, exited, healthy, need, ready, replica
from tests.unit.decide.cases import SEEN, case, tell

pytestmark = pytest.mark.unit

GOOD = make_release(Revision("v1"), IMAGE)
OPEN = History(adopted_at=NOW - 500, good=GOOD, attempt=Attempt(Release("v2"), best=1, clock=NOW - 1))
LOST = {"by_name": False, "lost": ("shop_default",)}
ONCE = {"trouble": Trouble(1, NOW - 0.5, "Withdraw", "the engine is busy")}
REFUSED = {"trouble": Trouble(1, NOW - 0.5, "Withdraw", "forbidden", lasting=True)}
DRAINED = {"route": RouteSeen(RouteState.DRAINING, draining_since=NOW - 3)}


def web(replicas: int = 1, delay: float = 5.0, **others: Any) -> DesiredService:
    return checked("web", replicas, "v2", update=UpdatePolicy(Order.START_FIRST, 1), pre_stop_delay=delay, **others)


def one(number: int, revision: str = "v2", **others: Any) -> Replica:
    return healthy(number, revision, **{"by_name": True, **others})


def gone(number: int, revision: str, seconds: float, **others: Any) -> Replica:
    """Out of its names for so long."""
    return one(number, revision, **LOST, withdrawn_since=NOW - seconds, **others)


BEHIND = {"frontends": (Frontend("web", 8080, 80),)}
ROUTED = {"route": RouteSeen(RouteState.IN)}
ROWS = [
    ("it has them: they are taken first", web(), (one(1, "v1"), one(2)), OPEN, {}, "Updating Updating: disconnect 1"),
    ("no delay is asked for", web(delay=0.0), (one(1, "v1"), one(2)), OPEN, {}, "Updating Updating: stop 1"),
    (
        "it is on no network that has names",
        web(),
        (one(1, "v1", by_name=None), one(2)),
        OPEN,
        {},
        "Updating Updating: stop 1",
    ),
    (
        "who found it before may still come",
        web(),
        (gone(1, "v1", 2.0), one(2)),
        OPEN,
        {},
        "Updating Draining: - | wakes +3",
    ),
    ("the time is over", web(), (gone(1, "v1", 5.0), one(2)), OPEN, {}, "Updating Updating: stop 1"),
    (
        "since when is not known: from now on",
        web(),
        (replace(gone(1, "v1", 0.0), withdrawn_since=None), one(2)),
        OPEN,
        {},
        "Updating Draining: - | wakes +5",
    ),
    (
        "it serves nobody: nobody waits for it",
        web(),
        (replica(1, "v1", health=Health.UNHEALTHY, **LOST), one(2)),
        OPEN,
        {},
        "Updating Updating: stop 1",
    ),
    (
        "it is not ready: it has nobody to lose",
        web(),
        (replica(1, "v1", health=Health.UNHEALTHY, by_name=True), one(2)),
        OPEN,
        {},
        "Updating Updating: stop 1",
    ),
    ("scaled down", web(1), (one(1), one(2)), SEEN, {}, "Ready ScalingDown: disconnect 2"),
    (
        "scaled down, and waited for: it does not get them back meanwhile",
        web(1),
        (one(1), gone(2, "v2", 1.0)),
        SEEN,
        {},
        "Ready Ready: - | wakes +4",
    ),
    (
        "all of it stops: nobody else could be found",
        web(leaving=Leaving.STOPPED),
        (one(1), gone(2, "v2", 1.0)),
        SEEN,
        {},
        "Stopped Stopped: stop 1, stop 2",
    ),
    (
        "it was stopped without them: whoever starts it finds it whole",
        web(leaving=Leaving.STOPPED),
        (exited(1, "v2", by_name=True), exited(2, "v2", **LOST)),
        SEEN,
        {},
        "Stopped Stopped: connect 2",
    ),
    (
        "the clock was set back meanwhile: nobody waits for tomorrow",
        web(),
        (gone(1, "v1", -86400.0), one(2)),
        OPEN,
        {},
        "Updating Updating: stop 1",
    ),
    ("in a hurry", web(1), (one(1), one(2)), SEEN, {"hurried": True}, "Ready ScalingDown: stop 2"),
    (
        "the engine does not let it: it is stopped with them",
        web(),
        (one(1, "v1"), one(2)),
        OPEN,
        {"seen": REFUSED},
        "Updating Updating: stop 1",
    ),
    (
        "it could not be done once: it is tried again after a pause",
        web(),
        (one(1, "v1"), one(2)),
        OPEN,
        {"seen": ONCE},
        "Updating WithdrawFailed: - | wakes +0.5",
    ),
    (
        "and holds up nothing else",
        web(2),
        (one(1), one(2), one(3), exited(4, "v2")),
        SEEN,
        {"seen": ONCE},
        "Ready ScalingDown: remove 4 | wakes +0.5",
    ),
    (
        "behind the ingress too: its traffic first",
        web(**BEHIND),
        (one(1, "v1", **ROUTED), one(2, **ROUTED)),
        OPEN,
        {},
        "Updating Updating: route 1",
    ),
    (
        "its names when that has gone",
        web(**BEHIND),
        (one(1, "v1", **DRAINED), one(2, **ROUTED)),
        OPEN,
        {},
        "Updating Updating: disconnect 1",
    ),
    ("it stays after all: it has them again", web(), (gone(1, "v2", 3.0),), SEEN, {}, "Ready Mending: connect 1"),
    (
        "also where nothing is to heal by itself",
        web(),
        (gone(1, "v2", 3.0),),
        SEEN,
        {"heals": False},
        "Ready Mending: connect 1",
    ),
    (
        "a restart takes nobody's names",
        web(needs={"db": need(restart=True)}),
        (one(1),),
        SEEN,
        {"gates": {"db": ready(epoch=NOW - 50)}},
        "Updating Following: restart 1",
    ),
]


@pytest.mark.parametrize(
    ("want", "replicas", "history", "others", "expected"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_names_and_leaving(want, replicas, history: History, others: Any, expected: str) -> None:
    found = tell(decide(case(want, *replicas, history=history, **others)))
    assert found.split(" | wakes +600")[0].split(" | wakes +599")[0] == expected


def test_who_is_not_found_does_not_serve() -> None:
    assert serves(case(web()), one(1))
    assert not serves(case(web()), gone(1, "v2", 1.0))
    assert serves(case(web(delay=0.0)), gone(1, "v2", 1.0)), "whose names nobody takes by our wish is as it was"


def test_an_old_one_that_serves_on_is_found_again_as_it_was_made() -> None:
    """The new one is not ready any more before the old one was stopped."""
    old = checked("web", 1, "v1", pre_stop_delay=5.0)
    known = {("web", Revision("v1")): old}
    fallen = replica(2, "v2", health=Health.STARTING, by_name=True)
    given = case(web(), gone(1, "v1", 2.0), fallen, history=OPEN, known=known)
    (step,) = decide(given).steps
    assert isinstance(step, Connect)
    assert (step.number, step.template) == (1, old.template)
    (step,) = decide(case(web(), gone(1, "v1", 2.0), fallen, history=OPEN)).steps
    assert isinstance(step, Connect)
    assert step.template == web().template, "what is not known any more has the names of today"


def test_a_drain_is_over_when_the_names_go() -> None:
    route = RouteSeen(RouteState.DRAINING, 0, NOW - 7, at_drain=5)
    given = case(web(**BEHIND), gone(1, "v1", 5.0, route=route), one(2, **ROUTED), history=OPEN)
    (step,) = decide(given).steps
    assert step.because.endswith("drained 5 connections in 2.0 s, 0 cut")


def test_a_way_back_withdraws_as_the_present_manifest_says() -> None:
    before = checked("web", 1, "v1")
    found = aim(
        web(),
        replace(OPEN, failed={Release("v2"): "fell"}, failed_for=Revision("v2")),
        Around(known={("web", Revision("v1")): before}),
    )
    assert (found.want.revision, found.want.pre_stop_delay) == (Revision("v1"), 5.0)
