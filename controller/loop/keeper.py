"""The loop's hand on one stack's ingress: what is to be behind it, how each replica stands there, who tends it.

The loop's thread asks the proxy how replicas stand, which takes it milliseconds; everything that makes, changes or
waits for its container is done by a thread of its own, again and again until it is as wanted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from controller.decide.case import ALIVE
from controller.decide.identity import publishes_itself
from controller.engines.base import Own, result_of
from controller.ingress.proxy import IMAGE, Ingress, Wanted
from controller.model.desired import DesiredService, DesiredStack
from controller.model.errors import EngineError
from controller.model.names import ReplicaId
from controller.model.observed import Health, Replica, ServiceView
from controller.model.routes import RouteSeen, RouteState
from controller.model.steps import Outcome, Result, Route

_RETRY_FIRST, _RETRY_LAST = 0.2, 10.0
"""Seconds between two tries to have the proxy as wanted, doubling."""

Views = Mapping[str, ServiceView]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the proxy is to do: `wanted` now; `coming` as soon as those have gone that have its host ports still."""

    wanted: Wanted
    coming: Wanted | None = None


class Keeper:
    """One stack's ingress. `wake` is called from another thread when there is something new to be seen."""

    def __init__(self, own: Own, stack: str, folder: Path, wake: Callable[[], None]) -> None:
        self._own, self._stack, self._folder, self._wake = own, stack, folder, wake
        self._ingress = Ingress(own, stack, folder)
        self._image = IMAGE
        self._changed = threading.Condition()
        self._plan: Plan | None = None
        self._routes: Mapping[ReplicaId, RouteState] = {}
        self._done: Plan | None = None
        self._trouble: str | None = None
        self._missed = False
        self._closing = False
        self._thread: threading.Thread | None = None

    # --- the loop's thread

    def see(self, desired: DesiredStack, views: Views) -> Views:
        """The same views, with how each replica that is behind the ingress stands there."""
        behind = {name: service for name, service in desired.services.items() if service.frontends and name in views}
        if not behind or not self._is_there():
            return views
        try:
            routes: Mapping[ReplicaId, RouteSeen] | None = self._ingress.observe(deadline=1.0)
        except EngineError:
            routes = None
            self._missed = True
        return {**views, **{name: self._with_routes(service, views[name], routes) for name, service in behind.items()}}

    def tend(self, desired: DesiredStack, views: Views, image: str) -> None:
        """Have the proxy as this wants it, if it is not."""
        before = self._plan.wanted if self._plan is not None else None
        plan = plan_ingress(desired, views, before)
        if not plan.wanted.frontends and plan.coming is None and not self._is_there():
            return
        with self._changed:
            if image and image != self._image:
                self._image, self._ingress = image, Ingress(self._own, self._stack, self._folder, image)
                self._done = None
            self._plan, self._routes = plan, first_routes(desired.services, views)
            if plan != self._done or self._missed:
                self._begin()

    @property
    def settled(self) -> bool:
        """The proxy is as it was wanted last."""
        with self._changed:
            return self._plan is None or (self._plan == self._done and not self._missed)

    @property
    def trouble(self) -> str | None:
        """Why the proxy is not as wanted; None: it is, or that is not known yet."""
        with self._changed:
            return self._trouble

    def perform(self, step: Route) -> Outcome:
        """Lead traffic to a replica or away from it; from any thread."""
        began = time.monotonic()
        try:
            self._ingress.set_route(step.replica, step.to)
            result, message = Result.DONE, ""
        except EngineError as error:
            result, message = result_of(error), error.message
        return Outcome(step, result, message, seconds=time.monotonic() - began)

    def close(self) -> None:
        """What is under way comes to its end; the proxy stays as it is."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=10.0)

    def _is_there(self) -> bool:
        """There is a proxy, or there was one when somebody looked last."""
        return self._done is not None or self._folder.is_dir()

    def _with_routes(
        self, service: DesiredService, view: ServiceView, routes: Mapping[ReplicaId, RouteSeen] | None
    ) -> ServiceView:
        led = self._done is not None and any(front.service == service.name for front in self._done.wanted.frontends)
        if self._done is not None and not led:
            return view
        return replace(view, replicas=tuple(_with_route(service, replica, routes, led) for replica in view.replicas))

    # --- the worker

    def _begin(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name=f"ingress-{self._stack}", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _work(self) -> None:
        pause = _RETRY_FIRST
        while (plan := self._next()) is not None:
            trouble = self._try(plan)
            with self._changed:
                # The first try may have met a proxy that was just ending.
                self._trouble = trouble if pause > _RETRY_FIRST else None
                if trouble is None:
                    self._done, self._missed, pause = plan, False, _RETRY_FIRST
                else:
                    self._changed.wait(pause)
                    pause = min(_RETRY_LAST, 2 * pause)
            self._wake()

    def _next(self) -> Plan | None:
        """What is to be done now; None: nothing is left to do."""
        with self._changed:
            if self._closing or self._plan is None or (self._plan == self._done and not self._missed):
                return None
            return self._plan

    def _first(self) -> Mapping[ReplicaId, RouteState] | None:
        """Where there is a proxy already, perhaps another process's of ours, all stays as it stands there."""
        if self._ingress.container() is not None:
            return None
        with self._changed:
            return self._routes

    def _try(self, plan: Plan) -> str | None:
        try:
            if plan.wanted.frontends or plan.coming is None:
                there = self._done is not None and bool(self._done.wanted.frontends)
                self._ingress.ensure(plan.wanted if there else replace(plan.wanted, routes=self._first()))
            if plan.coming is not None:
                self._ingress.prepare(plan.coming)
        except EngineError as error:
            return f"{error.message} ({error.hint})" if error.hint else error.message
        return None


def plan_ingress(desired: DesiredStack, views: Views, before: Wanted | None) -> Plan:
    """Behind the ingress is a service whose replicas no longer publish their ports themselves; once it is, it stays.

    While one of them still has a host port, the proxy cannot; it is prepared, so that only its start is left. Where all
    would have their own, and have ended, they are to come back as they were.
    """
    already = {front.service for front in before.frontends} if before is not None else set()
    now: list[DesiredService] = []
    soon: list[DesiredService] = []
    for name, service in desired.services.items():
        replicas = views[name].replicas if name in views else ()
        if not service.frontends:
            continue
        own = [replica for replica in replicas if publishes_itself(replica, service)]
        if any(replica.phase in ALIVE for replica in own):
            soon += [service] if len(own) < len(replicas) else []
        elif name in already or len(own) < len(replicas):
            now.append(service)
    wanted = _want(now, views)
    return Plan(wanted, _want([*now, *soon], views) if soon else None)


def _want(services: list[DesiredService], views: Views) -> Wanted:
    frontends = tuple(sorted(front for service in services for front in service.frontends))
    networks = tuple(sorted({network for service in services for network in service.networks}))
    return Wanted(frontends, networks)


def first_routes(services: Mapping[str, DesiredService], views: Views) -> Mapping[ReplicaId, RouteState]:
    """Where there was no proxy, whoever is ready is led to at once."""
    return {
        replica.id: RouteState.IN if _is_ready(replica) else RouteState.OUT
        for name, service in services.items()
        if service.frontends and name in views
        for replica in views[name].replicas
    }


def _is_ready(replica: Replica) -> bool:
    return replica.running and (replica.health is Health.NONE or replica.ready_since is not None)


def _with_route(
    service: DesiredService, replica: Replica, routes: Mapping[ReplicaId, RouteSeen] | None, led: bool
) -> Replica:
    """`led`: the proxy has the service's ports for sure, so that nobody else can come by them."""
    if not replica.running:
        shut_out = led and publishes_itself(replica, service)
        return replace(replica, route=RouteSeen(RouteState.OUT)) if shut_out else replica
    if publishes_itself(replica, service):
        return replica
    unknown = RouteSeen(RouteState.UNKNOWN)
    return replace(replica, route=unknown if routes is None else routes.get(replica.id, RouteSeen(RouteState.OUT)))
