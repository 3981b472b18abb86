"""What followers get: the newest word on each thing, put into text once, and the whole where that is not enough."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from controller.model.status import Event, ServiceStatus, StackStatus
from controller.model.usage import Usage
from controller.render.data import event_data, service_data, stack_data
from controller.render.usage import usage_data
from controller.web.changes import Change, Kept, Key, take_in
from controller.web.places import Places
from controller.web.sights import WHOLE, Sight, in_sight

KEPT = 4096
"""Things of which the newest word is kept, each event a thing: a follower may be 80 s behind at 50 events a second."""
KEPT_EVENTS = 200
MOST_FOLLOWERS = 200
GATHER = 0.004
"""Seconds for which changes are gathered before followers are woken: far below what an eye sees."""
REST, LONGEST_REST = 0.0025, 0.25
"""Seconds between two rounds, for each follower. To tell one costs a quarter of a millisecond: all of them together
take a tenth of the time that the loop needs too."""


@dataclass(slots=True)
class Entry:
    """One message of the stream; its text is made when the first follower wants it."""

    seq: int
    key: Key
    kind: str
    make: Callable[[], str]
    _frame: bytes | None = field(default=None, repr=False)

    @property
    def frame(self) -> bytes:
        if self._frame is None:
            self._frame = frame(self.kind, self.make())
        return self._frame

    @property
    def is_head(self) -> bool:
        """It says of a stack that it is, or is no more: what is said of its services means nothing before that."""
        return self.key[0] == "stack"


def frame(kind: str, text: str) -> bytes:
    """A server-sent event (WHATWG HTML, 9.2) of JSON text, which has no line breaks of its own, but for its end."""
    return f"event: {kind}\ndata: {text}\n".encode()


def dumps(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


class Feed:
    """An audience of the loop. `update` and `event` come from the loop's thread, all else belongs to the server's."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(4)
        self.followers = Places(MOST_FOLLOWERS, "follow")
        self.kept: Mapping[str, Kept] = {}
        self.closed = False
        self._lock = threading.Lock()
        self._stacks: tuple[StackStatus, ...] = ()
        self._told: list[Event] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sample: Usage | None = None
        self._due = False
        self._gathered_at = 0.0
        self._seq = 0
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        """By the order in which they were said. Who was not told what was said before gets what was said last."""
        self._lost = 0
        """The `seq` of the newest word that is not kept though none came after it."""
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._changed = asyncio.Event()
        self._fragments: dict[tuple[str, str], tuple[ServiceStatus, str]] = {}
        self._whole: tuple[object, bytes] = (None, b"")
        self.intents: dict[tuple[str, int], dict[str, Any] | None] = {}
        """Those that somebody asked for here and that are not done, as they were told last."""
        self._usage: dict[str, Any] | None = None
        self._alerts: dict[str, dict[str, Any]] = {}
        """By stack, as they were told last."""
        self.alerts_read_at = -math.inf
        """On the server's clock."""

    # --- the loop's thread

    def update(self, stacks: tuple[StackStatus, ...]) -> None:
        self._stacks = stacks
        self._wake()

    def event(self, event: Event) -> None:
        with self._lock:
            self._told.append(event)
            del self._told[:-KEPT]
        self._wake()

    def take_sample(self, usage: Usage) -> None:
        """From the thread that measures."""
        with self._lock:
            self._sample = usage
        self._wake()

    def _wake(self) -> None:
        """At most one wake-up is on its way."""
        with self._lock:
            if self._due or self._loop is None:
                return
            self._due = True
        try:
            self._loop.call_soon_threadsafe(self._put_off)
        except RuntimeError:  # the server has ended
            self._loop = None

    # --- the server's thread

    def open(self, stacks: Sequence[StackStatus], events: Sequence[Event]) -> None:
        """From now on there may be followers. `events`: told before, oldest first."""
        self._events.extend(events)
        known = {(event.stack, event.seq) for event in events}
        with self._lock:
            self._told = [event for event in self._told if (event.stack, event.seq) not in known]
        self._stacks = self._stacks or tuple(stacks)
        self._loop = asyncio.get_running_loop()
        self._gather()

    def close(self) -> None:
        """Every follower comes to its end."""
        self.closed = True
        self._announce()

    def _put_off(self) -> None:
        assert self._loop is not None
        rest = min(LONGEST_REST, REST * self.followers.taken)
        self._loop.call_at(max(self._loop.time() + GATHER, self._gathered_at + rest), self._gather)

    def _gather(self) -> None:
        self._gathered_at = asyncio.get_running_loop().time()
        with self._lock:
            self._due = False
            told, self._told = self._told, []
            sample, self._sample = self._sample, None
        for event in told:
            self._take_event(event)
        self.kept, changes = take_in(self.kept, self._stacks)
        for change in changes:
            self._note(change)
        if sample is not None:
            self._usage = data = usage_data(sample)
            self._add(("usage", "", ""), "usage", lambda: dumps(data))
        if told or changes or sample is not None:
            self._announce()

    def tell_alerts(self, stack: str, data: dict[str, Any]) -> None:
        """All of that stack as they are now, where that is news."""
        if stack in self.kept and self._alerts.get(stack) != data:
            self._alerts[stack] = data
            self._add(("alerts", stack, ""), "alerts", lambda: dumps(data))
            self._announce()

    def follow_intent(self, stack: str, number: int) -> None:
        """Tell how it goes on."""
        self.intents[stack, number] = None

    def tell_intent(self, stack: str, data: dict[str, Any]) -> None:
        """As it is now, where that is news."""
        if self.intents.get((stack, data["id"])) == data:
            return
        self.intents[stack, data["id"]] = data
        if data["state"] == "done":
            del self.intents[stack, data["id"]]
        self._add(("intent", stack, str(data["id"])), "intent", lambda: dumps({"stack": stack, "intent": data}))
        self._announce()

    def _take_event(self, event: Event) -> None:
        repeats = _same(event)
        if event.count > 1:
            self._events = deque((known for known in self._events if _same(known) != repeats), maxlen=KEPT_EVENTS)
        self._events.append(event)
        own = str(event.seq) if event.seq else f"+{self._seq}"  # what belongs to no stack's record has no number
        self._add(("event", event.stack, own), "event", lambda: dumps(event_data(event)))

    def _note(self, change: Change) -> None:
        kind, stack, service = change.key
        value = change.value
        if value is None:
            self._forget(stack, service)
            self._add(change.key, "removed", lambda: dumps({"stack": stack, "service": service or None}))
        elif kind == "stack":
            self._add(change.key, kind, lambda: dumps(bare_data(value)))
        else:
            self._add(change.key, kind, lambda: self._told_service(stack, value))

    def _forget(self, stack: str, service: str) -> None:
        """What is gone; `service` "": all of the stack."""
        gone = [key for key in self._fragments if key[0] == stack and service in ("", key[1])]
        for key in gone:
            del self._fragments[key]
        if not service:
            self._alerts.pop(stack, None)

    def _add(self, key: Key, kind: str, make: Callable[[], str]) -> None:
        self._seq += 1
        self._entries[key] = Entry(self._seq, key, kind, make)
        self._entries.move_to_end(key)
        if len(self._entries) > KEPT:
            self._lost = self._entries.popitem(last=False)[1].seq

    def _announce(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    # --- followers

    @property
    def seq(self) -> int:
        return self._seq

    def begin(self, last: str) -> int | None:
        """How far somebody with that `Last-Event-ID` is; None: that cannot be gone on from."""
        epoch, _, number = last.rpartition("-")
        if epoch != self.epoch or not number.isdecimal():
            return None
        seq = int(number)
        return seq if self._lost <= seq <= self._seq else None

    def after(self, seq: int, sight: Sight = WHOLE) -> tuple[bytes, int] | None:
        """All that came after, the newest of each thing only; None: some of it is not kept any more."""
        if seq < self._lost:
            return None
        pending = [entry for entry in self._newest(seq) if entry.key[0] == "usage" or sight.sees(entry.key[1])]
        if not pending:
            return b"", self._seq
        return b"\n".join(self._frame_of(entry, sight) for entry in pending) + self._end(), self._seq

    def _frame_of(self, entry: Entry, sight: Sight) -> bytes:
        if entry.key[0] != "usage" or sight.is_whole:
            return entry.frame
        return frame("usage", dumps(in_sight(self._usage, sight)))

    def _newest(self, seq: int) -> Sequence[Entry]:
        """From the end backwards: followers are seldom far behind. Heads first."""
        found = list(takewhile(lambda entry: entry.seq > seq, reversed(self._entries.values())))
        return sorted(reversed(found), key=lambda entry: not entry.is_head)

    def _end(self) -> bytes:
        """How far one is with all that was sent before it: who has only a part of it gets the whole of it again."""
        return f"id: {self.epoch}-{self._seq}\n\n".encode()

    async def wait(self, seconds: float) -> bool:
        """Until there may be something new; False: nothing came within that time."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def snapshot(self, sight: Sight = WHOLE) -> tuple[bytes, int]:
        """All that is, as one message."""
        told = [one for stack, one in self._alerts.items() if sight.sees(stack)]
        rest = {
            "events": [event_data(event) for event in self._events if sight.sees(event.stack)],
            "alerts": [alert for one in told for alert in one["alerts"]],
            "silences": [silence for one in told for silence in one["silences"]],
            "usage": in_sight(self._usage, sight),
        }
        data = f'{{"stacks":{self._stacks_text(sight)},{dumps(rest)[1:]}'
        return frame("snapshot", data) + self._end(), self._seq

    def stacks_body(self, sight: Sight = WHOLE) -> bytes:
        """`status -o json`, made anew only where something changed."""
        if not sight.is_whole:
            return f'{{"stacks":{self._stacks_text(sight)}}}'.encode()
        if self._whole[0] is not self.kept:
            self._whole = (self.kept, f'{{"stacks":{self._stacks_text()}}}'.encode())
        return self._whole[1]

    def stack_body(self, name: str) -> bytes | None:
        kept = self.kept.get(name)
        return None if kept is None else self._stack_text(kept).encode()

    def _stacks_text(self, sight: Sight = WHOLE) -> str:
        return f"[{','.join(self._stack_text(kept) for name, kept in self.kept.items() if sight.sees(name))}]"

    def _stack_text(self, kept: Kept) -> str:
        services = ",".join(self._service_text(kept.stack.name, one) for one in kept.services.values())
        return f'{dumps(bare_data(kept.stack))[:-1]},"services":[{services}]}}'

    def _told_service(self, stack: str, service: ServiceStatus) -> str:
        return f'{{"stack":{dumps(stack)},"service":{self._service_text(stack, service)}}}'

    def _service_text(self, stack: str, service: ServiceStatus) -> str:
        known = self._fragments.get((stack, service.name))
        if known is None or known[0] is not service:
            known = self._fragments[stack, service.name] = (service, dumps(service_data(service, words=True)))
        return known[1]


def bare_data(stack: StackStatus) -> dict[str, Any]:
    """A stack without its services."""
    data = stack_data(stack)
    del data["services"]
    return data


def _same(event: Event) -> tuple[str | None, ...]:
    return (event.stack, event.service, event.reason, event.kind, event.message)
