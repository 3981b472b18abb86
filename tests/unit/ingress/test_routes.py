"""Who sits in which slot, and by which commands the proxy gets there: tables, and random worlds."""

import random
import re

import pytest

from controller.ingress.routes import Endpoint as End
from controller.ingress.routes import (
    Slot,
    Table,
    address_of,
    backend_name,
    diff,
    fits,
    own_port,
    place_routes,
    port_of,
    present_wishes,
    same,
    seat,
    service_of,
)
from controller.model.names import ReplicaId
from controller.model.own import Placed
from controller.model.routes import Frontend, Mode, RouteState

pytestmark = pytest.mark.unit

IN, DRAINING, OUT = RouteState.IN, RouteState.DRAINING, RouteState.OUT
WEB = "web:8000:http"


def table(*slots: Slot) -> Table:
    return {WEB: (*slots, *(Slot(),) * (8 - len(slots)))}


def obey(seen: Table, commands: tuple[str, ...]) -> Table:
    """What a proxy does with these commands."""
    states = {"ready": IN, "drain": DRAINING, "maint": OUT}
    rows = {name: list(slots) for name, slots in seen.items()}
    for command in commands:
        if found := re.fullmatch(r"set server (\S+)/s(\d+) addr (\S+) port (\d+)", command):
            name, index = found[1], int(found[2]) - 1
            assert rows[name][index].state is OUT, "an address changes only while there is no traffic"
            rows[name][index] = Slot(found[3], rows[name][index].state, port=own_port(name, int(found[4])))
        else:
            found = re.fullmatch(r"set server (\S+)/s(\d+) state (\w+)", command)
            assert found, command
            name, index = found[1], int(found[2]) - 1
            before = rows[name][index]
            rows[name][index] = Slot(before.address, states[found[3]], port=before.port)
    return {name: tuple(slots) for name, slots in rows.items()}


def test_a_backend_names_its_service_whatever_the_service_is_called() -> None:
    name = backend_name(Frontend("a.b-c_d", 80, 8000, mode=Mode.TCP))
    assert (name, service_of(name), port_of(name)) == ("a.b-c_d:8000:tcp", "a.b-c_d", 8000)


def test_a_replica_is_reached_on_a_network_that_the_proxy_shares() -> None:
    placed = Placed(ReplicaId("r"), "web", 1, {"back": "10.1.0.2", "front": "10.2.0.2"})
    assert address_of(placed, {"front"}) == "10.2.0.2"
    assert address_of(placed, {"other"}) is None


def test_routes_become_wishes_of_their_own_service_only() -> None:
    placed = [
        Placed(ReplicaId(name), service, 1, {"n": f"10.0.0.{name}"}) for name, service in (("1", "web"), ("2", "db"))
    ]
    routes = {ReplicaId("1"): IN, ReplicaId("2"): IN}
    assert place_routes([WEB, "web:9000:tcp"], routes, placed, {"n"}) == {
        WEB: {End("10.0.0.1"): IN},
        "web:9000:tcp": {End("10.0.0.1"): IN},
    }


def test_what_is_gone_is_not_among_the_present_wishes() -> None:
    seen = table(Slot("10.0.0.1", IN), Slot("10.0.0.2", DRAINING), Slot("10.0.0.3", OUT), Slot("10.0.0.4", IN))
    placed = [
        Placed(ReplicaId("1"), "web", 1, {"n": "10.0.0.1"}),
        Placed(ReplicaId("2"), "web", 2, {"n": "10.0.0.2"}),
        Placed(ReplicaId("4"), "db", 1, {"n": "10.0.0.4"}),
    ]
    assert present_wishes(seen, placed, {"n"}) == {WEB: {End("10.0.0.1"): IN, End("10.0.0.2"): DRAINING}}


def test_who_has_a_slot_keeps_it_and_a_new_one_gets_the_lowest_that_was_never_used() -> None:
    seen = table(Slot("10.0.0.9", OUT), Slot("10.0.0.2", IN), Slot("10.0.0.3", IN))
    seated = seat({WEB: {End("10.0.0.2"): DRAINING, End("10.0.0.3"): IN, End("10.0.0.4"): IN}}, seen)[WEB]
    assert [(slot.address, slot.state) for slot in seated[:4]] == [
        ("10.0.0.9", OUT),
        ("10.0.0.2", DRAINING),
        ("10.0.0.3", IN),
        ("10.0.0.4", IN),
    ]


def test_a_slot_with_open_connections_is_given_to_nobody() -> None:
    seen = {WEB: tuple(Slot(f"10.0.0.{n}", OUT, connections=1) for n in range(8))}
    seated = seat({WEB: {End("10.0.1.1"): IN}}, seen)[WEB]
    assert len(seated) == 16 and seated[8].address == "10.0.1.1"


def test_slots_double_where_there_are_too_few_and_then_a_reload_is_needed() -> None:
    wishes = {WEB: {End(f"10.0.0.{n:02}"): IN for n in range(1, 10)}}
    seated = seat(wishes, table())
    assert len(seated[WEB]) == 16
    assert not fits(seated, table()) and fits(seated, seated)


def test_nobody_is_drained_before_its_successor_is_in() -> None:
    seen = table(Slot("10.0.0.1", IN))
    wanted = table(Slot("10.0.0.1", DRAINING), Slot("10.0.0.2", IN))
    assert diff(seen, wanted) == (
        f"set server {WEB}/s2 addr 10.0.0.2 port 8000",
        f"set server {WEB}/s2 state ready",
        f"set server {WEB}/s1 state drain",
    )


def test_counts_and_times_make_no_difference() -> None:
    assert same(table(Slot("10.0.0.1", IN, 3, 9.0)), table(Slot("10.0.0.1", IN)))


@pytest.mark.parametrize("seed", range(200))
def test_commands_lead_from_any_table_to_any_wishes_and_keep_every_seat(seed: int) -> None:
    chance = random.Random(seed)
    addresses = [f"10.0.0.{n}" for n in range(1, 14)]
    slots = [
        Slot(address, chance.choice(list(RouteState)), chance.choice((0, 0, 2)), port=chance.choice((0, 0, 9)))
        for address in addresses[:8]
    ]
    seen = {WEB: tuple(chance.sample(slots, 8))}
    chosen = chance.sample(addresses, chance.randint(0, 8))
    wishes = {WEB: {End(one, chance.choice((0, 0, 9))): chance.choice((IN, DRAINING)) for one in chosen}}
    wanted = seat(wishes, seen)
    after = {slot.end: slot.state for slot in wanted[WEB] if slot.state is not OUT}
    assert after == wishes[WEB]
    for before, then in zip(seen[WEB], wanted[WEB], strict=False):
        if before.end in wishes[WEB] or before.connections:
            assert then.end == before.end
    if fits(wanted, seen):
        assert same(obey(seen, diff(seen, wanted)), wanted)
        assert seat(wishes, wanted) == wanted


def test_who_is_on_a_better_network_is_led_to_by_that() -> None:
    """In a slot of its own, before the old one is led to no more: nobody is turned away in between."""
    placed = [Placed(ReplicaId("a"), "web", 1, {"old": "10.0.0.1", "new": "10.9.0.1"})]
    seen = {WEB: (Slot("10.0.0.1", IN), Slot())}
    wishes = present_wishes(seen, placed, {"old", "new"}, {"new"})
    assert wishes == {WEB: {End("10.9.0.1"): IN}}
    commands = diff({WEB: (*seen[WEB], *[Slot()] * 6)}, seat(wishes, seen))
    assert [command.partition("/")[2] for command in commands] == [
        "s2 addr 10.9.0.1 port 8000",
        "s2 state ready",
        "s1 state maint",
    ]
    assert present_wishes(seen, placed, {"old"}, {"new"}) == {WEB: {End("10.0.0.1"): IN}}, "the proxy is not there yet"
    assert present_wishes(seen, placed, {"old", "new"}) == {WEB: {End("10.0.0.1"): IN}}, "none is better"
