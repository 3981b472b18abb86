"""A host port that somebody else has: the old ones run on; one that the stack itself has is no obstacle."""

from __future__ import annotations

import pytest

from controller.decide.stack import decide_stack
from controller.decide.world import make_world
from controller.model.observed import Replica
from tests.builders import NOW, checked, healthy, stack, view
from tests.unit.decide.cases import tell

pytestmark = [pytest.mark.unit, pytest.mark.fault("I4")]

OLD = healthy(1, "v0", published=("127.0.0.1:8000->80/tcp",))
TAKEN = "PortTaken: - | wakes +2"
CASES: dict[str, tuple[tuple[Replica, ...], tuple[str, ...], tuple[Replica, ...], str]] = {
    "nobody has it": ((OLD,), (), (), "Updating: stop 1"),
    "a stranger has it": ((OLD,), ("8080/tcp",), (), TAKEN),
    "the old one has it": ((OLD,), ("8000/tcp",), (), "Updating: stop 1"),
    "another service of the stack has it": (
        (OLD,),
        ("8080/tcp",),
        (healthy(service="db", published=("0.0.0.0:8080->80/tcp",)),),
        "Updating: stop 1",
    ),
    "another protocol of the stack's does not help": (
        (OLD,),
        ("8080/tcp",),
        (healthy(service="db", published=("0.0.0.0:8080->80/udp",)),),
        TAKEN,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_replacing_what_needs_a_port(name: str) -> None:
    replicas, taken, others, expected = CASES[name]
    world = make_world(stack(checked(), checked("db")))
    world.views = {"web": view(*replicas, taken_ports=taken), "db": view(*others)}
    told = tell(decide_stack(["web"], world, NOW)["web"])
    assert told.partition(" ")[2].startswith(expected)
