"""A change of authority with services that restart, reload late, come and go, and controllers that die at any point:
at no time is there a pair of which one would refuse the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import data, floats, integers, sampled_from

from controller.security.rotation import Rotation, Stage, Standing, advance, begin, note_issued

pytestmark = pytest.mark.unit

LIFE = 100.0


class Mounted(NamedTuple):
    """What lies in a service's folder, or is in its memory."""

    trusts: frozenset[str]
    shows: str
    ends_at: float


@dataclass
class Service:
    mounted: Mounted
    taken: list[Mounted]
    """By replica: what each has read."""


class Change(RuleBasedStateMachine):
    """What is kept is written before anything is done by it; each rule is one step between two deaths."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.made = 0.0, 1
        self.kept = Rotation("1")
        self.services: dict[str, Service] = {}
        self.stages: set[Stage] = set()
        for name in ("web", "db"):
            self.join(name)

    def issue(self) -> Mounted:
        ends_at = self.now + LIFE
        self.kept = note_issued(self.kept, ends_at)
        return Mounted(frozenset(self.kept.bundle), self.kept.issuer, ends_at)

    def join(self, name: str) -> None:
        mounted = self.issue()
        self.services[name] = Service(mounted, [mounted])

    @precondition(lambda self: self.kept.stage is Stage.NONE)
    @rule()
    def change(self) -> None:
        self.made += 1
        self.kept = begin(self.kept, str(self.made), self.now)

    @rule(picked=data())
    def deliver(self, picked: data) -> None:
        """One folder of many: the controller may die before the next."""
        service = self.services[picked.draw(sampled_from(sorted(self.services)))]
        keeps = service.mounted.shows == self.kept.issuer and service.mounted.ends_at - self.now > LIFE / 2
        made = service.mounted if keeps else self.issue()
        service.mounted = made._replace(trusts=frozenset(self.kept.bundle))

    @rule(picked=data())
    def reads_again(self, picked: data) -> None:
        """A reload that we asked for, or a restart that nobody did."""
        service = self.services[picked.draw(sampled_from(sorted(self.services)))]
        service.taken[picked.draw(integers(0, len(service.taken) - 1))] = service.mounted

    @rule(but=integers(0, 5))
    def settles(self, but: int) -> None:
        """All but one, perhaps, get what they are to have, and read it."""
        for number, name in enumerate(sorted(self.services)):
            if number != but:
                service = self.services[name]
                service.mounted = self.issue()
                service.taken = [service.mounted for _ in service.taken]
        self.looks()

    @rule(picked=data(), count=integers(1, 3))
    def scaled(self, picked: data, count: int) -> None:
        service = self.services[picked.draw(sampled_from(sorted(self.services)))]
        service.taken = [*service.taken, *[service.mounted] * count][:count]

    @precondition(lambda self: len(self.services) < 4)
    @rule()
    def comes(self) -> None:
        self.join(f"more-{len(self.services)}")

    @rule(hours=floats(0, 30))
    def passes(self, hours: float) -> None:
        """Never beyond what somebody's certificate lasts: that is another trouble."""
        soonest = min(one.ends_at for service in self.services.values() for one in (service.mounted, *service.taken))
        self.now = min(self.now + hours, soonest - 1.0)

    @rule()
    def looks(self) -> None:
        self.kept = advance(self.kept, [self.seen(one) for one in self.services.values()], self.now)
        self.stages.add(self.kept.stage)

    @rule()
    def looks_half_blind(self) -> None:
        """Of one service nothing is known: nothing goes on."""
        seen = [self.seen(one) for one in self.services.values()]
        assert advance(self.kept, [*seen, None], self.now) == self.kept

    def seen(self, service: Service) -> Standing:
        trusts = frozenset.intersection(*(one.trusts for one in service.taken))
        shows = {one.shows for one in (*service.taken, service.mounted)}
        both = trusts & service.mounted.trusts
        extra = frozenset.union(*(one.trusts for one in service.taken), service.mounted.trusts) - both
        trusts = both | extra if self.kept.stage is Stage.DROP else both
        return Standing(trusts, shows.pop() if len(shows) == 1 else "")

    @invariant()
    def nobody_refuses_anybody(self) -> None:
        """Whatever is read already, and whatever a restart would read."""
        everything = [one for service in self.services.values() for one in (service.mounted, *service.taken)]
        assert all(shown.shows in reader.trusts for shown in everything for reader in everything)

    @invariant()
    def what_is_needed_is_kept(self) -> None:
        assert {self.kept.issuer, *self.kept.bundle} <= set(self.kept.needed)


TestChange = Change.TestCase
TestChange.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)


def calm(stage_wanted: Stage) -> Rotation:
    rotation = note_issued(Rotation("a"), 50.0)
    rotation = begin(rotation, "b", 1.0)
    while rotation.stage is not stage_wanted:
        everything = Standing(frozenset(rotation.bundle), rotation.issuer)
        rotation = advance(rotation, [everything], 60.0)
    return rotation


def test_a_change_comes_to_its_end_through_each_phase() -> None:
    assert calm(Stage.ADD).bundle == ("a", "b")
    assert calm(Stage.SWITCH).bundle == ("b", "a")
    assert calm(Stage.OUTLIVE).bundle == ("b", "a")
    assert calm(Stage.DROP).bundle == ("b",)
    end = advance(calm(Stage.DROP), [Standing(frozenset("b"), "b")], 61.0)
    assert (end.issuer, end.other, end.stage, end.needed) == ("b", "", Stage.NONE, ("b",))


@pytest.mark.parametrize(
    ("stage", "standing", "now"),
    [
        (Stage.ADD, Standing(frozenset("a"), "a"), 60.0),
        (Stage.SWITCH, Standing(frozenset("ab"), "a"), 60.0),
        (Stage.SWITCH, Standing(frozenset("ab"), ""), 60.0),
        (Stage.OUTLIVE, Standing(frozenset("ab"), "b"), 49.0),
        (Stage.DROP, Standing(frozenset("ab"), "b"), 60.0),
    ],
    ids=["trusts the old one alone", "shows an old leaf", "replicas differ", "old leaves last", "trusts the old one"],
)
def test_no_phase_begins_before_the_one_before_is_seen_to_be_done(stage: Stage, standing: Standing, now: float) -> None:
    rotation = calm(stage)
    good = Standing(frozenset(rotation.bundle), rotation.issuer)
    assert advance(rotation, [good, standing], now) == rotation


def test_no_second_change_begins_while_one_is_under_way() -> None:
    with pytest.raises(ValueError, match="being changed already"):
        begin(calm(Stage.OUTLIVE), "c", 1.0)


def test_where_nobody_has_a_certificate_nobody_is_waited_for() -> None:
    assert advance(begin(Rotation("a"), "b", 0.0), [], 1.0) == replace(
        calm(Stage.SWITCH), since=1.0, latest=0.0, until=0.0
    )
