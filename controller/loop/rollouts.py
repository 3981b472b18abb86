"""What a person's wish about updates changes: back to an earlier release, new replicas, halt, go on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from controller.decide.aim import ran_to_its_end
from controller.loop.memory import Definitions
from controller.loop.reconcile import Reconciler
from controller.loop.undo import LISTED, Return, Standing, Undo, find_return
from controller.model.decision import History
from controller.model.desired import DesiredService
from controller.model.errors import ControllerError
from controller.model.generation import Cause, Generation
from controller.model.names import ImageId, Release, ReplicaId, Revision, split_release
from controller.model.observed import ServiceView
from controller.model.wish import Wish

_Change = Callable[[History], History]


def undo(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """Back to an earlier generation, and held there until the manifest changes, or `resume`.

    Raises ControllerError where there is nothing to go back to, or what there is may not be started, EngineErrors.
    """
    found = find_return(_make_undo(reconciler, wish, names))
    for note in found.notes:
        reconciler.chronicle.say(reconciler.now, None, "UndoIncomplete", note, warning=True)
    if not found.pins:
        return
    _refuse_insecure(reconciler, found)
    services, known = reconciler.loaded.desired.services, reconciler.world.known
    back = [known[(name, split_release(release)[0])] for name, release in found.pins.items() if release]
    why = f"undo {' '.join((*wish.services, ''))}to {found.generation.number}"
    with reconciler.store.transaction():
        for name, release in found.pins.items():
            reconciler.ledger.change_histories((name,), _pinning(release, services[name].revision))
        reconciler.store.stack.keep_revisions(back)  # known here may be what is not kept any more
        reconciler.begin_generation(Cause(wish.who, why), _definitions(reconciler, found))


def _refuse_insecure(reconciler: Reconciler, found: Return) -> None:
    """Nothing makes way for what the scan does not let pass: that is said before anything is written down."""
    histories = reconciler.world.histories
    stays = {name for name, release in found.pins.items() if release and histories[name].pinned == release}
    refused = reconciler.refusals({name: release for name, release in found.pins.items() if name not in stays})
    if refused:
        told = "; ".join(f"{name} {why}" for name, why in sorted(refused.items()))
        message = f"{reconciler.loaded.name}: not gone back to generation {found.generation.number}: {told}"
        raise ControllerError(message, hint="accept it by a waiver (docs/security.md), or choose another: " + LISTED)


def _make_undo(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> Undo:
    records, desired = reconciler.store.stack, reconciler.loaded.desired
    views = reconciler.world.views or reconciler.senses.look(desired, None)[1]
    histories = reconciler.world.histories
    staying = tuple(name for name in names if desired.services[name].leaving is None)
    standings = {
        name: Standing(desired.services[name], histories.get(name, History()), views.get(name, ServiceView()))
        for name in staying
    }
    generations = records.generations()
    return Undo(
        stack=desired.name,
        generations=generations,
        standings=standings,
        kept=reconciler.world.known,
        chosen=staying,
        whole=not wish.services,
        to=wish.to,
        lost=reconciler.senses.lost(_images_of(generations, staying)),
    )


def _images_of(generations: Iterable[Generation], names: Collection[str]) -> frozenset[ImageId]:
    releases = (release for one in generations for name, release in one.releases.items() if name in names)
    return frozenset(image for release in releases if (image := split_release(release)[1]) is not None)


def _pinning(release: Release | None, asked: Revision) -> _Change:
    """What a person goes back to is tried even where it failed before, and although its update was halted."""

    def is_meant(failed: Release) -> bool:
        return failed == release if release is not None else split_release(failed)[0] == asked

    def change(history: History) -> History:
        over = None if release is None else asked
        failed = {other: why for other, why in history.failed.items() if not is_meant(other)}
        return replace(history, pinned=release, pinned_over=over, halted=False, failed=failed)

    return change


def _definitions(reconciler: Reconciler, found: Return) -> Definitions:
    """As they are now, but for what is gone back to."""
    records, present = reconciler.store.stack, reconciler.annals.present
    now = records.definitions(present.number) if present is not None else {}
    then = records.definitions(found.generation.number)
    return {**now, **{name: then[name] for name, release in found.pins.items() if release and name in then}}


def restart(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """The replicas that there are now are to be replaced, by what their image's tag stands for.

    What is not to run, and jobs, are left out; where a person names one, that is a ControllerError. Raises EngineError.
    """
    names = _restartable(reconciler, wish, names)
    present = reconciler.senses.present(reconciler.loaded.name, names)
    with reconciler.store.transaction():
        for name, replicas in present.items():
            reconciler.ledger.change_histories((name,), _retiring(replicas))
        reconciler.begin_generation(Cause(wish.who, f"restart {' '.join(wish.services) or 'all'}"))
    reconciler.follow_tags(names)


def _restartable(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> tuple[str, ...]:
    services, histories = reconciler.loaded.desired.services, reconciler.world.histories
    obstacles = {name: _bar_restart(services[name], histories.get(name, History())) for name in names}
    found = tuple(name for name in names if obstacles[name] is None)
    barred = next((error for error in obstacles.values() if error is not None), None)
    if barred is not None and (wish.services or not found):
        raise barred
    return found


def _bar_restart(want: DesiredService, history: History) -> ControllerError | None:
    name = want.name
    if want.leaving is not None:
        return ControllerError(f"{name} is not to run ({want.leaving}): there is nothing to restart")
    if history.stopped:
        message = f"{name} is stopped ({history.stopped}): there is nothing to restart"
        return ControllerError(message, hint=f"controller start {name}")
    if ran_to_its_end(want, history):
        message = f"{name} is a job, which runs once for each of its revisions: it is not restarted"
        return ControllerError(message, hint=f"change it; if it failed: controller retry {name}")
    return None


def _retiring(replicas: frozenset[ReplicaId]) -> _Change:
    return lambda history: replace(history, retired=replicas)


def halt(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """No batch begins; what runs is kept in shape."""
    reconciler.ledger.change_histories(names, lambda history: replace(history, halted=True))


def resume(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """On towards what the manifest asks for."""
    pinned = any(_has_pin(reconciler.world.histories, name) for name in names)
    with reconciler.store.transaction():
        reconciler.ledger.change_histories(names, _unpin)
        if pinned:
            cause = Cause(wish.who, f"resume {' '.join(wish.services)}".rstrip())
            reconciler.begin_generation(cause, _rendered(reconciler))


def _unpin(history: History) -> History:
    """That what was gone back to has failed as well says nothing about what is asked for."""
    failed = {release: why for release, why in history.failed.items() if release != history.pinned}
    return replace(history, halted=False, pinned=None, pinned_over=None, failed=failed)


def _has_pin(histories: Mapping[str, History], name: str) -> bool:
    return name in histories and histories[name].pinned is not None


def _rendered(reconciler: Reconciler) -> Definitions:
    found: Definitions = reconciler.loaded.rendered.model.get("services") or {}
    return found
