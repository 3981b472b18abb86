"""Follows one wish to its end: when it is done, when it never will be, and what is to be reported of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from controller.decide.aim import is_release
from controller.decide.case import ALIVE
from controller.decide.phase import QUARANTINED, UPDATE_FAILED
from controller.loop.acts import AT_ONCE
from controller.loop.conditions import tell_all_unconfined
from controller.loop.ending import ROLLED_BACK
from controller.loop.handback import differing
from controller.loop.limitwishes import ON_LIMITS, are_done, tell, why_not
from controller.loop.reconcile import Reconciler
from controller.loop.roommaking import PATIENCE, may_make_room
from controller.loop.setbacks import find_waits, is_beaten, is_kept_off, is_settled, wait_in_vain
from controller.model.applied import ServiceResult, StackResult
from controller.model.decision import Decision, Freeze
from controller.model.desired import Leaving
from controller.model.names import Instant, split_release
from controller.model.phases import AT_REST, Phase
from controller.model.wish import Wish

_REACHED = frozenset({Phase.READY, Phase.COMPLETED})
_ON_UPDATES = frozenset({"rollout-undo", "rollout-restart"})
"""Wishes that are fulfilled on a release that a person went back to, too."""
_OUTCOMES = {"stop": "stopped", "prune": "pruned", "release": "done", **dict.fromkeys(AT_ONCE | ON_LIMITS, "done")}


@dataclass(slots=True)
class _Story:
    """What was seen of one service since the wish began. Times are instants; `down` is in seconds."""

    acted: bool = False
    settled_at: Instant | None = None
    waits_for: str | None = None
    waiting_since: Instant | None = None
    longest: float = 0.0
    longest_for: str | None = None
    served: bool = False
    down_since: Instant | None = None
    down: float = 0.0


class Follower:
    """One wish on one stack. `look` is called after every pass and says when it is over."""

    def __init__(self, reconciler: Reconciler, wish: Wish, now: Instant) -> None:
        self.reconciler = reconciler
        self.wish = wish
        self._begun = now
        self._turns = reconciler.turns
        self._progress_at = now
        self._picture: object = None
        self._stories: dict[str, _Story] = {}

    def look(self, now: Instant) -> StackResult | None:
        """The result once it is over; None while it goes on."""
        decisions = self._selected()
        for decision in decisions.values():
            self._note(decision, now)
        self._note_progress(decisions, now)
        if not self._seen_all(decisions):
            return self._give_up(now) if now - self._progress_at > self.wish.timeout else None
        return self._judge(decisions, now)

    def _judge(self, decisions: Mapping[str, Decision], now: Instant) -> StackResult | None:
        if self._is_done(decisions):
            message = tell(self.reconciler, decisions) if self.wish.verb in ON_LIMITS else ""
            return self._unrestarted(decisions, now) or self._result(
                _OUTCOMES.get(self.wish.verb, "converged"), now, ok=True, message=message
            )
        hold = self.reconciler.world.hold
        if hold is not None and hold.until is None:
            return self._result("held", now, ok=False, message=f"{hold.reason}: {hold.message}")
        if self.wish.verb in ON_LIMITS and (why := why_not(self.reconciler, frozenset(decisions))) is not None:
            return self._result("failed", now, ok=False, message=why)
        return self._stuck(decisions, now) or self._overdue(now)

    def _is_done(self, decisions: Mapping[str, Decision]) -> bool:
        match self.wish.verb:
            case verb if verb in AT_ONCE:
                return True
            case verb if verb in ON_LIMITS:
                return are_done(self.reconciler, frozenset(decisions))
            case "stop":
                still = not self.reconciler.world.busy and self.reconciler.ingress_settled
                return still and not any(self._runs(name) for name in decisions)
            case "prune":
                return not self._any_left() and (self.reconciler.ingress_settled or not self._all_leaves())
            case "release":
                return self._is_as_composed()
            case _:
                hold = self.reconciler.world.hold
                if hold is not None and hold.until is None:
                    return False
                if any(map(self._retires, decisions.values())) or any(map(self._is_put_off, decisions.values())):
                    return False
                return self._converged(decisions) and self.reconciler.ingress_settled

    def _moving(self, decisions: Mapping[str, Decision], idle: Collection[str]) -> bool:
        """Something may still come of what is not beyond all waiting, nor waits for that."""
        still = (*AT_REST, Phase.WAITING)
        led = (name for name, d in decisions.items() if d.unconfined and (d.steps or d.wake_at is not None))
        open_names = (*led, *(name for name, d in decisions.items() if d.phase not in still or self._is_put_off(d)))
        world = self.reconciler.world
        return bool(world.busy) or world.awaits_image or not set(open_names) <= set(idle)

    def _converged(self, decisions: Mapping[str, Decision]) -> bool:
        if self.reconciler.world.busy & set(decisions):
            return False
        return all(
            self._rests(d) or (d.phase is Phase.STOPPED and (self._is_orphan(n) or not self._runs(n)))
            for n, d in decisions.items()
        )

    def _rests(self, decision: Decision) -> bool:
        if self.wish.verb in _ON_UPDATES and decision.phase is Phase.PAUSED:
            return is_settled(decision)
        return decision.phase in _REACHED and not decision.unconfined

    def _retires(self, decision: Decision) -> bool:
        """Some replica that a person wants replaced is still there, and the service is to have any."""
        history, view = decision.history, self.reconciler.world.views.get(decision.service)
        if view is None or not history.retired or decision.phase in (Phase.STOPPED, Phase.COMPLETED):
            return False
        return any(replica.id in history.retired for replica in view.replicas)

    def _unrestarted(self, decisions: Mapping[str, Decision], now: Instant) -> StackResult | None:
        """A restart that failed is over, and what ran before is well: only its generation tells of it."""
        present = self.reconciler.annals.present
        if self.wish.verb != "rollout-restart" or present is None:
            return None
        failed = [f"{name} was not restarted: {why}" for name, why in present.unrestarted.items() if name in decisions]
        if not failed:
            return None
        return self._result("failed", now, ok=False, message="; ".join(failed), hint="controller rollout history")

    def _is_put_off(self, decision: Decision) -> bool:
        """Something of it is left to replace, to create or to remove once a hold that passes is over."""
        view = self.reconciler.world.views.get(decision.service)
        replicas = len(view.replicas) if view is not None else 0
        most = decision.updated if decision.phase is Phase.STOPPED else decision.desired
        return decision.reason == Freeze.HELD and (decision.updated < decision.desired or replicas > most)

    def _is_orphan(self, name: str) -> bool:
        """What is in no file is only told, and may run on."""
        service = self.reconciler.world.desired.services.get(name)
        return service is not None and service.leaving is Leaving.ORPHANED

    def _stuck(self, decisions: Mapping[str, Decision], now: Instant) -> StackResult | None:
        """Nothing moves but services that are paused or were tried often enough, and services that wait for those."""
        known = self.reconciler.world.decisions
        paused = {n for n, d in known.items() if d.phase is Phase.PAUSED and not self._rests(d)}
        beyond = {n for n, d in known.items() if self._is_beyond(d, now)}
        vain = wait_in_vain(find_waits(known), beyond | paused)
        idle = decisions.keys() & (beyond | paused | vain.keys())
        if not idle or self._moving(decisions, idle):
            return None
        culprits = {vain.get(name, name) for name in idle}
        if beyond.isdisjoint(culprits):
            names = sorted(culprits)
            hint = f"controller resume {' '.join(names)}"
            return self._result("held", now, ok=False, message=f"paused: {', '.join(names)}", hint=hint)
        first = min((known[name] for name in beyond & culprits), key=lambda d: (d.reason not in QUARANTINED, d.service))
        message = f"{first.service} is {first.phase}: {first.message}"
        if first.phase in _REACHED:
            message = f"{first.service} is not on the networks of its edges alone: {first.message}"
        hint = f"controller why {first.service}"
        outcome = "rolledBack" if first.reason == ROLLED_BACK else "failed"
        return self._result(outcome, now, ok=False, message=message, hint=hint)

    def _is_beyond(self, decision: Decision, now: Instant) -> bool:
        if is_beaten(decision) or self._is_kept_off(decision):
            return True
        if decision.short is not None:
            return now - self._progress_at > PATIENCE and not may_make_room(self.reconciler.world, now)
        if decision.phase in _REACHED or decision.reason == UPDATE_FAILED:
            return False  # an update that has just failed is taken back from the next pass on
        return self._tries(decision) >= self._attempts(decision.service)

    def _tries(self, decision: Decision) -> int:
        """How often it was tried in vain; what failed for another release does not count, nor for what is here."""
        known = self.reconciler.senses.troubles
        troubles = [known.get(decision.service)]
        view = self.reconciler.world.views.get(decision.service)
        wanted = split_release(decision.release)[0]
        others = {one.id for one in view.replicas if one.revision != wanted} if view is not None else set()
        tries = [grant.tries for name, grant in decision.history.restarts.items() if name not in others]
        tries += [one.restarts for one in view.replicas if one.id not in others] if view is not None else []
        if view is not None and view.image_id is None:
            troubles += known.of_fetching(decision.service).values()
        tries += [one.count for one in troubles if one is not None and is_release(decision.release, one.release)]
        return max(tries, default=0)

    def _is_kept_off(self, decision: Decision) -> bool:
        trouble = self.reconciler.senses.troubles.get(decision.service)
        return is_kept_off(decision, trouble, self._attempts(decision.service))

    def _attempts(self, service: str) -> int:
        return self.reconciler.world.desired.services[service].backoff.attempts

    def _overdue(self, now: Instant) -> StackResult | None:
        return self._give_up(now) if now - self._progress_at > self.wish.timeout else None

    def _give_up(self, now: Instant) -> StackResult:
        message = f"no progress for {self.wish.timeout:g} s"
        trouble = self.reconciler.unavailable or self.reconciler.ingress_trouble
        if trouble is not None:
            message += f": {trouble}"
        elif why := "; ".join(tell_all_unconfined(self.reconciler.world)):
            message += f": {why}"
        return self._result("timeout", now, ok=False, message=message, hint="controller status; controller why SERVICE")

    # --- what was seen

    def _selected(self) -> Mapping[str, Decision]:
        world = self.reconciler.world
        names = self.wish.services or (world.only if world.only is not None else tuple(world.desired.services))
        return {name: world.decisions[name] for name in sorted(names) if name in world.decisions}

    def _seen_all(self, decisions: Mapping[str, Decision]) -> bool:
        """Only a pass that began after the wish can know of it."""
        world = self.reconciler.world
        everything = world.only or () if self.wish.verb == "release" else world.desired.services
        names = self.wish.services or everything
        decided = all(name in decisions for name in names) and self.reconciler.turns > self._turns
        return decided and self.reconciler.is_current and self.reconciler.unavailable is None

    def _is_as_composed(self) -> bool:
        """A stack that may not be touched is given back as it is."""
        world = self.reconciler.world
        held = world.hold is not None and world.hold.until is None
        still = self.reconciler.ingress_settled and not world.busy
        return held or (still and not differing(world.desired, world.views, world.known))

    def _any_left(self) -> bool:
        world = self.reconciler.world
        leaving = (name for name, service in world.desired.services.items() if service.leaving is Leaving.REMOVED)
        return any(world.views[name].replicas for name in leaving if name in world.views) or bool(world.busy)

    def _all_leaves(self) -> bool:
        services = self.reconciler.world.desired.services.values()
        return all(service.leaving is Leaving.REMOVED for service in services)

    def _runs(self, name: str) -> bool:
        view = self.reconciler.world.views.get(name)
        return view is not None and any(replica.phase in ALIVE for replica in view.replicas)

    def _note_progress(self, decisions: Mapping[str, Decision], now: Instant) -> None:
        picture = tuple((d.service, d.phase, d.ready, d.updated, d.unconfined) for d in decisions.values())
        if picture != self._picture:
            self._picture, self._progress_at = picture, now

    def _note(self, decision: Decision, now: Instant) -> None:
        story = self._stories.setdefault(decision.service, _Story())
        story.acted = story.acted or bool(decision.steps) or self.reconciler.world.acts_on(decision.service)
        if self._rests(decision):
            story.settled_at = story.settled_at or now
        else:
            story.settled_at = None
        self._note_wait(story, decision, now)
        if decision.offers.reached:
            story.served = True
            if story.down_since is not None:
                story.down, story.down_since = story.down + now - story.down_since, None
        elif story.served and story.down_since is None:
            story.down_since = now

    def _note_wait(self, story: _Story, decision: Decision, now: Instant) -> None:
        if decision.waits_for == story.waits_for:
            return
        if story.waits_for is not None and story.waiting_since is not None:
            waited = now - story.waiting_since
            if waited > story.longest:
                story.longest, story.longest_for = waited, story.waits_for
        story.waits_for, story.waiting_since = decision.waits_for, now

    def _result(
        self, outcome: str, now: Instant, *, ok: bool, message: str = "", hint: str | None = None
    ) -> StackResult:
        loaded = self.reconciler.loaded
        return StackResult(
            stack=loaded.name,
            generation=loaded.desired.generation,
            outcome=outcome,
            ok=ok,
            seconds=round(now - self._begun, 3),
            services=tuple(self._service_result(d, now) for d in self._selected().values()),
            message=message,
            hint=hint,
        )

    def _service_result(self, decision: Decision, now: Instant) -> ServiceResult:
        story = self._stories.get(decision.service, _Story())
        settled = self._rests(decision)
        outcome = "unchanged" if settled and not story.acted else str(decision.phase)
        down = story.down + (now - story.down_since if story.down_since is not None else 0.0)
        tries = sum(grant.tries for grant in decision.history.restarts.values())
        seconds = None if story.settled_at is None else round(story.settled_at - self._begun, 3)
        attempts = max(tries, 1 if story.acted else 0)
        return ServiceResult(decision.service, outcome, seconds, story.longest_for, attempts, round(down, 3))
