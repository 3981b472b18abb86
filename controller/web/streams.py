"""Server-sent events: the feed, and the output of replicas as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import closing, suppress
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from controller.loop.window import UnknownStack, Window
from controller.model.errors import EngineError
from controller.model.observed import Replica
from controller.web.asks import key_of
from controller.web.bodies import LogsAsked
from controller.web.callers import Shown
from controller.web.desk import AtDesk, Desk, NotFound, answer
from controller.web.feed import dumps, frame
from controller.web.needs import CheckedRoute, needs
from controller.web.places import Taken
from controller.web.sights import Sight
from controller.web.tail import Lines, Tail
from controller.web.watching import look_at_alerts

streams = APIRouter(route_class=CheckedRoute)

PING = 15.0
"""Seconds of silence after which a comment is sent, so that nobody in between takes the connection for dead."""
_LOOK = 1.0
"""Seconds after which is looked again which replicas there are."""
_PATIENCE = 0.5
"""Seconds for which a page waits for the alerts: where stores are slow it is told of all else, and of them later."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_PING = b": still here\n\n"
_RETRY = b"retry: 1000\n\n"


@streams.get("/v1/stream", tags=["events"], response_class=StreamingResponse)
@needs("get", "stacks", somewhere=True)
async def stream(
    desk: AtDesk,
    request: Request,
    last_event_id: Annotated[str, Header(max_length=64)] = "",
    since: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """All that one may see, as it changes; `Last-Event-ID` (or `since`) goes on from there."""
    desk.feed.followers.check()
    if not desk.feed.followers.taken:  # nobody has looked lately
        with suppress(TimeoutError):
            await asyncio.wait_for(look_at_alerts(desk), _PATIENCE)
    return _stream(_follow(desk, key_of(request), last_event_id or since))


def _stream(parts: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(parts, media_type="text/event-stream", headers=_HEADERS)


async def _follow(desk: Desk, key: Shown, last: str) -> AsyncIterator[bytes]:
    """What one may see, as long as the key is good. Who comes with many others may find no room, and comes again."""
    feed = desk.feed
    with suppress(Taken), feed.followers.held():
        seq = feed.begin(last)
        yield _RETRY
        while not feed.closed and (caller := desk.knows(key)) is not None:
            sight = Sight(caller)
            found = feed.after(seq, sight) if seq is not None else None
            text, seq = found if found is not None else feed.snapshot(sight)
            if text:
                yield text
            elif not await feed.wait(PING):
                yield _PING


@streams.get("/v1/stacks/{stack}/services/{service}/logs", tags=["logs"])
@needs("get", "logs")
async def logs(
    desk: AtDesk, request: Request, stack: str, service: str, asked: Annotated[LogsAsked, Query()]
) -> Response:
    """Output of the service's replicas, or of one; with `follow` as server-sent events `line` as it comes."""
    replica, tail = asked.replica, asked.tail
    chosen = _choose(desk, stack, service, replica)
    if replica is not None and not chosen:
        raise NotFound(f"{service} has no replica '{replica}'")
    desk.readers.check(len(chosen))
    if asked.follow:
        return _stream(_tail(desk, key_of(request), (stack, service, replica), tail))
    with desk.readers.held():
        return answer({"lines": await asyncio.to_thread(_read, desk.window, chosen, tail)})


def _choose(desk: Desk, stack: str, service: str, replica: str | None) -> Sequence[Replica]:
    """Raises NotFound or UnknownStack."""
    return [one for one in desk.service(stack, service).replicas if replica in (None, one.name)]


def _read(window: Window, replicas: Sequence[Replica], tail: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for one in replicas:
        with suppress(EngineError):  # it has just gone
            found += [{"replica": one.name, "line": line} for line in window.logs(one.id, tail=tail)]
    return found


async def _tail(desk: Desk, key: Shown, of: tuple[str, str, str | None], tail: int) -> AsyncIterator[bytes]:
    """Until the service is no more, or the key no longer good."""
    lines, clock = Lines(), asyncio.get_running_loop().time
    with closing(Tail(desk.window, desk.readers, lines.put, tail)) as reading:
        yield _RETRY
        said_at = clock()
        while not desk.feed.closed and _may_read(desk, key, of[0]):
            try:
                reading.keep_to(_choose(desk, *of))
            except (NotFound, UnknownStack):
                return
            if text := _frames(lines):
                said_at = clock()
                yield text
            elif clock() - said_at >= PING:
                said_at = clock()
                yield _PING
            else:
                await lines.wait(_LOOK)


def _may_read(desk: Desk, key: Shown, stack: str) -> bool:
    caller = desk.knows(key)
    return caller is not None and caller.may("get", "logs", stack).allowed


def _frames(lines: Lines) -> bytes:
    found, dropped = lines.take()
    told = [frame("dropped", dumps({"lines": dropped}))] if dropped else []
    told += [frame("line", dumps({"replica": one.replica, "line": one.text})) for one in found]
    return b"".join(one + b"\n" for one in told)
