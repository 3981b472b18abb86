"""One stack's proxy: it runs as wanted, has the whole table, and says how each replica stands in it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.engines.base import Own
from controller.ingress import config
from controller.ingress.config import NO_TLS, Tls
from controller.ingress.files import make_folder, put_file, read_file, remove_file
from controller.ingress.look import Look, present, refuse_deaf, with_route
from controller.ingress.routes import (
    NO_TARGETS,
    Table,
    Targets,
    backend_name,
    carry_over,
    fits,
    place_routes,
    same,
    seat,
)
from controller.ingress.runtime import Proxy, Runtime
from controller.ingress.sightings import Memory
from controller.model.confined import may_be_ours
from controller.model.errors import Conflict, EngineError, Transient
from controller.model.names import ReplicaId
from controller.model.own import Bind, OwnSeen, OwnSpec, Publish, Role
from controller.model.routes import Frontend, RouteSeen, RouteState

IMAGE = "haproxy:3.0"
"""The real one, where HAPROXY_IMAGE names no other."""
_RELOAD, _SOFT_STOP = "SIGUSR2", "SIGUSR1"
_HANDOVER = 1.0
"""Seconds that open connections have where the proxy itself is replaced: its host ports are free only afterwards."""
_MEMORY = 256 * 1024 * 1024
_LOGS = 50 * 1024 * 1024
"""Octets of its log that are kept where it tells every connection."""
_PAUSE = 0.02
_LOOK = "docker logs of the ingress say why"
_ASK_AGAIN = 0.3
"""Seconds after which is looked whether the container that is waited for is still there."""
_BRIEFLY = 0.1
"""Seconds that who looks waits for a route that is being set."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be behind the ingress. `networks`: names, at least one of each service's.

    `routes` of all replicas that exist; None: each stays as it stands, but those that are gone.
    """

    frontends: tuple[Frontend, ...]
    networks: tuple[str, ...]
    routes: Mapping[ReplicaId, RouteState] | None = None
    image: str = IMAGE
    tls: Tls = NO_TLS
    log: bool = False
    replaced: frozenset[str] = frozenset()
    """Networks in the place of which `networks` are: the proxy leaves them once it leads nobody there."""


class Ingress:
    """The ingress of one stack on one engine. Safe from several threads; raises only EngineErrors.

    `folder` is ours alone, on the machine whose kernel the engine uses. What is remembered beside it may be lost.
    """

    def __init__(self, own: Own, stack: str, folder: Path) -> None:
        self._own, self._stack = own, stack
        self._conf, self._run = folder / "conf", folder / "run"
        self._runtime = Runtime(self._run)
        self._lock = threading.Lock()
        self._memory = Memory()
        self._preferred: frozenset[str] = frozenset()

    def prepare(self, wanted: Wanted, *, deadline: float = 30.0) -> None:
        """All that can be done while somebody else has the host ports: the start is what is left.

        A proxy that runs meanwhile keeps its own file: it is what that one would come back with.
        """
        with self._lock:
            ends_at = time.monotonic() + deadline
            self._drop_blind(ends_at)
            seen = self.container(deadline=_left(ends_at))
            if seen is None or not seen.running:
                self._store(_render(wanted, self._plan(wanted, NO_TARGETS, ends_at)), wanted.tls)
            self._own.prepare(self._spec(wanted), deadline=_left(ends_at))

    def ensure(self, wanted: Wanted, targets: Targets = NO_TARGETS, *, deadline: float = 30.0) -> bool:
        """The proxy runs, on those ports and networks, with that table; seen in the proxy itself.

        A changed configuration is reloaded without a gap; changed host ports mean another container, with the gap
        of its start. Without frontends there is no proxy. False: it runs, but not on all of the networks yet, since
        one of them is not there, or has others to leave. Raises Transient while a host port is somebody else's.
        """
        with self._lock:
            ends_at = time.monotonic() + deadline
            if not wanted.frontends:
                self._own.remove(self._stack, Role.INGRESS, grace=_HANDOVER, deadline=deadline)
                remove_file(self._conf / config.PAIR)
                return True
            self._drop_blind(ends_at)
            table = self._plan(wanted, targets, ends_at)
            text = _render(wanted, table)
            self._store(text, wanted.tls)
            self._own.ensure(self._spec(wanted), grace=_HANDOVER, deadline=_left(ends_at))
            seen = self._await(lambda proxy: True, ends_at)
            if seen.structure != config.structure(text):
                seen = self._reload(text, ends_at)
            self._runtime.push(seen.table, table, deadline=_left(ends_at))
            if not wanted.tls.mark:
                remove_file(self._conf / config.PAIR)  # nobody reads it any more
            self._preferred = frozenset(wanted.networks)
            made = self.container(deadline=_left(ends_at))
            joined = made is not None and made.networks >= self._preferred
            return joined and self._leave(wanted, ends_at)

    def _leave(self, wanted: Wanted, ends_at: float) -> bool:
        """Off the networks that others are in the place of. False: it leads somebody there still."""
        look, container = self._look(ends_at), self.container(deadline=_left(ends_at))
        on = container.networks if container is not None else frozenset()
        surplus = {name for name in on - self._preferred if name in wanted.replaced or may_be_ours(self._stack, name)}
        if not surplus or container is None:
            return True
        routes = self._memory.see(look.proxy, look.placed, look.networks, time.time())
        free = surplus.difference(*(route.via for route in routes.values()))
        self._own.leave(container.id, tuple(sorted(free)), deadline=_left(ends_at))
        return free == surplus

    def observe(self, *, deadline: float = 5.0) -> Mapping[ReplicaId, RouteSeen]:
        """How each running replica of a service behind the ingress stands; raises Transient where it is not there.

        An address that no replica of its service has any more is led to no longer: it may soon be somebody else's.
        Nobody waits for the proxy to be made: while that goes on, how they stand is not known.
        """
        if not self._lock.acquire(timeout=min(_BRIEFLY, deadline)):
            raise Transient(f"the ingress of {self._stack} is being changed")
        try:
            ends_at = time.monotonic() + deadline
            look = self._look(ends_at)
            table = seat(present(look), look.proxy.table)
            if not same(look.proxy.table, table):
                self._change(look.proxy.table, table, ends_at)
                look = self._look(ends_at)
            return self._memory.see(look.proxy, look.placed, look.networks, time.time())
        finally:
            self._lock.release()

    def set_route(
        self, replica: ReplicaId, to: RouteState, targets: Targets = NO_TARGETS, *, deadline: float = 5.0
    ) -> RouteSeen:
        """Lead traffic to that replica, or no new one, or none; how it stands then, as the proxy says.

        May be repeated. Raises Conflict where the replica is not running on a network that the proxy is on, Transient
        where it does not listen on a port on which another one serves: it would take requests from who can answer.
        """
        with self._lock:
            ends_at = time.monotonic() + deadline
            look = self._look(ends_at)
            before = self._memory.see(look.proxy, look.placed, look.networks, time.time())
            if to is RouteState.IN:
                refuse_deaf(look, replica, targets)
            table = seat(with_route(look, replica, to, targets), look.proxy.table)
            if not same(look.proxy.table, table):
                self._change(look.proxy.table, table, ends_at)
            if to is RouteState.DRAINING and replica in before:
                self._memory.begin_drain(replica, before[replica].connections, time.time())
            proxy = self._runtime.read(deadline=_left(ends_at))
            after = self._memory.see(proxy, look.placed, look.networks, time.time())
            return after.get(replica, RouteSeen(RouteState.OUT))

    def container(self, *, deadline: float = 5.0) -> OwnSeen | None:
        """The proxy's container; None: there is none."""
        return next(iter(self._own.find(self._stack, Role.INGRESS, deadline=deadline)), None)

    def _spec(self, wanted: Wanted) -> OwnSpec:
        ports = config.listen_ports(wanted.frontends)
        return OwnSpec(
            stack=self._stack,
            role=Role.INGRESS,
            name=f"controller-ingress-{self._stack}",
            image=wanted.image,
            command=config.COMMAND,
            user=f"{os.getuid()}:{os.getgid()}",
            networks=wanted.networks,
            publish=tuple(Publish(front.host_port, port, front.host_ip) for front, port in ports.items()),
            binds=(Bind(str(self._conf), config.CONF), Bind(str(self._run), config.RUN, read_only=False)),
            memory=_MEMORY,
            stop_signal=_SOFT_STOP,
            logs=_LOGS if wanted.log else 0,
        )

    def _drop_blind(self, ends_at: float) -> None:
        """A proxy whose folder was taken from under it has no socket that we could reach, and no file."""
        if not (self._conf.is_dir() and self._run.is_dir()):
            self._own.remove(self._stack, Role.INGRESS, grace=_HANDOVER, deadline=_left(ends_at))

    def _look(self, ends_at: float) -> Look:
        proxy = self._runtime.read(deadline=_left(ends_at))
        container = self.container(deadline=_left(ends_at))
        placed = self._own.placed(self._stack, deadline=_left(ends_at))
        return Look(proxy, placed, container.networks if container else frozenset(), self._preferred)

    def _plan(self, wanted: Wanted, targets: Targets, ends_at: float) -> Table:
        """What the proxy is to do: each replica in the slot that it has, on networks that it is on or will be on."""
        backends = sorted({backend_name(front) for front in wanted.frontends})
        table = self._known(ends_at)
        placed = self._own.placed(self._stack, deadline=_left(ends_at))
        container = self.container(deadline=_left(ends_at))
        networks = {*wanted.networks, *(container.networks if container is not None else ())}
        if wanted.routes is not None:
            return seat(place_routes(backends, wanted.routes, placed, networks, targets), table)
        return seat(carry_over(backends, table, placed, networks, targets), table)

    def _known(self, ends_at: float) -> Table:
        """The table that the proxy has, else the one that it would start with."""
        try:
            return self._runtime.read(deadline=min(1.0, _left(ends_at))).table
        except EngineError:
            return config.read_table(read_file(self._conf / config.FILE))

    def _store(self, text: str, tls: Tls = NO_TLS) -> None:
        """What the configuration names is there before it is."""
        for folder in (self._conf.parent, self._conf, self._run):
            make_folder(folder)
        if tls.mark:
            put_file(self._conf / config.PAIR, tls.pair.decode())
        put_file(self._conf / config.FILE, text)

    def _change(self, seen: Table, table: Table, ends_at: float) -> None:
        """The proxy first, then the file: what dies in between is made right by the next `ensure`."""
        before = read_file(self._conf / config.FILE)
        if not before:
            raise Conflict(f"the ingress of {self._stack} has lost its file", hint="it is made anew at the next look")
        text = config.rewrite(before, table)
        if fits(table, seen):
            self._runtime.push(seen, table, deadline=_left(ends_at))
            self._store(text)
        else:
            self._store(text)
            self._runtime.push(self._reload(text, ends_at).table, table, deadline=_left(ends_at))

    def _reload(self, text: str, ends_at: float) -> Proxy:
        """The master starts a new process beside the old one, which keeps its connections until they are done."""
        seen = self.container(deadline=_left(ends_at))
        if seen is None or not seen.running:
            raise Conflict(f"the ingress of {self._stack} went away")
        self._own.signal(seen.id, _RELOAD, deadline=_left(ends_at))
        return self._await(lambda proxy: proxy.structure == config.structure(text), ends_at)

    def _await(self, taken: Callable[[Proxy], bool], ends_at: float) -> Proxy:
        """The proxy, once it has taken what it was given. Raises Conflict where its container went meanwhile."""
        asked = time.monotonic()
        while True:
            try:
                proxy = self._runtime.read(deadline=_left(ends_at))
                if taken(proxy):
                    return proxy
                trouble = Transient("the ingress does not take its new configuration", hint=_LOOK)
            except Transient as error:
                trouble = error
            if time.monotonic() + _PAUSE >= ends_at:
                raise trouble
            if time.monotonic() > asked + _ASK_AGAIN:
                asked = time.monotonic()
                seen = self.container(deadline=_left(ends_at))
                if seen is None or not seen.running:
                    raise Conflict(f"the ingress of {self._stack} ended in its start", hint=_LOOK)
            time.sleep(_PAUSE)


def _render(wanted: Wanted, table: Table) -> str:
    return config.render(wanted.frontends, table, wanted.tls, log=wanted.log)


def _left(ends_at: float) -> float:
    remaining = ends_at - time.monotonic()
    if remaining <= 0:
        raise Transient("no time was left for it")
    return remaining
