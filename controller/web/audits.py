"""Who changes something through the API, or is turned away at its door, is written down: before it, and after."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from controller.loop.auditor import AuditBook, new_id
from controller.loop.auditread import Query as Wanted
from controller.loop.window import Window
from controller.model.errors import ControllerError
from controller.render.audit import records_data
from controller.security.audit import Act, Stage, Via
from controller.web.access import client_of
from controller.web.bodies import AuditAsked
from controller.web.desk import AtDesk, answer
from controller.web.guard import Asking, Refused
from controller.web.needs import CheckedRoute, caller_of, needs

LOGIN = "login"

_WORDS: tuple[tuple[str, re.Pattern[str], str, str], ...] = (
    ("POST", re.compile(r"/v1/session"), LOGIN, "session"),
    ("DELETE", re.compile(r"/v1/session"), "logout", "session"),
    ("DELETE", re.compile(r"/v1/tokens/([^/]+)"), "revoke", "token"),
    ("POST", re.compile(r"/v1/stacks/([^/]+)/intents"), "ask", "stack"),
    ("POST", re.compile(r"/v1/stacks/([^/]+)/alerts/[^/]+/ack"), "ack", "stack"),
    ("POST", re.compile(r"/v1/stacks/([^/]+)/silences"), "silence", "stack"),
    ("DELETE", re.compile(r"/v1/stacks/([^/]+)/silences/[^/]+"), "end-silence", "stack"),
)
"""Method, path, verb and kind of what it is about, whose name is in the path."""

_LONGEST = 200
"""Characters of a name that a stranger gave."""

_PEERS = 4096
"""Connections that are known to have been recorded."""

DENIALS_A_SECOND = 10
"""So many refusals are written down one by one; of what comes beside them, how many."""


@dataclass(slots=True)
class _Measure:
    """Of what strangers cause to be written."""

    second: int = 0
    written: int = 0
    unwritten: int = 0

    def take(self, now: int) -> int | None:
        """How many were not written since the last one that was; None: neither is this."""
        if now != self.second:
            self.second, self.written = now, 0
        if self.written >= DENIALS_A_SECOND:
            self.unwritten += 1
            return None
        self.written += 1
        more, self.unwritten = self.unwritten, 0
        return more


class Doorbook:
    """What the guard writes into. Its methods belong to the server's thread, and block nothing there."""

    def __init__(self, book: AuditBook, clock: Callable[[], float] = time.monotonic) -> None:
        self._book, self._clock = book, clock
        self._peers: OrderedDict[str, None] = OrderedDict()
        self._denials, self._logins = _Measure(), _Measure()

    async def begin(self, asking: Asking, who: str) -> Act:
        """It is about to be done. Raises Refused where that cannot be recorded: then it must not be."""
        act = replace(_act_of(asking, who), id=new_id())
        if act.verb == LOGIN:
            return act  # changes nothing, and anybody may try
        try:
            await asyncio.to_thread(self._book.record, replace(act, stage=Stage.INTENT))
        except ControllerError as error:
            raise Refused(503, f"not done, since it cannot be recorded: {error.message}", error.hint) from None
        return act

    async def end(self, act: Act, status: int, why: str = "") -> None:
        """That status was answered; 0: nothing, by a fault of ours. `why`: he was refused."""
        allowed = status not in (401, 403)
        word = "done" if 200 <= status < 400 else "failed" if allowed else "denied"
        detail = {**act.detail, "status": status}
        done = replace(act, outcome=word, allowed=allowed, why=why, detail=detail)
        if act.verb == LOGIN and word != "done":
            await self._note_bounded(done, self._logins)
        else:
            await asyncio.to_thread(self._book.note, done)

    async def deny(self, asking: Asking, refused: Refused, who: str = "nobody") -> None:
        """Somebody was turned away."""
        act = _act_of(asking, who)
        detail = {"status": refused.status}
        await self._note_bounded(
            replace(act, allowed=False, why=str(refused), outcome="denied", detail=detail), self._denials
        )

    async def _note_bounded(self, act: Act, measure: _Measure) -> None:
        """Who does nothing else fills no disk with it."""
        more = measure.take(int(self._clock()))
        if more is not None:
            detail = {**act.detail, **({"more": more} if more else {})}
            await asyncio.to_thread(self._book.note, replace(act, detail=detail))

    async def meet(self, peer: str) -> None:
        """A request over that connection; the first is recorded, where that is asked for."""
        if not self._book.policy.connections or not peer or peer in self._peers:
            return
        self._peers[peer] = None
        if len(self._peers) > _PEERS:
            self._peers.popitem(last=False)
        await asyncio.to_thread(
            self._book.note, Act("nobody", Via.API, "connect", "connection", "", origin=peer, outcome="done")
        )


def _act_of(asking: Asking, who: str) -> Act:
    verb, kind, name = _describe(asking)
    return Act(who, Via.API, verb, kind, name[:_LONGEST], origin=asking.origin)


def _describe(asking: Asking) -> tuple[str, str, str]:
    for method, path, verb, kind in _WORDS:
        if asking.method == method and (found := path.fullmatch(asking.path)) is not None:
            return verb, kind, found[1] if found.groups() else ""
    return asking.method.lower()[:_LONGEST], "path", asking.path


audits = APIRouter(route_class=CheckedRoute)


@audits.get("/v1/audit", tags=["audit"])
@needs("get", "audit")
async def audit(desk: AtDesk, request: Request, asked: Annotated[AuditAsked, Query()]) -> Response:
    """Who did what, newest first, as `controller audit show -o json`; `next` is `before` of the next page."""
    await request.body()  # it has none; what comes after is that he went
    client = client_of(caller_of(request), request.state.key.bearer, request.state.peer)
    with desk.auditors.held_by(client):
        async with desk.auditing:
            if await request.is_disconnected():
                return Response(status_code=503)  # nobody is there to read it
            return await asyncio.to_thread(_page, desk.window, asked)


def _page(window: Window, asked: AuditAsked) -> Response:
    """Takes a while, as its making does: it may be long."""
    stacks = (asked.stack,) if asked.stack else ()
    wanted = Wanted(asked.since, asked.before, asked.who, asked.verb, stacks, asked.outcome, asked.act)
    found = window.audited(wanted, asked.limit + 1)
    following = found[asked.limit - 1].cursor if len(found) > asked.limit else None
    return answer(records_data(found[: asked.limit], following))
