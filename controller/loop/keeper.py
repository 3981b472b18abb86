"""The loop's hand on one stack's ingress: how each replica stands there, and who tends it.

The loop's thread asks the proxy how replicas stand, which takes it milliseconds; everything that makes, changes or
waits for its container is done by a thread of its own, again and again until it is as wanted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from controller.decide.case import ALIVE
from controller.decide.identity import publishes_itself
from controller.decide.world import World
from controller.engines.base import Own, result_of
from controller.ingress.config import Tls
from controller.ingress.proxy import Ingress, Wanted
from controller.ingress.routes import Targets
from controller.loop.auditacts import ended, ingress_act, intended
from controller.loop.auditor import new_id
from controller.loop.behind import Behind, Plan, find_targets, first_routes, plan_ingress, see_behind
from controller.model.desired import DesiredService
from controller.model.errors import EngineError
from controller.model.names import ReplicaId
from controller.model.observed import Replica, ServiceView
from controller.model.routes import RouteSeen, RouteState
from controller.model.steps import Outcome, Result, Route
from controller.security.audit import Auditor

_RETRY_FIRST, _RETRY_LAST = 0.2, 10.0
"""Seconds between two tries to have the proxy as wanted, doubling."""

_PREPARING = "the ingress that is to have its host port is being made"

Views = Mapping[str, ServiceView]


class Keeper:
    """One stack's ingress. `wake` is called from another thread when there is something new to be seen."""

    def __init__(
        self, own: Own, stack: str, folder: Path, wake: Callable[[], None], audit: Auditor | None = None
    ) -> None:
        self._audit = audit
        self._stack, self._folder, self._wake = stack, folder, wake
        self._ingress = Ingress(own, stack, folder)
        self._changed = threading.Condition()
        self._plan: Plan | None = None
        self._routes: Mapping[ReplicaId, RouteState] = {}
        self._targets: Targets = {}
        self._done: Plan | None = None
        self._trouble: str | None = None
        self._missed = False
        self._news = 0
        """How often something else was to be done, or was there to be led to."""
        self._closing = False
        self._thread: threading.Thread | None = None

    # --- the loop's thread

    def see(self, world: World, views: Views) -> Views:
        """The same views, with how each replica that is behind the ingress stands there."""
        behind = see_behind(world, views)
        if not behind:
            return views
        looked_at = {replica.id for view in views.values() for replica in view.replicas}
        with self._changed:
            others = {replica: ports for replica, ports in self._targets.items() if replica not in looked_at}
            self._targets = {**others, **find_targets(behind)}
        routes: Mapping[ReplicaId, RouteSeen] | None = None
        if there := self._is_there():
            try:
                routes = self._ingress.observe(deadline=1.0)
            except EngineError:
                self._missed = True
        return {**views, **{name: self._finish(one, routes, there) for name, one in behind.items()}}

    def tend(self, world: World, template: Wanted) -> None:
        """Have the proxy as this wants it, if it is not. `template`: what does not follow from services."""
        last = self._plan.wanted if self._plan is not None else None
        behind = see_behind(world, world.views)
        plan = plan_ingress(behind, last, template)
        if plan is None or not (plan.wanted.frontends or plan.coming is not None or self._is_there()):
            return
        with self._changed:
            before = (self._plan, self._routes.keys(), self._targets)
            self._plan, self._routes, self._targets = plan, first_routes(behind), find_targets(behind)
            # Who becomes ready or falls over is no news: a try that failed would fail again.
            self._news += (plan, self._routes.keys(), self._targets) != before
            if plan != self._done or self._missed:
                self._begin()

    def serve(self, tls: Tls) -> None:
        """Have the proxy as it is wanted already, but with that certificate."""
        with self._changed:
            before = self._plan
            if before is None or before.wanted.tls.at != tls.at or before.wanted.tls == tls:
                return
            coming = replace(before.coming, tls=tls) if before.coming is not None else None
            self._plan = Plan(replace(before.wanted, tls=tls), coming)
            self._news += 1
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
        with self._changed:
            targets = self._targets
        try:
            self._ingress.set_route(step.replica, step.to, targets)
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

    def _finish(self, one: Behind, routes: Mapping[ReplicaId, RouteSeen] | None, there: bool) -> ServiceView:
        with self._changed:
            done, trouble = self._done or Plan(Wanted((), ())), self._trouble
        view = one.view
        if any(replica.phase in ALIVE for replica in one.own) and not one.is_in(done.coming):
            view = replace(view, no_ingress=trouble or _PREPARING)
        led = one.is_in(done.wanted)
        if not there or (self._done is not None and not led):
            return view
        asked = replace(one.want, frontends=one.claimed)
        return replace(view, replicas=tuple(_with_route(asked, replica, routes, led) for replica in view.replicas))

    # --- the worker

    def _begin(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name=f"ingress-{self._stack}", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _work(self) -> None:
        pause, failures = _RETRY_FIRST, 0
        while (due := self._next()) is not None:
            plan, news = due
            whole, trouble = self._try_noted(plan)
            failures = failures + 1 if trouble is not None else 0
            with self._changed:
                # The first try may have met a proxy that was just ending.
                self._trouble = trouble if failures > 1 else None
                if trouble is None:
                    self._done = plan
                self._missed = not whole
            self._wake()
            pause = _RETRY_FIRST if whole else self._rest(news, pause)

    def _rest(self, news: int, pause: float) -> float:
        """After a try that failed, until there is something new since; the next pause.

        Each try is followed by a look, and each look asks for the same again: that is no reason to try at once.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._news != news, timeout=pause)
            return min(_RETRY_LAST, 2 * pause) if self._news == news else _RETRY_FIRST

    def _next(self) -> tuple[Plan, int] | None:
        """What is to be done now, and the news that it has heeded; None: nothing is left to do."""
        with self._changed:
            if self._closing or self._plan is None or (self._plan == self._done and not self._missed):
                return None
            return self._plan, self._news

    def _first(self) -> Mapping[ReplicaId, RouteState] | None:
        """Where a proxy runs already, perhaps another process's of ours, all stays as it stands there."""
        seen = self._ingress.container()
        if seen is not None and seen.running:
            return None
        with self._changed:
            return self._routes

    def _try_noted(self, plan: Plan) -> tuple[bool, str | None]:
        """In the audit log before and after."""
        if self._audit is None:
            return self._try(plan)
        act = ingress_act(self._stack, new_id())
        self._audit.note(intended(act))
        whole, trouble = self._try(plan)
        self._audit.note(ended(act, ok=trouble is None, message=trouble or ""))
        return whole, trouble

    def _try(self, plan: Plan) -> tuple[bool, str | None]:
        """Whether nothing is left to do for it, and what was in the way."""
        whole = True
        with self._changed:
            targets = self._targets
        try:
            if plan.wanted.frontends or plan.coming is None:
                there = self._done is not None and bool(self._done.wanted.frontends)
                wanted = plan.wanted if there else replace(plan.wanted, routes=self._first())
                whole = self._ingress.ensure(wanted, targets)
            if plan.coming is not None:
                self._ingress.prepare(plan.coming)
        except EngineError as error:
            return False, error.whole
        return whole, None


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
