"""The simulated engine: the port's face on simulated stacks, for machines without Docker and for tests.

Nothing real is started. With a folder its containers outlive the process, as a daemon's would.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from controller import failpoints
from controller.engines import simulated_shelf as shelves
from controller.engines.base import Capabilities, Emptied, EngineInfo, Execution, Nudge, NudgeAt, Opened, Own, Scope
from controller.engines.simulated_calls import skipped
from controller.engines.simulated_clock import Clock, WallClock
from controller.engines.simulated_hands import Hands
from controller.engines.simulated_reach import SimulatedNetProbe
from controller.engines.simulated_record import Record
from controller.engines.simulated_requests import record_model
from controller.engines.simulated_stack import Settings, SimulatedStack
from controller.engines.simulated_state import SavedState, StateFile, restore_stack, save_stack
from controller.engines.simulated_usage import count
from controller.model.cleanup import ContainerSeen, Inventory, Item
from controller.model.desired import Template
from controller.model.errors import Conflict, Transient
from controller.model.names import ImageId, Instant, ReplicaId
from controller.model.observed import Health, Observed, Replica, ReplicaPhase
from controller.model.project import ComposeProject, ImageDefaults, Recording, RenderedProject
from controller.model.resources import CleanupPolicy
from controller.model.running import ImageFacts, Running
from controller.model.steps import (
    Build,
    Connect,
    Create,
    Disconnect,
    Limit,
    Outcome,
    Pull,
    Remove,
    Rename,
    Restart,
    Result,
    Start,
    Step,
    Stop,
    Withdraw,
)
from controller.model.usage import Counters

GLANCE = 0.2
"""Seconds between looks for what changed by itself or by another process."""

NO_SETTINGS = Settings()

_WRITES: Mapping[type[Step], str] = {
    Create: "engine.container.create",
    Start: "engine.container.start",
    Stop: "engine.container.stop",
    Restart: "engine.container.restart",
    Remove: "engine.container.remove",
    Rename: "engine.container.rename",
    Connect: "engine.network.connect",
    Disconnect: "engine.network.disconnect",
    Limit: "engine.container.update",
    Withdraw: "engine.network.disconnect",
    Pull: "compose.pull",
    Build: "compose.build",
}
"""The points around each step are called as on a real engine."""


class SimulatedEngine:
    """An `Engine` whose containers exist in `folder`/simulated.json, or in memory only."""

    def __init__(
        self, folder: Path | None = None, *, clock: Clock | None = None, settings: Settings = NO_SETTINGS
    ) -> None:
        self._clock = clock or WallClock()
        self._settings = settings
        self._file = None if folder is None else StateFile(folder)
        self._id = "simulated" if folder is None else f"simulated-{_mark(folder)}"
        self._stacks: dict[str, SimulatedStack] = {}
        self._shelf = shelves.NO_SHELF
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._listeners: list[list[NudgeAt]] = []
        self._closed = False

    @property
    def own(self) -> Own | None:
        """Traffic is led by the simulation itself."""
        return None

    @property
    def netprobe(self) -> SimulatedNetProbe:
        return SimulatedNetProbe(self._running)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(senses_health=True, runs_processes=False)

    def info(self, *, deadline: float = 5.0) -> EngineInfo:
        self._answer(deadline)
        return EngineInfo(self._id, "simulated", "1", "1", "simulated: nothing real is started")

    def render(self, project: ComposeProject, *, deadline: float = 60.0) -> RenderedProject:
        """By Docker's own Compose, which needs no daemon for it. Raises Rejected where there is no `docker` command."""
        from controller.engines import compose
        from controller.engines.transport import Endpoint

        return compose.render(project, Endpoint(), deadline=deadline)

    def record(self, project: ComposeProject, rendered: RenderedProject, *, deadline: float = 60.0) -> Recording:
        self._answer(deadline)
        return record_model(rendered)

    def observe(self, scope: Scope, *, deadline: float = 10.0) -> Observed:
        self._answer(deadline)
        with self._world() as stacks:
            now = self._clock.now()
            stack = stacks.get(scope.stack) or SimulatedStack(scope.stack, self._settings, now)
            return stack.look(scope, now)

    def absent(self, replicas: Collection[ReplicaId], *, deadline: float = 5.0) -> frozenset[ReplicaId]:
        self._answer(deadline)
        with self._world():
            return frozenset(replica for replica in replicas if self._find(replica) is None)

    def image_defaults(self, image: str, *, deadline: float = 5.0) -> ImageDefaults | None:
        """There are no images to look into: what they bring is told by the settings, or not known."""
        self._answer(deadline)
        return self._settings.images.get(image)

    def look_around(self, stack: str, *, deadline: float = 10.0) -> Running:
        """What runs in it is as it was made, and nobody else is there."""
        self._answer(deadline)
        return Running()

    def image_facts(self, image: str, *, deadline: float = 5.0) -> ImageFacts | None:
        """Its images say nothing of themselves."""
        self._answer(deadline)
        return None

    def volume_options(self, volume: str, *, deadline: float = 5.0) -> Mapping[str, str] | None:
        """Its volumes are mounted in no way of their own."""
        self._answer(deadline)
        return None

    def lost_images(self, images: Collection[ImageId], *, deadline: float = 5.0) -> frozenset[ImageId]:
        self._answer(deadline)
        with self._world():
            return frozenset(images) & frozenset(self._shelf.gone)

    def projects(self, *, deadline: float = 10.0) -> Mapping[str, Observed]:
        self._answer(deadline)
        with self._world() as stacks:
            looks = {name: stack.look(Scope(name), self._clock.now()) for name, stack in sorted(stacks.items())}
            return {name: look for name, look in looks.items() if any(v.replicas for v in look.services.values())}

    def nudges(self) -> Iterator[NudgeAt]:
        news: list[NudgeAt] = []
        away: bool | None = None
        with self._lock:
            self._listeners.append(news)
        while not self._closed:
            if self._is_away() != away:
                away = self._is_away()
                yield NudgeAt(Nudge.LOST if away else Nudge.CONNECTED)
                continue
            self._spread_news()
            while news:
                yield news.pop(0)
            with self._changed:
                if not (self._closed or news):
                    self._changed.wait(GLANCE)

    def perform(self, project: ComposeProject, steps: Sequence[Step], *, deadline: float) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for step in steps:
            failed = bool(outcomes) and outcomes[-1].result is not Result.DONE
            outcome = skipped(step) if failed else self._perform(project, step, deadline)
            deadline -= outcome.seconds
            outcomes.append(outcome)
        return tuple(outcomes)

    def execute(self, replica: ReplicaId, command: Sequence[str], *, timeout: float, alone: bool = False) -> Execution:
        """Nothing runs: `true`, `false` and `exit N` end as they say, anything else with 0 where it is healthy.

        Raises Conflict where there is no such container.
        """
        self._answer(timeout)
        with self._world():
            record = self._find(replica)
        if record is None:
            raise Conflict(f"no such container: {replica}")
        if record.phase is not ReplicaPhase.RUNNING:
            return Execution(None, "it does not run")
        return Execution(_exit_code(command, record.health), "")

    def logs(
        self,
        replica: ReplicaId,
        *,
        tail: int | None = None,
        follow: bool = False,
        since: float | None = None,
        opened: Opened | None = None,
    ) -> Iterator[str]:
        """One line that says that there is nothing. Raises Conflict where there is no such container."""
        with self._world():
            record = self._find(replica)
        if record is None:
            raise Conflict(f"no such container: {replica}")
        began, over = record.started_at, threading.Event()
        if opened is not None:
            opened(over.set)
        if tail != 0:
            yield f"{record.name} is simulated and prints nothing"
        while follow and not self._closed and not over.is_set() and self._still_runs(replica, began):
            with self._changed:
                self._changed.wait(GLANCE)

    def usage(self, replicas: Collection[Replica], *, deadline: float = 5.0) -> Mapping[ReplicaId, Counters]:
        try:
            self._answer(deadline)
        except Transient:
            return {}
        found: dict[ReplicaId, Counters] = {}
        with self._world() as stacks:
            now = self._clock.now()
            for stack in stacks.values():
                stack.simulation.advance(now)
                for replica in replicas:
                    record = stack.simulation.find(replica.id)
                    template, _ = stack.templates.get(replica.service, (None, None))
                    if record is not None and (counters := count(record, template, now)) is not None:
                        found[replica.id] = counters
        return found

    def gateway(self, *, deadline: float = 5.0) -> str | None:
        """What reaches no container reaches this machine by its own address."""
        self._answer(deadline)
        return "127.0.0.1"

    def remove_networks(
        self, stack: str, *, ours_but: Collection[str] | None = None, deadline: float = 30.0
    ) -> Emptied:
        """There are none."""
        return Emptied()

    def inventory(
        self, stack: str, known: Collection[ImageId], *, build_cache: bool = False, deadline: float = 60.0
    ) -> Inventory:
        self._answer(deadline)
        with self._world():
            return shelves.take_inventory(self._shelf, self._containers(), stack, build_cache=build_cache)

    def clear(self, item: Item, policy: CleanupPolicy, *, deadline: float = 60.0) -> int | None:
        self._answer(deadline)
        with self._world(), failpoints.around(shelves.REMOVALS[item.kind]):
            self._shelf, freed = shelves.clear_item(self._shelf, item, policy, self._containers(), self._clock.now())
            self._keep()
            return freed

    def shelve(self, change: Callable[[shelves.Shelf], shelves.Shelf]) -> None:
        """Have strange hands put other things on it, or take them away."""
        with self._world():
            self._shelf = change(self._shelf)
            self._keep()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def meddle(self, stack: str, action: Callable[[Hands, Instant], None]) -> None:
        """Have strange hands do something to a stack that exists."""
        with self._world() as stacks:
            action(Hands(stacks[stack].simulation), self._clock.now())
            self._keep()

    def _perform(self, project: ComposeProject, step: Step, deadline: float) -> Outcome:
        with self._world() as stacks:
            now = self._clock.now()
            name = self._name_of(project, step)
            stack = stacks.setdefault(name, SimulatedStack(name, self._settings, now))
            stack.working_dir = str(project.directory)
            stack.config_files = tuple(str(file) for file in project.files)
            with failpoints.around(_WRITES[type(step)]):
                outcome = stack.perform(step, now)
                if isinstance(step, Create):
                    made = (record.base for record in stack.simulation.containers.of(step.service))
                    self._shelf = shelves.note_images(self._shelf, made, now)
                self._keep()
        if outcome.seconds > deadline:
            self._clock.sleep(max(0.0, deadline))
            return Outcome(step, Result.TRANSIENT, f"no answer within {deadline:g} s", seconds=deadline)
        self._clock.sleep(outcome.seconds)
        with self._changed:
            self._changed.notify_all()
        return outcome

    def _name_of(self, project: ComposeProject, step: Step) -> str:
        """The stack of a container that exists, else the project's name, else that of a known stack of its folder."""
        replica = getattr(step, "replica", None)
        for name, stack in self._stacks.items():
            if replica is not None and stack.simulation.find(replica) is not None:
                return name
        if project.name is not None:
            return project.name
        known = (name for name, stack in self._stacks.items() if stack.working_dir == str(project.directory))
        return next(known, project.directory.name.lower())

    def _containers(self) -> tuple[ContainerSeen, ...]:
        return shelves.replicas_seen(self._stacks.values(), self._clock.now())

    def _running(self, stack: str, deadline: float) -> tuple[tuple[Replica, Template], ...]:
        """Replicas of a stack that run, and what their service was made from last."""
        self._answer(deadline)
        with self._world() as stacks:
            found = stacks.get(stack)
            look = found.look(Scope(stack), self._clock.now()) if found is not None else None
            if found is None or look is None:
                return ()
            replicas = (replica for view in look.services.values() for replica in view.replicas if replica.running)
            return tuple((one, found.templates[one.service][0]) for one in replicas if one.service in found.templates)

    def _find(self, replica: ReplicaId) -> Record | None:
        for stack in self._stacks.values():
            stack.simulation.advance(self._clock.now())
            record = stack.simulation.find(replica)
            if record is not None:
                return record
        return None

    def _still_runs(self, replica: ReplicaId, since: Instant | None) -> bool:
        """The same run of it."""
        with self._world():
            record = self._find(replica)
            return record is not None and record.up and record.started_at == since

    def _spread_news(self) -> None:
        """Tell every listener what changed."""
        with self._world() as stacks:
            now = self._clock.now()
            news = [
                NudgeAt(Nudge.SERVICE, name, service)
                for name, stack in stacks.items()
                for service in stack.world.changed(now)
            ]
            for listener in self._listeners:
                listener.extend(news)

    def _is_away(self) -> bool:
        return self._settings.faults.is_away(self._clock.now())

    def _answer(self, deadline: float) -> None:
        """Take the time that an answer takes. Raises Transient where there is none within the deadline."""
        if self._is_away():
            raise Transient("the simulated engine is away")
        slow = self._settings.faults.slow
        self._clock.sleep(min(slow, deadline))
        if slow > deadline:
            raise Transient(f"the simulated engine did not answer within {deadline:g} s")

    @contextmanager
    def _world(self) -> Iterator[dict[str, SimulatedStack]]:
        """The stacks as they are now, whoever changed them last; nobody else changes them meanwhile."""
        with self._lock:
            if self._file is None:
                yield self._stacks
                return
            with self._file.locked():
                if self._file.has_changed():
                    saved, now = self._file.read(), self._clock.now()
                    self._shelf = saved.shelf
                    self._stacks = {s.name: restore_stack(s, self._settings, now) for s in saved.stacks}
                yield self._stacks

    def _keep(self) -> None:
        if self._file is not None:
            stacks = tuple(save_stack(stack) for stack in self._stacks.values())
            self._file.write(SavedState(stacks, self._shelf))
        self._changed.notify_all()


def _exit_code(command: Sequence[str], health: Health) -> int:
    words = command[-1].split() if command else []
    match words:
        case ["true"]:
            return 0
        case ["false"]:
            return 1
        case ["exit", code] if code.isdigit():
            return int(code)
        case _:
            return 0 if health in (Health.HEALTHY, Health.NONE) else 1


def _mark(folder: Path) -> str:
    """Tells one world from another: stacks of one name in two folders are two stacks, each with a writer of its own."""
    return sha256(str(folder.absolute()).encode()).hexdigest()[:8]
