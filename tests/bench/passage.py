"""Rows 17 and 18: what the ingress adds to a request, and how long an update takes beyond what it has to."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator

from tests.bench.figure import Effort, Figure, ratio, spread
from tests.bench.stage import stage
from tests.bench.updates import bring
from tests.engine.checks import Container, docker
from tests.engine.pace import RATE
from tests.engine.pace import measure as ask
from tests.engine.releases import PORT, REPLICAS, Release, Site

HOW = {
    17: "The middle of 1,000 requests at 200 a second on kept connections, straight to one replica and in turn "
    "through the published port; what is added is the difference of the two middles of a round.",
    18: "An update of three replicas, one at a time, start-first, behind the ingress, nobody asks. Each is ready about "
    "2 s after its start and says so itself: from the engine's instant of its start to that. The old ones end within "
    "0.1 s of SIGTERM. Duration: what `apply` reports, less `monitor` (1 s) for each replica; there is no delay. By "
    "the clock: the whole command, the program's own start and the reading of the files too.",
}
MONITOR = 1.0
READY_AFTER = 2.0


def measure(effort: Effort) -> Iterator[Figure]:
    yield from _latency(effort)
    yield from _duration(effort)


def _latency(effort: Effort) -> Iterator[Figure]:
    direct: list[float] = []
    through: list[float] = []
    with stage() as scene:
        site = Site(scene)
        bring(site, Release("r0"))
        address = next(iter(site.replicas()[0].inspect["NetworkSettings"]["Networks"].values()))["IPAddress"]
        for _ in range(effort.rounds(5)):
            times = ask((address, PORT), ("127.0.0.1", site.port))
            for found, middles in zip(times, (direct, through), strict=True):
                middles.append(statistics.median(found) * 1000)
            effort.say(f"direct {direct[-1]:.2f} ms, through the ingress {through[-1]:.2f} ms")
    yield Figure(17, f"{RATE} requests a second: a replica asked directly, p50", "ms", spread(direct))
    yield Figure(17, "the same through the ingress, p50", "ms", spread(through))
    added = [one - other for one, other in zip(through, direct, strict=True)]
    yield Figure(17, "latency that the ingress adds, p50", "ms", spread(added), 1.0, brief=True)


def _duration(effort: Effort) -> Iterator[Figure]:
    told, clocked, ready = [], [], []
    with stage() as scene:
        site = Site(scene, f"monitor: {MONITOR:g}s")
        bring(site, Release("r0", READY_AFTER))
        for number in range(1, effort.rounds(5) + 1):
            site.write(Release(f"r{number}", READY_AFTER))
            began = time.monotonic()
            result = scene.data("apply")
            clocked.append(time.monotonic() - began - REPLICAS * MONITOR)
            told.append(result["seconds"] - REPLICAS * MONITOR)
            ready.append(sum(_readiness(one) for one in site.replicas()))
            effort.say(f"{told[-1]:.2f} s by `apply`, {clocked[-1]:.2f} s by the clock, ready in {ready[-1]:.2f} s")
    yield Figure(18, f"update of {REPLICAS} replicas, less `monitor`", "s", spread(told))
    yield Figure(18, "the new ones' own times to be ready, together", "s", spread(ready))
    yield Figure(18, "update of three replicas, less `monitor` / to be ready", "", ratio(told, ready), 1.5, brief=True)
    yield Figure(18, "the same by the clock, the command's own start too", "", ratio(clocked, ready))


def _readiness(one: Container) -> float:
    """Seconds from the start, as the engine dates it, to when the server itself said that it was ready."""
    found = re.search(r"^ready ([\d.]+)$", docker("logs", one.id), re.MULTILINE)
    assert found is not None
    return float(found[1]) - one.started
