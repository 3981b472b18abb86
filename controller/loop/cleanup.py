"""One clean-up of one stack: look, judge, and remove one thing after another, as long as nothing changes meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from controller.decide.vanished import refuse_lie
from controller.engines.base import Engine
from controller.loop.ground import Ground
from controller.loop.loaded import Loaded
from controller.loop.needs import find_had, find_own, find_shared, read_records
from controller.loop.store import Store
from controller.model.cleanup import CleanupReport, Done, Fate, Had, Inventory, Item, Kept, Rubbish
from controller.model.decision import Hold
from controller.model.errors import Conflict, ControllerError, EngineError
from controller.model.names import ImageId, Instant, ReplicaId
from controller.model.quantities import tell_octets
from controller.model.resources import CleanupPolicy
from controller.model.wish import Wish
from controller.resources.cleanup import find_rubbish

_HINT = "set logging.options.max-size of its service"
_AGAIN = "try again"
_NEEDED = "something needs it by now"

Tell = Callable[[str, str, bool], None]
"""Reason, message, whether it is a warning."""

Neighbours = Callable[[], Kept]
"""What other stacks of ours need on the same engine. Raises ControllerErrors where that cannot be read."""


@dataclass(frozen=True, slots=True)
class Plot:
    """What a clean-up works on: the stack as its files say, what is kept of it, and by which policy."""

    engine: Engine
    loaded: Loaded
    store: Store
    policy: CleanupPolicy
    neighbours: Neighbours

    @property
    def is_full(self) -> bool:
        """It takes all that one by the manifest would take."""
        asked, said = self.policy, self.loaded.resources.cleanup
        narrow = (said.images and not asked.images) or (said.build_cache and not asked.build_cache)
        return not narrow and asked.older_than <= said.older_than


def plot_of(ground: Ground, loaded: Loaded, wish: Wish | None = None) -> Plot:
    """By what the manifest says, and over that what a person asks for."""
    store, policy = ground.store(loaded.name), policy_of(loaded, wish)
    neighbours = lambda: read_neighbours(ground, loaded.name, policy.older_than)  # noqa: E731
    return Plot(ground.engine, loaded, store, policy, neighbours)


def policy_of(loaded: Loaded, wish: Wish | None) -> CleanupPolicy:
    policy = loaded.resources.cleanup
    if wish is None:
        return policy
    return replace(
        policy,
        images=policy.images if wish.images is None else wish.images,
        build_cache=policy.build_cache if wish.build_cache is None else wish.build_cache,
        older_than=policy.older_than if wish.older_than is None else wish.older_than,
    )


def read_neighbours(ground: Ground, stack: str, older_than: float) -> Kept:
    """An image may be several stacks'. Raises ControllerErrors."""
    kept = Kept()
    for other in ground.known():
        if other != stack:
            try:
                kept |= find_shared(read_records(ground.store(other)), ground.now(), older_than)
            except ControllerError as error:
                message = f"images and networks stay: what stack '{other}' needs cannot be read: {error.message}"
                raise ControllerError(message) from error
    return kept


# --- what would go


def list_rubbish(plot: Plot, now: Instant) -> CleanupReport:
    """Changes nothing. Raises ControllerErrors."""
    began = time.monotonic()
    found = _find(plot, now)
    done = tuple(Done(item, Fate.UNUSED if item.removable else Fate.TOLD, hint=_hint(item)) for item in found.items)
    return found.tell(CleanupReport(plot.loaded.name, done, True, now, time.monotonic() - began))


class _Needs(NamedTuple):
    """What the stack had and what has to stay, as is known now; where others' needs are not known, that and why."""

    had: Had
    kept: Kept
    policy: CleanupPolicy
    replicas: frozenset[ReplicaId]
    gaps: tuple[str, ...] = ()

    def judge(self, inventory: Inventory, now: Instant, policy: CleanupPolicy | None = None) -> tuple[Item, ...]:
        found = find_rubbish(inventory, self.had, self.kept, policy or self.policy, now)
        return tuple(item for item in found if not (self.gaps and item.kind is Rubbish.NETWORK))


class _Found(NamedTuple):
    """What is of no use, what is so for too short a time, what could not be found out, and which images that the stack
    had are not here any more; by that inventory. `whole`: what others need is known."""

    inventory: Inventory
    items: Sequence[Item]
    younger: Sequence[Item]
    notes: tuple[str, ...]
    gone: frozenset[ImageId]
    older_than: float
    whole: bool

    def tell(self, report: CleanupReport) -> CleanupReport:
        size = sum(item.bytes or 0 for item in self.younger)
        return replace(
            report,
            whole=self.whole,
            notes=self.notes,
            older_than=self.older_than,
            younger=len(self.younger),
            younger_bytes=size,
        )


def _need(plot: Plot, now: Instant) -> _Needs:
    records = read_records(plot.store)
    kept, had = find_own(records, plot.loaded), find_had(records, now)
    try:
        kept |= plot.neighbours()
    except ControllerError as error:
        return _Needs(had, kept, replace(plot.policy, images=False), records.replicas, (error.message,))
    return _Needs(had, kept, plot.policy, records.replicas)


def _find(plot: Plot, now: Instant) -> _Found:
    needs = _need(plot, now)
    had, policy = needs.had.images, needs.policy
    inventory = plot.engine.inventory(plot.loaded.name, had.keys(), build_cache=policy.build_cache)
    _doubt(plot.engine, inventory, needs.replicas)
    gone = frozenset(had) - {image.id for image in inventory.images}
    items = needs.judge(inventory, now)
    known = {(item.kind, item.id) for item in items}
    every = needs.judge(inventory, now, replace(policy, older_than=0.0))
    younger = [item for item in every if (item.kind, item.id) not in known and item.removable]
    return _Found(inventory, items, younger, (*needs.gaps, *inventory.gaps), gone, policy.older_than, not needs.gaps)


def _doubt(engine: Engine, inventory: Inventory, replicas: frozenset[ReplicaId]) -> None:
    """A list that leaves out a replica says of nothing that it is not used. Raises EngineErrors."""
    missing = replicas - {one.id for one in inventory.containers}
    if missing:
        refuse_lie(missing, engine.absent(missing))


# --- what goes


@dataclass(frozen=True, slots=True)
class Hand:
    """Who cleans up. `goes_on`: whether the stack is still what was judged; `forget`: images that are here no more.

    `writer`: who else is changing the stack right now, if anybody is. Raises ControllerErrors.
    """

    tell: Tell
    forget: Callable[[frozenset[ImageId]], None]
    goes_on: Callable[[], bool]
    now: Callable[[], Instant]
    writer: Callable[[], Hold | None] = lambda: None


def clean_up(plot: Plot, hand: Hand) -> CleanupReport:
    """Removes what is of no use, and tells of each thing. Raises nothing of ours."""
    began, at = time.monotonic(), hand.now()
    try:
        if (hold := hand.writer()) is not None:
            raise ControllerError(hold.message, hint=_AGAIN)
        found = _find(plot, at)
    except ControllerError as error:
        hand.tell("CleanupFailed", error.message, True)
        return CleanupReport(plot.loaded.name, at=at, ok=False, whole=False, message=error.message, hint=error.hint)
    if not found.whole:
        hand.tell("CleanupFailed", found.notes[0], True)
    done = tuple(_work(plot, found, hand))
    images = {ImageId(one.item.id) for one in done if one.fate is Fate.REMOVED and one.item.kind is Rubbish.IMAGE}
    if found.gone | images:
        with suppress(ControllerError):  # a full disk is why somebody cleans up; they are missed the next time, too
            hand.forget(found.gone | images)
    report = _conclude(found.tell(CleanupReport(plot.loaded.name, done, at=at)), len(found.items))
    report = replace(report, seconds=time.monotonic() - began)
    _sum_up(report, hand.tell)
    return report


def _work(plot: Plot, found: _Found, hand: Hand) -> Iterator[Done]:
    for item in found.items:
        if not hand.goes_on():
            return
        useless = _is_useless(plot, found, item, hand.now())
        done = _remove(plot, item) if useless else Done(item, Fate.LEFT, message=_NEEDED)
        if done.fate is Fate.REMOVED:
            hand.tell("CleanedUp", tell_removed(done), False)
        elif done.fate is Fate.FAILED:
            hand.tell("CleanupFailed", f"{item.kind} {item.name} is still there: {done.message}", True)
        yield done


def _is_useless(plot: Plot, found: _Found, item: Item, now: Instant) -> bool:
    """Still. What may be shared is asked about anew: another stack, or a way back, may have come to need it."""
    if item.kind not in (Rubbish.IMAGE, Rubbish.NETWORK):
        return True
    try:
        return item in _need(plot, now).judge(found.inventory, now)
    except ControllerError:
        return False


def _remove(plot: Plot, item: Item) -> Done:
    if not item.removable:
        return Done(item, Fate.TOLD, hint=_hint(item))
    try:
        return Done(item, Fate.REMOVED, plot.engine.clear(item, plot.policy))
    except Conflict as error:
        return Done(item, Fate.LEFT, message=error.message, hint=error.hint)
    except EngineError as error:
        return Done(item, Fate.FAILED, message=error.message, hint=error.hint)


def _conclude(report: CleanupReport, found: int) -> CleanupReport:
    if left := found - len(report.done):
        message = f"the stack changed meanwhile, and {left} of {found} were left"
        return replace(report, ok=False, whole=False, message=message, hint=_AGAIN)
    if failed := report.of(Fate.FAILED):
        first, more = failed[0], len(failed) - 1
        message = f"{first.item.kind} {first.item.name}: {first.message}{f' (and {more} more)' if more else ''}"
        return replace(report, ok=False, message=message, hint=first.hint)
    return report


def _sum_up(report: CleanupReport, tell: Tell) -> None:
    removed = report.of(Fate.REMOVED)
    size = freed_by(report.done)
    freed = f", {tell_octets(size)} freed" if size else ""
    told = f"{len(removed)} removed{freed}" if removed else "nothing was to be removed"
    left = len(report.of(Fate.LEFT, Fate.FAILED))
    tell("Cleanup", f"{told}{f', {left} left' if left else ''}", False)


def freed_by(done: Iterable[Done]) -> int:
    """Bytes, as far as they are known."""
    return sum(one.bytes or 0 for one in done if one.fate is Fate.REMOVED)


def tell_removed(done: Done) -> str:
    """`removed image web:1, 120Mi: superseded image of web`."""
    size = f", {tell_octets(done.bytes)}" if done.bytes else ""
    return f"removed {done.item.kind} {done.item.name}{size}: {done.item.why}"


def _hint(item: Item) -> str | None:
    return None if item.removable else _HINT
