"""What a kind of random worlds is, and how lives are commonly drawn and lived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.builders import NOW
from tests.property.life import Life, begin
from tests.property.play import Play
from tests.property.worlds import random_stack, random_timings

CALM, WILD = 600.0, 4000.0


@dataclass(frozen=True, slots=True)
class Kind:
    """`promise` is a sentence; `live` lives a life and raises AssertionError where the promise is broken."""

    promise: str
    draw: Callable[[Random], Life]
    live: Callable[[Life], Play]


def draw_calm(random: Random, **others: object) -> Life:
    """A stack that is left alone for as long as it needs to come up."""
    wanted = random_stack(random)
    return Life(wanted, random_timings(random, wanted), until=CALM, **others)  # type: ignore[arg-type]


def live_calmly(life: Life) -> Play:
    """Up to the instant of the first event."""
    play = begin(life)
    play.rules.calm = True
    play.run(NOW + CALM - 1)
    play.rules.check_goal()
    play.rules.calm = False
    return play


def live_to_goal(life: Life) -> Play:
    play = begin(life)
    play.run(NOW + life.until)
    play.rules.check_goal()
    return play


def whats_left(play: Play) -> list[tuple[str, str]]:
    views = play.simulation.observe(play.now)
    return sorted((r.service, str(r.revision)) for view in views.values() for r in view.replicas)
