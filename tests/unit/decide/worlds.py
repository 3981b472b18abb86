"""Whole stacks at one instant in one line, and what a pass does about them."""

from __future__ import annotations

from controller.decide.stack import decide_stack
from controller.decide.world import World, make_world
from controller.model.decision import History
from controller.model.desired import DesiredService, StackPolicy, StartupMode
from controller.model.observed import Health, Replica, ServiceView
from tests.builders import NOW, created, healthy, probe, replica, stack, view
from tests.unit.decide.cases import tell_step

PARALLEL = StackPolicy()
SEQUENTIAL = StackPolicy(mode=StartupMode.SEQUENTIAL)


def world(*services: DesiredService, policy: StackPolicy = PARALLEL, seconds=None, **views) -> World:
    """Views by service: replicas, or a whole view; who is not named has none yet. All were adopted before."""
    made = make_world(stack(*services, policy=policy), **({} if seconds is None else {"seconds": seconds.get}))
    for name in made.desired.services:
        found = views.get(name, [])
        made.views[name] = found if isinstance(found, ServiceView) else view(*found)
        made.histories[name] = History(adopted_at=NOW - 500)
    return made


def settle(given: World, now: float = NOW) -> World:
    """The world after one pass over everything."""
    given.absorb(decide_stack(given.desired.services, given, now))
    return given


def acts(given: World, *dirty: str, now: float = NOW) -> dict[str, str]:
    """What is done for whom, in the order in which it was decided; only who has steps."""
    decisions = decide_stack(dirty or given.desired.services, given, now)
    given.absorb(decisions)
    return {name: ", ".join(map(tell_step, d.steps)) for name, d in decisions.items() if d.steps}


def ready_one(name: str, **others) -> list[Replica]:
    return [healthy(service=name, **others)]


def new_one(name: str) -> list[Replica]:
    return [created(service=name)]


def coming(name: str, ago: float = 10.0) -> list[Replica]:
    return [replica(service=name, health=Health.STARTING, check=probe(), started_at=NOW - ago)]
