"""A courier brings each message once, tries again what is not taken, and holds nobody up meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from controller.alerts import courier as couriers
from controller.alerts.courier import Courier, Ways
from controller.alerts.notices import Notice
from controller.alerts.sinks import NotSent
from controller.model.alert import Alert, Severity
from tests.builders import NOW

pytestmark = pytest.mark.unit


def notice(name: str = "a1", severity: Severity = Severity.WARNING, **others) -> Notice:
    return Notice("ops", Alert(name, "shop", "db", "ServiceDown", severity, "down", NOW, NOW, **others))


class Channel:
    """Takes messages, or says why not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(couriers, "FIRST_PAUSE", 0.01)
        self.taken: list[str] = []
        self.tried = 0
        self.told: list[Notice] = []
        self.troubles: list[str] = []
        self.fault: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.courier = Courier("ops", Ways(self.send, self.told.append, lambda _, why: self.troubles.append(why)))

    def send(self, item: Notice) -> None:
        self.tried += 1
        self.gate.wait(10)
        if self.fault is not None:
            raise self.fault
        self.taken.append(f"{item.alert.id} {item.alert.severity}")

    def wait(self, holds: Callable[[], bool]) -> None:
        ends_at = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < ends_at, (self.taken, self.troubles)
            time.sleep(0.002)


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    made = Channel(monkeypatch)
    yield made
    made.gate.set()
    made.courier.close()


def test_each_message_once_until_it_is_written_down(channel: Channel) -> None:
    for _ in range(5):
        channel.courier.want([notice(), notice("a2")])
    channel.wait(lambda: len(channel.told) == 2)
    channel.courier.want([notice(severity=Severity.CRITICAL), notice("a2")])
    time.sleep(0.05)
    assert channel.taken == ["a1 warning", "a2 warning"], "what it was told is not written down"
    channel.courier.confirm("a1")
    channel.wait(lambda: len(channel.told) == 3)
    assert channel.taken[2:] == ["a1 critical"]


def test_what_is_not_taken_is_tried_again_and_said_once(channel: Channel) -> None:
    channel.fault = NotSent("it answered 500")
    channel.courier.want([notice()])
    channel.wait(lambda: channel.tried >= 3)
    assert (channel.troubles, channel.told) == (["it answered 500"], [])
    channel.fault = None
    channel.wait(lambda: len(channel.told) == 1)
    channel.fault = NotSent("it answered 500")
    channel.courier.want([notice("a2")])
    channel.wait(lambda: len(channel.troubles) == 2)


def test_a_message_that_is_never_taken_holds_up_no_other(channel: Channel) -> None:
    send = channel.send

    def refuse(item: Notice) -> None:
        if item.alert.id == "bad":
            raise ValueError("of a library")
        send(item)

    channel.courier._ways = channel.courier._ways._replace(send=refuse)
    for number in range(20):  # each pass says anew what is wanted, in the same order
        channel.courier.want([notice("bad"), notice(f"a{number}")])
        channel.wait(lambda: len(channel.taken) == number + 1)  # noqa: B023
    assert channel.troubles[0] == "ValueError"


def test_what_is_not_wanted_any_more_is_not_brought(channel: Channel) -> None:
    channel.fault = NotSent("away")
    channel.courier.want([notice()])
    channel.wait(lambda: channel.tried >= 1)
    channel.courier.want([])
    channel.fault = None
    channel.courier.want([notice("a2")])
    channel.wait(lambda: channel.told != [])
    assert channel.taken == ["a2 warning"]


def test_nobody_waits_for_a_channel_that_hangs(channel: Channel) -> None:
    channel.gate.clear()
    channel.courier.want([notice()])
    channel.wait(lambda: channel.tried == 1)
    begun = time.monotonic()
    channel.courier.want([notice(), notice("a2")])
    channel.courier.close()
    assert time.monotonic() - begun < 5, "the message hangs for 10 s"
