"""Beside the loop: scans stacks that ask for it, when something changed and now and then. Holds nothing up."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from controller.loop.controller import Controller
from controller.loop.grace import Grace
from controller.loop.ground import Ground
from controller.loop.reconcile import Reconciler
from controller.model.names import Instant
from controller.model.status import Event, StackStatus

if TYPE_CHECKING:
    from controller.alerts.rules import Symptom
    from controller.loop.scanning import Written
    from controller.security.state import Scanned

_LAST_PATIENCE = 2.0
"""Seconds that a scan under way is waited for at the end."""


class Pace(NamedTuple):
    """Seconds. `soon` after a change, in which more of it is gathered; `gap` at least between two scans of a stack, and
    no more than `most` within `window`; `again` where the engine did not answer; `later` once more after somebody came
    to a network, who may have been on his way still."""

    every: float = 300.0
    soon: float = 1.0
    gap: float = 3.0
    most: int = 6
    window: float = 180.0
    again: float = 30.0
    later: float = 10.0


@dataclass(slots=True)
class _Watch:
    """Of one stack. `asked`: something changed since its last scan; `visited`: somebody came to a network, or left it;
    `next_at`: when it is scanned in any case."""

    times: deque[float] = field(default_factory=deque)
    written: Written | None = None
    seen: frozenset[object] = frozenset()
    asked: bool = True
    visited: bool = False
    next_at: float = 0.0

    def due_at(self, pace: Pace) -> float:
        if not self.times:
            return 0.0
        full = self.times[0] + pace.window if len(self.times) >= pace.most else 0.0
        return max(self.times[-1] + pace.gap, full) if self.asked else self.next_at


class Scanning:
    """Of all stacks of one controller. Started, asked from any thread, closed."""

    def __init__(self, controller: Controller, ground: Ground, pace: Pace = Pace()) -> None:  # noqa: B008 - immutable
        self._controller, self._ground, self._pace = controller, ground, pace
        self._watches: dict[str, _Watch] = {}
        self._networks: Mapping[str, frozenset[str]] = {}
        self._touched: set[str] = set()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._grace = Grace(_LAST_PATIENCE)
        self._thread = threading.Thread(target=self._keep_scanning, name="scanning", daemon=True)
        self.latest: Mapping[str, Scanned] = {}
        """The newest scan of each stack that asks for it, swapped whole."""
        self.symptoms: Mapping[str, tuple[Symptom, ...]] = {}
        """What of it somebody has to hear of."""

    def start(self) -> None:
        self._controller.on_network.append(self._hear)
        self._controller.listen(self)
        self._thread.start()

    def stop(self) -> None:
        """Begin to end."""
        self._grace.begin()
        self._ended.set()
        self._wake.set()

    def close(self) -> None:
        """Also where it was never started."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(self._grace.left)

    # --- told by the loop, and by the engine's events

    def update(self, stacks: tuple[StackStatus, ...]) -> None:
        """Something is otherwise; what, is looked at on our own thread."""
        self._wake.set()

    def event(self, event: Event) -> None:
        return None

    def _hear(self, network: str) -> None:
        for stack, names in self._networks.items():
            if network in names or network.startswith(f"{stack}_"):
                self._touched.add(stack)
                self._wake.set()

    # --- the thread

    def _keep_scanning(self) -> None:
        while not self._ended.is_set():
            if self._wake.wait(self._pause()):
                self._ended.wait(self._pace.soon)
                self._wake.clear()
            if not self._ended.is_set():
                with suppress(Exception):  # whatever one scan was: there is a next one
                    self._turn()

    def _pause(self) -> float:
        now = time.monotonic()
        due = min((one.due_at(self._pace) for one in self._watches.values()), default=now + self._pace.every)
        return max(0.01, due - now)

    def _turn(self) -> None:
        """Scan all whose time has come."""
        stacks = {name: one for name, one in dict(self._controller.stacks).items() if one.loaded.written is not None}
        self._drop(stacks)
        touched, self._touched = self._touched, set()
        for name, stack in stacks.items():
            watch = self._watches.setdefault(name, _Watch())
            self._look(watch, stack)
            watch.visited |= name in touched
            watch.asked |= watch.visited
            if watch.due_at(self._pace) <= time.monotonic() and not self._ended.is_set():
                self._note(watch)
                self._scan(name, watch, stack)
        self._networks = {name: _networks(stack) for name, stack in stacks.items()}

    def _look(self, watch: _Watch, stack: Reconciler) -> None:
        """Whether something changed: its files, its containers."""
        written, seen = stack.loaded.written, _signature(stack.chronicle.status)
        watch.asked |= watch.written is not written or watch.seen != seen
        watch.written, watch.seen = written, seen

    def _note(self, watch: _Watch) -> None:
        """Before it is scanned: one that fails has its pause, too."""
        now = time.monotonic()
        watch.times.append(now)
        while len(watch.times) > self._pace.most:
            watch.times.popleft()
        pause = self._pace.later if watch.visited else self._pace.every * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
        watch.asked = watch.visited = False
        watch.next_at = now + pause

    def _scan(self, name: str, watch: _Watch, stack: Reconciler) -> None:
        from controller.alerts.findings import find_findings  # only who asks for scans loads all this
        from controller.loop.secured import Senses, scan_now

        assert watch.written is not None
        before = self.latest.get(name)
        senses = Senses(self._ground.engine, self._ground.asked.root, self._ground.now())
        scanned = scan_now(watch.written, senses, before)
        if scanned.trouble:
            watch.next_at = min(watch.next_at, time.monotonic() + self._pace.again)
        self.latest = {**self.latest, name: scanned}
        self.symptoms = {**self.symptoms, name: find_findings(scanned.own)}
        self._tell(name, before, scanned)

    def _drop(self, stacks: Mapping[str, Reconciler]) -> None:
        """What is not scanned any more is not known."""
        for gone in self._watches.keys() - stacks.keys():
            del self._watches[gone]
        if self.latest.keys() - stacks.keys():
            self.latest = {name: one for name, one in self.latest.items() if name in stacks}
            self.symptoms = {name: one for name, one in self.symptoms.items() if name in stacks}

    def _tell(self, name: str, before: Scanned | None, scanned: Scanned) -> None:
        """As events: what came and what went, each in one."""
        from controller.security.state import compare, tell_findings

        came, gone = compare(before, scanned)

        def say(now: Instant) -> None:
            stack = self._controller.stacks.get(name)
            for reason, found in (("FindingAppeared", came), ("FindingGone", gone)):
                if found and stack is not None:
                    told = tell_findings(found)
                    warns = told.bad and reason == "FindingAppeared"
                    stack.chronicle.say(now, told.service, reason, told.message, warning=warns)

        if came or gone:
            self._controller.call(say)


def _signature(status: StackStatus | None) -> frozenset[object]:
    """What of its containers a scan may see: which there are, whether they run, and what a hand changed in them."""
    services = status.services if status is not None else ()
    return frozenset((one.id, one.running, one.drift or ()) for service in services for one in service.replicas)


def _networks(stack: Reconciler) -> frozenset[str]:
    """Names of its networks, as the engine has them; those that begin with its own name are its as well."""
    declared = stack.loaded.rendered.model.get("networks") or {}
    return frozenset(str(one["name"]) for one in declared.values() if one and one.get("name"))
