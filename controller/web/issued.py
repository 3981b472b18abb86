"""`/v1/tokens`, `/v1/access`: what was issued, and the end of it; who has which roles, and what these allow.

New tokens are made by the command line alone.
"""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from controller.render.tokens import access_data, tokens_data
from controller.web.desk import AtDesk, NotFound, answer
from controller.web.needs import CheckedRoute, needs

issued = APIRouter(route_class=CheckedRoute, tags=["tokens"])


@issued.get("/v1/tokens")
@needs("get", "tokens")
def tokens(desk: AtDesk) -> Response:
    """Who was given which, until when, and what became of it; never a token itself. As `controller token list`."""
    page = desk.doors.book.page()
    return answer(tokens_data(page.tokens if page is not None else (), time.time()))


@issued.delete("/v1/tokens/{number}", status_code=204)
@needs("revoke", "tokens")
def revoke(desk: AtDesk, request: Request, number: Annotated[str, Path(pattern="^[0-9a-f]{16}$")]) -> Response:
    """It is void from now on, and with it the sessions that it opened."""
    page = desk.doors.book.page()
    if page is None or page.find(number) is None:
        raise NotFound(f"there is no token {number}", "controller token list")
    desk.doors.book.revoke(lambda one: one.id == number, time.time())
    return Response(status_code=204)


@issued.get("/v1/access")
@needs("get", "tokens")
def access(desk: AtDesk) -> Response:
    """Users with their roles, and the rules of each role, by the manifest in force. As `controller access list`."""
    return answer(access_data(desk.window.serving().access))
