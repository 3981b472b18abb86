"""Looks for what nobody tells of: alerts that were acknowledged elsewhere, intents that came to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from controller.loop.window import UnknownStack, Window
from controller.model.errors import ControllerError
from controller.model.status import Event
from controller.web.asks import find_intent
from controller.web.desk import Desk, NotFound
from controller.web.feed import KEPT_EVENTS
from controller.web.reads import find_alerts

_EVERY = 1.0
_INTENT_EVERY = 0.1
"""Seconds between two looks at an intent that is not done: somebody waits for it."""

_Asked = tuple[str, int]


async def open_feed(desk: Desk) -> None:
    """From now on all that the loop tells is taken in; before that, what it told lately. Stores may be unreadable."""
    stacks = desk.window.listen(desk.feed)
    desk.window.metering.listeners.append(desk.feed.take_sample)
    desk.feed.open(stacks, await asyncio.to_thread(_read_events, desk.window))


def _read_events(window: Window) -> Sequence[Event]:
    found: list[Event] = []
    for name in window.stacks:
        with suppress(Exception):
            found += window.events(name)[-KEPT_EVENTS:]
    return sorted(found, key=lambda event: event.at)[-KEPT_EVENTS:]


async def keep_watching(desk: Desk) -> None:
    """Until cancelled. Looks into no store while nobody follows."""
    due = 0.0
    while True:
        now = asyncio.get_running_loop().time()
        with suppress(Exception):  # what cannot be read now is looked at again
            await _look_at_intents(desk)
            if now >= due and desk.feed.followers.taken:
                due = now + _EVERY
                await look_at_alerts(desk)
        await asyncio.sleep(_INTENT_EVERY if desk.feed.intents else _EVERY)


async def look_at_alerts(desk: Desk) -> None:
    """What is news of them is told, unless somebody has looked just now."""
    clock = asyncio.get_running_loop().time
    async with desk.looking:
        if clock() - desk.feed.alerts_read_at < _EVERY / 2:
            return
        for name, told in (await asyncio.to_thread(_read_alerts, desk)).items():
            desk.feed.tell_alerts(name, told)
        desk.feed.alerts_read_at = clock()


def _read_alerts(desk: Desk) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in desk.window.stacks:
        with suppress(ControllerError):
            found[name] = {"stack": name, **find_alerts(desk, name)}
    return found


async def _look_at_intents(desk: Desk) -> None:
    if not desk.feed.intents:
        return
    for (stack, number), data in (await asyncio.to_thread(_read_intents, desk, tuple(desk.feed.intents))).items():
        if data is None:
            desk.feed.intents.pop((stack, number), None)
        else:
            desk.feed.tell_intent(stack, data)


def _read_intents(desk: Desk, asked: Sequence[_Asked]) -> dict[_Asked, dict[str, Any] | None]:
    """None: nothing is known of it any more. Those that cannot be read now are not among them."""
    found: dict[_Asked, dict[str, Any] | None] = {}
    for stack, number in asked:
        try:
            found[stack, number] = find_intent(desk, stack, number)
        except (NotFound, UnknownStack):
            found[stack, number] = None
        except ControllerError:
            continue
    return found
