"""A replica that does not listen where others of its service do takes no requests from them."""

import pytest

from controller.ingress.reach import find_deaf_port
from controller.ingress.routes import Slot
from controller.model.routes import RouteState

pytestmark = pytest.mark.unit

IN, DRAINING, OUT, _ = RouteState
NEW, OLD = "10.0.0.9", "10.0.0.1"
TABLE = {"web:80:http": (Slot(OLD, IN), Slot(NEW, OUT)), "db:80:http": (Slot("10.0.0.5", IN),)}


@pytest.mark.parametrize(
    ("what", "answers", "expected"),
    [
        ("it refuses what another one takes", {NEW: False, OLD: True}, 80),
        ("both refuse: nobody uses the port", {NEW: False, OLD: False}, None),
        ("both take", {NEW: True, OLD: True}, None),
        ("it does not answer, so that nothing is known", {NEW: None, OLD: True}, None),
        ("the other one does not answer", {NEW: False, OLD: None}, None),
    ],
)
def test_ports_that_a_replica_refuses(what: str, answers: dict[str, bool | None], expected: int | None) -> None:
    assert find_deaf_port(TABLE, "web", NEW, {}, lambda address, port: answers[address]) == expected


@pytest.mark.parametrize("state", [OUT, DRAINING])
def test_only_who_serves_is_compared_with(state: RouteState) -> None:
    table = {"web:80:http": (Slot(OLD, state), Slot(NEW, OUT))}
    assert find_deaf_port(table, "web", NEW, {}, lambda address, port: address == OLD) is None


def test_each_port_counts_for_itself() -> None:
    table = {"web:80:http": (Slot(OLD, IN), Slot(NEW, OUT)), "web:81:tcp": (Slot(OLD, IN), Slot(NEW, OUT))}
    assert find_deaf_port(table, "web", NEW, {}, lambda address, port: (address, port) != (NEW, 81)) == 81


def test_one_that_listens_elsewhere_is_asked_there() -> None:
    moved = {"web:80:http": (Slot(OLD, IN, port=90), Slot(NEW))}
    open_at = {(OLD, 90), (NEW, 91)}
    assert find_deaf_port(moved, "web", NEW, {"web:80:http": 91}, lambda *end: end in open_at) is None
    assert find_deaf_port(moved, "web", NEW, {"web:80:http": 92}, lambda *end: end in open_at) == 92
