"""Looks for what nobody tells of: alerts that were acknowledged elsewhere, intents that came to their end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from controller.model.errors import ControllerError
from controller.web.asks import find_intent
from controller.web.desk import Desk, NotFound
from controller.web.reads import find_alerts
from controller.web.streams import followers

_EVERY = 1.0
_INTENT_EVERY = 0.1
"""Seconds between two looks at an intent that is not done: somebody waits for it."""


async def keep_watching(desk: Desk) -> None:
    """Until cancelled. Looks into no store while nobody follows."""
    feed, window = desk.feed, desk.window
    events = [event for name in window.stacks for event in window.events(name)[-200:]]
    window.metering.listeners.append(feed.take_sample)
    feed.open(window.listen(feed), sorted(events, key=lambda event: event.at)[-200:])
    due = 0.0
    while True:
        now = asyncio.get_running_loop().time()
        if now >= due and followers.taken:
            due = now + _EVERY
            _look_at_alerts(desk)
        _look_at_intents(desk)
        await asyncio.sleep(_INTENT_EVERY if feed.intents else _EVERY)


def _look_at_alerts(desk: Desk) -> None:
    for name in desk.window.stacks:
        with suppress(ControllerError):
            told = {"stack": name, **find_alerts(desk, name)}
            if desk.feed.latest.get(f"alerts/{name}") != told:
                desk.feed.put("alerts", name, told)


def _look_at_intents(desk: Desk) -> None:
    for (stack, number), before in tuple(desk.feed.intents.items()):
        try:
            found = find_intent(desk, stack, number)
        except (ControllerError, NotFound):
            desk.feed.intents.pop((stack, number), None)
            continue
        if found != before:
            desk.feed.tell_intent(stack, found)
