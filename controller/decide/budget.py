"""What the machine has for the services of a stack, while a pass gives it away: an overlay over the world. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from controller.decide.case import ALIVE
from controller.decide.demand import NOBODY_HELD, Held, Scales, add, ask_others, count_held, demand, weigh
from controller.decide.leeway import AMPLE, Leeway, fits, minus, plus
from controller.decide.world import World
from controller.model.decision import Decision
from controller.model.desired import DesiredService
from controller.model.names import ReplicaId
from controller.model.resources import NOTHING, Admission, Amount, Limit

_NO_END = Amount(2**62, 1e9)


class _User(NamedTuple):
    """Who has a volume that is exclusive."""

    volume: str
    name: str
    is_itself: bool = False
    """An own replica, which goes first where that is the order."""


class Budget:
    """Of one pass. What was granted in it counts at once."""

    def __init__(self, world: World, dirty: Iterable[str]) -> None:
        self._world = world
        self._room = world.room
        self._counts = world.desired.policy.admission is Admission.ENFORCE and self._room.bounds_starts
        self._tracks = self._counts or world.has_exclusive
        self._scales = Scales(world.known, self._room.used, world.learned)
        self._held: dict[str, Held] = {}
        self._total = world.total
        self.released = False
        """Somebody has less than before this pass."""
        if self._tracks:
            for name in dirty:
                self._see(name, world.decisions.get(name))

    def is_asked(self, name: str) -> bool:
        """Whether there may be too little for this service."""
        want = self._world.desired.services[name]
        if want.claims.exclusive:
            return True
        return self._counts and not self._is_ample and (self.claim(name) != NOTHING or bool(self._find_others(name)))

    def note(self, decision: Decision) -> None:
        """What it takes, and what it gives back."""
        if self._tracks:
            self._see(decision.service, decision)

    def leeway(self, name: str, ahead: Mapping[str, Amount], *, asks: bool) -> Leeway:
        """What this service may begin. `ahead`: what is left to services of a higher priority, which wait.

        `asks`: whether it would begin anything is yet to be found out; nothing is granted.
        """
        want, disk = self._world.desired.services[name], self._room.disk
        if not self.is_asked(name):
            return AMPLE if disk is None else AMPLE._replace(disk=disk)
        leeway = self._measure(want, ahead, asks) if self._counts else Leeway(most=1, disk=disk)
        user = self._find_user(want) if want.claims.exclusive else None
        if user is None:
            return leeway
        return leeway._replace(most=0, swap=leeway.swap and user.is_itself, volume=(user.volume, user.name))

    def _measure(self, want: DesiredService, ahead: Mapping[str, Amount], asks: bool) -> Leeway:
        asked, own = self.claim(want.name), self._find_own(want)
        free = plus(self._free(), own)
        left = _at_least(minus(free, add(ahead.values())), _at_most(free, own))
        never = not fits(asked, _limits(self._room.most))
        behind = next(iter(ahead), "") if fits(asked, free) and not fits(asked, left) else ""
        return Leeway(
            left=NOTHING if asks else left,
            most=1 if want.claims.exclusive else None,
            swap=not asks and fits(asked, plus(left, self._find_freed(want))),
            asked=asked,
            others=self._find_others(want.name),
            free=_limits(self._room.most) if never else free,
            kept=self._room.reserve,
            never=never,
            behind=behind,
            relief="" if asks or never or behind else self._find_relief(want, asked, free),
            disk=self._room.disk,
        )

    def _find_own(self, want: DesiredService) -> Amount:
        """What its own places are counted with in which nobody runs now: nobody else may have that, but it may."""
        return self._find_held(want.name).vacant

    def is_hopeful(self, name: str) -> bool:
        """It would have room if all that is to end anyway had ended: others are not to take that first."""
        want = self._world.desired.services[name]
        asked = self.claim(name)
        return fits(asked, plus(self._free(), self._find_ending())) and not want.claims.exclusive

    def claim(self, name: str) -> Amount:
        """What a service that waits would take first."""
        return demand(self._world.desired.services[name], self._scales)

    def _find_others(self, name: str) -> Mapping[ReplicaId, Amount]:
        return ask_others(self._world.desired.services[name], self._world.views.get(name), self._scales)

    @property
    def _is_ample(self) -> bool:
        """Everybody could have all that it may ever want, beside what there is now."""
        return fits(self._world.most, self._free())

    def _free(self) -> Amount:
        """For anybody; less than nothing where more was promised than there is."""
        return minus(_limits(Limit(self._room.memory, self._room.cpu)), self._total)

    def _see(self, name: str, decision: Decision | None) -> None:
        want = self._world.desired.services.get(name)
        if want is None:
            return
        before = self._find_held(name)
        now = count_held(want, self._world.views.get(name), decision, before, self._scales)
        self._held[name] = now
        self._total = add((minus(self._total, before.amount), now.amount))
        if now.amount.memory < before.amount.memory or now.amount.cpu < before.amount.cpu:
            self.released = True

    def _find_held(self, name: str) -> Held:
        return self._held.get(name) or self._world.held.get(name, NOBODY_HELD)

    def _find_freed(self, want: DesiredService) -> Amount:
        """By the one that runs and has the least."""
        view = self._world.views.get(want.name)
        alive = [r for r in view.replicas if r.phase in ALIVE] if view is not None else []
        weights = [weigh(replica, want, self._scales) for replica in alive]
        return min(weights, default=NOTHING)

    def _find_ending(self) -> Amount:
        """What jobs and services that leave still have."""
        services = self._world.desired.services
        ending = (name for name, want in services.items() if want.is_job is True or want.leaving is not None)
        return add(self._find_held(name).amount for name in ending)

    def _find_relief(self, want: DesiredService, asked: Amount, free: Amount) -> str:
        """The one of lower priority that has the least of those that would make room if they were stopped."""
        services = self._world.desired.services
        found = [
            (self._find_held(name).amount, name)
            for name, other in services.items()
            if other.priority < want.priority and fits(asked, plus(free, self._find_held(name).amount))
        ]
        if not found:
            return ""
        name = min(found)[1]
        return f"stopping {name} (priority {services[name].priority}) would make room"

    def _find_user(self, want: DesiredService) -> _User | None:
        """Which of its exclusive volumes is in use, and by whom: strangers first, of whom nothing else is known."""
        view = self._world.views.get(want.name)
        for volume in want.claims.exclusive:
            if view is not None and volume in view.taken_volumes:
                return _User(volume, view.taken_volumes[volume])
        for volume in want.claims.exclusive:
            for name, other in self._world.desired.services.items():
                if name != want.name and volume in other.claims.exclusive and self._find_held(name).places:
                    return _User(volume, f"service {name}")
        held = self._find_held(want.name)
        runs = held.places > held.gap
        return _User(want.claims.exclusive[0], "another replica of it", is_itself=True) if runs else None


def _limits(limit: Limit) -> Amount:
    """What is not known is no bound."""
    return Amount(
        _NO_END.memory if limit.memory is None else limit.memory, _NO_END.cpu if limit.cpu is None else limit.cpu
    )


def _at_least(one: Amount, other: Amount) -> Amount:
    return Amount(max(one.memory, other.memory), max(one.cpu, other.cpu))


def _at_most(one: Amount, other: Amount) -> Amount:
    return Amount(min(one.memory, other.memory), min(one.cpu, other.cpu))
