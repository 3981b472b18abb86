"""Row 8: what the core needs for 10,000 services."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import rehearsal
from tests.bench.figure import Effort, Figure, ratio, spread

HOW = {
    8: "`plan` of a cold start on the simulated engine, in process, processor time: a chain, all on the first (wide), "
    "layers of 100 with 3 needs into the layer before (layers) and with 30 (dense). One dirty: a pass over one service "
    "of the layered stack at rest. Growth: ten times the services take so many times as long for each.",
}
REACHES = {"chain": 5.0, "wide": 5.0, "layers": 5.0, "dense": 8.0}
SMALL, LARGE = 1_000, 10_000


def measure(effort: Effort) -> Iterator[Figure]:
    large = 2_000 if effort.quick else LARGE
    taken: dict[str, list[float]] = {}
    for number in range(1, effort.rounds(3, 1) + 1):
        effort.say(f"round {number}")
        for name, seconds in rehearsal.measure(1, (SMALL, large)).items():
            taken.setdefault(name, []).append(seconds)
    for shape, reach in REACHES.items():
        times = taken[f"{shape} {large}"]
        yield Figure(8, f"rehearsal of {large:,} services, {shape}", "s", spread(times), reach, brief=shape == "layers")
    growth = [ratio(taken[f"{shape} {large}"], taken[f"{shape} {SMALL}"]).median * SMALL / large for shape in REACHES]
    yield Figure(8, f"growth for each service from {SMALL:,} to {large:,}, the four shapes", "×", spread(growth))
    one = [seconds * 1000 for seconds in taken[f"one dirty of {large}"]]
    yield Figure(8, f"a pass with one dirty service of {large:,}", "ms", spread(one), 0.1)
