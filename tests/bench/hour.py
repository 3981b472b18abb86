"""Row of one hour of events: whether the memory of the controller and of a page that follows it stays flat."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psutil
from playwright.sync_api import Page

from tests.bench.dashboard import PAGES, RATE, come_up, followers, heap_of, open_browser, open_stack, stir
from tests.bench.figure import Effort, Figure, Spread, spread
from tests.component.served import Visit, visit

HOW = {
    24: "The stack of row 21, with a page open and 20 followers of the stream, given the 180,000 events that 50 a "
    "second are in an hour, eight times as fast. Memory of the process (loop, API and simulated engine) and of the "
    "page's heap after a collection, at the end / after the first tenth.",
}

_EVENTS, _PACE = 3600 * RATE, 8 * RATE
_PARTS = 10


def measure(effort: Effort) -> Iterator[Figure]:
    found: list[Figure] = []
    with open_stack() as house:
        visit(house, lambda there: found.extend(_measure(there, effort)))
    yield from found


def _measure(there: Visit, effort: Effort) -> Iterator[Figure]:
    replicas = come_up(there, effort)
    served, shown = [], []
    with open_browser() as browser, followers(there, PAGES):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(there.server.make_link())
        page.locator("html[data-seq]").wait_for(state="attached")
        page.goto(f"{there.server.address.url}/stacks/shop")
        page.get_by_role("table").first.wait_for()
        seconds = _EVENTS / _PACE / _PARTS / effort.rounds(1, 10)
        for part in range(_PARTS):
            _keep_open(page, threading.Thread(target=stir, args=(there, replicas, seconds, _PACE)))
            there.house.ear.events.clear()  # the test's own record
            served.append(psutil.Process().memory_info().rss / 1e6)
            shown.append(heap_of(page) / 1e6)
            effort.say(f"part {part + 1} of {_PARTS} of an hour: {served[-1]:.1f} MB, the page {shown[-1]:.2f} MB")
    yield Figure(
        24, "memory of the controller after an hour / after its first tenth", "", _growth(served), 1.1, brief=True
    )
    yield Figure(24, "memory of a page after an hour / after its first tenth", "", _growth(shown), 1.1, brief=True)
    yield Figure(24, "memory of the controller and its simulated engine", "MB", spread(served))
    yield Figure(24, "heap of the page", "MB", spread(shown))


def _keep_open(page: Page, worker: threading.Thread) -> None:
    """A page is alive only while somebody waits for it."""
    worker.start()
    while worker.is_alive():
        page.wait_for_timeout(200)
    time.sleep(1.0)


def _growth(values: list[float]) -> Spread:
    return spread([values[-1] / values[0]])
