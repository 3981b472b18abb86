"""What is used: now, and in the past."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from controller.render.resources import stack_limits_data
from controller.render.usage import series_data, usage_data
from controller.web.desk import AtDesk, NotFound, answer
from controller.web.needs import KEYED, CheckedRoute, declare, needs, sight_of
from controller.web.sights import in_sight

figures = APIRouter(route_class=CheckedRoute, tags=["usage"])

Since = Annotated[float, Query(gt=0, le=366 * 86400)]


@figures.get("/v1/usage")
@needs("get", "stacks", somewhere=True)
async def usage(desk: AtDesk, request: Request) -> Response:
    """The newest sample of the machine and of stacks that one may see; 404 before the first one."""
    latest = desk.window.metering.latest
    if latest is None:
        raise NotFound("nothing was measured yet", "spec.metrics.interval says how often that is done")
    return answer(in_sight(usage_data(latest), sight_of(request)))


@figures.get("/v1/stacks/{stack}/usage")
@needs("get", "stacks")
def history(
    desk: AtDesk, stack: str, since: Since = 3600.0, service: Annotated[str | None, Query(max_length=256)] = None
) -> Response:
    """The last `since` seconds of each service, or of one, in some 500 points at most."""
    desk.stack(stack)
    if service is not None:
        desk.service(stack, service)
    return answer(series_data(desk.window.metering.history(stack, service, since)))


@figures.get("/v1/host/usage")
@declare(KEYED)
def host(desk: AtDesk, since: Since = 3600.0) -> Response:
    """The same of the machine, as one series without a service."""
    return answer(series_data(desk.window.metering.history(None, None, since)))


@figures.get("/v1/stacks/{stack}/resources")
@needs("get", "limits")
def resources(desk: AtDesk, stack: str) -> Response:
    """Limits beside what is used under them and what is recommended, as one stack of `controller resources -o json`."""
    desk.stack(stack)
    return answer(stack_limits_data(desk.window.limits(stack)))
