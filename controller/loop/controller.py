"""The loop: one thread that turns stacks when something changed, and the threads that tell it so."""

from __future__ import annotations

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from controller.decide.shortage import is_hopeless
from controller.engines.base import Engine, EngineInfo, Nudge, NudgeAt
from controller.health.prober import Prober
from controller.loop.auditor import AuditBook
from controller.loop.executor import Batch, Executor
from controller.loop.loaded import Loaded
from controller.loop.queue import Queue
from controller.loop.reconcile import Reconciler
from controller.loop.rooms import AGAIN, SELDOM, Learned, LookAt, Rooms
from controller.loop.store import Store
from controller.loop.tools import Key, Tools
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.status import Event, StackStatus
from controller.resources.starts import Starts, cores_of, read_machine

_RETRY_AFTER = 5.0
"""Seconds after a pass that could not be recorded."""

CALLS, ROOM = Key(""), Key(" ")
"""The keys under which calls from other threads wait for the loop, and a look for those who wait for the machine."""


class Audience(Protocol):
    """Who is told what happens. Called from the loop's thread; quick, never raises."""

    def update(self, stacks: tuple[StackStatus, ...]) -> None: ...
    def event(self, event: Event) -> None: ...


class Passes(NamedTuple):
    """What one stack has cost the loop so far; failed passes count too."""

    times: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Ways:
    """What the loop needs from outside. `make_prober` gets the callback for changed verdicts.

    `look` sees the machine with these replicas on it (None: nobody does); `learned` tells by stack what one replica of
    each service usually uses at most, in bytes of memory; `told` what the engine said of itself (None: nothing yet);
    `audit` is where what is done is written down (None: nowhere).
    """

    engine: Engine
    now: Callable[[], Instant]
    audience: Audience
    make_prober: Callable[[Callable[[str, str], None]], Prober | None] = field(default=lambda _: None)
    look: LookAt | None = None
    learned: Learned = field(default=lambda _: {})
    told: Callable[[], EngineInfo | None] = field(default=lambda: None)
    audit: AuditBook | None = None


class Controller:
    """Several stacks on one engine. Made, given its stacks, run until told to stop, closed."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._queue: Queue[Key] = Queue(ways.now)
        self._calls: queue.SimpleQueue[Callable[[Instant], None]] = queue.SimpleQueue()
        self._starts = Starts(lambda: read_machine(ways.told()))
        cores = lambda: cores_of(ways.told())  # noqa: E731 - it may not have said yet what it has
        self._executor = Executor(ways.engine, self._on_done, self._starts.at_once, cores, ways.audit)
        self.rooms = Rooms(ways.look, ways.now, ways.learned)
        """What the machine has for each stack."""
        self._prober = ways.make_prober(lambda stack, service: self._queue.add(Key(stack, service)))
        self._looks_for_room = False
        self._stopping = threading.Event()
        self._connected = False
        self._statuses: dict[str, StackStatus] = {}
        self._audiences: tuple[Audience, ...] = (ways.audience,)
        self.stacks: dict[str, Reconciler] = {}
        self.faults: dict[str, str] = {}
        """Why nothing can be decided of a stack, while that is so."""
        self.passes: dict[str, Passes] = {}
        """By stack; each is swapped whole, so that any thread may read it."""
        self.on_turn: list[Callable[[Instant], None]] = []
        """Called after every pass."""
        self.on_network: list[Callable[[str], None]] = []
        """Called with the name of a network where somebody came or went that is no stack's; quick, by any thread."""

    @property
    def pressed(self) -> bool:
        """Whether the next turn follows at once: what it would do again can be left to it."""
        return self._queue.pressed

    @property
    def tools(self) -> Tools:
        ways, tell, show = self._ways, self._announce, self._show
        queue, starts = self._queue, self._starts
        return Tools(
            ways.engine, self._executor, self._prober, queue, ways.now, tell, show, starts, self.rooms, ways.audit
        )  # fmt: skip

    def listen(self, audience: Audience) -> tuple[StackStatus, ...]:
        """Tell this one too from now on; what was told last. From any thread."""
        self._audiences = (*self._audiences, audience)
        return self.shown()

    def add(self, loaded: Loaded, store: Store) -> Reconciler:
        """Keep this stack in shape from now on."""
        reconciler = Reconciler(self.tools, loaded, store)
        self.stacks[loaded.name] = reconciler
        self._queue.add(Key(loaded.name))
        return reconciler

    def look_at(self, stack: str) -> None:
        """Have that stack looked at soon, from any thread."""
        self._queue.add(Key(stack))

    def call(self, function: Callable[[Instant], None]) -> None:
        """Have this done by the loop's thread, from any other."""
        self._calls.put(function)
        self._queue.add(CALLS)

    def stop(self) -> None:
        """Come to an end after the present pass; containers stay as they are. Safe in a signal handler's thread."""
        self._stopping.set()
        self._queue.close()

    def run(self, finished: Callable[[], bool] = lambda: False) -> None:
        """Turn until finished, or stopped."""
        threading.Thread(target=self._listen, name="nudges", daemon=True).start()
        while not self._stopping.is_set() and not finished():
            self._turn(self._queue.get_all(timeout=1.0))

    def close(self, patience: float = 10.0) -> None:
        """Finish the steps that are under way, within `patience` seconds; let go of everything."""
        self._stopping.set()
        self._executor.close(patience)
        for reconciler in self.stacks.values():
            reconciler.close()
        if self._prober is not None:
            self._prober.close()

    def _turn(self, keys: Iterable[Key]) -> None:
        for stack, services in _by_stack(keys).items():
            if stack == ROOM.stack:
                self._look_for_room()
            elif stack == CALLS.stack:
                self._do_calls()
            elif stack in self.stacks:
                self._turn_stack(self.stacks[stack], services)
        self._await_room()
        for listener in tuple(self.on_turn):
            with self._survive():
                listener(self._ways.now())

    def _turn_stack(self, reconciler: Reconciler, services: frozenset[str] | None) -> None:
        """A full disk, a damaged store, or a fault of ours stops one stack for a while, not the controller."""
        name = reconciler.loaded.name
        began = time.perf_counter()
        try:
            reconciler.turn(services)
        except Exception as error:
            self.faults[name] = tell_error(error)
            self._tell(name, "PassFailed", self.faults[name])
            self._queue.add_at(Key(name), self._ways.now() + _RETRY_AFTER)
        else:
            self.faults.pop(name, None)
        finally:
            times, seconds = self.passes.get(name, Passes())
            self.passes[name] = Passes(times + 1, seconds + time.perf_counter() - began)

    def _await_room(self) -> None:
        """While somebody waits for the machine, it is looked at again and again: whatever else is done meanwhile."""
        if self._looks_for_room or not (short := [one.world for one in self.stacks.values() if one.world.short]):
            return
        self._looks_for_room = True
        seldom = all(map(is_hopeless, short))
        self._queue.add_at(ROOM, self._ways.now() + (SELDOM if seldom else AGAIN))

    def _look_for_room(self) -> None:
        self._looks_for_room = False
        for reconciler in tuple(self.stacks.values()):
            if short := frozenset(reconciler.world.short):
                self._turn_stack(reconciler, short)

    def _do_calls(self) -> None:
        while not self._calls.empty():
            with self._survive():
                self._calls.get_nowait()(self._ways.now())

    @contextmanager
    def _survive(self) -> Iterator[None]:
        """Whatever one call was: the loop goes on."""
        try:
            yield
        except Exception as error:
            self._tell("-", "CallFailed", tell_error(error))

    def tell(self, stack: str, reason: str, message: str) -> None:
        """Have a warning told that belongs to no stack's record, from any thread."""
        self.call(lambda now: self._tell(stack, reason, message))

    def _tell(self, stack: str, reason: str, message: str) -> None:
        self._announce(Event(self._ways.now(), stack, None, "Warning", reason, message))

    def _announce(self, event: Event) -> None:
        for audience in self._audiences:
            audience.event(event)

    def _on_done(self, batch: Batch) -> None:
        self._queue.add(Key(batch.stack, batch.service))

    def _show(self, status: StackStatus) -> None:
        self._statuses[status.name] = status
        stacks = self.shown()
        for audience in self._audiences:
            audience.update(stacks)

    def shown(self) -> tuple[StackStatus, ...]:
        """What was told last of every stack. From any thread."""
        known = dict(self._statuses)
        return tuple(known[name] for name in sorted(known))

    def _listen(self) -> None:
        """The event stream says where to look; a gap in it means looking everywhere."""
        while not self._stopping.is_set():
            try:
                for nudge in self._ways.engine.nudges():
                    if self._stopping.is_set():
                        return
                    self._hear(nudge)
            except Exception as error:  # whatever one event was: a new stream begins with a look at everything
                self.tell("-", "EventsFailed", tell_error(error))
            self._stopping.wait(_RETRY_AFTER)

    def _hear(self, nudge: NudgeAt) -> None:
        match nudge.kind:
            case Nudge.SERVICE if nudge.stack in self.stacks:
                self._queue.add(Key(nudge.stack or "", nudge.service))
            case Nudge.STACK if nudge.stack in self.stacks:
                self._queue.add(Key(nudge.stack or ""))
            case Nudge.CONNECTED:
                self.call(self._reconnect if self._connected else self._look_everywhere)
                self._connected = True
            case Nudge.IMAGES | Nudge.LOST:
                self.call(self._look_everywhere)
            case Nudge.NETWORK:
                for listener in tuple(self.on_network):
                    listener(nudge.network or "")
            case _:
                pass

    def _look_everywhere(self, now: Instant) -> None:
        for name in self.stacks:
            self._queue.add(Key(name))

    def _reconnect(self, now: Instant) -> None:
        for reconciler in self.stacks.values():
            reconciler.reconnected(now)
        self._look_everywhere(now)


def tell_error(error: Exception) -> str:
    """One line; of what is no error of ours, with its kind."""
    return error.message if isinstance(error, ControllerError) else f"{type(error).__name__}: {error}"


def _by_stack(keys: Iterable[Key]) -> Mapping[str, frozenset[str] | None]:
    """The services to look at in each stack; None: all of them."""
    found: dict[str, set[str] | None] = defaultdict(set)
    for key in keys:
        services = found[key.stack]
        if key.service is None:
            found[key.stack] = None
        elif services is not None:
            services.add(key.service)
    return {stack: None if services is None else frozenset(services) for stack, services in found.items()}
