"""What was seen of the proxy, told by replica."""

import pytest

from controller.ingress.routes import Slot
from controller.ingress.runtime import Proxy
from controller.ingress.sightings import Memory, overall
from controller.model.names import ReplicaId
from controller.model.own import Placed
from controller.model.routes import Figures, RouteSeen, RouteState

pytestmark = pytest.mark.unit

IN, DRAINING, OUT = RouteState.IN, RouteState.DRAINING, RouteState.OUT
A, B = ReplicaId("a"), ReplicaId("b")
WEB, ADMIN = "web:80:http", "web:81:tcp"


def placed(replica: ReplicaId, address: str, service: str = "web") -> Placed:
    return Placed(replica, service, 1, {"net": address})


def see(memory: Memory, slot: Slot, requests: int, who: Placed, now: float = 100.0) -> RouteSeen:
    proxy = Proxy("s", {WEB: (slot,)}, {(WEB, 1): Figures(requests)})
    return memory.see(proxy, [who], {"net"}, now)[who.id]


@pytest.mark.parametrize(
    ("states", "whole"),
    [([], OUT), ([OUT, IN], IN), ([DRAINING, IN], IN), ([OUT, DRAINING], DRAINING), ([OUT, OUT], OUT)],
)
def test_a_replica_is_in_as_long_as_one_of_its_ports_is(states: list[RouteState], whole: RouteState) -> None:
    assert overall(states) is whole


def test_ports_of_a_replica_are_told_together_and_other_services_not_at_all() -> None:
    proxy = Proxy("s", {WEB: (Slot("1", DRAINING, 2, 9.0),), ADMIN: (Slot("1", OUT, 1),)}, {})
    seen = Memory().see(proxy, [placed(A, "1"), placed(B, "1", "db")], {"net"}, 100.0)
    assert seen == {A: RouteSeen(DRAINING, 3, 91.0, via=("net",))}


def test_a_replica_without_a_slot_is_out() -> None:
    proxy = Proxy("s", {WEB: (Slot("1", IN),)}, {})
    assert Memory().see(proxy, [placed(A, "2")], {"net"}, 0.0)[A].state is OUT


def test_a_drain_is_told_from_when_it_was_asked_for_until_it_is_taken_back() -> None:
    memory = Memory()
    memory.begin_drain(A, 37, 90.5)
    seen = see(memory, Slot("1", DRAINING, 3, 9.0), 0, placed(A, "1"))
    assert (seen.draining_since, seen.at_drain) == (90.5, 37)
    memory.begin_drain(A, 3, 95.0)
    assert see(memory, Slot("1", DRAINING, 3), 0, placed(A, "1")).at_drain == 37
    see(memory, Slot("1", IN), 0, placed(A, "1"))
    assert see(memory, Slot("1", DRAINING, 1, 2.0), 0, placed(A, "1")).draining_since == 98.0


def test_requests_of_who_had_the_slot_before_do_not_count() -> None:
    memory = Memory()
    assert see(memory, Slot("1", IN), 10, placed(A, "1")).figures.requests == 10
    assert see(memory, Slot("2", IN), 15, placed(B, "2")).figures.requests == 0
    assert see(memory, Slot("2", IN), 18, placed(B, "2")).figures.requests == 3


def test_requests_go_on_counting_where_the_proxy_begins_anew() -> None:
    memory = Memory()
    see(memory, Slot("1", IN), 10, placed(A, "1"))
    assert see(memory, Slot("1", IN), 4, placed(A, "1")).figures.requests == 14
    assert see(memory, Slot("1", IN), 5, placed(A, "1")).figures.requests == 15


@pytest.mark.parametrize(
    ("new", "old", "via"),
    [
        (Slot(), Slot("1", IN), ("old",)),
        (Slot("2", IN), Slot("1", OUT, 3, 5.0), ("new", "old")),
        (Slot("2", IN), Slot("1", OUT, 3, 60.0), ("new",)),
        (Slot("2", IN), Slot("1", OUT), ("new",)),
        (Slot(), Slot("1", OUT), ()),
    ],
    ids=["on the old one", "with requests on their way", "which take too long", "moved", "led to no more"],
)
def test_by_which_networks_one_is_led_to(new: Slot, old: Slot, via: tuple[str, ...]) -> None:
    who = Placed(A, "web", 1, {"old": "1", "new": "2"})
    seen = Memory().see(Proxy("s", {WEB: (new, old)}, {}), [who], {"old", "new"}, 100.0)
    assert seen[A].via == via
