"""Start slots: how many services start at once, in which order, and that no slot is lost or kept for ever."""

import pytest

from controller.decide.world import World
from controller.model.decision import Grant, History
from controller.model.desired import DesiredService, Order, StackPolicy, UpdatePolicy
from controller.model.names import Release
from controller.model.observed import Health, Replica, Trouble
from controller.model.resources import Optimization
from tests.builders import HEALTHY, NOW, checked, created, exited, healthy, probe, replica, view
from tests.unit.decide.worlds import SEQUENTIAL, acts, coming, new_one, ready_one, settle, world

pytestmark = pytest.mark.unit


def bounded(limit: int | None, *services: DesiredService, seconds=None, **views) -> World:
    return world(*services, policy=StackPolicy(max_parallel=limit), seconds=seconds, **views)


def idle(*names: str, **others) -> dict[str, list[Replica]]:
    return {name: new_one(name) for name in names}


@pytest.mark.parametrize(
    ("limit", "started"), [(1, ["a"]), (2, ["a", "b"]), (3, ["a", "b", "c"]), (None, ["a", "b", "c"])]
)
def test_no_more_start_at_once_than_is_allowed(limit, started) -> None:
    given = bounded(limit, checked("a"), checked("b"), checked("c"), **idle("a", "b", "c"))
    assert list(acts(given)) == started
    assert given.waiting == {"a", "b", "c"} - set(started)


def test_who_starts_already_counts() -> None:
    given = bounded(2, checked("a"), checked("b"), checked("c"), a=coming("a"), **idle("b", "c"))
    assert list(acts(given)) == ["b"]


def test_a_freed_slot_reaches_a_waiter_in_the_same_pass() -> None:
    given = settle(bounded(1, checked("a"), checked("b"), a=coming("a"), **idle("b")))
    given.views["a"] = view(*ready_one("a"))
    assert acts(given, "a") == {"b": "start 1"}


def test_a_freed_slot_is_not_lost_on_a_waiter_that_wants_it_no_more() -> None:
    given = settle(bounded(1, *map(checked, "abc"), a=coming("a"), **idle("b", "c")))
    given.histories["b"] = History(adopted_at=1.0, paused=True)
    given.views["a"] = view(*ready_one("a"))
    assert acts(given, "a") == {"c": "start 1"}


def test_a_slot_is_not_lost_on_a_busy_waiter() -> None:
    given = settle(bounded(1, *map(checked, "abc"), a=coming("a"), **idle("b", "c")))
    given.busy.add("b")
    given.views["a"] = view(*ready_one("a"))
    assert acts(given, "a") == {"c": "start 1"}


def test_a_waiter_that_is_half_seen_or_not_selected_is_not_decided() -> None:
    given = settle(bounded(1, *map(checked, "abcd"), a=coming("a"), **idle("b", "c", "d")))
    given.views["b"] = view(*new_one("b"), complete=False)
    given.only = frozenset("abd")
    given.views["a"] = view(*ready_one("a"))
    assert acts(given, "a") == {"d": "start 1"}


def test_priority_comes_first_then_the_longest_way_ahead() -> None:
    services = (checked("a"), checked("b"), checked("c", priority=5), checked("leaf", needs={"b": HEALTHY}))
    given = bounded(1, *services, **idle("a", "b", "c", "leaf"))
    order = []
    for _ in range(4):
        (name,) = acts(given)
        order.append(name)
        given.views[name] = view(*ready_one(name))
    assert order == ["c", "b", "a", "leaf"]


@pytest.mark.parametrize(("policy", "slots", "started"), [(None, 2, 2), (3, 2, 2), (2, 3, 2), (None, None, 3)])
def test_the_machine_bounds_them_too(policy, slots, started) -> None:
    given = bounded(policy, *map(checked, "abc"), **idle("a", "b", "c"))
    given.slots = slots
    assert len(acts(given)) == started


def test_who_waited_for_the_machine_starts_at_the_next_look_once_it_has_room() -> None:
    given = bounded(None, *map(checked, "abc"), **idle("a", "b", "c"))
    given.slots = 1
    assert list(acts(given)) == ["a"] and given.waiting == {"b", "c"}
    given.slots, given.views["a"] = None, view(*coming("a"))
    assert set(acts(given)) == {"b", "c"}


def test_without_the_longest_path_first_the_order_is_that_of_the_graph() -> None:
    policy = StackPolicy(max_parallel=1, optimization=Optimization(longest_path_first=False))
    services, way = (
        (checked("a"), checked("b"), checked("leaf", needs={"b": HEALTHY})),
        {"a": 1.0, "b": 30.0, "leaf": 1.0},
    )
    given = world(*services, policy=policy, seconds=way, **idle("a", "b", "leaf"))
    assert list(acts(given)) == ["a"]
    assert [given.rank(name) for name in ("a", "b", "leaf")] == [0.0, -1.0, -2.0]
    ahead = world(*services, policy=StackPolicy(max_parallel=1), seconds=way, **idle("a", "b", "leaf"))
    assert list(acts(ahead)) == ["b"]
    assert [ahead.rank(name) for name in ("a", "b", "leaf")] == [1.0, 31.0, 1.0]


def test_learned_times_make_the_way_longer() -> None:
    given = bounded(1, checked("a"), checked("b"), seconds={"a": 1.0, "b": 30.0}, **idle("a", "b"))
    assert list(acts(given)) == ["b"]


def test_sequential_goes_in_topological_order_whatever_takes_longest() -> None:
    services = (checked("a"), checked("b"), checked("leaf", needs={"b": HEALTHY}))
    given = world(*services, policy=SEQUENTIAL, **idle("a", "b", "leaf"))
    assert list(acts(given)) == ["a"]


def test_a_slot_is_a_lease_for_two_start_timeouts_at_most() -> None:
    given = settle(bounded(1, checked("a"), checked("b"), a=coming("a", ago=100.0), **idle("b")))
    assert given.decisions["a"].wake_at == NOW + 20
    assert acts(given, "a", now=NOW + 20) == {"a": "restart 1"}
    given.views["a"] = view(*coming("a", ago=-20.0))
    assert acts(given, "a", now=NOW + 139) == {}
    assert acts(given, "a", now=NOW + 140) == {"a": "restart 1", "b": "start 1"}
    assert (given.starting, given.waiting) == ({"b"}, set())


def test_who_has_failed_twice_holds_no_slot_and_needs_none() -> None:
    given = bounded(1, checked("a"), checked("b"), a=[exited(service="a")], **idle("b"))
    given.histories["a"] = History(adopted_at=1.0, restarts={"a-1-id": Grant(3, NOW - 300)})
    assert acts(given) == {"a": "start 1", "b": "start 1"}


def test_who_has_failed_twice_waits_for_nobodys_slot() -> None:
    given = bounded(1, checked("a"), checked("b"), a=[exited(service="a")], b=coming("b"))
    given.histories["a"] = History(adopted_at=1.0, restarts={"a-1-id": Grant(3, NOW - 300)})
    assert acts(given) == {"a": "start 1"}
    assert (given.starting, given.waiting) == ({"b"}, set())


def test_who_has_failed_once_waits_for_a_slot() -> None:
    given = bounded(1, checked("a"), checked("b"), a=[exited(service="a")], b=coming("b"))
    assert acts(given) == {}
    assert given.waiting == {"a"}


RAN_WELL = History(adopted_at=1.0, good=Release("v1"))


@pytest.mark.parametrize(
    ("history", "limit", "expected"),
    [
        pytest.param(RAN_WELL, None, {"a": "start 1"}, id="what fell over needs no slot of the machine"),
        pytest.param(RAN_WELL, 3, {"a": "start 1"}, id="as long as the manifest has one"),
        pytest.param(RAN_WELL, 1, {}, id="it needs that of the manifest"),
        pytest.param(History(adopted_at=1.0), None, {}, id="a first start is no healing"),
    ],
)
def test_whether_one_that_ended_waits_for_the_machine(history, limit, expected) -> None:
    given = bounded(
        limit, checked("a"), checked("b"), checked("c"), a=[exited(service="a")], b=coming("b"), **idle("c")
    )
    given.slots, given.histories["a"] = 1, history
    assert acts(given) == expected
    assert "c" in given.waiting and ("a" in given.waiting) is not bool(expected)


def test_one_that_is_sick_waits_for_no_slot_of_the_machine_either() -> None:
    sick = replica(service="a", health=Health.UNHEALTHY, started_at=NOW - 500)
    given = bounded(None, checked("a"), checked("b"), a=[sick], b=coming("b"))
    given.slots, given.histories["a"] = 1, RAN_WELL
    assert acts(given) == {"a": "restart 1"}


def test_a_lease_ends_with_the_time_that_the_files_give_whatever_was_learned() -> None:
    slow = checked("a", start_timeout=480.0, timeout_given=120.0)
    given = settle(bounded(1, slow, checked("b"), a=coming("a", ago=100.0), **idle("b")))
    assert given.decisions["a"].wake_at == NOW + 20
    assert acts(given, "a", now=NOW + 20) == {"b": "start 1"}
    assert given.decisions["a"].wake_at == NOW + 380


def test_a_sound_replica_beside_a_failing_one_gets_its_slot() -> None:
    found = [exited(1, service="a", started_at=NOW - 2), created(2, service="a")]
    given = bounded(1, checked("a", 2), checked("b"), a=found, b=coming("b"))
    given.histories["a"] = History(adopted_at=1.0, restarts={"a-1-id": Grant(6, NOW - 300)})
    assert acts(given) == {}
    given.views["b"] = view(*ready_one("b"))
    assert acts(given, "b") == {"a": "start 2"}


def test_one_whose_lease_has_ended_takes_no_slot_for_another_replica() -> None:
    found = [*coming("a", ago=60.0), created(2, service="a")]
    given = bounded(1, checked("a", 2, start_timeout=50.0), checked("b"), a=view(*found, since=NOW - 5), b=coming("b"))
    assert acts(given) == {}
    assert (given.starting, given.waiting) == ({"b"}, {"a"})


def test_all_replicas_of_one_service_share_its_slot() -> None:
    given = bounded(1, checked("a", 2), checked("b"), a=[created(1, service="a"), created(2, service="a")], **idle("b"))
    assert acts(given) == {"a": "start 1, start 2"}


def test_who_waits_at_a_gate_takes_no_slot() -> None:
    given = bounded(1, checked("a", needs={"z": HEALTHY}), checked("b"), checked("z"), **idle("a", "b"), z=coming("z"))
    assert acts(given) == {}
    assert given.waiting == {"b"}


def test_failed_calls_give_the_slot_back() -> None:
    given = settle(bounded(1, checked("a"), checked("b"), **idle("a", "b")))
    assert given.starting == {"a"}
    given.views["a"] = view(*new_one("a"), trouble=Trouble(3, NOW, "Start", "no answer"))
    assert acts(given, "a") == {"b": "start 1"}


def test_an_update_that_comes_to_nothing_keeps_no_slot() -> None:
    found = [
        *coming("a", ago=900.0),
        replica(2, "v2", service="a", health=Health.STARTING, check=probe(), started_at=NOW - 300),
    ]
    start_first = checked("a", revision="v2", update=UpdatePolicy(Order.START_FIRST))
    given = bounded(1, start_first, checked("b"), a=found, **idle("b"))
    given.histories["a"] = History(adopted_at=1.0, restarts={"a-2-id": Grant(4, NOW - 301)})
    assert acts(given) == {"a": "restart 2", "b": "start 1"}


def test_an_update_keeps_its_slot_from_the_stop_to_readiness() -> None:
    given = bounded(1, checked("a", revision="v2"), checked("b", revision="v2"), a=ready_one("a"), b=ready_one("b"))
    assert acts(given) == {"a": "stop 1"}
    for found, step in (
        ([exited(service="a")], "remove 1"),
        ([], "create 1"),
        ([created(1, "v2", service="a")], "start 1"),
    ):
        given.views["a"] = view(*found)
        assert acts(given, "a") == {"a": step}
        assert (given.starting, given.waiting) == ({"a"}, {"b"})
    given.views["a"] = view(healthy(1, "v2", service="a", ready_since=NOW))
    assert acts(given, "a") == {"b": "stop 1"}
