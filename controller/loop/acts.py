"""What a person's wish changes: memory first, then the loop acts on it like on everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from controller.loop import limitwishes, rollouts
from controller.loop.chosen import chosen_services, with_dependencies
from controller.loop.reconcile import Reconciler
from controller.loop.wanted import Extra
from controller.model.decision import History
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.wish import Wish

STOPPED_BY_USER = "StoppedByUser"

AT_ONCE = frozenset({"pause", "resume", "rollout-pause", "rollout-resume", "resources-resume"})
"""What is done as soon as it is written down."""


def begin(reconciler: Reconciler, wish: Wish, now: Instant) -> None:
    """Write the wish down. Raises ControllerError for services that the stack does not have."""
    names = chosen_services(reconciler.world, wish.services)
    act = _ACTS.get(wish.verb)
    if act is None:
        raise ControllerError(f"{wish.verb}: not something that can be asked of a stack")
    act(reconciler, wish, names)
    for extra in _extras(wish):
        reconciler.annals.asker = wish.who or reconciler.annals.asker
        reconciler.ask(extra)
    words = f"{wish.verb.replace('-', ' ')} {' '.join(wish.services) or 'the stack'}"
    reason = "".join(part.capitalize() for part in wish.verb.split("-"))
    reconciler.chronicle.say(now, None, reason, f"asked for: {words}")
    reconciler.world.hurried = frozenset(names) if wish.verb == "stop" and wish.immediately else frozenset()
    reconciler.wake()


def narrow(reconciler: Reconciler, wish: Wish) -> None:
    """Where nobody stays to keep the stack, a wish touches only what it names, and what that needs in order to run."""
    reconciler.looks_only = wish.verb in AT_ONCE
    reconciler.limits_only = wish.verb in limitwishes.ON_LIMITS
    if wish.services:
        needs = wish.verb in ("apply", "start", "retry", "rollout-undo", "rollout-restart")
        names = wish.services
        reconciler.world.only = with_dependencies(reconciler.world, names) if needs else frozenset(names)


def end(reconciler: Reconciler, wish: Wish, *, ok: bool = True) -> None:
    """The wish has come to its end, a good one or not: what held only for it ends too."""
    if wish.verb in limitwishes.ON_LIMITS:
        limitwishes.end(reconciler, wish, ok=ok)
    if wish.verb == "release":
        limitwishes.forget(reconciler)
    for extra in _extras(wish):
        reconciler.unask(extra)
    if wish.verb == "release":
        reconciler.ledger.change_memory(released=True, adopted=False, adoption_granted=None)
    if wish.verb == "rollout-restart":
        reconciler.follow_tags(())
    reconciler.world.hurried = frozenset()
    reconciler.wake()


def _apply(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    digest = reconciler.loaded.desired.digest
    if wish.adopt:
        reconciler.ledger.change_memory(adoption_granted=digest)
    if wish.confirm:
        reconciler.ledger.change_memory(removal_granted=digest)
    reconciler.ledger.change_memory(released=False)
    _start(reconciler, wish, names)


def _start(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    reconciler.ledger.change_memory(not_started=False)
    reconciler.ledger.change_histories(names, lambda h: replace(h, stopped="", restarts={}) if h.stopped else h)
    reconciler.senses.troubles.forget(names)


def _prune(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """All of a stack goes only if it stays stopped: whatever keeps it would put it up again at once."""
    if wish.everything:
        _stop(reconciler, wish, names)
    reconciler.ledger.change_memory(removal_granted=reconciler.loaded.desired.digest)


def _retry(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    def forgive(history: History) -> History:
        return replace(history, restarts={}, failed={}, failed_for=None)

    reconciler.ledger.change_histories(names, forgive)
    reconciler.senses.troubles.forget(names)


def _stop(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    reconciler.ledger.change_histories(names, lambda history: replace(history, stopped=STOPPED_BY_USER))


def _pause(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    reconciler.ledger.change_histories(names, lambda history: replace(history, paused=True))


def _resume(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """Whatever a person put in the way ends: a pause, a halted update, a release that was gone back to."""
    with reconciler.store.transaction():
        reconciler.ledger.change_histories(names, lambda history: replace(history, paused=False))
        rollouts.resume(reconciler, wish, names)


def _adopt(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    reconciler.ledger.change_memory(adoption_granted=reconciler.loaded.desired.digest, released=False)


def _confirm(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    reconciler.ledger.change_memory(removal_granted=reconciler.loaded.desired.digest)


def _release(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """First as many replicas as Compose would run; that it is given back is written down at the end."""
    limitwishes.give_back(reconciler, wish)
    reconciler.ledger.change_memory(released=False)


def _extras(wish: Wish) -> tuple[Extra, ...]:
    """What is wanted beside the files while the wish lasts."""
    match wish.verb:
        case "apply":
            return (Extra.TAGS,)
        case "prune":
            return (Extra.EVERYTHING if wish.everything else Extra.ORPHANS,)
        case "release":
            return (Extra.COMPOSED,)
        case _:
            return ()


_ACTS: Mapping[str, Callable[[Reconciler, Wish, tuple[str, ...]], None]] = {
    "apply": _apply,
    "start": _start,
    "stop": _stop,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
    "adopt": _adopt,
    "confirm": _confirm,
    "release": _release,
    "prune": _prune,
    "rollout-undo": rollouts.undo,
    "rollout-restart": rollouts.restart,
    "rollout-pause": rollouts.halt,
    "rollout-resume": rollouts.resume,
    "resources-undo": limitwishes.undo,
    "resources-apply": limitwishes.take,
    "resources-resume": limitwishes.resume,
}
