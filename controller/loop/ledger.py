"""What is remembered of one stack: written to the store first, then known to the world that decisions follow from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from controller.decide.world import World
from controller.loop.loaded import Loaded
from controller.loop.recognise import revisions_in_use
from controller.loop.store import Store
from controller.model.decision import History
from controller.model.names import Release
from controller.model.observed import ReplicaPhase, ServiceView


class Ledger:
    """Of one stack. `memory`: what the store has of it as a whole."""

    def __init__(self, store: Store, world: World) -> None:
        self._store, self._world = store, world
        self._kept_generation = -1
        self.memory = store.stack.load()
        for name, history in store.histories.load().items():
            world.remember(name, history)
        world.known, world.settled = store.stack.revisions(), self.memory.settled

    def read(self) -> None:
        """Another hand may have written to the memory."""
        self.memory = self._store.stack.load()

    def change_histories(self, names: Iterable[str], change: Callable[[History], History]) -> None:
        """A person's wish about these services, written down before anything follows from it."""
        changed = {name: change(self._world.histories.get(name, History())) for name in names}
        self._store.histories.record(changed)
        for name, history in changed.items():
            self._world.remember(name, history)

    def change_memory(self, **changes: object) -> None:
        """A person's wish about the stack, likewise."""
        changed = replace(self.memory, **changes)  # type: ignore[arg-type]
        if changed != self.memory:
            self._store.stack.save(changed)
            self.memory = changed

    def note_first_sight(self, loaded: Loaded, views: Mapping[str, ServiceView]) -> None:
        """A stack that we never saw: what may not be started by itself is noted before anything is decided."""
        if not any(view.replicas for view in views.values()):
            self.change_memory(adopted=True)  # there is nothing of anybody else's to take over
        if self._world.histories:
            return
        if not loaded.desired.policy.auto_start:
            self.change_memory(not_started=True)
        running = any(r.phase is ReplicaPhase.RUNNING for view in views.values() for r in view.replicas)
        if loaded.quiet and not running:
            self.change_histories(loaded.desired.services, lambda h: replace(h, stopped="NotRunningAtAdoption"))

    def forget_gone(self, loaded: Loaded) -> None:
        """What is no part of the stack any more, and has no container left: added again, it is another service."""
        gone = self._world.histories.keys() - loaded.desired.services.keys()
        if gone and loaded.hold is None:
            self._store.histories.drop(frozenset(gone))
            self._world.forget(gone)

    def note_convergence(self, loaded: Loaded) -> None:
        """After the first convergence changes apply without asking; the variables in use now are expected later."""
        variables = tuple(sorted(loaded.variables))
        settled = self._world.settled = self._settled()
        self.change_memory(adopted=True, variables=variables, source=loaded.desired.source, settled=settled)
        if self._kept_generation != loaded.desired.generation:
            self._kept_generation = loaded.desired.generation
            self._store.stack.drop_revisions(revisions_in_use(self._world))

    def _settled(self) -> Mapping[str, Release]:
        """What the stack goes back to as a whole; while a release bakes, what there was before it."""
        histories = [(name, self._world.histories.get(name)) for name in self._world.desired.services]
        known = [(name, history) for name, history in histories if history is not None and history.good is not None]
        if any(history.attempt is not None for _, history in known):
            return self.memory.settled
        return {name: history.good for name, history in known if history.good is not None}
