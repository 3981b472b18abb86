"""Server-sent events: the feed, and the output of replicas as it comes."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response, StreamingResponse

from controller.loop.window import Window
from controller.model.errors import EngineError
from controller.model.observed import Replica
from controller.web.desk import AtDesk, Desk, NotFound, Taken, answer
from controller.web.feed import Feed, dumps

streams = APIRouter()

PING = 15.0
"""Seconds of silence after which a comment is sent, so that nobody in between takes the connection for dead."""
MOST_FOLLOWERS, MOST_LOGS = 200, 24
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_LINES = 1000
"""Lines that wait for one reader of logs; older ones make way, and that is said."""


class Places:
    """How many may do something at once."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self.taken = 0

    def check(self) -> None:
        """Raises Taken where there is no room for another one."""
        if self.taken >= self._most:
            raise Taken(f"{self._most} {self._what} already")

    @contextmanager
    def held(self) -> Iterator[None]:
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


followers = Places(MOST_FOLLOWERS, "follow")
readers = Places(MOST_LOGS, "read logs")


@streams.get("/v1/stream", tags=["events"], response_class=StreamingResponse)
async def stream(
    desk: AtDesk,
    last_event_id: Annotated[str, Header(max_length=64)] = "",
    since: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Everything as it changes; `Last-Event-ID` (or `since`) goes on from there."""
    followers.check()
    return StreamingResponse(
        _follow(desk.feed, last_event_id or since), media_type="text/event-stream", headers=_HEADERS
    )


async def _follow(feed: Feed, last: str) -> AsyncIterator[bytes]:
    with followers.held():
        seq = feed.begin(last)
        yield b"retry: 1000\n\n"
        while not feed.closed:
            found = feed.after(seq) if seq is not None else None
            text, seq = found if found is not None else feed.snapshot()
            if text:
                yield text
            elif not await feed.wait(PING):
                yield b": still here\n\n"


@streams.get("/v1/stacks/{stack}/services/{service}/logs", tags=["logs"])
async def logs(
    desk: AtDesk,
    stack: str,
    service: str,
    tail: Annotated[int, Query(ge=0, le=10000)] = 200,
    replica: Annotated[str | None, Query(max_length=256)] = None,
    follow: bool = False,
) -> Response:
    """Output of the service's replicas, or of one; with `follow` as server-sent events `line` as it comes."""
    chosen = [one for one in desk.service(stack, service).replicas if replica in (None, one.name)]
    if replica is not None and not chosen:
        raise NotFound(f"{service} has no replica '{replica}'")
    readers.check()
    if follow:
        lines = _tail(desk, chosen, tail)
        return StreamingResponse(lines, media_type="text/event-stream", headers=_HEADERS)
    with readers.held():
        return answer({"lines": await asyncio.to_thread(_read, desk.window, chosen, tail)})


def _read(window: Window, replicas: Sequence[Replica], tail: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for one in replicas:
        with suppress(EngineError):  # it has just gone
            found += [{"replica": one.name, "line": line} for line in window.logs(one.id, tail=tail)]
    return found


class _Reader:
    """One replica's output, read by a thread, until somebody ends it."""

    def __init__(self, window: Window, replica: Replica, tail: int, put: Callable[[str, str], None]) -> None:
        self._end: Callable[[], None] | None = None
        self._over = False
        self._thread = threading.Thread(target=self._run, args=(window, replica, tail, put), name="logs", daemon=True)
        self._thread.start()

    def _run(self, window: Window, replica: Replica, tail: int, put: Callable[[str, str], None]) -> None:
        with suppress(EngineError):  # hung up, or gone
            for line in window.logs(replica.id, tail=tail, follow=True, opened=self._note):
                put(replica.name, line)

    def _note(self, end: Callable[[], None]) -> None:
        self._end = end
        if self._over:
            end()

    def close(self) -> None:
        self._over = True
        if self._end is not None:
            self._end()


async def _tail(desk: Desk, replicas: Sequence[Replica], tail: int) -> AsyncIterator[bytes]:
    loop, wake = asyncio.get_running_loop(), asyncio.Event()
    lines: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    dropped = 0

    def put(replica: str, line: str) -> None:
        nonlocal dropped
        if lines.qsize() >= _LINES:
            lines.get()
            dropped += 1
        lines.put((replica, line))
        with suppress(RuntimeError):  # the server has ended
            loop.call_soon_threadsafe(wake.set)

    with readers.held(), ExitStack() as ends:
        for one in replicas:
            ends.callback(_Reader(desk.window, one, tail, put).close)
        yield b"retry: 1000\n\n"
        while not desk.feed.closed:
            wake.clear()
            if dropped:
                yield f'event: dropped\ndata: {{"lines":{dropped}}}\n\n'.encode()
                dropped = 0
            if not lines.empty():
                yield b"".join(_lines(lines))
                continue
            try:
                await asyncio.wait_for(wake.wait(), PING)
            except TimeoutError:
                yield b": still here\n\n"


def _lines(lines: queue.SimpleQueue[tuple[str, str]]) -> list[bytes]:
    found: list[bytes] = []
    while not lines.empty() and len(found) < _LINES:
        replica, line = lines.get()
        found.append(f"event: line\ndata: {dumps({'replica': replica, 'line': line})}\n\n".encode())
    return found
