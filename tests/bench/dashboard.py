"""Rows of the dashboard: from an event to the changed page, what many pages cost, and how large they are."""

from __future__ import annotations

import gzip
import itertools
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from controller.engines.base import NudgeAt
from controller.engines.simulated_hands import Hands
from controller.loop.controller import Controller
from controller.loop.reconcile import Reconciler
from controller.model.names import ReplicaId
from controller.model.observed import Health
from controller.web.changes import Change
from controller.web.feed import Feed
from controller.web.pages import FOLDER
from tests.bench.figure import Effort, Figure, ratio, spread
from tests.component.house import House, Reading, open_house
from tests.component.served import Visit, converge, visit

SERVICES, RATE = 200, 50.0
PAGES = 20

HOW = {
    21: "200 services on the simulated engine, in one process with the loop and the API; 50 times a second a health "
    "check fails or succeeds again. From the arrival of the engine's event in our process to the page in headless "
    "Chromium that shows it (its `data-seq` is set once the DOM is changed): the 95th percentile, and the median.",
    22: "The same stack at rest: `GET /v1/stacks` over loopback. Loop: from an event's arrival to its published "
    "status, at 50 events a second, with 20 followers of the stream / with none, in turns.",
    23: "All assets of the dashboard, each compressed by itself with gzip.",
}

_COMPOSE = "name: NAME\nservices:\n" + "".join(
    f"  s{number:03}: {{image: busybox, labels: {{controller.simulated.start: '0.01'}}}}\n"
    for number in range(SERVICES)
)
_SPEC = ", reconcile: {selfHeal: false}"
_NOTE = """() => {
    window.shown = [];
    new MutationObserver(() => shown.push([document.documentElement.dataset.seq, Date.now()]))
        .observe(document.documentElement, {attributes: true, attributeFilter: ['data-seq']});
}"""


class Ledger:
    """When the engine's events arrived, when their status was published, and under which number the stream has them."""

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self.waiting: dict[str, float] = {}
        self.published: list[float] = []
        self.numbered: dict[int, float] = {}


@contextmanager
def _noted() -> Iterator[Ledger]:
    """Stands between the parts of this process, and only looks."""
    ledger = Ledger()
    hear, turn, note = Controller._hear, Reconciler.turn, Feed._note

    def hear_it(self: Controller, nudge: NudgeAt) -> None:
        if nudge.service is not None:
            ledger.heard[nudge.service] = time.time()  # what changes nothing is never shown: only the last one counts
            ledger.waiting.setdefault(nudge.service, time.time())
        hear(self, nudge)

    def turn_it(self: Reconciler, services: frozenset[str] | None) -> None:
        arrived = [ledger.waiting.pop(name) for name in services or tuple(ledger.waiting) if name in ledger.waiting]
        turn(self, services)
        ledger.published += [time.time() - at for at in arrived]

    def note_it(self: Feed, change: Change) -> None:
        note(self, change)
        if change.key[0] == "service" and (at := ledger.heard.pop(change.key[2], None)) is not None:
            ledger.numbered[self.seq] = at

    with ExitStack() as undo:
        for owner, name, made in (
            (Controller, "_hear", hear_it),
            (Reconciler, "turn", turn_it),
            (Feed, "_note", note_it),
        ):
            undo.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, made)
        yield ledger


def measure(effort: Effort) -> Iterator[Figure]:
    found: list[Figure] = []
    with open_stack() as house, _noted() as ledger:
        visit(house, lambda there: found.extend(_measure(there, ledger, effort)))
    yield from found
    sizes = [len(gzip.compress(path.read_bytes())) / 1000 for path in FOLDER.rglob("*") if path.suffix]
    yield Figure(23, "assets of the dashboard, compressed", "kB", spread([sum(sizes)]), 150, brief=True)


@contextmanager
def open_stack() -> Iterator[House]:
    """200 services that nobody heals, on the simulated engine."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-dashboard-") as folder,
        open_house(Path(folder), Reading(None)) as house,
    ):
        house.write("shop", _COMPOSE, _SPEC)
        yield house


def come_up(there: Visit, effort: Effort) -> list[ReplicaId]:
    """All of them are ready; one replica of each."""
    effort.say(f"{SERVICES} services come up")
    converge(there, patience=120)
    time.sleep(2.0)
    return [ReplicaId(one["replicas"][0]["id"]) for one in there.status()["services"]]


def _measure(there: Visit, ledger: Ledger, effort: Effort) -> Iterator[Figure]:
    replicas = come_up(there, effort)
    stir_them = lambda seconds: stir(there, replicas, seconds)  # noqa: E731
    yield from _answers(there)
    yield from _followed(there, ledger, stir_them, effort)
    with open_browser() as browser:
        yield from _shown(there, ledger, stir_them, browser, effort)


def stir(there: Visit, replicas: list[ReplicaId], seconds: float, rate: float = RATE) -> None:
    """One replica after the other becomes sick, then well again: `rate` a second."""
    begun = time.monotonic()
    for count, replica in enumerate(itertools.cycle(replicas)):
        health = Health.UNHEALTHY if count // len(replicas) % 2 == 0 else Health.HEALTHY
        there.house.engine.meddle("shop", _judge(replica, health))
        ahead = begun + (count + 1) / rate - time.monotonic()
        if count / rate >= seconds:
            return
        time.sleep(max(0.0, ahead))


def _judge(replica: ReplicaId, health: Health) -> Callable[[Hands, float], None]:
    return lambda hands, now: hands.judge(replica, health, now)


def _answers(there: Visit) -> Iterator[Figure]:
    taken = []
    for _ in range(100):
        begun = time.perf_counter()
        there.get("/v1/stacks")
        taken.append((time.perf_counter() - begun) * 1000)
    yield Figure(22, f"`GET /v1/stacks` of {SERVICES} services, p50", "ms", spread([statistics.median(taken)]), 10)


def _followed(there: Visit, ledger: Ledger, stir: Callable[[float], None], effort: Effort) -> Iterator[Figure]:
    """With none and with twenty in turns, so that whatever else the machine does is in both."""
    seconds = 3.0 if effort.quick else 5.0
    alone, many = [], []
    for number in range(effort.rounds(8)):
        effort.say(f"round {number + 1} with and without {PAGES} followers")
        alone.append(_loop_latency(ledger, stir, seconds))
        with followers(there, PAGES):
            many.append(_loop_latency(ledger, stir, seconds))
    yield Figure(22, "an event to its published status, no page open, p50", "ms", spread(alone))
    yield Figure(
        22, f"an event to its published status, {PAGES} pages open / none", "", ratio(many, alone), 1.1, brief=True
    )


def _loop_latency(ledger: Ledger, stir: Callable[[float], None], seconds: float) -> float:
    time.sleep(0.5)
    ledger.published.clear()
    stir(seconds)
    return statistics.median(ledger.published) * 1000


@contextmanager
def followers(there: Visit, count: int) -> Iterator[None]:
    """Each reads the stream as fast as it comes. All in one process of their own: browsers are on other machines."""
    import subprocess

    words = ["curl", "-sNZ", "--parallel-max", str(count), "-H", "@-"]
    words += ["-o", "/dev/null", f"{there.server.address.url}/v1/stream"] * count
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(f"authorization: {there.http.headers['authorization']}\n".encode())
    process.stdin.close()
    time.sleep(1.5)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def open_browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        yield browser
        browser.close()


def _shown(
    there: Visit, ledger: Ledger, stir: Callable[[float], None], browser: Browser, effort: Effort
) -> Iterator[Figure]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(there.server.make_link())
    page.locator("html[data-seq]").wait_for(state="attached")
    page.goto(f"{there.server.address.url}/stacks/shop")
    page.get_by_role("table").first.wait_for()
    time.sleep(2.0)
    taken: list[float] = []
    heaps = [heap_of(page)]
    for number in range(effort.rounds(3, 1)):
        effort.say(f"round {number + 1} in the browser")
        taken += _latencies(page, ledger, stir, 4.0 if effort.quick else 20.0)
        heaps.append(heap_of(page))
    taken.sort()
    yield Figure(
        21, "an event to the changed page, p95", "ms", spread([taken[int(len(taken) * 0.95)]]), 100, brief=True
    )
    yield Figure(21, "an event to the changed page, p50", "ms", spread([taken[len(taken) // 2]]))
    yield Figure(
        21, "memory of the page's heap after its events / after the first of them", "", spread([heaps[-1] / heaps[1]])
    )


def _latencies(page: Page, ledger: Ledger, stir: Callable[[float], None], seconds: float) -> list[float]:
    page.evaluate(_NOTE)
    ledger.heard.clear()
    ledger.numbered.clear()
    worker = threading.Thread(target=stir, args=(seconds,))
    worker.start()
    while worker.is_alive():
        page.wait_for_timeout(200)
    page.wait_for_timeout(1000)
    shown: list[tuple[int, float]] = [(int(name.rsplit("-", 1)[1]), at / 1000) for name, at in page.evaluate("shown")]
    return [(_first(shown, seq) - at) * 1000 for seq, at in ledger.numbered.items() if seq <= shown[-1][0]]


def _first(shown: list[tuple[int, float]], seq: int) -> float:
    return next(at for number, at in shown if number >= seq)


def heap_of(page: Page) -> float:
    session: Any = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used
