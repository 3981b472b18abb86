"""One stack under the loop's own reconciler, on the simulated engine and a clock that is moved by hand.

Steps are done when the test says so (`hands`), one batch after the other, by the code that the worker threads run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from controller.engines.base import Scope
from controller.engines.simulated import SimulatedEngine
from controller.engines.simulated_clock import HandClock
from controller.engines.simulated_faults import Faults
from controller.engines.simulated_hands import Hands
from controller.engines.simulated_requests import record_model
from controller.engines.simulated_stack import Settings, SimulatedStack
from controller.intake.inputs import Inputs
from controller.intake.resolve import Sources, resolve
from controller.intake.resources import read_resources
from controller.intake.targets import Target
from controller.loop import acts
from controller.loop.executor import Batch, Completed, perform_step
from controller.loop.follow import Follower
from controller.loop.generation import commit_generation
from controller.loop.loaded import Loaded
from controller.loop.queue import Queue
from controller.loop.reconcile import Reconciler
from controller.loop.rooms import AGAIN, Rooms
from controller.loop.store import Store
from controller.loop.tools import Key, Tools
from controller.model.applied import StackResult
from controller.model.errors import EngineError
from controller.model.manifest import Stack as Manifest
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Replica, ReplicaPhase
from controller.model.project import ComposeProject, RenderedProject
from controller.model.room import Facts
from controller.model.status import Event, StackStatus
from controller.model.steps import Outcome, Result, Step
from controller.model.wish import Wish
from controller.resources.survey import Surveyed

NOW: Instant = 1_700_000_000.0
CHECK = {"test": ["CMD", "true"]}


def service(*needs: str, **keys: Any) -> dict[str, Any]:
    """A service with a check that takes a second to be ready; `needs` are waited for until they are healthy."""
    waits = {name: {"condition": "service_healthy", "required": True} for name in needs}
    marks = {"controller.simulated.ready": "1", **keys.pop("labels", {})}
    return {"image": "busybox", "healthcheck": CHECK, "depends_on": waits, "labels": marks, **keys}


SHOP = {"db": service(), "web": service("db")}


def load(
    services: dict[str, Any],
    previous: Loaded | None = None,
    /,
    *,
    quiet: bool = False,
    networks: dict[str, Any] | None = None,
    **spec: Any,
) -> Loaded:
    """What intake makes of these services and networks; with `spec` as the manifest's."""
    rendered = RenderedProject("shop", {"name": "shop", "services": services, "networks": networks or {}})
    before = previous.desired.services if previous is not None else {}
    manifest = None
    if spec:
        document = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "shop"}, "spec": spec}
        document["spec"].setdefault("compose", {"files": ["compose.yaml"]})
        manifest = Manifest.model_validate(document)
    sources = Sources(
        rendered=rendered,
        recording=record_model(rendered),
        manifest=manifest,
        profile=None,
        contents={},
        declared=frozenset(services),
        present=frozenset(before),
        source="compose.yaml",
    )
    resolution = resolve(sources, before)
    assert resolution.stack is not None, resolution.errors
    project = ComposeProject("shop", (Path("/shop/compose.yaml"),), Path("/shop"))
    resources = read_resources(manifest)
    return Loaded("compose.yaml", project, rendered, resolution.stack, quiet=quiet, resources=resources)


class Bench:
    """Takes the executor's place: a batch waits until the test has it done."""

    def __init__(self, engine: SimulatedEngine, done: Callable[[Batch], None]) -> None:
        self.engine, self._done = engine, done
        self.waiting: list[Batch] = []
        self.steps: list[Step] = []
        self.outcomes: list[Outcome] = []
        self._completed: list[Completed] = []

    def submit(self, batch: Batch) -> bool:
        self.waiting.append(batch)
        return True

    def collect(self, stack: str) -> tuple[Completed, ...]:
        completed, self._completed = tuple(self._completed), []
        return completed

    def perform(self, *services: str, tell: bool = True) -> None:
        """Have the batches of these services done, or all; `tell`: the queue hears of it."""
        for batch in [batch for batch in self.waiting if not services or batch.service in services]:
            self.waiting.remove(batch)
            outcomes: list[Outcome] = []
            for step in batch.steps:
                if outcomes and outcomes[-1].result is not Result.DONE:
                    outcomes.append(Outcome(step, Result.SKIPPED))
                    continue
                self.steps.append(step)
                outcomes.append(perform_step(self.engine, batch, step))
            self.outcomes += outcomes
            self._completed.append(Completed(batch, tuple(outcomes)))
            if tell:
                self._done(batch)


class Stage:
    """`begin` is the birth of a controller, also after `die`: only the store and the engine outlive it."""

    machine: Facts | None = None
    """What there is for all of them; None: nobody looks."""
    _room_at: Instant = NOW

    def __init__(
        self, folder: Path, loaded: Loaded, faults: Faults | None = None, machine: Facts | None = None
    ) -> None:
        self.machine = machine
        self.clock = HandClock(NOW)
        settings = Settings(faults=faults or Faults())
        self.engine = SimulatedEngine(clock=self.clock, settings=settings)
        # known from the beginning, so that chance does not begin anew with each look at nothing
        self.engine._stacks["shop"] = self._simulated = SimulatedStack("shop", settings, NOW)
        self.folder = folder
        self.events: list[Event] = []
        self.statuses: list[StackStatus] = []
        self.begin(loaded)

    def begin(self, loaded: Loaded, profile: str | None = None) -> None:
        self.open(loaded, profile)
        self.turn()

    def open(self, loaded: Loaded, profile: str | None = None) -> None:
        """As a call of the command line does, which says what is wished before anything is decided."""
        self.store = Store(self.folder, self.clock.now)
        self.queue: Queue[Key] = Queue(self.clock.now)
        self.bench = Bench(self.engine, lambda batch: self.queue.add(Key(batch.stack, batch.service)))
        self.reconciler = Reconciler(self._tools(), self.commit(loaded, profile), self.store)

    def _tools(self) -> Tools:
        tell, show, now = self.events.append, self.statuses.append, self.clock.now
        rooms = Rooms(None if self.machine is None else lambda _: Surveyed(self.machine, {}), now)
        return Tools(self.engine, self.bench, None, self.queue, now, tell, show, rooms=rooms)  # type: ignore[arg-type]

    def die(self) -> None:
        """As by SIGKILL: what waits to be done never is."""
        self.store.close()

    def commit(self, loaded: Loaded, profile: str | None = None) -> Loaded:
        target = Target("shop", loaded.place, loaded.project, Inputs((), (), frozenset(), frozenset(), ""))
        return commit_generation(loaded, target, self.store, self.clock.now(), profile)

    def change(self, services: dict[str, Any], /, **spec: Any) -> Loaded:
        """Newer files come in force."""
        loaded = self.commit(load(services, self.reconciler.loaded, **spec))
        self.reconciler.adopt_generation(loaded, self.clock.now())
        return loaded

    def wish(self, verb: str, *services: str, **fields: Any) -> Follower:
        wish = Wish(verb, services, **fields)
        acts.begin(self.reconciler, wish, self.clock.now())
        return Follower(self.reconciler, wish, self.clock.now())

    def turn(self, *services: str) -> None:
        """One pass over these services, or over all."""
        self.reconciler.turn(frozenset(services) if services else None)

    def settle(self, seconds: float = 60.0, *, step: float = 0.25, until: Callable[[], bool] | None = None) -> None:
        """Let time pass as the loop would: due keys are looked at, steps done, news heard."""
        end = self.clock.now() + seconds
        while self.clock.now() < end and not (until is not None and until()):
            self.bench.perform()
            self.clock.sleep(step)
            self._hear()
            if self.reconciler.world.short and self.clock.now() >= self._room_at:
                self._room_at = self.clock.now() + AGAIN
                self.turn(*self.reconciler.world.short)
            keys = self.queue.get_all(timeout=0)
            if keys:
                self.turn(*(() if any(key.service is None for key in keys) else {str(key.service) for key in keys}))

    def _hear(self) -> None:
        for name in self.changed():
            self.queue.add(Key("shop", name))

    def changed(self) -> Iterable[str]:
        return self._simulated.world.changed(self.clock.now())

    def follow(self, follower: Follower, seconds: float = 60.0) -> StackResult | None:
        """Let time pass until the wish has come to its end; None: it has not."""
        found: list[StackResult] = []

        def look() -> bool:
            result = follower.look(self.clock.now())
            if result is not None:
                found.append(result)
            return bool(found)

        self.settle(seconds, until=look)
        return found[0] if found else None

    def replicas(self, name: str | None = None) -> list[Replica]:
        try:
            seen = self.engine.observe(Scope("shop"))
        except EngineError:
            return []
        return [r for view in seen.services.values() for r in view.replicas if name in (None, r.service)]

    def there(self, name: str) -> list[ReplicaId]:
        """What there really is, whatever a look shows."""
        return [record.base.id for record in self._simulated.simulation.containers.of(name)]

    def running(self, name: str | None = None) -> int:
        return sum(replica.phase is ReplicaPhase.RUNNING for replica in self.replicas(name))

    def meddle(self, action: Callable[[Hands, Instant], None]) -> None:
        self.engine.meddle("shop", action)

    def refuse(self, kind: type[Step], result: Result, why: str) -> None:
        """The engine does so with each batch in which there is one of these, from now on."""
        perform = self.engine.perform

        def refuse(project: ComposeProject, steps: Sequence[Step], *, deadline: float) -> Sequence[Outcome]:
            if any(isinstance(step, kind) for step in steps):
                return tuple(Outcome(step, result, why) for step in steps)
            return perform(project, steps, deadline=deadline)

        self.engine.perform = refuse  # type: ignore[method-assign]

    def said(self, reason: str) -> int:
        return sum(event.reason == reason for event in self.events)

    @property
    def phases(self) -> dict[str, str]:
        return {name: str(decision.phase) for name, decision in self.reconciler.world.decisions.items()}

    def actions(self) -> list[tuple[str, str]]:
        """What was done so far, in order."""
        return [(type(step).__name__, step.service) for step in self.bench.steps]


def converged(stage: Stage) -> bool:
    """Whether the newest status says so."""
    return bool(stage.statuses) and stage.statuses[-1].phase == "Converged"
