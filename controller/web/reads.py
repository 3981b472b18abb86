"""`GET`: what is, what was, what would be."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response

from controller import __version__
from controller.engines.base import EngineInfo
from controller.loop.compare import Side, compare
from controller.model.errors import EngineError
from controller.render.alerts import alerts_data, show_alerts
from controller.render.cleanup import report_data, schedule_data
from controller.render.data import endpoints_data, events_data, findings_data, plan_data, service_data, timestamp
from controller.render.graph import graph_of, stack_graph_data
from controller.render.rollout import Shown, history_data
from controller.render.room import room_data
from controller.render.why import find_cause, why_data, with_change, with_last_words
from controller.web.bodies import Number
from controller.web.desk import AtDesk, Desk, NotFound, answer
from controller.web.needs import KEYED, CheckedRoute, declare, needs, sight_of

reads = APIRouter(route_class=CheckedRoute)


@reads.get("/healthz", tags=["process"])
@declare(None)
async def healthz() -> PlainTextResponse:
    """The process lives."""
    return PlainTextResponse("ok\n")


@reads.get("/readyz", tags=["process"])
@declare(None)
async def readyz(desk: AtDesk) -> PlainTextResponse:
    """The loop turns and its engine answers; else 503. Who has no key is not told why."""
    ready = desk.window.not_ready() is None
    return PlainTextResponse("ok\n" if ready else "not ready\n", 200 if ready else 503)


@reads.get("/v1/info", tags=["process"])
@declare(KEYED)
def info(desk: AtDesk) -> Response:
    """Who answers."""
    window = desk.window
    told = {"version": __version__, "startedAt": timestamp(window.began_at), "notReady": window.not_ready()}
    return answer({**told, "engine": _engine_data(desk)})


def _engine_data(desk: Desk) -> dict[str, str] | None:
    try:
        engine: EngineInfo = desk.window.engine()
    except EngineError:
        return None
    return {"id": engine.id, "name": engine.name, "version": engine.version, "apiVersion": engine.api_version}


@reads.get("/v1/stacks", tags=["status"])
@needs("get", "stacks", somewhere=True)
async def stacks(desk: AtDesk, request: Request) -> Response:
    """Every stack that one may see, as `controller status -o json`, with the last output of replicas that ended."""
    return Response(desk.feed.stacks_body(sight_of(request)), media_type="application/json")


@reads.get("/v1/stacks/{stack}", tags=["status"])
@needs("get", "stacks")
async def stack(desk: AtDesk, stack: str) -> Response:
    """One of them."""
    desk.stack(stack)
    return Response(desk.feed.stack_body(stack), media_type="application/json")


@reads.get("/v1/stacks/{stack}/services/{service}", tags=["status"])
@needs("get", "stacks")
async def service(desk: AtDesk, stack: str, service: str) -> Response:
    """One service of a stack."""
    return answer(service_data(desk.service(stack, service), words=True))


@reads.get("/v1/endpoints", tags=["status"])
@needs("get", "stacks", somewhere=True)
async def endpoints(desk: AtDesk, request: Request) -> Response:
    """Where ready replicas of stacks that one may see can be reached, as `controller get endpoints -o json`."""
    sight = sight_of(request)
    return answer(endpoints_data([kept.stack for name, kept in desk.feed.kept.items() if sight.sees(name)]))


@reads.get("/v1/stacks/{stack}/services/{service}/why", tags=["status"])
@needs("get", "stacks")
def why(desk: AtDesk, stack: str, service: str) -> Response:
    """The chain of what waits for what, down to the root cause, as one of the causes of `controller why -o json`."""
    desk.service(stack, service)
    window, status = desk.window, desk.stack(stack)
    cause = find_cause(status, service, time.time(), window.events(stack))
    cause = with_last_words(cause, lambda replica: window.logs(replica, tail=10))
    return answer(why_data(with_change(cause, window.generations(stack))))


@reads.get("/v1/stacks/{stack}/graph", tags=["status"])
@needs("get", "stacks")
def graph(desk: AtDesk, stack: str) -> Response:
    """Dependencies, start batches and the critical path, as one of the stacks of `controller graph -o json`."""
    window = desk.window
    return answer(stack_graph_data(graph_of(window.desired(stack), lambda name: window.usually(stack, name))))


@reads.get("/v1/stacks/{stack}/room", tags=["resources"])
@needs("get", "stacks")
def room(desk: AtDesk, stack: str) -> Response:
    """What the machine has for the stack, who has it, and who waits for it; bytes and cores."""
    desk.stack(stack)
    return answer(room_data(desk.window.room(stack)))


@reads.get("/v1/stacks/{stack}/security", tags=["security"])
@needs("get", "security")
def security(desk: AtDesk, stack: str) -> Response:
    """Findings of the last scan, who is barred, waivers, what is published and who reaches whom: one of the stacks of
    `controller get security -o json`."""
    from controller.render.security import state_data  # with all that a netcheck takes; few ask

    desk.stack(stack)
    return answer(state_data(desk.window.security(stack)))


@reads.get("/v1/stacks/{stack}/secrets", tags=["security"])
@needs("get", "secrets")
def secrets(desk: AtDesk, stack: str) -> Response:
    """Names, versions, ages and users of its secrets, and the key that they are encrypted with; never a value."""
    from controller.render.secrets import stack_secrets_data  # few ask

    desk.stack(stack)
    return answer(stack_secrets_data(desk.window.secrets(stack)))


@reads.get("/v1/stacks/{stack}/certificates", tags=["security"])
@needs("get", "certificates")
def certificates(desk: AtDesk, stack: str) -> Response:
    """Certificates of its services and their authority: one of the stacks of `controller certs list -o json`."""
    from controller.render.certificates import stack_data  # few have any

    desk.stack(stack)
    return answer(stack_data(desk.window.certificates(stack)))


@reads.get("/v1/stacks/{stack}/plan", tags=["plan"])
@needs("get", "plans")
async def plan(desk: AtDesk, stack: str, services: Annotated[str, Query(max_length=4096)] = "") -> Response:
    """What an `apply` would do now, by what the files say now, as `controller plan -o json`; `services`: `a,b`."""
    desk.stack(stack)
    wanted = [name for name in services.split(",") if name]
    with desk.planners.held():
        async with desk.rehearsing:
            planned = await asyncio.to_thread(desk.window.rehearse, stack, wanted)
    return answer({**plan_data([planned.plan]), "warnings": findings_data(planned.warnings)["errors"]})


@reads.get("/v1/stacks/{stack}/cleanup", tags=["plan"])
@needs("get", "plans")
async def cleanup(desk: AtDesk, stack: str) -> Response:
    """What a clean-up would remove now, by the manifest's policy, as `controller cleanup --dry-run -o json`; with
    `schedule`: when that was done last, and when it is done by itself."""
    desk.stack(stack)
    with desk.counters.held():
        async with desk.counting:
            report = await asyncio.to_thread(desk.window.rubbish, stack)
    return answer({**report_data(report), "schedule": schedule_data(desk.window.schedule(stack))})


@reads.get("/v1/stacks/{stack}/revisions", tags=["plan"])
@needs("get", "rollouts")
def revisions(desk: AtDesk, stack: str) -> Response:
    """Oldest first, as `controller rollout history -o json`."""
    return answer(history_data([Shown(stack, one) for one in desk.window.generations(stack)]))


@reads.get("/v1/stacks/{stack}/revisions/{number}", tags=["plan"])
@needs("get", "rollouts")
def revision(desk: AtDesk, stack: str, number: Number) -> Response:
    """One revision with what differs from the one before it; secrets are masked."""
    window = desk.window
    known = window.generations(stack)
    index = next((index for index, one in enumerate(known) if one.number == number), None)
    if index is None:
        raise NotFound(f"{stack} has no revision {number}", "controller rollout history")
    before = known[index - 1] if index else None
    old = Side(before, window.definitions(stack, before.number)) if before else Side.empty()
    new = Side(known[index], window.definitions(stack, number))
    return answer(history_data([Shown(stack, known[index], compare(old, new))])["revisions"][0])


@reads.get("/v1/stacks/{stack}/events", tags=["events"])
@needs("get", "stacks")
def events(
    desk: AtDesk,
    stack: str,
    after: Number = 0,
    service: Annotated[str | None, Query(max_length=256)] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> Response:
    """The newest `limit` events after that `seq`, oldest first, as `controller events -o json`."""
    return answer(events_data(desk.window.events(stack, after, service)[-limit:]))


@reads.get("/v1/stacks/{stack}/alerts", tags=["alerts"])
@needs("get", "stacks")
def alerts(desk: AtDesk, stack: str) -> Response:
    """Open and lately resolved ones, as `controller alerts --all -o json`."""
    return answer(find_alerts(desk, stack))


def find_alerts(desk: Desk, stack: str) -> dict[str, object]:
    posted = desk.window.alerts(stack)
    return alerts_data(
        show_alerts([posted], time.time(), everything=True), [(stack, one) for one in posted.hush.silences]
    )
