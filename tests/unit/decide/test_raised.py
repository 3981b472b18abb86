"""Room for a higher memory limit: beside what is kept for others, for all that will run under it, and once."""

from __future__ import annotations

from typing import Any

import pytest

from controller.decide.demand import Held
from controller.decide.raised import find_no_room_to_raise, note_raise
from controller.decide.tally import Tally
from controller.decide.world import World
from controller.model.desired import StackPolicy
from controller.model.resources import Admission, Amount, Room
from tests.builders import checked, exited, healthy, view
from tests.unit.decide.worlds import world

pytestmark = pytest.mark.unit

MIB = 2**20


def machine(free: int, admission: Admission = Admission.ENFORCE, **held: Held) -> World:
    """`free`: MiB for all replicas together."""
    views: dict[str, Any] = {"web": view(healthy(1), exited(2))}
    given = world(checked("web"), checked("db"), policy=StackPolicy(admission=admission), **views)
    given.measure(Room(free * MIB), {})
    given.tally = Tally()
    for name, one in held.items():
        given.tally.note(name, one)
    return given


def lacks(given: World, more: int, name: str = "web") -> str:
    return find_no_room_to_raise(given, name, 64.0 * MIB, (64.0 + more) * MIB)


def held(amount: int, vacant: int = 0, places: int = 1) -> Held:
    return Held(places, amount=Amount(amount * MIB), vacant=Amount(vacant * MIB))


@pytest.mark.parametrize(
    ("given", "short"),
    [
        pytest.param(machine(100, web=held(64), db=held(20)), "", id="there is room"),
        pytest.param(
            machine(100, web=held(64), db=held(0, 30)), "needs 16Mi more of memory, 6Mi is free: short 10Mi", id="kept"
        ),
        pytest.param(
            machine(150, web=held(64, 64, 2)), "needs 32Mi more of memory, 22Mi is free: short 10Mi", id="two places"
        ),
        pytest.param(machine(100, Admission.WARN, db=held(0, 90)), "", id="it is only told"),
    ],
)
def test_room_for_a_higher_limit(given: World, short: str) -> None:
    assert lacks(given, 16) == short


def test_what_was_granted_is_there_for_nobody_else_until_the_machine_is_looked_at_again() -> None:
    given = machine(100, web=held(40), db=held(40))
    assert lacks(given, 15) == lacks(given, 15, "db") == ""
    note_raise(given, "web", 64 * MIB, 79 * MIB)
    assert lacks(given, 15, "db") == "needs 15Mi more of memory, 5Mi is free: short 10Mi"
    note_raise(given, "web", 79 * MIB, 64 * MIB)
    assert given.raised == 15 * MIB, "what is lowered is in use still, for all that is known"
    given.measure(given.room, {})
    assert lacks(given, 15, "db") == ""
