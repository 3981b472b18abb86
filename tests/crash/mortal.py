"""Lives of a controller on the simulated engine that end by SIGKILL where a test wants it, each a process of its own.

The engine, its clock and the store outlive them, as a daemon and a disk would.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import pickle
import shutil
import signal
import struct
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from controller import failpoints
from controller.decide.case import ALIVE
from controller.engines.simulated import SimulatedEngine
from controller.engines.simulated_clock import HandClock
from controller.loop import acts
from controller.loop.loaded import Loaded
from controller.loop.store import Store
from controller.model.project import ComposeProject
from controller.model.steps import Outcome, Step
from controller.model.wish import Wish
from tests.component.stage import NOW, Stage, load

FAILED = 70
"""Exit code of a life that ended by a fault of the code or of the test."""

KILLED = -signal.SIGKILL

LATE = "late"
"""Killed with a call on its way: it takes effect after the next controller's first look."""


class Clock(HandClock):
    """Time that goes on for whoever comes after a process that died."""

    def __init__(self, folder: Path) -> None:
        super().__init__(NOW)
        path = folder / "clock"
        if not path.exists():
            path.write_bytes(struct.pack("d", NOW))
        with path.open("r+b") as file:
            self._time = mmap.mmap(file.fileno(), 8)

    def now(self) -> float:
        return float(struct.unpack("d", self._time[:])[0])

    def sleep(self, seconds: float) -> None:
        self._time[:] = struct.pack("d", self.now() + seconds)


Edges = frozenset[tuple[str, str]]


class WatchedEngine(SimulatedEngine):
    """Whoever has to reach another one shares a network with it, whatever was done last."""

    def __init__(self, folder: Path, clock: HandClock, needed: Edges) -> None:
        super().__init__(folder, clock=clock)
        self._needed = needed
        self._look()

    def _perform(self, project: ComposeProject, step: Step, deadline: float) -> Outcome:
        outcome = super()._perform(project, step, deadline)
        self._look()
        return outcome

    def _look(self) -> None:
        if not self._needed:
            return
        with self._world() as stacks:
            containers = stacks["shop"].simulation.containers
            for pair in sorted(self._needed):
                alive = ([one for one in containers.of(name) if one.phase in ALIVE] for name in pair)
                for ends in product(*alive):
                    mine, there = (set(one.base.joined or ()) for one in ends)
                    assert mine & there, f"{pair} share no network: {mine}, {there}"


class MortalStage(Stage):
    """The same stage, with a world that is kept in `folder`."""

    def __init__(self, folder: Path, needed: Edges = frozenset()) -> None:
        self.clock: HandClock = Clock(folder)
        self.folder = folder / "store"
        self.engine = WatchedEngine(folder / "engine", self.clock, needed)
        self.events, self.statuses, self.machine = [], [], None
        self._late = folder / LATE

    def changed(self) -> Iterable[str]:
        with self.engine._world() as stacks:
            return tuple(stacks["shop"].world.changed(self.clock.now())) if "shop" in stacks else ()

    def turn(self, *services: str) -> None:
        """What a dead controller had sent takes effect once the new one has looked for the first time."""
        super().turn(*services)
        if self._late.exists():
            batch, step = pickle.loads(self._late.read_bytes())
            self._late.unlink()
            self.engine.perform(batch, (step,), deadline=60.0)


@dataclass(frozen=True)
class Scenario:
    """Something a person wants of a stack that has converged on `before` ({}: that is not there yet)."""

    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    verb: str = "apply"
    spec_before: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    wish: Mapping[str, Any] = field(default_factory=dict)
    needed: Edges = frozenset()
    """Pairs that share a network before, at the end, and at every instant between."""

    def wanted(self) -> Loaded:
        return load(dict(self.after), load(dict(self.before), **self.spec_before) if self.before else None, **self.spec)

    def prepare(self, folder: Path) -> None:
        if self.before:
            live(folder, load(dict(self.before), **self.spec_before), Wish("apply"))

    def live(self, folder: Path) -> None:
        live(folder, self.wanted(), Wish(self.verb, **self.wish), self.needed)


def live(folder: Path, loaded: Loaded, wish: Wish, needed: Edges = frozenset()) -> None:
    """One call of the command line: the files come in force, the wish is followed to its end."""
    stage = MortalStage(folder, needed)
    stage.open(loaded)
    follower = stage.wish(wish.verb, **{"confirm": True, "adopt": True, **_fields(wish)})
    result = stage.follow(follower, 600.0)
    assert result is not None and result.ok, (result, stage.phases, [event.message for event in stage.events])
    acts.end(stage.reconciler, wish)
    (folder / "result").write_text(json.dumps(result.outcome))
    stage.store.close()


def _fields(wish: Wish) -> dict[str, Any]:
    return {name: getattr(wish, name) for name in ("everything",) if getattr(wish, name)}


def look(folder: Path) -> dict[str, Any]:
    """The end: who lives as what, what is remembered, how many creates and removes it took."""
    stage, store = MortalStage(folder), Store(folder / "store")
    replicas = stage.replicas()
    with stage.engine._world() as stacks:
        made = stacks["shop"].simulation.containers.made if "shop" in stacks else 0
    known = store.replicas.known()
    status = store.status.load()
    assert status is not None
    found = {
        "containers": sorted(
            [r.service, r.number, r.phase, r.temporary, str(known.get(r.id, "unknown")), r.joined] for r in replicas
        ),
        "phases": {service.name: str(service.phase) for service in status.services},
        "memory": [store.stack.load().released, store.stack.load().adopted, store.stack.load().not_started],
        "stopped": {name: history.stopped for name, history in store.histories.load().items()},
        "tries": {name: len(history.restarts) for name, history in store.histories.load().items()},
        "open": [intent.service for intent in store.replicas.open_intents()],
        "strangers": sorted(set(known) - {replica.id for replica in replicas}),
        "creates": made,
        "removes": made - len(replicas),
    }
    store.close()
    return found


def in_child(work: Callable[[], object], folder: Path, point: str = "", record: Path | None = None) -> int:
    """Have it done by a process of its own that is killed at this point; how that ended, as `os.waitstatus` says it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:
        _be(work, folder, point, record)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _be(work: Callable[[], object], folder: Path, point: str, record: Path | None) -> None:
    code = FAILED
    gc.disable()  # it would copy all that is shared with the parent
    try:
        _arm(folder, point, record)
        work()
        code = 0
    except BaseException:
        (folder / "fault").write_text(traceback.format_exc())
    finally:
        os._exit(code)


def _arm(folder: Path, point: str, record: Path | None) -> None:
    environment = {failpoints.RECORD: str(record)} if record else {}
    name, _, times = point.partition(":")
    if name.endswith(f".{LATE}"):
        name = name.replace(LATE, failpoints.BEFORE)
        _leave_behind(folder)
    failpoints.arm({**environment, failpoints.CRASH_AT: f"{name}:{times}" if name else ""})


def _leave_behind(folder: Path) -> None:
    """The step that is under way when the process dies is kept, for the engine to do it later."""
    begin = SimulatedEngine._perform

    def note(self: SimulatedEngine, project: Any, step: Step, deadline: float) -> Any:
        (folder / LATE).write_bytes(pickle.dumps((project, step)))
        outcome = begin(self, project, step, deadline)
        (folder / LATE).unlink()
        return outcome

    SimulatedEngine._perform = note  # type: ignore[method-assign] - this process ends with the test's one life


def passed(scenario: Scenario, folder: Path) -> tuple[dict[str, Any], Counter[str]]:
    """The undisturbed run: its end, and how often each point was passed on the way."""
    world = fresh(folder / "saved", folder / "undisturbed")
    record = folder / "passed"
    assert in_child(lambda: scenario.live(world), world, record=record) == 0, fault_of(world)
    return look(world), Counter(record.read_text().split())


def killed(scenario: Scenario, folder: Path, point: str) -> dict[str, Any] | None:
    """The end after one controller was killed at this point and another came; None: it was not killed."""
    world = fresh(folder / "saved", folder / point)
    code = in_child(lambda: scenario.live(world), world, point)
    if code != KILLED:
        return None
    Clock(world).sleep(0.5)
    assert in_child(lambda: scenario.live(world), world) == 0, f"{point}: {fault_of(world)}"
    found = look(world)
    shutil.rmtree(world)
    return found


def fresh(saved: Path, folder: Path) -> Path:
    return Path(shutil.copytree(saved, folder))


def fault_of(world: Path) -> str:
    fault = world / "fault"
    return fault.read_text() if fault.exists() else "no fault was told"
