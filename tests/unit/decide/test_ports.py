"""A host port that somebody else has: the old ones run on; one whose owner goes as well is no obstacle."""

from __future__ import annotations

from typing import Any

import pytest

from controller.decide.stack import decide_stack
from controller.decide.world import make_world
from controller.model.decision import History
from controller.model.desired import DesiredService, Leaving
from controller.model.observed import Replica
from tests.builders import NOW, checked, exited, healthy, stack, view
from tests.unit.decide.cases import tell

pytestmark = [pytest.mark.unit, pytest.mark.fault("I4")]

OLD = healthy(1, "v0", published=("127.0.0.1:8000->80/tcp",))
TAKEN = "PortTaken: - | wakes +2"
FREE = "Updating: stop 1"
DB_PORT = ("0.0.0.0:8080->80/tcp",)
CASES: dict[str, tuple[tuple[str, ...], tuple[Replica, ...], str]] = {
    "nobody has it": ((), (), FREE),
    "a stranger has it": (("8080/tcp",), (), TAKEN),
    "the old one has it": (("8000/tcp",), (), FREE),
    "another service of the stack has it, and keeps it": (
        ("8080/tcp",),
        (healthy(service="db", published=DB_PORT),),
        TAKEN,
    ),
    "one of another service has it, and is to be replaced": (
        ("8080/tcp",),
        (healthy(1, "v0", service="db", published=DB_PORT),),
        FREE,
    ),
    "another protocol of the stack's does not help": (
        ("8080/tcp",),
        (healthy(1, "v0", service="db", published=("0.0.0.0:8080->80/udp",)),),
        TAKEN,
    ),
}


def told(
    db: DesiredService, taken: tuple[str, ...], others: tuple[Replica, ...], old: Replica = OLD, **history: Any
) -> str:
    world = make_world(stack(checked(), db))
    world.views = {"web": view(old, taken_ports=taken), "db": view(*others)}
    world.histories["db"] = History(adopted_at=1.0, **history)
    return tell(decide_stack(["web"], world, NOW)["web"]).partition(" ")[2]


@pytest.mark.parametrize("name", CASES)
def test_replacing_what_needs_a_port(name: str) -> None:
    taken, others, expected = CASES[name]
    assert told(checked("db"), taken, others).startswith(expected)


@pytest.mark.parametrize(
    ("leaving", "history", "expected"),
    [
        pytest.param(Leaving.REMOVED, {}, FREE, id="removed"),
        pytest.param(None, {"stopped": "StoppedByUser"}, FREE, id="stopped by a person"),
        pytest.param(Leaving.ORPHANED, {}, TAKEN, id="left as it is"),
        pytest.param(Leaving.REMOVED, {"paused": True}, TAKEN, id="paused: it stays"),
    ],
)
def test_the_port_of_a_service_that_leaves(leaving: Leaving | None, history: dict[str, Any], expected: str) -> None:
    db = checked("db", leaving=leaving)
    assert told(db, ("8080/tcp",), (healthy(service="db", published=DB_PORT),), **history).startswith(expected)


ON_HOST = {
    "the old one listens on the host itself: nobody else has to have it": (
        healthy(1, "v0", host_network=True),
        (),
        FREE,
    ),
    "one that goes as well listens on the host itself": (
        OLD,
        (healthy(1, "v0", service="db", host_network=True),),
        FREE,
    ),
    "one that stays listens on the host itself": (OLD, (healthy(service="db", host_network=True),), TAKEN),
    "one that listened there has ended": (OLD, (exited(1, "v0", service="db", host_network=True),), TAKEN),
}


@pytest.mark.parametrize("name", ON_HOST)
def test_a_port_that_one_on_the_hosts_network_may_have(name: str) -> None:
    old, others, expected = ON_HOST[name]
    assert told(checked("db"), ("80/tcp",), others, old).startswith(expected)
