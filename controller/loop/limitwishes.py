"""What a person's wish about limits changes: back to the Compose file's, a recommendation taken, follow use again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.decide.case import ALIVE
from controller.decide.lacking import any_lacks
from controller.decide.raised import find_no_room_to_raise, note_raise
from controller.decide.world import World
from controller.loop.advising import facts_of, find_started, read_measured
from controller.loop.overlay import claims_of, find_claims
from controller.loop.reconcile import Reconciler
from controller.model.advice import Recommendation, Resource
from controller.model.desired import DesiredService
from controller.model.errors import ControllerError
from controller.model.observed import ServiceView
from controller.model.phases import Phase
from controller.model.resources import NO_LIMIT, AdjustMode, AdjustPolicy, Claims
from controller.model.steps import Limit
from controller.model.wish import Wish
from controller.resources.adjust import judge
from controller.resources.limitwords import tell_change

ON_LIMITS = frozenset({"resources-undo", "resources-apply"})
"""Wishes that are fulfilled when all replicas have the limits that they are to have."""

_ALL_THE_SAME = "--confirm gives that back all the same: the kernel may kill it"

_ENDED = frozenset({Phase.STOPPED, Phase.COMPLETED})


def undo(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """The Compose file's limits again, held until `resume`, or until the manifest says something else of them.

    Raises ControllerError where that may be less than what is used now, unless it is confirmed.
    """
    found = _find(reconciler, names)
    if not wish.confirm:
        _bar_danger(reconciler, found)
    policy, now = _policy(reconciler), reconciler.now
    with reconciler.limits.begin_wish(names):
        for want, claims in found:
            reconciler.limits.undo(want, claims, policy, now)
    reconciler.bounds.changed()


def give_back(reconciler: Reconciler, wish: Wish) -> None:
    """Before all of them are in force again. Raises ControllerErrors as an undo does."""
    kept, services = reconciler.limits.kept, reconciler.loaded.desired.services
    if kept and not wish.confirm:
        wanted = [services[name] for name in sorted(kept) if name in services]
        _bar_danger(reconciler, [(want, claims) for want in wanted for claims in _find_made(reconciler, want)])


def _find_made(reconciler: Reconciler, want: DesiredService) -> Iterable[Claims]:
    """What the files say, or said, of each that runs of it: that is what it is given back. Raises ControllerErrors."""
    view = _look(reconciler).get(want.name)
    found: dict[Claims, None] = {}
    for replica in view.replicas if view is not None else ():
        if replica.phase not in ALIVE:
            continue
        if (claims := claims_of(replica, want, reconciler.world)) is None:
            told = f"what {replica.name} was made from is not known any more, nor what its own limits are"
            raise ControllerError(told, hint=_ALL_THE_SAME)
        found[claims] = None
    return found


def _bar_danger(reconciler: Reconciler, found: Iterable[tuple[DesiredService, Claims]]) -> None:
    """What nobody measures now may be anything."""
    used, views = reconciler.limits.used(reconciler.loaded.name, reconciler.now), _look(reconciler)
    for want, claims in found:
        danger = reconciler.limits.find_danger(want, claims, NO_LIMIT, views.get(want.name), used.get(want.name))
        if danger:
            raise ControllerError(danger, hint=_ALL_THE_SAME)


def take(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """What is recommended, once and the whole way. Raises ControllerError where that cannot be, or nothing is."""
    chosen = [(want, claims, _recommended(reconciler, want, claims)) for want, claims in _find(reconciler, names)]
    _bar_no_room(reconciler.world, [(want.name, one) for want, _, found in chosen for one in found])
    with reconciler.limits.begin_wish(names):
        for want, claims, recommended in chosen:
            reconciler.limits.adjust(want, claims, recommended, reconciler.now)
    reconciler.bounds.changed()


def _bar_no_room(world: World, found: Iterable[tuple[str, Recommendation]]) -> None:
    """All of them, or none."""
    before = world.raised
    for name, one in found:
        if one.resource is not Resource.MEMORY:
            continue
        present = one.present or 0.0
        if short := find_no_room_to_raise(world, name, present, one.next):
            world.raised = before
            told = tell_change(one.resource, one.present, one.next)
            hint = "`controller resources` tells who uses how much"
            raise ControllerError(f"{name}: no room for {told}: {short}", hint=hint)
        note_raise(world, name, present, one.next)


def _recommended(reconciler: Reconciler, want: DesiredService, claims: Claims) -> list[Recommendation]:
    policy, now, name = _policy(reconciler), reconciler.now, want.name
    if policy.mode is AdjustMode.OFF:
        raise ControllerError("resources.autoAdjust.mode is off", hint="`recommend` is enough to take one by hand")
    folder, started = reconciler.store.folder, find_started(_look(reconciler))
    measured = read_measured(folder, reconciler.loaded.name, policy, now, started=started)
    facts = facts_of(name, claims, policy, reconciler.limits.kept.get(name), measured, now)
    if facts.memory is None and facts.cpu is None:
        hint = "`controller run` measures, and keeps what it measured"
        raise ControllerError(f"nothing is known of what {name} uses", hint=hint)
    found = judge(facts, now)
    able = [one for one in found if not one.barred and not one.early]
    if not able:
        why = "; ".join(f"{one.resource}: {one.obstacle}" for one in found)
        raise ControllerError(f"{name}: {why or 'no other limit is recommended'}", hint="controller resources")
    return [one.whole() for one in able]


def resume(reconciler: Reconciler, wish: Wish, names: tuple[str, ...]) -> None:
    """What was undone may follow use again."""
    for name in names:
        reconciler.limits.resume(name, reconciler.now)


def _find(reconciler: Reconciler, names: tuple[str, ...]) -> list[tuple[DesiredService, Claims]]:
    """Each with what the files say of what runs of it. Raises ControllerErrors."""
    desired, world = reconciler.loaded.desired, reconciler.world
    views = _look(reconciler)
    found = []
    for name in names:
        want = desired.services[name]
        if (claims := find_claims(want, views.get(name), world)) is None:
            raise ControllerError(f"{name} is being updated", hint="wait until `controller rollout status` says done")
        found.append((want, claims))
    return found


def _look(reconciler: Reconciler) -> Mapping[str, ServiceView]:
    """What there is, also before the first pass."""
    return reconciler.world.views or reconciler.senses.look(reconciler.loaded.desired, None)[1]


def are_done(reconciler: Reconciler, names: frozenset[str]) -> bool:
    """All that runs of these has the limits that it is to have; what is stopped gets them when it starts."""
    world = reconciler.world
    for name in names:
        decision, view = world.decisions.get(name), world.views.get(name)
        if decision is None or view is None or decision.phase in _ENDED:
            continue
        if name in world.busy or any_lacks(view.replicas, world.desired.services[name], world.known):
            return False
    return True


def end(reconciler: Reconciler, wish: Wish, *, ok: bool) -> None:
    """It came to its end, which is none where the engine refused, or the stack is held."""
    names = wish.services or tuple(reconciler.limits.kept)
    reconciler.limits.end_wish(names, reconciler.now, ok=ok)
    if not ok:
        reconciler.bounds.changed()


def forget(reconciler: Reconciler) -> None:
    """The stack was given back: nothing is remembered of what has its own limits again. The rest keeps what it has."""
    world = reconciler.world
    left = {
        name
        for name, view in world.views.items()
        if name in world.desired.services and any_lacks(view.replicas, world.desired.services[name], world.known)
    }
    reconciler.limits.forget(left | (set(reconciler.limits.kept) - world.views.keys()))


def tell(reconciler: Reconciler, names: Iterable[str]) -> str:
    """What came of it, for people."""
    kept = {name: reconciler.limits.kept[name] for name in sorted(names) if name in reconciler.limits.kept}
    held = [name for name, one in kept.items() if one.held_over is not None]
    told = [f"{name}: {one.why}" for name, one in kept.items()]
    return "; ".join((*told, *([f"held until `controller resources resume {' '.join(held)}`"] if held else [])))


def why_not(reconciler: Reconciler, names: frozenset[str]) -> str | None:
    """Why nothing comes of it: the engine refused; None: it did not."""
    troubles = ((name, reconciler.senses.troubles.get(name)) for name in sorted(names))
    return next((f"{name}: {one.message}" for name, one in troubles if one and one.reason == Limit.__name__), None)


def _policy(reconciler: Reconciler) -> AdjustPolicy:
    return reconciler.loaded.resources.adjust
