"""An over-committed host: random stacks on a machine that is too small, with updates, crashes and others' use.

What is checked is counted anew here, from the simulated engine: no start exceeds what is free, nobody waits for room
that there is, and no lower priority takes what a higher one could have had.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from random import Random
from typing import TypeGuard

import pytest

from controller.decide.case import ALIVE
from controller.engines.simulated_hands import Hands
from controller.model.decision import Decision
from controller.model.desired import DesiredStack, Order, StackPolicy
from controller.model.names import Instant, Release, ReplicaId, Revision
from controller.model.phases import Phase
from controller.model.resources import NOTHING, Admission, Amount, Claims, Limit, Reserve, Room
from controller.model.steps import Create, Start, Step
from tests.builders import NOW
from tests.property.play import Play
from tests.property.worlds import random_stack, random_timings

pytestmark = pytest.mark.unit

MIB = 2**20
WORLDS = 1000
QUIET = 1200.0
"""Seconds after the last event in which everything comes to rest: longer than any backoff or watch."""

Asked = Mapping[tuple[str, Revision], Amount]


def random_claims(random: Random) -> Claims:
    memory = random.choice((0, 50, 100, 100, 200, 400)) * MIB
    cpu = random.choice((0.0, 0.0, 0.0, 0.25, 0.5, 1.0))
    return Claims(Amount(memory, cpu))


def over_committed(random: Random) -> DesiredStack:
    drawn = random_stack(random, share_namespaces=False)
    services = {
        name: replace(service, claims=random_claims(random), priority=random.choice((0, 0, 5, 9)))
        for name, service in drawn.services.items()
    }
    return replace(drawn, services=services, policy=StackPolicy(admission=Admission.ENFORCE))


class Squeezed(Play):
    """A play on a machine with so much room; every start is weighed as it is made."""

    def __init__(self, wanted: DesiredStack, random: Random, room: Amount) -> None:
        self.room = room
        self.places: dict[str, int] = {}
        """The most replicas of each service that were let run at once, while they were wanted: its places."""
        self.begun: dict[str, Instant] = {}
        self.starts = 0
        self.flying: dict[str, dict[str, tuple[Instant, Amount]]] = {}
        """Starts that were asked for, until when, by service and replica."""
        self.decided: dict[str, tuple[Step, ...]] = {}
        """What was decided in this pass and is not asked for yet."""
        self.making: dict[str, Instant] = {}
        """Until when containers are made that take no place yet, by service."""
        super().__init__(wanted, random_timings(random, wanted))
        self.resize(room)

    def resize(self, room: Amount) -> None:
        self.room = room
        self.world.measure(Room(room.memory, room.cpu, most=Limit(4096 * MIB, 16.0), reserve=Reserve(1)), {})
        self._dirty.update(dict.fromkeys(self.world.desired.services))

    def restart(self, after: float = 0.0) -> None:
        super().restart(after)
        self.places.clear()
        self.resize(self.room)

    def asked(self, name: str, revision: Revision) -> Amount:
        return self.known[name, revision].claims.reserved if (name, revision) in self.known else NOTHING

    def running(self, name: str) -> list[Amount]:
        view = self.simulation.view(name, self.now)
        alive = {one.id: self.asked(name, one.revision) for one in view.replicas if one.phase in ALIVE}
        flying = {key: asked for key, (end, asked) in self.flying.get(name, {}).items() if end > self.now}
        down = {one.id: one.revision for one in view.replicas if one.phase not in ALIVE}
        decided = (step for step in self.decided.get(name, ()) if _begins(step, down))
        coming = {step.replica: self.asked(name, down[step.replica]) for step in decided}
        return list({**coming, **flying, **alive}.values())

    def free(self) -> Amount:
        """What nobody has who runs now."""
        taken = [amount for name in self.world.desired.services for amount in self.running(name)]
        return Amount(self.room.memory - sum(a.memory for a in taken), self.room.cpu - sum(a.cpu for a in taken))

    def _remember(self, decisions: Mapping[str, Decision]) -> None:
        super()._remember(decisions)
        self.decided = {name: decision.steps for name, decision in decisions.items()}

    def _heed(self, decision: Decision) -> None:
        del self.decided[decision.service]
        self.making.pop(decision.service, None)
        before = self.free() if any(isinstance(step, Start) for step in decision.steps) else None
        if before is not None:
            self.check_priority(decision, before)
        super()._heed(decision)
        self.note_places(decision)

    def _do(self, name: str, steps: tuple[Step, ...], release: Release) -> Instant:
        down = {one.id: one.revision for one in self.simulation.view(name, self.now).replicas if one.phase not in ALIVE}
        again = {key for key, (end, _) in self.flying.get(name, {}).items() if end > self.now}  # we died meanwhile
        free = self.free()
        for step in steps:
            if _begins(step, down) and step.replica not in again:
                asked = self.asked(name, down[step.replica])
                assert asked.memory <= max(0, free.memory), f"{name} starts beyond the memory that is free"
                assert asked.cpu <= max(0.0, free.cpu) + 1e-6, f"{name} starts beyond the cores that are free"
                free = minus(free, asked)
                self.starts += 1
        end = super()._do(name, steps, release)
        begun = {step.replica: (end, self.asked(name, down[step.replica])) for step in steps if _begins(step, down)}
        self.flying[name] = begun
        if self.makes(name, steps):
            self.making[name] = end
        return end

    def makes(self, name: str, steps: tuple[Step, ...]) -> bool:
        """Replicas that are new, and not there for an update's sake: those have their places."""
        grown = self.world.decisions[name].phase in (Phase.UPDATING, Phase.ROLLING_BACK)
        places = max(self.places.get(name, 0), len(self.running(name)))
        more = places < self.world.desired.services[name].replicas
        return more and not grown and any(isinstance(step, Create) for step in steps)

    def note_places(self, decision: Decision) -> None:
        want = self.world.desired.services[decision.service]
        done = decision.phase in (Phase.COMPLETED, Phase.STOPPED, Phase.FAILED) or want.leaving is not None
        runs = len(self.running(want.name))
        grown = decision.phase in (Phase.UPDATING, Phase.ROLLING_BACK)
        kept = want.replicas + ((want.update.parallelism or want.replicas) if grown else 0)
        creates = sum(isinstance(step, Create) for step in decision.steps) if grown else 0
        before = min(kept, self.places.get(want.name, 0)) if not done else 0
        self.places[want.name] = max(runs + creates, before)

    def check_priority(self, decision: Decision, free: Amount) -> None:
        """Nobody of a higher priority waits, or is being made, who would have fitted into what this one takes."""
        name = decision.service
        if self.places.get(name, 0) > len(self.running(name)):
            return  # its own place, which it had before
        taken = self.taken_by(decision)
        if taken == NOTHING:
            return
        mine = self.world.desired.services[name].priority
        left = minus(free, self.kept_by_others(name))
        made = {other for other, end in self.making.items() if end > self.now + 1e-9}
        made |= {other for other, steps in self.decided.items() if self.makes(other, steps)}
        for other in (self.world.short | made) & self.world.desired.services.keys():
            want = self.world.desired.services[other]
            if want.priority > mine and want.update.order is not Order.START_FIRST:
                asked = want.claims.reserved
                first = minus(left, self.asked_by(made, want.priority))
                waits = other in self.world.short and fits(asked, first)
                loses = fits(asked, left) and not fits(asked, minus(left, taken))
                assert not waits and not loses, f"{name} goes ahead of {other}, which has a higher priority"

    def asked_by(self, made: Collection[str], priority: int) -> Amount:
        """What those that are being made, and come before this priority, will ask for."""
        services = self.world.desired.services
        first = [services[name] for name in made if name in services and services[name].priority > priority]
        return Amount(
            sum(one.claims.reserved.memory * one.replicas for one in first),
            sum(one.claims.reserved.cpu * one.replicas for one in first),
        )

    def taken_by(self, decision: Decision) -> Amount:
        """What it starts now."""
        name = decision.service
        down = {one.id: one.revision for one in self.simulation.view(name, self.now).replicas if one.phase not in ALIVE}
        begun = [self.asked(name, down[step.replica]) for step in decision.steps if _begins(step, down)]
        return Amount(sum(one.memory for one in begun), sum(one.cpu for one in begun))

    def kept_by_others(self, name: str) -> Amount:
        """Places of those that do not run now."""
        memory, cpu = 0, 0.0
        for other, places in self.places.items():
            want = self.world.desired.services.get(other)
            gap = places - len(self.running(other)) if want is not None and other != name else 0
            if want is not None and gap > 0:
                memory += want.claims.reserved.memory * gap
                cpu += want.claims.reserved.cpu * gap
        return Amount(memory, cpu)

    def check_end(self) -> None:
        """Nobody waits for room that there is, but for what is left to a higher priority that can have it."""
        free = self.free()
        waiting = {name: self.world.desired.services[name] for name in self.world.short}
        for name, want in waiting.items():
            held = self.kept_by_others(name)
            own = self.places.get(name, 0) > len(self.running(name))
            left = free if own else minus(free, held)
            said = self.world.decisions[name].message
            assert not fits(want.claims.reserved, left), f"{name} waits though {left} is free: {said}"


def _begins(step: Step, down: Mapping[ReplicaId, Revision]) -> TypeGuard[Start]:
    return isinstance(step, Start) and step.replica in down


def minus(one: Amount, other: Amount) -> Amount:
    return Amount(one.memory - other.memory, one.cpu - other.cpu)


def fits(asked: Amount, left: Amount) -> bool:
    return asked.memory <= max(0, left.memory) and asked.cpu <= max(0.0, left.cpu) + 1e-6


def live(seed: int) -> Squeezed:
    random = Random(seed)
    wanted = over_committed(random)
    whole = sum(s.claims.reserved.memory * s.replicas for s in wanted.services.values())
    cores = sum(s.claims.reserved.cpu * s.replicas for s in wanted.services.values())
    share = random.choice((0.2, 0.5, 0.8, 1.0, 1.3))
    play = Squeezed(wanted, random, Amount(int(whole * share), cores * random.choice((0.5, 0.8, 1.0, 2.0))))
    for _ in range(random.randint(0, 4)):
        at = NOW + random.uniform(0.0, 60.0)
        play.at(at, random_event(play, Random(random.random())))
    play.run(NOW + 60.0 + QUIET)
    return play


def random_event(play: Squeezed, random: Random) -> Callable[[], None]:
    def update() -> None:
        name = random.choice(sorted(play.world.desired.services))
        want = play.world.desired.services[name]
        changed = replace(
            want,
            revision=Revision(f"{want.revision}x"),
            template=replace(want.template, fingerprint=f"{want.template.fingerprint}x"),
            claims=random.choice((want.claims, random_claims(random))),
            update=replace(want.update, order=random.choice(tuple(Order))),
        )
        play.retarget(replace(play.world.desired, services={**play.world.desired.services, name: changed}))

    def scale() -> None:
        name = random.choice(sorted(play.world.desired.services))
        want = replace(play.world.desired.services[name], replicas=random.randint(0, 4))
        if want.is_job is not True:
            play.retarget(replace(play.world.desired, services={**play.world.desired.services, name: want}))

    def resize() -> None:
        factor = random.choice((0.3, 0.7, 1.5, 3.0))
        play.resize(Amount(int(play.room.memory * factor), play.room.cpu * factor))

    def fall() -> None:
        """Some at once, as after a reboot, or for want of memory."""
        hands = Hands(play.simulation)
        running = [r.id for name in play.world.desired.services for r in play.simulation.view(name, play.now).replicas]
        for replica in random.sample(running, random.randint(0, len(running))):
            hands.kill(replica, play.now)

    return random.choice((update, update, scale, resize, fall, fall, play.restart))


PARTS = 10
FAST = 3


@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=[pytest.mark.slow] if part >= FAST else []) for part in range(PARTS)]
)
def test_an_over_committed_host(part: int) -> None:
    starts = waits = 0
    for seed in range(part * WORLDS // PARTS, (part + 1) * WORLDS // PARTS):
        try:
            play = live(seed)
            play.check_end()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        starts += play.starts
        waits += bool(play.world.short)
    assert starts > WORLDS // PARTS and waits > WORLDS // 50, "worlds in which nobody waits show nothing"
