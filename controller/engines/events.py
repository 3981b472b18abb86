"""The event stream as nudges: reconnects by itself, and notices a daemon that is silent because it hangs."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from controller.engines import labels
from controller.engines.base import Nudge, NudgeAt
from controller.engines.client import Client
from controller.engines.images import Images
from controller.engines.inbox import Inbox
from controller.engines.sightings import Sightings
from controller.engines.transport import Stream
from controller.model.errors import EngineError

_FILTERS = {
    "type": ["container", "network", "image"],
    "event": [
        "create", "start", "die", "stop", "kill", "oom", "pause", "unpause", "destroy", "rename", "update",
        "health_status", "connect", "disconnect", "pull", "tag", "untag", "delete", "load", "import",
    ],
}  # fmt: skip
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_SILENCE = 10.0
_PING_PATIENCE = 3.0
_FLOOD = 100
"""Events at once after which the next ones are gathered for a moment: each nudge costs a look."""
_BREATH = 0.1
_OVERLAP = 1.0
"""Seconds before its beginning from which the first stream is wanted."""
_LONGEST_EVENT = 1024 * 1024


class Listener:
    """Nudges of one engine, for one reader."""

    def __init__(self, client: Client, images: Images, sightings: Sightings) -> None:
        self._client, self._images, self._sightings = client, images, sightings
        self._closed = threading.Event()
        self._stream: Stream | None = None
        self._last = time.time() - _OVERLAP
        """When the last event happened, on the engine's clock; at first a guess on ours."""
        self._unread: deque[bytes] = deque(maxlen=8)
        """Lines that ended a stream."""

    def close(self) -> None:
        self._closed.set()
        if self._stream is not None:
            self._stream.hang_up()

    def listen(self) -> Iterator[NudgeAt]:
        """Endless; CONNECTED first, LOST once per loss. A dead connection is noticed within 13 s of silence."""
        pause, said_lost = _FIRST_PAUSE, False
        while not self._closed.is_set():
            for nudge in self._listen_once():
                if nudge.kind is Nudge.CONNECTED:
                    pause, said_lost = _FIRST_PAUSE, False
                yield nudge
            self._sightings.lose()
            self._client.forget_version()
            if not said_lost and not self._closed.is_set():
                said_lost = True
                yield NudgeAt(Nudge.LOST)
            self._closed.wait(pause * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, no secret
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _listen_once(self) -> Iterator[NudgeAt]:
        """One connection, until it ends. Reading is a thread's: a read that was timed out cannot be resumed."""
        inbox = Inbox()
        reader = threading.Thread(target=self._read, args=(inbox,), name="events", daemon=True)
        reader.start()
        try:
            while not self._closed.is_set():
                taken = inbox.take(_SILENCE)
                yield from taken.nudges
                if taken.ended or not (taken.nudges or self._answers()):
                    return
                if taken.events > _FLOOD:
                    self._closed.wait(_BREATH)
        finally:
            if self._stream is not None:
                self._stream.hang_up()
            reader.join(timeout=2.0)

    def _read(self, inbox: Inbox) -> None:
        """Puts CONNECTED, what each event says, and the end. Never waits: the engine drops what a slow reader misses.

        With `since` it repeats what happened before it had us on its list; what it says twice does no harm. A line that
        ended a stream comes again then, and would end each: the second time it is passed over.
        """
        query = {"filters": _FILTERS, "since": f"{self._last:.9f}"}
        try:
            with self._client.stream("GET", "/events", query, deadline=None) as (response, stream):
                self._stream = stream
                self._begin(inbox)
                while line := response.readline(_LONGEST_EVENT):
                    if len(line) == _LONGEST_EVENT and not line.endswith(b"\n"):
                        _skip_line(response)
                        self._begin(inbox)  # whatever it said
                    elif line not in self._unread:
                        inbox.put(self._hear(line))
        except (EngineError, ValueError):
            pass  # the end of the stream says it all; who asks next gets the reason
        finally:
            self._stream = None
            inbox.end()

    def _begin(self, inbox: Inbox) -> None:
        """From here on what changes is said; what was seen before may have changed."""
        self._sightings.connect(time.time())
        self._images.forget()
        inbox.put(NudgeAt(Nudge.CONNECTED))

    def _answers(self) -> bool:
        try:
            self._client.ping(deadline=_PING_PATIENCE)
        except EngineError:
            return False
        return True

    def _hear(self, line: bytes) -> NudgeAt | None:
        """Raises ValueError for what is no event: a stream that was garbled once is not believed further."""
        try:
            return self._take(json.loads(line))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            self._unread.append(line)
            raise ValueError("not an event") from error

    def _take(self, event: Mapping[str, Any]) -> NudgeAt | None:
        self._last = max(self._last, float(event.get("timeNano") or 0) / 1e9)
        if event.get("Type") == "image":
            self._images.forget()
        nudge = read_nudge(event, self._sightings.whose)
        for container in _containers(event):
            if event.get("Action") == "oom":
                self._sightings.note_short(container, float(event.get("timeNano") or 0) / 1e9)
            self._sightings.say(container)
        return nudge


def _skip_line(response: http.client.HTTPResponse) -> None:
    """Read on to the end of a line that is longer than any event of use."""
    while (rest := response.readline(_LONGEST_EVENT)) and not rest.endswith(b"\n"):
        pass


def _containers(event: Mapping[str, Any]) -> tuple[str, ...]:
    actor = event.get("Actor") or {}
    found = actor.get("ID") if event.get("Type") == "container" else (actor.get("Attributes") or {}).get("container")
    return (found,) if found else ()


def read_nudge(event: Mapping[str, Any], whose: Callable[[str], tuple[str, str] | None]) -> NudgeAt | None:
    """Where to look because of one event; None: nowhere. `whose`: stack and service of a container's id."""
    marks = (event.get("Actor") or {}).get("Attributes") or {}
    match event.get("Type"):
        case "image":
            return NudgeAt(Nudge.IMAGES)
        case "container":
            if labels.OWN_STACK in marks:
                return NudgeAt(Nudge.STACK, marks[labels.OWN_STACK])
            if labels.PROJECT not in marks:
                return None
            return NudgeAt(Nudge.SERVICE, marks[labels.PROJECT], marks.get(labels.SERVICE))
        case "network":
            owner = whose(marks["container"]) if "container" in marks else None
            if owner is not None:
                return NudgeAt(Nudge.SERVICE, *owner)
            return NudgeAt(Nudge.NETWORK, network=marks["name"]) if {"container", "name"} <= marks.keys() else None
        case _:
            return None
