"""What the machine has for the services of a stack, while a pass gives it away: an overlay over the world. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import NamedTuple

from controller.decide.admission import NO_CPU, NO_MEMORY
from controller.decide.case import ALIVE
from controller.decide.demand import ask_others, demand, weigh
from controller.decide.leeway import AMPLE, Leeway, add, at_least, at_most, count_swaps, fits, minus, plus, times
from controller.decide.tally import Tally
from controller.decide.world import World
from controller.model.decision import Decision
from controller.model.desired import DesiredService, Leaving
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
        self._enforces = world.desired.policy.admission is Admission.ENFORCE
        self._counts = self._enforces and self._room.bounds_starts
        self._tracks = self._counts or world.has_exclusive
        self._scales = world.scales
        self._tally = Tally(world.tally)
        self._ending: Amount | None = None
        self.released = False
        """Somebody has less than before this pass, or less is left to somebody."""
        if self._tracks:
            for name in dirty:
                self._see(name, world.decisions.get(name))

    def is_asked(self, want: DesiredService) -> bool:
        """Whether there may be too little for this service."""
        if want.claims.exclusive:
            return True
        return self._counts and not self._is_ample and (self._ask(want) != NOTHING or bool(self._find_others(want)))

    def note(self, decision: Decision) -> None:
        """What it takes, and what it gives back."""
        if self._tracks:
            self._see(decision.service, decision)

    def bar(self, want: DesiredService) -> Leeway:
        """Nothing is granted: whether it would begin anything is yet to be found out."""
        return Leeway(NOTHING, 0, 0, self._ask(want), self._find_others(want), disk=self._disk)

    def leeway(self, want: DesiredService, ahead: Mapping[str, Amount]) -> Leeway:
        """What this service may begin. `want`: as it is aimed at. `ahead`: what is left to services of a higher
        priority, which wait or are being made."""
        if not self.is_asked(want):
            return AMPLE if self._disk is None else AMPLE._replace(disk=self._disk)
        leeway = self._measure(want, ahead) if self._counts else Leeway(most=1, disk=self._disk)
        user = self._find_user(want) if want.claims.exclusive else None
        if user is None:
            return leeway
        swaps = leeway.swaps if user.is_itself else 0
        return leeway._replace(most=0, swaps=swaps, volume=(user.volume, user.name))

    def _measure(self, want: DesiredService, ahead: Mapping[str, Amount]) -> Leeway:
        """Its own places are kept from everybody else, as far as there is room for all who run."""
        asked, own = self._ask(want), self._tally.of(want.name).vacant
        there = self._there()
        free = plus(minus(there, self._tally.vacant), own)
        left = at_least(minus(free, add(ahead.values())), at_most(own, there))
        never = not fits(asked, _limits(self._room.most))
        short = not fits(asked, left)
        behind = next(iter(ahead), "") if short and fits(asked, free) else ""
        return Leeway(
            left=left,
            most=1 if want.claims.exclusive else None,
            swaps=count_swaps(asked, self._find_freed(want), left),
            asked=asked,
            others=self._find_others(want),
            free=_limits(self._room.most) if never else at_least(free, at_most(own, there)),
            kept=self._room.reserve,
            never=never,
            behind=behind,
            relief=self._find_relief(want, asked, free) if short and not never and not behind else "",
            disk=self._disk,
        )

    @property
    def coming(self) -> Set[str]:
        """Services of which more is being made, which will ask for room."""
        return self._tally.coming

    def claim(self, name: str, decision: Decision | None) -> Amount | None:
        """What a service that waits, or is being made, would take first; None: others may go ahead of it.

        Who waits would have room if all that is to end anyway had ended: others are not to take that first.
        """
        short = decision.short if decision is not None else None
        if short is None and (coming := self._tally.of(name).coming):
            return self._claim_coming(self._world.desired.services[name], coming)
        if short is None or short.reason not in (NO_MEMORY, NO_CPU):
            return None
        asked = self._ask(self._world.desired.services[name])
        free = minus(self._there(), self._tally.vacant)
        return asked if fits(asked, plus(free, self._find_ending())) else None

    def _claim_coming(self, want: DesiredService, coming: int) -> Amount | None:
        """For as many of its replicas as there is room for."""
        asked, free = self._ask(want), minus(self._there(), self._tally.vacant)
        most = next((count for count in range(coming, 0, -1) if fits(times(count, asked), free)), 0)
        return times(most, asked) if most else None

    @property
    def _disk(self) -> int | None:
        return self._room.disk if self._enforces else None

    @property
    def _is_ample(self) -> bool:
        """Everybody could have all that it may ever want, beside what there is now."""
        return fits(self._world.most, minus(self._there(), self._tally.vacant))

    def _there(self) -> Amount:
        """What nobody has who runs or is being started; less than nothing where more was promised than there is."""
        return minus(_limits(Limit(self._room.memory, self._room.cpu)), self._tally.total)

    def _ask(self, want: DesiredService) -> Amount:
        return demand(want, self._scales)

    def _find_others(self, want: DesiredService) -> Mapping[ReplicaId, Amount]:
        return ask_others(want, self._world.views.get(want.name), self._scales)

    def _see(self, name: str, decision: Decision | None) -> None:
        before, now = self._world.count(name, decision, self._tally)
        self._ending = None
        less = minus(plus(now.amount, now.vacant), plus(before.amount, before.vacant))
        if less.memory < 0 or less.cpu < 0 or now.places < before.places or now.coming < before.coming:
            self.released = True

    def _find_freed(self, want: DesiredService) -> Amount:
        """By the one that runs and has the least."""
        view = self._world.views.get(want.name)
        alive = [r for r in view.replicas if r.phase in ALIVE] if view is not None else []
        weights = [weigh(replica, want, self._scales) for replica in alive]
        return min(weights, default=NOTHING)

    def _find_ending(self) -> Amount:
        """What jobs and services that leave still have."""
        if self._ending is None:
            services = self._world.desired.services.items()
            ending = (name for name, want in services if want.is_job is True or _leaves(want))
            self._ending = add(self._tally.of(name).amount for name in ending)
        return self._ending

    def _find_relief(self, want: DesiredService, asked: Amount, free: Amount) -> str:
        """The one of lower priority that has the least of those that would make room if they were stopped."""
        services = self._world.desired.services
        found = [
            (self._tally.of(name).amount, name)
            for name, other in services.items()
            if other.priority < want.priority and fits(asked, plus(free, self._tally.of(name).amount))
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
                return _User(volume, f"in use by {view.taken_volumes[volume]}")
        for volume in want.claims.exclusive:
            for name, other in self._world.desired.services.items():
                held = self._tally.of(name)
                if name != want.name and volume in other.claims.exclusive and held.places:
                    return _User(volume, f"{'in use by' if held.places > held.kept else 'kept for'} service {name}")
        held = self._tally.of(want.name)
        runs = held.places > held.kept
        return _User(want.claims.exclusive[0], "in use by another replica of it", is_itself=True) if runs else None


def _leaves(want: DesiredService) -> bool:
    """Orphans run on."""
    return want.leaving is not None and want.leaving is not Leaving.ORPHANED


def _limits(limit: Limit) -> Amount:
    """What is not known is no bound."""
    return Amount(
        _NO_END.memory if limit.memory is None else limit.memory, _NO_END.cpu if limit.cpu is None else limit.cpu
    )
