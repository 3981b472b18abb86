"""Which release each service is to have in the end, told independently of how it is decided."""

from __future__ import annotations

from controller.decide.world import World
from controller.model.decision import History
from controller.model.desired import DesiredService, FailureAction, Scope
from controller.model.names import Release, Revision, split_release

_NEW = History()


def revision_for(world: World, name: str) -> Revision:
    """What it is to have in the end: where what is asked for has failed, what was good before."""
    want, history = world.desired.services[name], world.histories.get(name, _NEW)
    if has_failed(want, history):
        back = want.update.failure_action is FailureAction.ROLLBACK and history.good is not None
        return split_release(history.good)[0] if back and history.good is not None else want.revision
    target = world.settled.get(name)
    if target is None or want.is_job or not _goes_back(world):
        return want.revision
    return split_release(target)[0]


def is_halted(world: World, name: str) -> bool:
    """It stays where it is: it failed and is to pause, there is nothing to go back to, or that has failed as well."""
    want, history = world.desired.services[name], world.histories.get(name, _NEW)
    target = world.settled.get(name)
    if has_failed(want, history):
        paused = want.update.failure_action is not FailureAction.ROLLBACK or history.good is None
        return paused or history.good in history.failed
    return target is not None and target in history.failed and _goes_back(world)


def waits_for_good(world: World, name: str) -> bool:
    """Something that it needs went back or was halted: its own update is not begun."""
    want = world.desired.services[name]
    needed = [dep for dep, need in want.needs.items() if need.required and dep in world.desired.services]
    return any(_is_held(world, dep) or waits_for_good(world, dep) for dep in needed)


def _is_held(world: World, name: str) -> bool:
    return is_halted(world, name) or revision_for(world, name) != world.desired.services[name].revision


def has_failed(want: DesiredService, history: History) -> bool:
    """What is asked for is in quarantine."""
    return history.failed_for == want.revision and want.revision in revisions(history.failed)


def revisions(releases: object) -> set[Revision]:
    return {split_release(Release(str(release)))[0] for release in releases}  # type: ignore[attr-defined]


def is_barred(world: World) -> bool:
    """A stack is to go back, and something that cannot be undone has been done."""
    return _wants_back(world) and any(_is_done_for_good(world, name) for name in world.desired.services)


def _goes_back(world: World) -> bool:
    return _wants_back(world) and not is_barred(world)


def _wants_back(world: World) -> bool:
    return bool(world.settled) and any(
        has_failed(want, world.histories.get(name, _NEW))
        and want.leaving is None
        and (want.update.scope, want.update.failure_action) == (Scope.STACK, FailureAction.ROLLBACK)
        for name, want in world.desired.services.items()
    )


def _is_done_for_good(world: World, name: str) -> bool:
    want, history = world.desired.services[name], world.histories.get(name, _NEW)
    target = world.settled.get(name)
    if want.leaving is not None or (target is not None and split_release(target)[0] == want.revision):
        return False
    if history.completed == want.revision:
        return want.irreversible is not False
    attempt = history.attempt
    there = history.good if attempt is None else attempt.release if attempt.settled_at is not None else None
    return want.irreversible is True and there is not None and split_release(there)[0] == want.revision
