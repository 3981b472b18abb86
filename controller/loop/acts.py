"""What a person's wish changes: memory first, then the loop acts on it like on everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from controller.loop.reconcile import Reconciler
from controller.model.decision import History
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.wish import Wish

STOPPED_BY_USER = "StoppedByUser"

_CHANGES: Mapping[str, Callable[[History], History]] = {
    "stop": lambda history: replace(history, stopped=STOPPED_BY_USER),
    "pause": lambda history: replace(history, paused=True),
    "resume": lambda history: replace(history, paused=False),
}


def begin(reconciler: Reconciler, wish: Wish, now: Instant) -> None:
    """Write the wish down. Raises ControllerError for services that the stack does not have."""
    names = _names(reconciler, wish)
    match wish.verb:
        case "apply":
            _apply(reconciler, wish, names)
        case "start":
            _start(reconciler, names)
        case "retry":
            _retry(reconciler, names)
        case "stop" | "pause" | "resume":
            reconciler.change_histories(names, _CHANGES[wish.verb])
        case "adopt":
            reconciler.change_memory(adoption_granted=reconciler.loaded.desired.digest, released=False)
        case "confirm":
            reconciler.change_memory(removal_granted=reconciler.loaded.desired.digest)
        case "release":
            reconciler.change_memory(released=True, adopted=False, adoption_granted=None)
        case _:
            raise ControllerError(f"{wish.verb}: not something that can be asked of a stack")
    words = f"{wish.verb} {' '.join(wish.services) or 'the stack'}"
    reconciler.chronicle.say(now, None, wish.verb.capitalize(), f"asked for: {words}")
    reconciler.immediately = frozenset(names) if wish.verb == "stop" and wish.immediately else frozenset()
    reconciler.wake()


def end(reconciler: Reconciler, wish: Wish) -> None:
    """The wish has come to its end: what held only for it ends too."""
    if wish.verb == "apply":
        reconciler.follow_tags(False)
    reconciler.world.only = None
    reconciler.immediately = frozenset()


def _apply(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    digest = reconciler.loaded.desired.digest
    if wish.adopt:
        reconciler.change_memory(adoption_granted=digest)
    if wish.confirm:
        reconciler.change_memory(removal_granted=digest)
    reconciler.change_memory(released=False)
    _start(reconciler, names)
    reconciler.follow_tags(True)
    if wish.services:
        reconciler.world.only = _with_dependencies(reconciler, names)


def _start(reconciler: Reconciler, names: tuple[str, ...]) -> None:
    reconciler.change_memory(not_started=False)
    reconciler.change_histories(names, lambda h: replace(h, stopped="", restarts={}) if h.stopped else h)
    for name in names:
        reconciler.senses.troubles.pop(name, None)


def _retry(reconciler: Reconciler, names: tuple[str, ...]) -> None:
    def forgive(history: History) -> History:
        return replace(history, restarts={}, failed={}, failed_for=None)

    reconciler.change_histories(names, forgive)
    for name in names:
        reconciler.senses.troubles.pop(name, None)


def _names(reconciler: Reconciler, wish: Wish) -> tuple[str, ...]:
    known = reconciler.world.desired.services
    for name in wish.services:
        if name not in known:
            hint = f"its services: {', '.join(sorted(known))}"
            raise ControllerError(f"{reconciler.loaded.name} has no service {name}", hint=hint)
    return wish.services or tuple(known)


def _with_dependencies(reconciler: Reconciler, names: tuple[str, ...]) -> frozenset[str]:
    """What was asked for cannot become ready without what it needs."""
    found: set[str] = set()
    open_names = list(names)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            open_names.extend(reconciler.world.graph.needs.get(name, {}))
    return frozenset(found)
