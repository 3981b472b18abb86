"""What all routes share: the window to the loop, the feed, the keys; and how an answer is made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.responses import Response

from controller.loop.window import UnknownStack, Window
from controller.model.status import ServiceStatus, StackStatus
from controller.web.bounds import Throttle
from controller.web.callers import Caller, Doors, Shown
from controller.web.feed import Feed, dumps
from controller.web.guard import Place, complaint
from controller.web.places import Places, Shares

MOST_READ, MOST_PLANS, MOST_AUDITS = 200, 4, 32
AUDITS_EACH, AUDITS_AT_ONCE = 4, 2


@dataclass(frozen=True, slots=True)
class Desk:
    """`readers`: replicas whose output is read, each by a thread and over a connection to the engine. `rehearsing`: a
    plan takes processor time that the loop may need: one at a time, and few that wait for it. `looking`: one look at
    alerts serves all who wait for it. `counting`: to say what could be cleaned up an engine may have to walk through
    its files: one at a time too. `auditors`: who looks into the audit log, whose files are gone through, few of
    one client; `auditing`: a few at once, the others wait.
    """

    window: Window
    feed: Feed
    doors: Doors
    place: Place
    cookie: str
    """The name of the one that is the half of a session."""
    logins: Throttle = field(default_factory=Throttle)
    readers: Places = field(default_factory=lambda: Places(MOST_READ, "replicas are read"))
    planners: Places = field(default_factory=lambda: Places(MOST_PLANS, "wait for a plan"))
    rehearsing: asyncio.Lock = field(default_factory=asyncio.Lock)
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    counters: Places = field(default_factory=lambda: Places(MOST_PLANS, "wait for what could be cleaned up"))
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)
    auditors: Shares = field(default_factory=lambda: Shares(MOST_AUDITS, AUDITS_EACH, "look into the audit log"))
    auditing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AUDITS_AT_ONCE))

    def stack(self, name: str) -> StackStatus:
        """As it was published last. Raises UnknownStack."""
        kept = self.feed.kept.get(name)
        if kept is None:
            raise UnknownStack.among(name, self.feed.kept)
        return kept.stack

    def service(self, stack: str, name: str) -> ServiceStatus:
        found = next((one for one in self.stack(stack).services if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.stack(stack).services) or "none"
            raise NotFound(f"{stack} has no service '{name}'", f"its services: {known}")
        return found

    def knows(self, shown: Shown) -> Caller | None:
        """Who that still is; None: the key is good no more."""
        return self.doors.identify(shown)


class NotFound(Exception):
    """There is no such thing here."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def _desk(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


AtDesk = Annotated[Desk, Depends(_desk)]


def answer(data: Any, status: int = 200) -> Response:
    return Response(dumps(data), status, media_type="application/json")


def refuse(status: int, message: str, hint: str | None = None, **more: Any) -> Response:
    return answer(complaint(message, hint, **more), status)
