"""What monitoring systems ask for: `GET /metrics` and `GET /v1/sd`, of all stacks or of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response

from controller.loop.window import UnknownStack, Window
from controller.model.status import StackStatus
from controller.web.desk import NotFound, answer
from controller.web.discovery import Group, find_groups
from controller.web.exposition import expose
from controller.web.needs import CheckedRoute, needs, sight_of
from controller.web.snapshot import statuses, take_snapshot

scrapes = APIRouter(route_class=CheckedRoute, tags=["metrics"])

Name = Annotated[str | None, Query(max_length=256)]


@dataclass(frozen=True, slots=True)
class View:
    """What may be scraped here. `only`: one stack; None: all of them."""

    window: Window
    only: str | None = None
    discovery: bool = True


def _view(request: Request) -> View:
    return cast(View, request.app.state.view)


Seen = Annotated[View, Depends(_view)]


@scrapes.get("/metrics")
@needs("get", "metrics")
def metrics(view: Seen, accept: Annotated[str, Header()] = "") -> Response:
    """Everything in Prometheus' text format, or in OpenMetrics where that is accepted. See docs/metrics.md."""
    text, media_type = expose(take_snapshot(view.window, view.only), accept)
    return Response(text, headers={"content-type": media_type})


@scrapes.get("/v1/sd")
@needs("get", "metrics", somewhere=True)
def discover(request: Request, view: Seen, stack: Name = None, service: Name = None) -> Response:
    """Ready replicas and their TCP ports, as Prometheus' HTTP service discovery wants them."""
    if not view.discovery:
        raise NotFound("discovery is switched off", "api.discovery of the Controller manifest")
    sight = sight_of(request, "metrics")
    chosen = [status for status in statuses(view.window, view.only) if sight.sees(status.name)]
    return answer(list(_groups(view, [one for one in chosen if stack in (None, one.name)], service, _is_here(request))))


def _is_here(request: Request) -> bool:
    """Who asks is on this machine, and in no container."""
    client, server = request.client, cast("tuple[str, int] | None", request.scope.get("server"))
    if client is None or (server is not None and client.host == server[0]):
        return True
    try:
        return ip_address(client.host).is_loopback
    except ValueError:
        return True


def _groups(view: View, chosen: Sequence[StackStatus], service: str | None, is_here: bool) -> Iterator[Group]:
    """A stack or service that there is not has no targets: Prometheus keeps to what it knew on any error."""
    for status in chosen:
        with suppress(UnknownStack):  # it has just gone
            desired, policy = view.window.desired(status.name), view.window.metrics(status.name)
            yield from find_groups(status, desired, policy, service, by_name=not is_here)
