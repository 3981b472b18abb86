"""What the proxy is to do when one replica is let in, drained or taken out, and who is not let in."""

import pytest

from controller.ingress.look import Look, present, refuse_deaf, with_route
from controller.ingress.routes import NO_TARGETS, Endpoint, Slot, Table
from controller.ingress.runtime import Proxy
from controller.model.errors import Conflict, Transient
from controller.model.names import ReplicaId
from controller.model.own import Placed
from controller.model.routes import RouteState

pytestmark = pytest.mark.unit

IN, DRAINING, OUT = RouteState.IN, RouteState.DRAINING, RouteState.OUT
OLD, NEW, DB = ReplicaId("old"), ReplicaId("new"), ReplicaId("db")
WEB, ADMIN = "web:80:http", "web:81:tcp"
TABLE: Table = {WEB: (Slot("1", IN), Slot()), ADMIN: (Slot("1", IN), Slot("gone", IN))}
PLACED = (Placed(OLD, "web", 1, {"net": "1"}), Placed(NEW, "web", 2, {"net": "2"}), Placed(DB, "db", 1, {"net": "3"}))


def look(table: Table = TABLE, *networks: str) -> Look:
    return Look(Proxy("s", table, {}), PLACED, networks or ("net",))


def test_an_address_that_nobody_has_any_more_is_not_wished_for() -> None:
    assert present(look()) == {WEB: {Endpoint("1"): IN}, ADMIN: {Endpoint("1"): IN}}


def test_one_replica_is_led_to_in_all_backends_of_its_service_and_the_others_stay() -> None:
    both = {Endpoint("1"): IN, Endpoint("2"): IN}
    assert with_route(look(), NEW, IN, NO_TARGETS) == {WEB: both, ADMIN: both}
    ended = {Endpoint("1"): DRAINING}
    assert with_route(look(), OLD, DRAINING, NO_TARGETS) == {WEB: ended, ADMIN: ended}


def test_where_it_listens_elsewhere_it_is_led_to_there() -> None:
    assert with_route(look(), NEW, IN, {NEW: {80: 90}})[WEB] == {Endpoint("1"): IN, Endpoint("2", 90): IN}


@pytest.mark.parametrize(
    ("replica", "networks", "words"),
    [
        (ReplicaId("nobody"), ("net",), "replica nobody is not running on a network"),
        (NEW, ("other",), "replica new is not running on a network"),
        (DB, ("net",), "db has no port behind the ingress"),
    ],
)
def test_who_cannot_be_reached_is_not_let_in_and_may_be_taken_out(
    replica: ReplicaId, networks: tuple[str, ...], words: str
) -> None:
    with pytest.raises(Conflict, match=words):
        with_route(look(TABLE, *networks), replica, IN, NO_TARGETS)
    assert with_route(look(TABLE, *networks), replica, OUT, NO_TARGETS) == present(look(TABLE, *networks))


def test_one_that_refuses_what_another_one_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, int]] = []

    def deaf(table: Table, service: str, address: str, ports: dict[str, int]) -> int:
        asked.append((service, address, ports[WEB]))
        return 90

    monkeypatch.setattr("controller.ingress.look.find_deaf_port", deaf)
    with pytest.raises(Transient, match="replica new refuses connections to port 90"):
        refuse_deaf(look(), NEW, {NEW: {80: 90}})
    refuse_deaf(look(), ReplicaId("nobody"), NO_TARGETS)
    assert asked == [("web", "2", 90)]


@pytest.mark.parametrize(
    ("other", "preferred"), [(Slot(), ("b",)), (Slot("a2", DRAINING), ("b",)), (Slot("b2", DRAINING), ())]
)
def test_it_is_asked_at_the_address_at_which_it_will_be_led_to(
    monkeypatch: pytest.MonkeyPatch, other: Slot, preferred: tuple[str, ...]
) -> None:
    """On two networks, while one is led from one to the other."""
    asked: list[str] = []
    monkeypatch.setattr("controller.ingress.look.find_deaf_port", lambda table, service, at, ports: asked.append(at))
    placed = (PLACED[0], Placed(NEW, "web", 2, {"a": "a2", "b": "b2"}))
    seen = Look(Proxy("s", {WEB: (Slot("1", IN), other)}, {}), placed, ("net", "a", "b"), preferred)
    refuse_deaf(seen, NEW, NO_TARGETS)
    (led,) = (end.address for end in with_route(seen, NEW, IN, NO_TARGETS)[WEB] if end.address != "1")
    assert asked == ["b2"] == [led]
