"""What is laid over the limits of one stack's services: written to the store first, then wanted like all else.

Only the loop's thread calls it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from controller.decide.case import ALIVE
from controller.decide.raised import find_no_room_to_raise, note_raise
from controller.decide.world import World
from controller.loop.chronicle import Chronicle
from controller.loop.killed import KILLED, advise_killed, ended_before, excuse, find_own, is_to_follow
from controller.loop.loaded import Loaded
from controller.loop.overlay import claims_of, find_claims, given_back, has_settled, is_frozen, lay_over_limits, mark_of
from controller.loop.store import Store
from controller.loop.usagehistory import read_newest
from controller.model.adjustment import (
    Adjustment,
    KilledLife,
    change,
    put,
    rebase,
    same_limit,
    take_back,
)
from controller.model.advice import Recommendation, Resource
from controller.model.desired import DesiredService
from controller.model.names import Instant, ReplicaId
from controller.model.observed import Replica, ReplicaPhase, ServiceView
from controller.model.quantities import tell_octets
from controller.model.resources import NO_LIMIT, AdjustMode, AdjustPolicy, Claims, Limit
from controller.resources.adjust import Facts, judge_killed
from controller.resources.bounds import with_part, without_bounds
from controller.resources.limitwords import tell_back, tell_change
from controller.resources.lowering import find_danger
from controller.resources.samples import highest_memory

ADJUSTED = "LimitAdjusted"
"""Reason of the event of each change."""


class Told(NamedTuple):
    """What is said along with a record."""

    at: Instant
    service: str
    reason: str
    message: str
    warning: bool = False


class Limits:
    """Of one stack."""

    def __init__(self, store: Store, chronicle: Chronicle) -> None:
        self._store, self._chronicle = store, chronicle
        self.kept: dict[str, Adjustment] = dict(store.adjustments.load())
        self.said: dict[str, str] = {}
        """What is to be said of services that were killed for want of memory."""
        self._unharmed: dict[str, Mapping[ReplicaId, Instant | None]] = {}
        """By service the lives, by replica, of which the engine did not say so when they were seen last."""
        self._before: dict[str, Adjustment | None] = {}
        self._laid: tuple[Loaded, bool, Loaded] | None = None

    # --- what is wanted

    def over(self, loaded: Loaded, *, back: bool = False) -> Loaded:
        """The same with what is laid over it; `back`: with the Compose file's limits put in force again."""
        if not self.kept:
            return loaded  # nearly always
        known = self._laid
        if known is None or known[0] is not loaded or known[1] is not back:
            laid = given_back(self.kept) if back else self.kept
            known = self._laid = (loaded, back, lay_over_limits(loaded, laid))
        return known[2]

    def _record(self, changed: Mapping[str, Adjustment | None], *told: Told) -> None:
        """Written down with its event, the one never without the other, before anything follows from it."""
        with self._store.transaction():
            self._store.adjustments.record(changed)
            for one in told:
                self._chronicle.say(one.at, one.service, one.reason, one.message, warning=one.warning)
        for name, adjustment in changed.items():
            if adjustment is None:
                self.kept.pop(name, None)
            else:
                self.kept[name] = adjustment
        self._laid = None

    def forget(self, left: Collection[str]) -> None:
        """The stack is given back to plain Compose, all but the limits of those that are `left`."""
        self._record({name: None for name in self.kept if name not in left})

    # --- who was killed for want of memory

    def heed(self, names: Iterable[str], world: World, loaded: Loaded, now: Instant) -> bool:
        """Who was killed since is to have more before it is started again. Whether anything else is wanted now."""
        policy, before = loaded.resources.adjust, dict(self.kept)
        if self.kept:
            self._note_reached(names, world, loaded)
        for name in names:
            if policy.mode is AdjustMode.OFF and name not in self.kept:
                continue  # what is kept is laid over it until it may be given back
            view, want = world.views.get(name), loaded.desired.services.get(name)
            if view is None or want is None or want.claims.limit.memory is None:
                continue  # mostly
            if view.complete and want.leaving is None and not is_frozen(world, name):
                under = before.get(name)
                reached = under.reached if under is not None else ()
                self._heed_one(want, view.replicas, world, policy, reached, now)
        return before != self.kept

    def _note_reached(self, names: Iterable[str], world: World, loaded: Loaded) -> None:
        """Who has what holds now: what it has otherwise from then on it has from a hand."""
        for name in names:
            kept, want, view = self.kept.get(name), loaded.desired.services.get(name), world.views.get(name)
            if kept is None or want is None or view is None:
                continue  # nearly always
            pairs = ((replica, claims_of(replica, want, world)) for replica in view.replicas)
            there = {one.id for one, claims in pairs if claims and same_limit(one.limit, put(claims.limit, kept))}
            ids = {one.id for one in view.replicas}
            reached = tuple(sorted(there | ids.intersection(kept.reached)))
            if reached != kept.reached:
                self._record({name: replace(kept, reached=reached)})

    def _heed_one(
        self,
        want: DesiredService,
        replicas: Sequence[Replica],
        world: World,
        policy: AdjustPolicy,
        reached: Collection[ReplicaId],
        now: Instant,
    ) -> None:
        """`reached`: who was seen under the limit that holds before this look."""
        present = {(replica.id, replica.started_at) for replica in replicas}
        for replica in replicas:
            kept, claims = self.kept.get(want.name), claims_of(replica, want, world)
            life = self._find_killed(replica, world) if replica.oom_killed else None
            if life is None or claims is None or claims.limit.memory is None or (kept and life in kept.killed):
                continue  # nearly always
            adjustment = rebase(kept, claims.limit)
            killed = (*(one for one in adjustment.killed if one in present), life)
            facts = Facts(want.name, policy, claims, adjustment)
            adjustment = replace(adjustment, killed=killed, excused=excuse(replica, facts, life, replicas))
            if ended_before(replica, claims.limit, adjustment, reached):
                self._record({want.name: adjustment})
            else:
                self._give(replica, facts._replace(adjustment=adjustment), world, now)
        self._unharmed[want.name] = {one.id: one.started_at for one in replicas if not one.oom_killed}

    def _find_killed(self, replica: Replica, world: World) -> KilledLife | None:
        """The life of it that the kernel ended, or of which it killed a part.

        Some engines say so of each later life, too (seen on 20.10): there only that it was killed tells.
        """
        history, unharmed = world.histories.get(replica.service), self._unharmed.get(replica.service, {})
        if history is not None and history.put_down.get(replica.id) == replica.started_at:
            return None
        if replica.id in unharmed:
            return (replica.id, unharmed[replica.id])
        ended = replica.phase in (ReplicaPhase.EXITED, ReplicaPhase.RESTARTING, ReplicaPhase.DEAD)
        return (replica.id, replica.started_at) if ended and replica.exit_code == KILLED else None

    def _give(self, replica: Replica, facts: Facts, world: World, now: Instant) -> None:
        adjustment = facts.adjustment
        assert adjustment is not None
        present = put(facts.claims.limit, adjustment).memory or 0
        allowed, need = judge_killed(facts, now)
        if adjustment.need is not None:
            need = need._replace(memory=max(need.memory, adjustment.need.memory))
        noted = replace(adjustment, need=need)
        why = f"the kernel killed {replica.name} for want of memory"
        self.said[facts.name] = advise_killed(facts, present, need)
        own = find_own(facts)
        if present < own:  # what was taken from it killed it: it has at least that again, whatever follows use
            allowed = max(allowed, own) if is_to_follow(facts) else own
        elif not is_to_follow(facts):
            self._record({facts.name: noted})
            return
        if allowed <= present:
            self.said[facts.name] = f"it has all that limits.maxMemory allows: {tell_octets(present)}"
            message = f"{why}, and has all that limits.maxMemory allows: {tell_octets(present)}"
            self._record({facts.name: noted}, Told(now, facts.name, "LimitAtBound", message, warning=True))
            return
        told = tell_change(Resource.MEMORY, present, allowed)
        if present >= own and (short := find_no_room_to_raise(world, facts.name, present, allowed)):
            self.said[facts.name] = f"{told} waits: {short}"
            message = f"{why}; {told} waits: {short}"
            self._record({facts.name: noted}, Told(now, facts.name, "LimitHeld", message, warning=True))
            return
        note_raise(world, facts.name, present, allowed)
        self.said[facts.name] = f"its limit was raised: {told}"
        raised = change(noted, noted.limit._replace(memory=allowed), f"{told}: {why}", now)
        self._record({facts.name: raised}, Told(now, facts.name, ADJUSTED, raised.why, warning=True))

    # --- what use asks for

    def adjust(self, want: DesiredService, claims: Claims, found: Sequence[Recommendation], now: Instant) -> None:
        """Take these, all at once: one change. `claims`: what the files say of what runs."""
        adjustment = rebase(self.kept.get(want.name), claims.limit)
        limit = adjustment.limit
        for one in found:
            limit = with_part(limit, one.resource, one.next)
        why = "; ".join(f"{tell_change(one.resource, one.present, one.next)}: {one.why}" for one in found)
        self._record({want.name: change(adjustment, limit, why, now)}, Told(now, want.name, ADJUSTED, why))

    def tell_held(self, name: str, message: str, now: Instant) -> None:
        """A raise waits for room on the machine."""
        self._chronicle.say(now, name, "LimitHeld", message, warning=True)

    def undo(self, want: DesiredService, claims: Claims, policy: AdjustPolicy, now: Instant) -> None:
        """What the Compose file says is in force again, and stays so while the manifest says the same of it."""
        adjustment = rebase(self.kept.get(want.name), claims.limit)
        told = tell_back(put(claims.limit, adjustment), claims.limit)
        undone = replace(change(adjustment, NO_LIMIT, told, now), held_over=mark_of(want.claims, policy))
        message = f"{told}; held until `controller resources resume {want.name}`"
        self._record({want.name: undone}, Told(now, want.name, "LimitUndone", message))

    @contextmanager
    def begin_wish(self, names: Iterable[str]) -> Iterator[None]:
        """What there is of these is what a wish that comes to nothing leads back to; one that raises never began."""
        begun = {name: self.kept.get(name) for name in names if name not in self._before}
        self._before.update(begun)
        try:
            yield
        except BaseException:
            for name in begun:
                del self._before[name]
            raise

    def end_wish(self, names: Iterable[str], now: Instant, *, ok: bool) -> None:
        """It came to its end; where that is none, nothing of it stays, and what it changed already is changed back.

        Of several on one service the first one that ends: to the others it is as it is.
        """
        for name in names:
            if name not in self._before:
                continue
            before, present = self._before.pop(name), self.kept.get(name)
            if not ok and present is not None and present != before:
                told = Told(now, name, "LimitLeft", "what was asked of its limits came to nothing: they are as before")
                self._record({name: take_back(present, before)}, told)

    def resume(self, name: str, now: Instant) -> None:
        """Limits may follow use again."""
        kept = self.kept.get(name)
        if kept is not None and kept.held_over is not None:
            told = Told(now, name, "LimitResumed", "its limits may follow use again")
            self._record({name: replace(kept, held_over=None)}, told)

    # --- what the manifest has come to say

    def settle(self, world: World, loaded: Loaded, now: Instant) -> bool:
        """Drop what nothing stands for any more. Whether anything else is wanted now."""
        if not self.kept or world.hold is not None or loaded.hold is not None:
            return False  # nearly always
        before, used = dict(self.kept), self.used(loaded.name, now)
        for name in tuple(self.kept):
            want = loaded.desired.services.get(name)
            if want is not None:
                self._settle_one(want, world, loaded.resources.adjust, used.get(name), now)
            else:
                self._record({name: None})
        return before != self.kept

    def used(self, stack: str, now: Instant) -> Mapping[str, int]:
        """Bytes of the replica that uses most, by service, where somebody measures it."""
        newest = read_newest(self._store.folder, now)
        services = newest.stacks.get(stack, {}) if newest is not None else {}
        found = {name: highest_memory(one.replicas.values()) for name, one in services.items()}
        return {name: memory for name, memory in found.items() if memory is not None}

    def _settle_one(
        self, want: DesiredService, world: World, policy: AdjustPolicy, used: int | None, now: Instant
    ) -> None:
        kept = self.kept[want.name]
        if kept.held_over not in (None, mark_of(want.claims, policy)):
            self._record({want.name: (kept := replace(kept, held_over=None))})
        if has_settled(world, want) and (based := rebase(kept, want.claims.limit)) != kept:
            self._record({want.name: (kept := based)})
        view = world.views.get(want.name)
        if (claims := find_claims(want, view, world)) is None:
            return  # of several releases each has another: once one of them is alone
        own, based = claims.limit, rebase(kept, claims.limit)
        left = without_bounds(based.limit, claims, policy)
        given = change(based, left, "", now)
        if left == based.limit or put(own, based) == put(own, given):
            return  # nearly always
        if self.find_danger(want, claims, left, view, used):
            return  # what it uses now it keeps, and what nobody knows it may use
        why = f"{tell_back(put(own, based), put(own, given))}: no bounds are given any more"
        self._record({want.name: replace(given, why=why)}, Told(now, want.name, ADJUSTED, why))

    def find_danger(
        self, want: DesiredService, claims: Claims, left: Limit, view: ServiceView | None, used: int | None
    ) -> str:
        """Why what runs of it may be killed where no more than `left` is laid over its limits; "": it lives."""
        kept = self.kept.get(want.name)
        if kept is None or view is None or not any(replica.phase in ALIVE for replica in view.replicas):
            return ""
        lower = put(claims.limit, replace(rebase(kept, claims.limit), limit=left))
        return find_danger(want.name, put(claims.limit, kept).memory, lower.memory, used)
