"""The record of changes: resumed, bounded, each thing once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from controller.model.phases import Phase
from controller.model.status import Event
from controller.render.data import status_data
from controller.web import feed as module
from controller.web.feed import Feed
from tests.unit.cli.statuses import service_status, stack_status

pytestmark = pytest.mark.unit

SHOP = stack_status(service_status("db"), service_status("web"))
SICK = replace(SHOP, services=(SHOP.services[0], service_status("web", Phase.DEGRADED)))


def event(seq: int, message: str = "it did", count: int = 1) -> Event:
    return Event(1.0 * seq, "shop", "web", "Normal", "Done", message, seq, count, 0.5 if count > 1 else None)


def play(script: Callable[[Feed], Awaitable[None]]) -> None:
    async def run() -> None:
        feed = Feed()
        feed.open((SHOP,), ())
        await script(feed)

    asyncio.run(run())


async def settle() -> None:
    await asyncio.sleep(module.GATHER * 3)


def read(text: bytes) -> list[tuple[str, Any]]:
    """Kind and data of each message."""
    frames = [frame.split("\n") for frame in text.decode().split("\n\n") if frame]
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in frames]


def test_a_snapshot_is_all_that_is() -> None:
    async def script(feed: Feed) -> None:
        feed.event(event(7))
        await settle()
        ((kind, data),) = read(feed.snapshot()[0])
        assert kind == "snapshot"
        (stack,) = data["stacks"]
        assert [service["name"] for service in stack["services"]] == ["db", "web"]
        assert [one["seq"] for one in data["events"]] == [7]
        assert data["usage"] is None

    play(script)


def test_the_body_of_all_stacks_is_what_the_command_line_prints() -> None:
    async def script(feed: Feed) -> None:
        told = json.loads(feed.stacks_body())
        plain = json.loads(json.dumps(status_data([SHOP])))
        for service in told["stacks"][0]["services"]:
            for replica in service["replicas"]:
                del replica["lastOutput"]
        assert told == plain
        assert feed.stacks_body() is feed.stacks_body()

    play(script)


def test_who_comes_back_gets_what_was_missed() -> None:
    async def script(feed: Feed) -> None:
        seq = feed.begin(f"{feed.epoch}-{feed.seq}")
        assert seq is not None and feed.after(seq) == (b"", seq)
        feed.update((SICK,))
        feed.event(event(1))
        await settle()
        found = feed.after(seq)
        assert found is not None
        assert [kind for kind, _ in read(found[0])] == ["event", "service"]
        assert feed.after(found[1]) == (b"", found[1])

    play(script)


def test_a_slow_follower_gets_the_newest_of_each_thing_once() -> None:
    async def script(feed: Feed) -> None:
        seq = feed.seq
        for status in (SICK, SHOP, SICK):
            feed.update((status,))
            await settle()
        found = feed.after(seq)
        assert found is not None
        ((kind, data),) = read(found[0])
        assert kind == "service" and data["service"]["phase"] == "Degraded"

    play(script)


@pytest.mark.parametrize("last", ["", "x", "nix-1", "-", "EPOCH-", "EPOCH-99999", "EPOCH--1", "EPOCH-1x"])
def test_who_comes_from_elsewhere_begins_anew(last: str) -> None:
    async def script(feed: Feed) -> None:
        assert feed.begin(last.replace("EPOCH", feed.epoch)) is None

    play(script)


def test_who_is_too_far_behind_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 10)

    async def script(feed: Feed) -> None:
        seq = feed.seq
        for number in range(1, 10):
            feed.event(event(number, f"{number}"))
        await settle()
        assert feed.after(seq) is not None
        for number in range(10, 21):
            feed.event(event(number, f"{number}"))
        await settle()
        assert feed.after(seq) is None and feed.begin(f"{feed.epoch}-{seq}") is None

    play(script)


def test_what_changes_all_the_time_takes_the_room_of_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 4)

    async def script(feed: Feed) -> None:
        seq = feed.seq
        feed.event(event(1))
        for status in (SICK, SHOP) * 3:
            feed.update((status,))
            await settle()
        assert feed.begin(f"{feed.epoch}-{seq}") == seq
        found = feed.after(seq)
        assert found is not None
        assert [kind for kind, _ in read(found[0])] == ["event", "service"]

    play(script)


def test_what_belongs_to_no_record_is_told_each() -> None:
    async def script(feed: Feed) -> None:
        seq = feed.seq
        for message in ("first", "second"):
            feed.event(event(0, message))
        await settle()
        found = feed.after(seq)
        assert found is not None
        assert [data["message"] for _, data in read(found[0])] == ["first", "second"]

    play(script)


def test_a_repeat_takes_the_place_of_the_one_before() -> None:
    async def script(feed: Feed) -> None:
        feed.event(event(1))
        feed.event(event(2, "else"))
        feed.event(event(3, count=2))
        await settle()
        ((_, data),) = read(feed.snapshot()[0])
        assert [(one["seq"], one["count"]) for one in data["events"]] == [(2, 1), (3, 2)]

    play(script)


def test_what_was_told_while_it_opened_is_told_once() -> None:
    async def run() -> None:
        feed = Feed()
        feed.event(event(2))
        feed.event(event(3))
        feed.open((SHOP,), (event(1), event(2)))
        ((_, data),) = read(feed.snapshot()[0])
        assert [one["seq"] for one in data["events"]] == [1, 2, 3]

    asyncio.run(run())


def test_followers_are_woken_once_for_many_changes() -> None:
    async def script(feed: Feed) -> None:
        waiting = asyncio.create_task(feed.wait(5))
        await asyncio.sleep(0)
        for number in range(1, 50):
            feed.event(event(number, f"{number}"))
        assert await waiting
        found = feed.after(0)
        assert found is not None and len([kind for kind, _ in read(found[0]) if kind == "event"]) == 49
        assert not await feed.wait(0.05)

    play(script)


def test_an_intent_is_told_until_it_is_done() -> None:
    async def script(feed: Feed) -> None:
        feed.follow_intent("shop", 4)
        seq = feed.seq
        feed.tell_intent("shop", {"id": 4, "state": "claimed"})
        assert ("shop", 4) in feed.intents
        feed.tell_intent("shop", {"id": 4, "state": "done"})
        assert not feed.intents
        found = feed.after(seq)
        assert found is not None
        assert read(found[0]) == [("intent", {"stack": "shop", "intent": {"id": 4, "state": "done"}})]

    play(script)


NEW = replace(SHOP, name="new")


def test_what_is_said_of_a_service_comes_after_its_stack() -> None:
    """The newest word on the stack may be later than that on its services."""

    async def script(feed: Feed) -> None:
        seq = feed.seq
        feed.update((SHOP, NEW))
        await settle()
        feed.update((SHOP, replace(NEW, generation=9)))
        await settle()
        found = feed.after(seq)
        assert found is not None
        assert [kind for kind, _ in read(found[0])] == ["stack", "service", "service"]

    play(script)


def test_how_far_one_is_is_said_once_all_of_it_is() -> None:
    async def script(feed: Feed) -> None:
        seq = feed.seq
        feed.event(event(1))
        feed.event(event(2, "else"))
        await settle()
        found = feed.after(seq)
        assert found is not None
        assert found[0].count(b"id: ") == 1 and found[0].endswith(f"\nid: {feed.epoch}-{found[1]}\n\n".encode())
        assert feed.snapshot()[0].endswith(f"\nid: {feed.epoch}-{feed.seq}\n\n".encode())

    play(script)


def test_of_a_stack_that_is_gone_nothing_is_kept() -> None:
    async def script(feed: Feed) -> None:
        feed.tell_alerts("shop", {"alerts": [{"id": "a"}], "silences": []})
        assert read(feed.snapshot()[0])[0][1]["alerts"]
        feed.update(())
        await settle()
        feed.tell_alerts("shop", {"alerts": [{"id": "b"}], "silences": []})
        assert read(feed.snapshot()[0]) == [
            ("snapshot", {"stacks": [], "events": [], "alerts": [], "silences": [], "usage": None})
        ]
        assert not feed._fragments

    play(script)


def test_the_more_follow_the_longer_is_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST", 0.1)

    async def count_rounds(feed: Feed) -> int:
        seen = set()
        for number in range(1, 31):
            feed.event(event(number, f"{number}"))
            await asyncio.sleep(0.01)
            seen.add(feed.seq)
        return len(seen)

    async def script(feed: Feed) -> None:
        alone = await count_rounds(feed)
        with feed.followers.held(), feed.followers.held():
            assert await count_rounds(feed) <= 4 < alone

    play(script)
