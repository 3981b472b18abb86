"""Which slot of the proxy leads to which replica: pure. The proxy itself is the memory, addresses are the key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from controller.model.names import ReplicaId
from controller.model.own import Placed
from controller.model.routes import Frontend, RouteState

FEWEST_SLOTS = 8
NOWHERE = "0.0.0.0"  # noqa: S104 - what the proxy calls a server that has no address yet
_WORDS = {RouteState.IN: "ready", RouteState.DRAINING: "drain", RouteState.OUT: "maint"}


class Endpoint(NamedTuple):
    """Where a replica listens; port 0: at its backend's."""

    address: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one replica in a backend. `connections` and `since` (seconds in this state) are only observed.

    `port`: of a replica that listens elsewhere than its backend says; 0: there.
    """

    address: str = NOWHERE
    state: RouteState = RouteState.OUT
    connections: int = 0
    since: float = 0.0
    port: int = 0

    @property
    def end(self) -> Endpoint:
        return Endpoint(self.address, self.port)

    @property
    def free(self) -> bool:
        return self.state is RouteState.OUT and self.connections == 0


Table = Mapping[str, tuple[Slot, ...]]
"""The slots of each backend; the first is `s1`."""

Wishes = Mapping[str, Mapping[Endpoint, RouteState]]
"""How each endpoint is to stand in each backend. One that is not named is to be out."""

Targets = Mapping[ReplicaId, Mapping[int, int]]
"""On which port each replica listens for the traffic of a backend of that port, where it is another one."""


NO_TARGETS: Targets = MappingProxyType({})


def backend_name(frontend: Frontend) -> str:
    """`web:8000:http`: host ports that lead to the same port of the same service share a backend."""
    return f"{frontend.service}:{frontend.target}:{frontend.mode}"


def service_of(backend: str) -> str:
    return backend.rsplit(":", 2)[0]


def port_of(backend: str) -> int:
    return int(backend.rsplit(":", 2)[1])


def own_port(backend: str, port: int) -> int:
    """How a slot of that backend says that port: 0 where it is the backend's."""
    return 0 if port == port_of(backend) else port


def addresses_of(placed: Placed, networks: Collection[str]) -> tuple[str, ...]:
    """Where the proxy, which is on these networks, reaches that replica; none: nowhere."""
    return tuple(placed.addresses[name] for name in sorted(placed.addresses) if name in networks)


def address_of(placed: Placed, networks: Collection[str]) -> str | None:
    """The first of them: what a replica is led to that has no slot yet."""
    return next(iter(addresses_of(placed, networks)), None)


def place_routes(
    backends: Iterable[str],
    routes: Mapping[ReplicaId, RouteState],
    placed: Sequence[Placed],
    networks: Collection[str],
    targets: Targets = NO_TARGETS,
) -> Wishes:
    """Routes of replicas as wishes for endpoints, in each backend of the replica's service."""
    wishes: dict[str, dict[Endpoint, RouteState]] = {name: {} for name in backends}
    for replica in placed:
        address, state = address_of(replica, networks), routes.get(replica.id, RouteState.OUT)
        if address is None or state is RouteState.OUT:
            continue
        for name, wanted in wishes.items():
            if service_of(name) == replica.service:
                wanted[Endpoint(address, port_at(name, replica.id, targets))] = state
    return wishes


def port_at(backend: str, replica: ReplicaId, targets: Targets) -> int:
    """The port at which that replica takes the traffic of that backend, as its slot says it."""
    return own_port(backend, targets.get(replica, {}).get(port_of(backend), port_of(backend)))


def carry_over(
    backends: Iterable[str], table: Table, placed: Sequence[Placed], networks: Collection[str], targets: Targets
) -> Wishes:
    """Everybody stays as led to as it is, whatever the backends of its service are called from now on."""
    wishes: dict[str, dict[Endpoint, RouteState]] = {name: {} for name in backends}
    for name, wanted in wishes.items():
        for replica in placed:
            port = port_at(name, replica.id, targets)
            ends = {(address, port or port_of(name)) for address in addresses_of(replica, networks)}
            if replica.service == service_of(name) and (slot := _find_slot(table, replica.service, ends)) is not None:
                wanted[Endpoint(slot.address, port)] = slot.state
    return wishes


def _find_slot(table: Table, service: str, ends: Collection[tuple[str, int]]) -> Slot | None:
    """The one in use that leads to one of these."""
    for name, slots in table.items():
        for slot in slots if service_of(name) == service else ():
            if slot.state is not RouteState.OUT and (slot.address, slot.port or port_of(name)) in ends:
                return slot
    return None


def present_wishes(
    table: Table, placed: Sequence[Placed], networks: Collection[str], preferred: Collection[str] = ()
) -> Wishes:
    """What the proxy does now, without slots whose address no replica of that service has any more.

    Who is led to by another network than the preferred ones, and is on one of those, is led to by that.
    """
    living: dict[str, dict[str, str]] = {}
    for replica in placed:
        better = addresses_of(replica, frozenset(networks).intersection(preferred))
        for address in addresses_of(replica, networks):
            own = address if address in better or not better else better[0]
            living.setdefault(replica.service, {})[address] = own
    return {
        name: {
            Endpoint(living[service_of(name)][slot.address], slot.port): slot.state
            for slot in slots
            if slot.state is not RouteState.OUT and slot.address in living.get(service_of(name), ())
        }
        for name, slots in table.items()
    }


def seat(wishes: Wishes, table: Table) -> Table:
    """The table that fulfils the wishes: who has a slot keeps it, others get the lowest free one.

    Where there are not enough slots they double; slots never go, since that would take a reload for nothing.
    """
    return {name: _seat_backend(wanted, table.get(name, ())) for name, wanted in wishes.items()}


def _seat_backend(wanted: Mapping[Endpoint, RouteState], slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    seats: dict[Endpoint, int] = {}
    for index, slot in enumerate(slots):
        # Of two slots with one endpoint the one in use counts: the other is a leftover.
        if slot.end in wanted and (slot.end not in seats or not slot.free):
            seats[slot.end] = index
    seated = [replace(slot, state=RouteState.OUT) for slot in slots]
    untaken = (index for index, slot in enumerate(slots) if index not in seats.values() and slot.free)
    spare = sorted(untaken, key=lambda index: (slots[index].address != NOWHERE, index))
    for end in sorted(wanted):
        index = seats[end] if end in seats else _take(spare, seated)
        seated[index] = replace(seated[index], address=end.address, port=end.port, state=wanted[end])
    while len(seated) < FEWEST_SLOTS:
        seated.append(Slot())
    return tuple(seated)


def _take(spare: list[int], seated: list[Slot]) -> int:
    """The next free slot; doubles the slots where there is none."""
    if not spare:
        first = len(seated)
        seated.extend(Slot() for _ in range(max(first, FEWEST_SLOTS)))
        spare.extend(range(first, len(seated)))
    return spare.pop(0)


def fits(wanted: Table, seen: Table) -> bool:
    """Whether commands alone lead from one to the other; else the proxy has to be reloaded."""
    return {name: len(slots) for name, slots in wanted.items()} == {name: len(slots) for name, slots in seen.items()}


def diff(seen: Table, wanted: Table) -> tuple[str, ...]:
    """The commands that lead from what the proxy does to what is wanted; none where it does that already.

    Those that bring a replica in come first: the others never leave a backend without the servers that it is to have.
    """
    changes = [
        (f"{name}/s{index}", port_of(name), before, after)
        for name in sorted(wanted)
        for index, (before, after) in enumerate(zip(seen[name], wanted[name], strict=True), start=1)
        if (before.end, before.state) != (after.end, after.state)
    ]
    order = list(_WORDS)
    changes.sort(key=lambda change: order.index(change[3].state))
    return tuple(command for change in changes for command in _commands(*change))


def _commands(server: str, port: int, before: Slot, after: Slot) -> Iterable[str]:
    if before.end != after.end:
        if before.state is not RouteState.OUT:
            yield f"set server {server} state maint"
        yield f"set server {server} addr {after.address} port {after.port or port}"
    yield f"set server {server} state {_WORDS[after.state]}"


def same(seen: Table, wanted: Table) -> bool:
    """Whether the proxy does what is wanted."""
    return fits(wanted, seen) and not diff(seen, wanted)
