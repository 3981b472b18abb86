"""Updates that may not go on: what is old is kept in shape, and what was merely lost passes no gate."""

from dataclasses import replace

import pytest

from controller.decide.service import decide
from controller.model.decision import Attempt, Course, Grant, History
from controller.model.desired import Order, UpdatePolicy
from controller.model.names import HALF_MADE
from controller.model.observed import Health, Mount, ReplicaPhase, Trouble
from tests.builders import HEALTHY, IMAGE, NOW, checked, created, exited, healthy, need, probe, ready, replica
from tests.unit.decide.cases import case, tell, tell_step, told

pytestmark = pytest.mark.unit

OPEN = History(adopted_at=NOW - 500, good="v1", attempt=Attempt("v2"))
GONE = replace(OPEN, attempt=Attempt("v2", gone=frozenset({"web-1-id"})))
QUARANTINED = {"db": ready(updated=False)}
"""db went back to its last good release: it serves, and is not what is asked for."""
AWAY = {"db": ready(healthy=False, updated=False)}
NO_IMAGE = {"image_id": None}


def web(replicas: int = 1, order: Order = Order.STOP_FIRST, **others):
    fields = {"needs": {"db": HEALTHY}, "update": UpdatePolicy(order, 1), **others}
    return checked("web", replicas, "v2", **fields)


def old(number: int = 1, **others):
    return healthy(number, "v1", **others)


def sick(number: int = 1):
    return replica(number, "v1", health=Health.UNHEALTHY, check=probe())


HELD_UP = [
    ("all is well: it waits", (old(),), web(), OPEN, "Updating DependencyNotReady: - | waits for db"),
    (
        "the only one exits: it comes back as it was",
        (exited(1, "v1"),),
        web(),
        OPEN,
        "Waiting Starting: start 1 | waits for db",
    ),
    (
        "one of two exits",
        (exited(1, "v1"), old(2)),
        web(2),
        OPEN,
        "Updating Starting: start 1 | waits for db",
    ),
    (
        "start-first likewise",
        (exited(1, "v1"),),
        web(1, Order.START_FIRST),
        OPEN,
        "Waiting Starting: start 1 | waits for db",
    ),
    ("one is sick", (sick(), old(2)), web(2), OPEN, "Updating Unhealthy: restart 1 | waits for db"),
    (
        "a person stopped it, and started it again",
        (exited(1, "v1"),),
        web(),
        replace(OPEN, put_down={"web-1-id": NOW - 100}),
        "Waiting Starting: start 1 | waits for db",
    ),
    (
        "one was taken away: no new one comes for it",
        (old(2),),
        web(2),
        OPEN,
        "Updating DependencyNotReady: - | waits for db",
    ),
    (
        "scaled up in the same breath: the new ones wait too",
        (old(1), old(2)),
        web(3),
        OPEN,
        "Updating DependencyNotReady: - | waits for db",
    ),
    (
        "scaled down in the same breath: nobody goes yet",
        (old(1), old(2), old(3)),
        web(1, Order.START_FIRST),
        OPEN,
        "Updating DependencyNotReady: - | waits for db",
    ),
    (
        "start-first, its successor is done: the old one goes",
        (healthy(1, "v2"), old(2)),
        web(1, Order.START_FIRST),
        OPEN,
        "Updating Updating: stop 2",
    ),
    (
        "one that ended while there are enough goes",
        (exited(1, "v1"), old(2)),
        web(1),
        OPEN,
        "Updating DependencyNotReady: remove 1 | waits for db",
    ),
    (
        "it has a volume that its successor is to have: it waits for that, and is not put up to be let go again",
        (healthy(1, "v2"), exited(2, "v1", mounts=(Mount("/data", "volume"),))),
        web(1),
        OPEN,
        "Updating DependencyNotReady: - | waits for db",
    ),
    (
        "one that was left half made is not put up",
        (replica(1, HALF_MADE, ReplicaPhase.CREATED, started_at=None), old(2)),
        web(2),
        OPEN,
        "Updating DependencyNotReady: - | waits for db",
    ),
    (
        "we let one go: the batch is finished",
        (exited(1, "v1"), old(2)),
        web(2),
        GONE,
        "Updating Updating: remove 1",
    ),
    ("and its successor is made", (old(2),), web(2), GONE, "Updating Updating: create 1"),
    ("and started", (created(1, "v2"), old(2)), web(2), GONE, "Updating Updating: start 1"),
    (
        "we meant to let it go, and died: nothing has begun",
        (old(1), old(2)),
        web(2),
        GONE,
        "Updating DependencyNotReady: - | waits for db",
    ),
]


@pytest.mark.parametrize(
    ("replicas", "want", "history", "expected"), [row[1:] for row in HELD_UP], ids=[row[0] for row in HELD_UP]
)
def test_behind_a_dependency_in_quarantine_nothing_is_replaced_and_all_is_healed(
    replicas, want, history: History, expected: str
) -> None:
    decision = decide(case(want, *replicas, gates=QUARANTINED, history=history))
    assert tell(decision).split(" | wakes")[0] == expected


def test_where_none_ran_when_the_update_began_nothing_is_kept() -> None:
    """As after a stop: it is not put up as it was only to be replaced."""
    closed = replace(OPEN, attempt=None)
    first = decide(case(web(2), exited(1, "v1"), exited(2, "v1"), gates=AWAY, history=closed))
    assert tell(first) == "Updating Updating: remove 1, remove 2"
    then = decide(case(web(2), gates=AWAY, history=first.history))
    assert tell(then) == "Updating Creating: create 1, create 2"


def test_what_was_let_go_is_remembered_until_all_are_there_again() -> None:
    begun = decide(case(web(2), old(1), old(2), gates={"db": ready()}, history=OPEN))
    assert begun.history.attempt is not None and begun.history.attempt.gone == {"web-1-id"}
    whole = decide(case(web(2), created(1, "v2"), old(2), gates=QUARANTINED, history=begun.history))
    assert whole.history.attempt is not None and whole.history.attempt.gone == frozenset()
    settled = (healthy(1, "v2"), exited(2, "v1"))
    lost = decide(case(web(2), *settled, gates=QUARANTINED, history=whole.history))
    assert tell(lost) == "Updating Starting: start 2 | waits for db"


def test_an_old_one_is_not_started_before_what_it_needs() -> None:
    assert told(case(web(), exited(1, "v1"), gates=AWAY, history=OPEN)) == (
        "Waiting DependencyNotReady: - | waits for db"
    )


@pytest.mark.parametrize(("course", "expected"), [(None, ""), (Course.HALTED, "restart 1")])
def test_who_waits_to_be_replaced_follows_nobody_meanwhile_and_who_is_halted_does(course, expected: str) -> None:
    """The successor of the one will be newer than what it depends on; the other stays."""
    want = web(needs={"db": need(HEALTHY, restart=True)})
    given = case(want, old(), gates={"db": ready(updated=False, epoch=NOW - 50)}, history=OPEN)
    steps = decide(given._replace(aim=given.aim._replace(course=course))).steps
    assert ", ".join(map(tell_step, steps)) == expected


def test_without_self_healing_an_old_one_stays_down_as_well() -> None:
    given = case(web(2), exited(1, "v1"), old(2), gates=QUARANTINED, history=OPEN, heals=False)
    assert not decide(given).steps


def test_an_image_that_cannot_be_fetched_holds_up_no_repair() -> None:
    want = web(2, needs={})
    down = (exited(1, "v1"), old(2))
    first = decide(case(want, *down, history=OPEN, seen=NO_IMAGE))
    assert tell(first) == "Updating Starting: start 1, pull"
    refused = Trouble(3, NOW - 0.5, "Pull", "no such image", lasting=True)
    failed = {**NO_IMAGE, "fetch_troubles": {want.image: refused}}
    later = decide(case(want, *down, history=OPEN, seen=failed))
    assert tell(later).startswith("Updating Starting: start 1 | wakes +")
    assert later.history.restarts == {"web-1-id": Grant(1, NOW - 1)}


def test_on_the_way_back_the_failed_release_is_not_put_up_again() -> None:
    want = checked("web", 2, "v1", image_id=IMAGE)
    failed = replica(2, "v2", health=Health.UNHEALTHY)
    given = case(want, healthy(1, "v1"), failed, history=OPEN, go_first=("api",))
    given = given._replace(aim=given.aim._replace(course=Course.STACK_RETURNING))
    assert not decide(given).steps


def test_a_held_up_one_that_served_well_for_long_is_forgiven_its_restarts() -> None:
    tried = replace(OPEN, restarts={"web-1-id": Grant(3, NOW - 900)})
    given = case(web(), old(started_at=NOW - 800, ready_since=NOW - 700), gates=QUARANTINED, history=tried)
    assert decide(given).history.restarts == {}
