"""What followers get: a bounded record of changes, each put into text once, and the whole where that is not enough."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.model.status import Event, ServiceStatus, StackStatus
from controller.model.usage import Usage
from controller.render.data import event_data, service_data, stack_data
from controller.render.usage import usage_data
from controller.web.changes import Change, Kept, Key, take_in

KEPT = 4096
"""Changes that a follower may be behind by; 80 s at 50 a second."""
KEPT_EVENTS = 200
GATHER = 0.004
"""Seconds for which changes are gathered before followers are woken: far below what an eye sees."""


@dataclass(slots=True)
class Entry:
    """One message of the stream; its text is made when the first follower wants it."""

    seq: int
    key: Key
    kind: str
    make: Callable[[], str]
    _frame: bytes | None = field(default=None, repr=False)

    def frame(self, epoch: str) -> bytes:
        if self._frame is None:
            self._frame = frame(self.kind, self.make(), f"{epoch}-{self.seq}")
        return self._frame


def frame(kind: str, text: str, name: str) -> bytes:
    """A server-sent event (WHATWG HTML, 9.2) of JSON text, which has no line breaks of its own."""
    return f"id: {name}\nevent: {kind}\ndata: {text}\n\n".encode()


def dumps(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


class Feed:
    """An audience of the loop. `update` and `event` come from the loop's thread, all else belongs to the server's."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(4)
        self.kept: Mapping[str, Kept] = {}
        self.closed = False
        self._lock = threading.Lock()
        self._stacks: tuple[StackStatus, ...] = ()
        self._told: list[Event] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sample: Usage | None = None
        self._due = False
        self._seq = 0
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._changed = asyncio.Event()
        self._fragments: dict[tuple[str, str], tuple[ServiceStatus, str]] = {}
        self._whole: tuple[object, bytes] = (None, b"")
        self.intents: dict[tuple[str, int], dict[str, Any] | None] = {}
        """Those that somebody asked for here and that are not done, as they were told last."""
        self.latest: dict[str, Any] = {}
        """The newest value of every kind beside stacks and events: `usage`, and `alerts` by stack."""

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
            self._loop.call_soon_threadsafe(self._loop.call_later, GATHER, self._gather)
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

    def _gather(self) -> None:
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
            self.put("usage", "", usage_data(sample))
        if told or changes:
            self._announce()

    def put(self, kind: str, stack: str, value: Any) -> None:
        """The newest of its kind, such as a sample of usage."""
        self.latest[f"{kind}/{stack}" if stack else kind] = value
        self._add((kind, stack, ""), kind, lambda: dumps(value))
        self._announce()

    def follow_intent(self, stack: str, number: int) -> None:
        """Tell how it goes on."""
        self.intents[stack, number] = None

    def tell_intent(self, stack: str, data: dict[str, Any]) -> None:
        """As it is now."""
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
        self._add(("event", event.stack, str(event.seq)), "event", lambda: dumps(event_data(event)))

    def _note(self, change: Change) -> None:
        kind, stack, service = change.key
        value = change.value
        if value is None:
            self._fragments.pop((stack, service), None)
            self._add(change.key, "removed", lambda: dumps({"stack": stack, "service": service or None}))
        elif kind == "stack":
            self._add(change.key, kind, lambda: dumps(bare_data(value)))
        else:
            self._add(change.key, kind, lambda: self._told_service(stack, value))

    def _add(self, key: Key, kind: str, make: Callable[[], str]) -> None:
        self._seq += 1
        self._entries.append(Entry(self._seq, key, kind, make))

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
        return seq if self._oldest - 1 <= seq <= self._seq else None

    @property
    def _oldest(self) -> int:
        return self._entries[0].seq if self._entries else self._seq + 1

    def after(self, seq: int) -> tuple[bytes, int] | None:
        """All that came after, the newest of each thing only; None: some of it is not kept any more."""
        if seq < self._oldest - 1:
            return None
        pending = [entry for entry in self._newest(seq)]
        return b"".join(entry.frame(self.epoch) for entry in pending), self._seq

    def _newest(self, seq: int) -> Iterator[Entry]:
        """From the end backwards: followers are seldom far behind. What was said twice counts once."""
        found: dict[Key, Entry] = {}
        for entry in reversed(self._entries):
            if entry.seq <= seq:
                break
            found.setdefault(entry.key, entry)
        return reversed(found.values())

    async def wait(self, seconds: float) -> bool:
        """Until there may be something new; False: nothing came within that time."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def snapshot(self) -> tuple[bytes, int]:
        """All that is, as one message."""
        alerts = [value for name, value in self.latest.items() if name.startswith("alerts/")]
        rest = {
            "events": [event_data(event) for event in self._events],
            "alerts": [alert for one in alerts for alert in one["alerts"]],
            "silences": [silence for one in alerts for silence in one["silences"]],
            "usage": self.latest.get("usage"),
        }
        data = f'{{"stacks":{self._stacks_text()},{dumps(rest)[1:]}'
        return frame("snapshot", data, f"{self.epoch}-{self._seq}"), self._seq

    def stacks_body(self) -> bytes:
        """`status -o json`, made anew only where something changed."""
        if self._whole[0] is not self.kept:
            self._whole = (self.kept, f'{{"stacks":{self._stacks_text()}}}'.encode())
        return self._whole[1]

    def stack_body(self, name: str) -> bytes | None:
        kept = self.kept.get(name)
        return None if kept is None else self._stack_text(kept).encode()

    def _stacks_text(self) -> str:
        return f"[{','.join(self._stack_text(kept) for kept in self.kept.values())}]"

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
