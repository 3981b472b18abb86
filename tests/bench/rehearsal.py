"""How long the core takes for large stacks: a rehearsal of a cold start, and a pass with one service to decide.

    python -m tests.bench.rehearsal [--rounds 3]

CPU seconds, the best of several rounds, on the simulated engine; asserts nothing.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterable, Mapping

from controller.cli.main import collect_seldom
from controller.decide.rehearsal import rehearse
from controller.decide.stack import decide_stack
from controller.decide.world import World, make_world
from controller.engines.simulated_world import Simulation
from controller.model.desired import DesiredService, DesiredStack
from controller.model.phases import Phase
from controller.model.timings import Span, Timings
from tests.builders import HEALTHY, NOW, checked, empty_views, stack, timings

SIZES = (1_000, 10_000)
LAYER = 100
"""Services in one layer of a layered stack."""

CALLS = {Span.CREATE: 0.05, Span.START: 0.3, Span.READY: 1.0}


def chain(size: int) -> DesiredStack:
    """Each needs the one before it."""
    return _stack(size, lambda n: (n - 1,) if n else ())


def wide(size: int) -> DesiredStack:
    """All need the first."""
    return _stack(size, lambda n: (0,) if n else ())


def layers(size: int) -> DesiredStack:
    """Each needs 3 of the layer before its own."""
    return _layered(size, 3)


def dense(size: int) -> DesiredStack:
    """Each needs 30 of the layer before its own."""
    return _layered(size, 30)


SHAPES: Mapping[str, Callable[[int], DesiredStack]] = {"chain": chain, "wide": wide, "layers": layers, "dense": dense}


def measure(rounds: int = 3, sizes: Iterable[int] = SIZES) -> Mapping[str, float]:
    """CPU seconds, by `SHAPE SIZE` for a rehearsed cold start and by `one dirty of SIZE` for a single pass."""
    taken: dict[str, float] = {}
    collect_seldom()  # as every command does
    for size in sizes:
        for name, shape in SHAPES.items():
            taken[f"{name} {size}"] = min(_time_cold_start(shape(size)) for _ in range(rounds))
        taken[f"one dirty of {size}"] = _time_one_dirty(layers(size))
    return taken


def _time_cold_start(wanted: DesiredStack) -> float:
    known = _known(wanted)
    gc.collect()
    began = time.process_time()
    plan = rehearse(make_world(wanted), Simulation(wanted, empty_views(wanted), known, NOW), NOW)
    taken = time.process_time() - began
    if not plan.settles or len(plan.steps) != 2 * len(wanted.services):
        raise RuntimeError(f"{len(plan.steps)} steps for {len(wanted.services)} services: nothing was measured")
    return taken


def _time_one_dirty(wanted: DesiredStack, passes: int = 2_000) -> float:
    """Seconds of one pass over one service of a stack at rest, as the loop makes it: decided and absorbed."""
    world = _at_rest(wanted)
    name = tuple(wanted.services)[len(wanted.services) // 2]
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(passes):
            world.absorb(decide_stack((name,), world, NOW))
        best = min(best, (time.process_time() - began) / passes)
    return best


def _at_rest(wanted: DesiredStack) -> World:
    world = make_world(wanted)
    rehearse(world, Simulation(wanted, empty_views(wanted), _known(wanted), NOW), NOW)
    if any(decision.phase is not Phase.READY for decision in world.decisions.values()):
        raise RuntimeError("the stack did not come up: nothing was measured")
    return world


def _stack(size: int, needs: Callable[[int], Iterable[int]]) -> DesiredStack:
    return stack(*(_service(number, needs(number)) for number in range(size)), name="large", digest="large")


def _layered(size: int, degree: int) -> DesiredStack:
    def needs(number: int) -> Iterable[int]:
        before, place = number - number % LAYER - LAYER, number % LAYER
        return (before + (place * 7 + step) % LAYER for step in range(degree)) if before >= 0 else ()

    return _stack(size, needs)


def _service(number: int, needs: Iterable[int]) -> DesiredService:
    return checked(f"s{number:05d}", needs={f"s{dep:05d}": HEALTHY for dep in needs})


def _known(wanted: DesiredStack) -> Timings:
    return timings(**{name: CALLS for name in wanted.services})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    given = parser.parse_args()
    for name, seconds in measure(given.rounds, given.sizes).items():
        print(f"{name:24} {seconds * 1e6:8.1f} µs" if name.startswith("one") else f"{name:24} {seconds:8.2f} s")


if __name__ == "__main__":
    main()
