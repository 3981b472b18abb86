"""One look at a stack: one list, inspects of what changed, everything parsed; what could not be read is marked."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from controller.engines import labels
from controller.engines.answers import get_container, get_list
from controller.engines.base import Scope
from controller.engines.client import Client
from controller.engines.drift import find_drift, lost_networks, made_otherwise, misjoined
from controller.engines.holders import Holders
from controller.engines.images import Images
from controller.engines.limits import find_limits
from controller.engines.marked import Marked
from controller.engines.names import spells_same
from controller.engines.parse import Lens, from_listed, parse_number, parse_replica
from controller.engines.ports import Sockets, find_fixed
from controller.engines.sightings import Sighting, Sightings, listed_key
from controller.engines.template import read_request, replica_name
from controller.engines.vantage import Vantage
from controller.engines.volumes import find_users
from controller.model.confined import asked_of_us
from controller.model.desired import Template
from controller.model.errors import Conflict, EngineError
from controller.model.names import ReplicaId
from controller.model.observed import Observed, Replica, ServiceView

_INSPECT_PATIENCE = 0.5
_HANDS = 4
_SOCKETS_KEPT = 1.0
"""Seconds."""
_GOING = frozenset({"removing", "dead"})


@dataclass(frozen=True, slots=True)
class Look:
    """One container: its inspect, or (incomplete) what is known without one."""

    inspect: Mapping[str, Any]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one inspect, and with what it was read."""

    stack: str
    inspect: Mapping[str, Any]
    lens: Lens
    template: Template | None
    replica: Replica


class Observer:
    """Observations of one engine. Safe from several threads."""

    def __init__(
        self, client: Client, images: Images, sightings: Sightings, vantage: Vantage, holders: Holders
    ) -> None:
        self._client, self._images, self._sightings, self._vantage = client, images, sightings, vantage
        self._holders, self._marked = holders, Marked(client)
        self._pool = ThreadPoolExecutor(_HANDS, thread_name_prefix="inspect")
        self._readings: dict[str, Reading] = {}
        self._sockets = (-_SOCKETS_KEPT, Sockets())

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def observe(self, scope: Scope, *, deadline: float) -> Observed:
        """Raises EngineErrors when even the list cannot be had.

        The list is whole or there is none: an inspect that cannot be had makes its own service's view incomplete.
        """
        ends_at = time.monotonic() + deadline
        taken_at = time.time()
        listed = [item for item in self._list(scope.stack, scope.only, deadline) if _counts(item, scope)]
        if scope.only is None:
            self._sightings.forget_others(scope.stack, {item["Id"] for item in listed})
            self._forget_gone(scope.stack, {item["Id"] for item in listed})
        looks = self._inspect_all(listed, ends_at)
        lens = self._vantage.lens((look.inspect for look in looks), deadline=_left(ends_at))
        ours = self._marked.find(scope.stack, (look.inspect for look in looks), deadline=_left(ends_at))
        lens = replace(lens, ours=ours) if ours else lens
        found: dict[str, list[tuple[Replica, bool]]] = defaultdict(list)
        for look in looks:
            if replica := self._read(look, lens, scope, ends_at):
                found[replica.service].append((self._without_former_kill(replica, lens), look.complete))
        since = self._sightings.since or taken_at
        views = {
            service: self._view(service, found.get(service, []), scope, ServiceView((), taken_at, since), ends_at)
            for service in sorted({*found, *_asked(scope)})
        }
        now = Sockets()
        views = {name: self._with_ports(view, scope.templates.get(name), now, ends_at) for name, view in views.items()}
        if exclusive := {name: volumes for name, volumes in scope.exclusive.items() if name in views}:
            views |= self._with_taken_volumes(views, exclusive, scope.stack, ends_at)
        directory, files = _origin(listed)
        return Observed(scope.stack, views, taken_at, directory, files)

    def projects(self, *, deadline: float) -> Mapping[str, Observed]:
        """Every Compose project that has containers, from one list."""
        taken_at = time.time()
        by_stack: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for item in self._list(None, None, deadline):
            by_stack[item["Labels"][labels.PROJECT]].append(item)
        return {stack: _from_list(stack, items, taken_at) for stack, items in sorted(by_stack.items())}

    def owners(self, stack: str, *, deadline: float) -> Mapping[str, str]:
        """The container of each service whose number is lowest: whose namespace others share, by Compose's choice."""
        found: dict[str, str] = {}
        listed = self._list(stack, None, deadline)
        for item in sorted(listed, key=lambda item: parse_number(item["Labels"]), reverse=True):
            if item["Labels"].get(labels.ONEOFF) != "True" and labels.SERVICE in item["Labels"]:
                found[item["Labels"][labels.SERVICE]] = item["Id"]
        return found

    def _list(self, stack: str | None, only: frozenset[str] | None, deadline: float) -> list[dict[str, Any]]:
        """Anew: what a daemon that is about to end has stopped is not to be seen as fallen over."""
        wanted = [labels.PROJECT if stack is None else f"{labels.PROJECT}={stack}"]
        if only is not None and len(only) == 1:
            wanted.append(f"{labels.SERVICE}={next(iter(only))}")
        query = {"all": "1", "filters": {"label": wanted}}
        return get_list(self._client, "/containers/json", query, deadline=deadline, anew=True)

    def absent(self, replicas: Collection[ReplicaId], *, deadline: float) -> frozenset[ReplicaId]:
        """Those of them that the engine does not have, or is removing; each is asked for by id. Raises EngineErrors."""
        ends_at = time.monotonic() + deadline
        found = self._pool.map(lambda replica: self._is_absent(replica, ends_at), replicas)
        return frozenset(replica for replica, absent in zip(replicas, found, strict=True) if absent)

    def _is_absent(self, replica: ReplicaId, ends_at: float) -> bool:
        try:
            found = get_container(self._client, replica, deadline=max(0.01, ends_at - time.monotonic()))
        except Conflict:
            return True
        return found["State"].get("Status") in _GOING

    def _inspect_all(self, listed: Sequence[Mapping[str, Any]], ends_at: float) -> list[Look]:
        """In the list's order, without what is gone by now. Several at once: one that blocks waits alone."""
        known = [self._recall(item) for item in listed]
        open_ = [index for index, look in enumerate(known) if look is None]
        if len(open_) == 1:
            fresh: Iterable[Look | None] = [self._inspect(listed[open_[0]], ends_at)]
        else:
            fresh = self._pool.map(lambda index: self._inspect(listed[index], ends_at), open_)
        for index, look in zip(open_, fresh, strict=True):
            known[index] = look
        return [look for look in known if look is not None]

    def _recall(self, item: Mapping[str, Any]) -> Look | None:
        inspect = self._sightings.recall(item["Id"], listed_key(item))
        return Look(inspect) if inspect is not None else None

    def _inspect(self, item: Mapping[str, Any], ends_at: float) -> Look | None:
        """None where it is gone. An inspect blocks while the container is being started: then the list must do."""
        container = item["Id"]
        mark = self._sightings.mark()
        patience = max(0.01, min(_INSPECT_PATIENCE, ends_at - time.monotonic()))
        try:
            inspect = get_container(self._client, container, deadline=patience)
        except Conflict:
            return None
        except EngineError:
            return Look(from_listed(item), complete=False)
        self._sightings.keep(container, mark, Sighting(listed_key(item), inspect, time.monotonic()))
        return Look(inspect)

    def _read(self, look: Look, lens: Lens, scope: Scope, ends_at: float) -> Replica | None:
        """The replica; the one read before where neither the inspect nor what it is read with has changed."""
        service = ((look.inspect.get("Config") or {}).get("Labels") or {}).get(labels.SERVICE, "")
        template = scope.templates.get(service) if look.complete else None
        known = self._readings.get(look.inspect["Id"])
        if known and (known.inspect, known.lens, known.template) == (look.inspect, lens, template):
            return known.replica
        replica = parse_replica(look.inspect, lens)
        if replica is not None and not look.complete:
            return replace(replica, by_name=None)  # a list says nothing of aliases
        if replica is not None:
            replica = self._with_drift(replica, look, template, lens.ours, ends_at)
            if template is None or replica.drift is not None:
                self._readings[replica.id] = Reading(scope.stack, look.inspect, lens, template, replica)
        return replica

    def _without_former_kill(self, replica: Replica, lens: Lens) -> Replica:
        """Some engines (20.10) say of each later life, too, that the kernel killed it: their events tell of which."""
        if not replica.oom_killed or replica.started_at is None:
            return replica  # nearly always
        unharmed = self._sightings.is_unharmed(replica.id, replica.started_at, lens.ahead)
        return replace(replica, oom_killed=False) if unharmed else replica

    def _forget_gone(self, stack: str, present: Collection[str]) -> None:
        for container, reading in tuple(self._readings.items()):
            if reading.stack == stack and container not in present:
                self._readings.pop(container, None)

    def _with_drift(
        self, replica: Replica, look: Look, template: Template | None, ours: frozenset[str], ends_at: float
    ) -> Replica:
        if template is None or not template.body:
            return replica
        request = read_request(template)
        proper_name = replica_name(request, replica.number)
        replica = replace(
            replica,
            limits=find_limits(request, look.inspect),
            lost=lost_networks(request, look.inspect),
            misjoined=misjoined(request, look.inspect),
            proper_name="" if spells_same(replica.name, proper_name) else proper_name,
        )
        try:
            image = self._images.config(look.inspect["Image"], deadline=_left(ends_at))
        except EngineError:
            return replica  # an image that was removed under its container: not compared, which is not "the same"
        ours |= asked_of_us(template.networks)
        drift = find_drift(request, look.inspect, image, ours)
        otherwise = made_otherwise(request, look.inspect, image, ours) if drift else ()
        return replace(replica, drift=drift, otherwise=otherwise)

    def _view(
        self, service: str, found: Sequence[tuple[Replica, bool]], scope: Scope, blank: ServiceView, ends_at: float
    ) -> ServiceView:
        replicas = tuple(sorted((item for item, _ in found), key=lambda replica: (replica.number, replica.name)))
        complete = all(complete for _, complete in found)
        name, image_id = scope.images.get(service), None
        if name:
            try:
                image_id = self._images.find(name, deadline=_left(ends_at))
            except EngineError:
                complete = False
        return replace(blank, replicas=replicas, complete=complete, image_id=image_id)

    def _with_taken_volumes(
        self, views: Mapping[str, ServiceView], exclusive: Mapping[str, tuple[str, ...]], stack: str, ends_at: float
    ) -> dict[str, ServiceView]:
        names = frozenset(name for volumes in exclusive.values() for name in volumes)
        users = find_users(self._client, stack, names, deadline=_left(ends_at))
        return {
            service: replace(views[service], taken_volumes={name: users[name] for name in volumes if name in users})
            for service, volumes in exclusive.items()
        }

    def _with_ports(self, view: ServiceView, template: Template | None, now: Sockets, ends_at: float) -> ServiceView:
        """Asked for only where a replica may have to be replaced, or has to be started."""
        drifted = any(replica.drift for replica in view.replicas)
        settled = bool(view.replicas) and all(replica.running for replica in view.replicas)
        if template is None or not template.body or (settled and not drifted):
            return view
        wanted, patience = find_fixed(read_request(template)), _left(ends_at)
        if not wanted or not self._vantage.sees_sockets(deadline=patience):
            return view
        before = now if drifted else self._recall_sockets(now)
        taken = [port for port in wanted if before.beside(port) and now.beside(port)]
        if not taken:
            return view
        holders = self._holders.find(taken, deadline=patience)
        return replace(view, taken_ports=tuple(dict.fromkeys(port.name for port in taken)), holders=holders)

    def _recall_sockets(self, now: Sockets) -> Sockets:
        """Those of a moment ago, by which a port may count as free: a start that fails changes nothing, and while a
        stack starts it is looked at often."""
        if time.monotonic() - self._sockets[0] > _SOCKETS_KEPT:
            self._sockets = (time.monotonic(), now)
        return self._sockets[1]


def _left(ends_at: float) -> float:
    """Seconds; a little is always left for what would be missed."""
    return max(0.1, ends_at - time.monotonic())


def _asked(scope: Scope) -> frozenset[str]:
    """Services that are to have a view even with no container."""
    named = frozenset((*scope.images, *scope.templates))
    return named if scope.only is None else scope.only


def _counts(item: Mapping[str, Any], scope: Scope) -> bool:
    marks = item.get("Labels") or {}
    return labels.SERVICE in marks and (scope.only is None or marks[labels.SERVICE] in scope.only)


def _origin(listed: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[str, ...]]:
    """Working directory and files that the newest container was made from."""
    newest = max(listed, key=lambda item: item.get("Created") or 0, default=None)
    marks = (newest or {}).get("Labels") or {}
    files = tuple(part for part in marks.get(labels.CONFIG_FILES, "").split(",") if part)
    return marks.get(labels.WORKING_DIR, ""), files


def _from_list(stack: str, items: Sequence[Mapping[str, Any]], taken_at: float) -> Observed:
    found: dict[str, list[Replica]] = defaultdict(list)
    for item in items:
        if replica := parse_replica(from_listed(item), Lens()):
            found[replica.service].append(replica)
    directory, files = _origin(items)
    views = {service: ServiceView(tuple(replicas), taken_at, taken_at) for service, replicas in sorted(found.items())}
    return Observed(stack, views, taken_at, directory, files)
