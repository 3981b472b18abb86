"""Kinds of worlds whose engine lies and fails, or whose clock is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from tests.builders import NOW
from tests.property.kind import WILD, Kind, draw_calm, live_to_goal
from tests.property.kinds_wild import draw_any
from tests.property.life import Life, begin
from tests.property.play import Play
from tests.property.worlds import (
    ACCIDENTS,
    CHANGES,
    draw_events,
    random_faults,
    random_misbehaviour,
)


def _faulty(random: Random) -> Life:
    life = draw_calm(random, behaviours={}, faults=random_faults(random))
    acts = (*ACCIDENTS, *CHANGES, "die")
    events = draw_events(random, life.stack, random.randint(0, 5), 300.0, *acts)
    return replace(life, events=events, behaviours=random_misbehaviour(random, life.stack), until=WILD)


def live_through_faults(life: Life) -> Play:
    play = begin(life)
    play.rules.lied_to = life.faults is not None and life.faults.lagging > 0.0
    play.run(NOW + 1000)
    play.rules.lied_to = False
    play.rules.may_halt = True
    play.bed = play.simulation
    play.restart()
    play.run(NOW + life.until)
    play.rules.check_goal()
    return play


def _lagging(random: Random) -> Life:
    life = _faulty(random)
    faults = replace(life.faults, partial=0.0, stale=0.0, lagging=random.uniform(0.05, 0.5))
    return replace(life, faults=faults)


def _clock(random: Random) -> Life:
    life = draw_any(random)
    return replace(
        life, events=(*life.events, *draw_events(random, life.stack, random.randint(1, 3), 400.0, "set_clock"))
    )


FAULTY_KINDS: Mapping[str, Kind] = {
    "faults": Kind("an engine that lies and fails delays but never doubles", _faulty, live_through_faults),
    "lagging": Kind("looks that are older than they say do no lasting harm", _lagging, live_through_faults),
    "clock": Kind("a clock that is set back or forth does no lasting harm", _clock, live_to_goal),
}
