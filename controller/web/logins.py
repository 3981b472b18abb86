"""`/v1/session`: sessions begin and end, and say who one is and what one may."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from controller.model.access import Rule
from controller.render.data import timestamp
from controller.web.asks import key_of
from controller.web.bodies import Login
from controller.web.bounds import retry_after
from controller.web.callers import Caller
from controller.web.desk import AtDesk, Desk, answer, refuse
from controller.web.guard import Refused
from controller.web.keys import OWNER, Badge
from controller.web.needs import KEYED, CheckedRoute, caller_of, declare

logins = APIRouter(route_class=CheckedRoute, tags=["session"])


@logins.post("/v1/session", status_code=201)
@declare(None)
async def log_in(desk: AtDesk, request: Request, body: Login) -> Response:
    """Change a code of `controller token link`, or a token, for a session: shown as a token is, beside the cookie that
    the answer sets, for some hours."""
    peer, now = request.state.peer, time.monotonic()
    if wait := desk.logins.wait(peer, now):
        raise Refused(429, "too many logins have failed", "wait, or ask with a token", retry_after(wait))
    badge = _enter(desk, body)
    if badge is None:
        desk.logins.fail(peer, now)
        what = "this link was used already, or is too old" if body.code is not None else "this is not a valid token"
        request.state.why = what
        return refuse(403, what, "controller token link")  # 401 is said of a key that was shown
    halves = desk.doors.keys.open_session(badge)
    told = answer({"session": halves.shown, "seconds": halves.seconds, "user": badge.user}, 201)
    _set_cookie(told, desk, halves.cookie, int(halves.seconds))
    return told


def _enter(desk: Desk, body: Login) -> Badge | None:
    if body.code is not None and desk.doors.keys.use_code(body.code):
        return OWNER
    return desk.doors.may_enter(body.token.strip()) if body.token is not None else None


@logins.get("/v1/session")
@declare(KEYED)
async def who_am_i(request: Request) -> Response:
    """Who one is, with which roles, and what these allow: `*` stands for all. `until`: when the key ends."""
    return answer(_caller_data(caller_of(request)))


@logins.delete("/v1/session", status_code=204)
@declare(KEYED)
async def log_out(desk: AtDesk, request: Request) -> Response:
    """The session that is shown is void."""
    desk.doors.keys.end_session(key_of(request).bearer)
    told = Response(status_code=204)
    _set_cookie(told, desk, "", 0)
    return told


def _set_cookie(told: Response, desk: Desk, value: str, seconds: int) -> None:
    """No script can read it, and it goes along with nothing that another site asks for."""
    secure = desk.place.scheme == "https"
    told.set_cookie(desk.cookie, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict")


def _caller_data(caller: Caller) -> dict[str, Any]:
    return {
        "user": caller.badge.user if caller.badge is not None else caller.name,
        "name": caller.name,
        "roles": [role.name for role in caller.roles],
        "may": [_rule_data(rule) for role in caller.roles for rule in role.rules],
        "until": timestamp(caller.until) if caller.until is not None else None,
    }


def _rule_data(rule: Rule) -> dict[str, list[str]]:
    return {"verbs": sorted(rule.verbs), "resources": sorted(rule.resources), "stacks": sorted(rule.stacks)}
