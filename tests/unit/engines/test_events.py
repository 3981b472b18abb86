"""Lines of the event stream that cannot be read: they end no stream twice, and nothing after them is lost."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from controller.engines import labels
from controller.engines.base import Nudge, NudgeAt
from controller.engines.events import _LONGEST_EVENT, Listener, read_nudge
from controller.engines.inbox import Delivery, Inbox
from controller.engines.sightings import Sightings

pytestmark = pytest.mark.unit

CONNECTED = NudgeAt(Nudge.CONNECTED)


def line(service: str, at: int = 1, **more: str) -> bytes:
    marks = {labels.PROJECT: "p", labels.SERVICE: service, **more}
    event = {"Type": "container", "Actor": {"ID": service, "Attributes": marks}, "timeNano": at * 10**9}
    return json.dumps(event).encode() + b"\n"


class Engine:
    """An event stream that says the same at each connection, as `since` makes it do."""

    def __init__(self, *lines: bytes) -> None:
        self.lines = lines
        images = SimpleNamespace(forget=lambda: None)
        self.listener = Listener(self, images, Sightings())  # type: ignore[arg-type]

    @contextmanager
    def stream(self, *_: Any, **__: Any) -> Iterator[Any]:
        yield io.BytesIO(b"".join(self.lines)), SimpleNamespace()

    def connect(self) -> Delivery:
        inbox = Inbox()
        self.listener._read(inbox)
        return inbox.take(0.0)


def test_an_event_that_is_too_long_is_passed_over_and_everything_looked_at() -> None:
    engine = Engine(line("a", label="x" * _LONGEST_EVENT * 2), line("b"))
    taken = engine.connect()
    assert taken.nudges == (CONNECTED, NudgeAt(Nudge.SERVICE, "p", "b"))
    assert taken.events == 3  # the connection, the gap, the event after it


def test_what_becomes_of_our_own_container_says_look_at_its_stack() -> None:
    marks = {labels.OWN_STACK: "shop", labels.OWN_ROLE: "ingress"}
    event = {"Type": "container", "Action": "die", "Actor": {"ID": "a", "Attributes": marks}}
    assert read_nudge(event, lambda container: None) == NudgeAt(Nudge.STACK, "shop")


@pytest.mark.parametrize(
    "garbage",
    [b"{not json\n", b"[]\n", b"7\n", b'{"timeNano": "x"}\n', b'{"timeNano": [1]}\n',
     b'{"Type": "container", "Actor": "x"}\n', b"[" * 100_000 + b"\n"],
    ids=["no JSON", "a list", "a number", "a time in words", "a time that is a list", "no actor", "endlessly deep"],
)  # fmt: skip
def test_what_is_no_event_ends_a_stream_once(garbage: bytes) -> None:
    engine = Engine(line("a"), garbage, line("b"), b"other garbage\n", line("c"))
    heard = [CONNECTED, *(NudgeAt(Nudge.SERVICE, "p", name) for name in "abc")]
    assert [engine.connect().nudges for _ in range(4)] == [
        tuple(heard[:2]),
        tuple(heard[:3]),
        tuple(heard),
        tuple(heard),
    ]
