"""Beside the loop: cleans up by schedule and when somebody asks, one stack after another. Holds nothing up."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from controller.decide.admission import SHORT_OF_ROOM
from controller.decide.writer import FOREIGN_WRITER
from controller.loop.auditacts import CONTROLLER, cleaned, intended, wish_act
from controller.loop.auditor import new_id
from controller.loop.cleanup import Hand, Plot, clean_up, list_rubbish, plot_of
from controller.loop.controller import Controller, tell_error
from controller.loop.grace import Grace
from controller.loop.ground import Ground
from controller.loop.loaded import Loaded
from controller.loop.reconcile import Reconciler
from controller.model.cleanup import CleanupReport
from controller.model.decision import Hold
from controller.model.names import Instant
from controller.model.phases import MOVING, Phase
from controller.model.resources import CleanupPolicy
from controller.model.status import ServiceStatus
from controller.model.wish import Wish
from controller.security.audit import Via

_LOOK_EVERY = 30.0
"""Seconds between two looks at the schedule."""

_AGAIN_AFTER = 900.0
"""Seconds after a clean-up by schedule that did not come to its end."""

_LAST_PATIENCE = 2.0
"""Seconds that a removal under way is waited for at the end."""

_GETS_ON = frozenset({*MOVING, Phase.READY, Phase.COMPLETED})
"""Phases of one for whom others wait, and will not for long."""

Answer = Callable[[CleanupReport], None]


class _Asked(NamedTuple):
    stack: str
    wish: Wish
    answer: Answer


class Cleaning:
    """Of all stacks of one controller. Started, asked from any thread, closed."""

    def __init__(self, controller: Controller, ground: Ground, look_every: float = _LOOK_EVERY) -> None:
        self._controller, self._ground, self._look_every = controller, ground, look_every
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._not_before: dict[str, Instant] = {}
        self._ended = threading.Event()
        self._grace = Grace(_LAST_PATIENCE)
        self._thread = threading.Thread(target=self._keep_cleaning, name="cleaning", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin to end: nothing more is removed."""
        self._grace.begin()
        self._ended.set()
        self._asked.put(None)

    def close(self) -> None:
        """Also where it was never started."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(self._grace.left)

    def ask(self, stack: str, wish: Wish, answer: Answer) -> None:
        """Have that stack cleaned up next; what came of it goes to `answer`, on another thread."""
        self._asked.put(_Asked(stack, wish, answer))

    def look(self, stack: Reconciler) -> CleanupReport:
        """What would go, by the manifest's policy. Takes as long as the engine does. Raises ControllerErrors."""
        return list_rubbish(plot_of(self._ground, stack.loaded), self._ground.now())

    # --- the thread

    def _keep_cleaning(self) -> None:
        while not self._ended.is_set():
            asked: _Asked | None = None
            with suppress(queue.Empty):
                asked = self._asked.get(timeout=self._look_every)
            if self._ended.is_set():
                return
            if asked is not None:
                asked.answer(self._do(asked))
            else:
                self._look()

    def _do(self, asked: _Asked) -> CleanupReport:
        """Whatever comes of it: whoever asked waits for an answer."""
        try:
            stack = self._controller.stacks[asked.stack]
            self._say(stack, "Cleanup", "asked for: cleanup", False)
            return self._clean(stack, plot_of(self._ground, stack.loaded, asked.wish), is_calm=None)
        except Exception as error:
            return CleanupReport(asked.stack, at=self._ground.now(), ok=False, message=tell_error(error))

    def _look(self) -> None:
        """Clean up the first whose time has come. Whatever one was: there is a next time."""
        for name, stack in tuple(self._controller.stacks.items()):
            if self._is_due(stack, self._ground.now()) and is_calm(stack):
                pause = min(_AGAIN_AFTER, stack.loaded.resources.cleanup.every)
                self._not_before[name] = self._ground.now() + pause
                with suppress(Exception):
                    self._clean_by_schedule(name, stack)
                return

    def _clean_by_schedule(self, name: str, stack: Reconciler) -> None:
        act, audit = wish_act(Wish("cleanup", who=CONTROLLER, via=Via.LOOP), name, new_id()), self._ground.audit
        audit.note(intended(act))
        report = self._clean(stack, plot_of(self._ground, stack.loaded), is_calm=is_calm)
        audit.note(cleaned(act, report))

    def _is_due(self, stack: Reconciler, now: Instant) -> bool:
        waits = now < self._not_before.get(stack.loaded.name, 0.0)
        return not waits and is_due(stack.loaded.resources.cleanup, stack.ledger.memory.cleaned_at, now)

    def _clean(self, stack: Reconciler, plot: Plot, is_calm: Callable[[Reconciler], bool] | None) -> CleanupReport:
        """As long as the stack is what it was, and calm where that is asked for."""

        def writer() -> Hold | None:
            hold = stack.world.hold
            return hold if hold is not None and hold.reason == FOREIGN_WRITER else None

        def goes_on() -> bool:
            same = _version(stack.loaded) == _version(plot.loaded)
            return same and not self._ended.is_set() and (not writer() if is_calm is None else is_calm(stack))

        tell = partial(self._say, stack)
        forget = lambda images: self._controller.call(lambda now: stack.store.images.forget(images))  # noqa: E731
        report = clean_up(plot, Hand(tell, forget, goes_on, self._ground.now, writer))
        if report.whole and plot.is_full:
            self._controller.call(lambda now: stack.ledger.change_memory(cleaned_at=report.at))
        return report

    def _say(self, stack: Reconciler, reason: str, message: str, warning: bool) -> None:
        self._controller.call(lambda now: stack.chronicle.say(now, None, reason, message, warning=warning))


def is_due(policy: CleanupPolicy, last: Instant | None, now: Instant) -> bool:
    """By schedule. `last`: when it was done last, which is ahead of now where the clock was set back."""
    return policy.enabled and (last is None or now >= last + policy.every or last > now)


def _version(loaded: Loaded) -> tuple[str, int, CleanupPolicy]:
    return loaded.desired.digest, loaded.desired.generation, loaded.resources.cleanup


def is_calm(stack: Reconciler) -> bool:
    """It was seen, is not held nor paused, and nothing of it is on its way. May be asked by any thread.

    What waits for room goes nowhere: a clean-up may be what makes it.
    """
    status = stack.chronicle.status
    if status is None or stack.unavailable is not None or stack.world.hold is not None or not stack.is_current:
        return False
    if stack.world.busy or stack.world.fetching:
        return False
    services = {service.name: service for service in status.services}
    return not any(service.phase is Phase.PAUSED or _is_moving(service, services) for service in services.values())


def _is_moving(service: ServiceStatus, services: Mapping[str, ServiceStatus]) -> bool:
    """Neither is who waits for one that waits for room, or of which nothing comes: that may last for ever."""
    seen, root = set[str](), service
    while root.phase is Phase.WAITING and root.waits_for and root.waits_for in services and root.name not in seen:
        seen.add(root.name)
        root = services[root.waits_for]
    return service.phase in MOVING and root.phase in _GETS_ON and root.reason not in SHORT_OF_ROOM
