"""`POST` and `DELETE`: what is asked of a stack is written down for the loop."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from controller.loop.codec import decode
from controller.loop.intents import Intent
from controller.model.alert import Ack, Silence
from controller.model.cleanup import CleanupReport
from controller.model.wish import Wish
from controller.render.cleanup import report_data
from controller.render.data import timestamp
from controller.web.bodies import Asked, Number, Silencing
from controller.web.callers import Shown
from controller.web.desk import AtDesk, Desk, NotFound, answer
from controller.web.needs import CheckedRoute, caller_of, needs, require
from controller.web.reads import find_alerts

asks = APIRouter(route_class=CheckedRoute)


def who_of(request: Request) -> str:
    return caller_of(request).name


def key_of(request: Request) -> Shown:
    """What was shown: a token, or a session with its cookie."""
    return cast(Shown, request.state.key)


@asks.post("/v1/stacks/{stack}/intents", status_code=202, tags=["intents"])
@needs("get", "stacks")
async def ask(desk: AtDesk, request: Request, stack: str, body: Asked) -> Response:
    """Ask for what a command of the command line asks for. The loop does it; follow it by its `id`."""
    for verb, resource in rights_of(body):
        require(request, verb, resource, stack)
    desk.stack(stack)
    intent = await asyncio.to_thread(desk.window.ask, stack, _wish_of(request, body))
    desk.feed.follow_intent(stack, intent.id)
    return answer(intent_data(intent), 202)


def _wish_of(request: Request, body: Asked) -> Wish:
    client = request.client
    origin = f"{client.host}:{client.port}" if client is not None else ""
    return replace(body.wish(who_of(request)), via="api", origin=origin, request=request.state.act)


def rights_of(body: Asked) -> Iterator[tuple[str, str]]:
    """What one has to be allowed to ask for that: what is confirmed along with it counts by itself."""
    family, _, verb = body.verb.rpartition("-")
    yield verb, {"rollout": "rollouts", "resources": "limits"}.get(family, "stacks")
    if body.adopt:
        yield "adopt", "stacks"
    if body.confirm:
        yield "confirm", "stacks"


@asks.get("/v1/stacks/{stack}/intents/{number}", tags=["intents"])
@needs("get", "stacks")
def intent(desk: AtDesk, stack: str, number: Number) -> Response:
    """How far it is; when it is done, with the exit code and the data that the command would give."""
    return answer(find_intent(desk, stack, number))


def find_intent(desk: Desk, stack: str, number: int) -> dict[str, Any]:
    found = desk.window.intent(stack, number)
    if found is None:
        raise NotFound(f"{stack} has no intent {number}", "the last 200 are kept")
    return intent_data(found)


def intent_data(intent: Intent) -> dict[str, Any]:
    return {
        "id": intent.id,
        "verb": intent.verb,
        "services": list(intent.args.get("services", ())),
        "who": intent.who,
        "askedAt": timestamp(intent.asked_at),
        "state": str(intent.state),
        "exitCode": intent.exit_code,
        "result": _result_of(intent),
    }


def _result_of(intent: Intent) -> Any:
    """As the command prints it."""
    if not intent.result:
        return None
    return report_data(decode(CleanupReport, intent.result)) if intent.verb == "cleanup" else json.loads(intent.result)


@asks.post("/v1/stacks/{stack}/alerts/{alert}/ack", tags=["alerts"])
@needs("ack", "alerts")
def acknowledge(desk: AtDesk, request: Request, stack: str, alert: str) -> Response:
    """Somebody knows of it: no repeats, as long as it gets no worse. The alerts as they are now."""
    found = next((one for one in desk.window.alerts(stack).book.open.values() if one.id == alert), None)
    if found is None:
        raise NotFound(f"{stack} has no open alert {alert}")
    desk.window.acknowledge(stack, [Ack(alert, who_of(request), time.time(), found.severity)])
    return answer(find_alerts(desk, stack))


@asks.post("/v1/stacks/{stack}/silences", status_code=201, tags=["alerts"])
@needs("silence", "alerts")
def silence(desk: AtDesk, request: Request, stack: str, body: Silencing) -> Response:
    """Send nothing for a while; alerts are listed all the same. The alerts and silences as they are now."""
    now = time.time()
    desk.stack(stack)
    for name in body.services:
        desk.service(stack, name)
    made = Silence(0, now + body.seconds, who_of(request), now, body.services, body.rules, body.comment)
    desk.window.silence(stack, made)
    return answer(find_alerts(desk, stack), 201)


@asks.delete("/v1/stacks/{stack}/silences/{number}", status_code=204, tags=["alerts"])
@needs("silence", "alerts")
def end_silence(desk: AtDesk, stack: str, number: Number) -> Response:
    """It is over now."""
    if not desk.window.end_silence(stack, number):
        raise NotFound(f"{stack} has no silence {number}")
    return Response(status_code=204)
