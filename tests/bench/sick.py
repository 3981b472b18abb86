"""Row 19: from the instant at which a replica becomes sick to its next answer, beside those who heal in other ways."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.bench.figure import Effort, Figure, spread
from tests.bench.keepers import Project, remove, until_healthy
from tests.bench.lanes import Lane, run
from tests.bench.replica import answers, sicken
from tests.bench.rivals import POLL, Swarm, autoheal, has_swarm
from tests.bench.stage import stage
from tests.bench.updates import one
from tests.engine.scenario import Scene

HOW = {
    19: "Replicas as in row 6 with `interval: 2s`, `retries: 2`: by that nobody may call one unhealthy before 2 to 4 "
    "s. The file that the check asks for is removed from within: the server answers with 404, to the observer of row 6 "
    "too. From then to the first answer after it, at any point of the cycles of check and loop. Ours 20 times, with "
    "another container each time, the others of row 6 ten times; all at once, on two replicas each. Docker's restart "
    "policy does nothing about it: what is told is whether a replica under it was ready again in the end.",
}
_INTERVAL = 2.0
_PLACES = 2
"""At once for each: more would be measured under their own load."""


def measure(effort: Effort) -> Iterator[Figure]:
    with stage() as scene, ExitStack() as ends:
        lanes = [*_lanes(scene, ends, effort)]
        policy = Project(scene.another(), scene.state / "policy", 1, _INTERVAL, {"restart": "always"})
        policy.up()
        left = policy.ready(policy.places[0])
        sicken(left)
        began = time.monotonic()
        run(lanes, effort)
        back, seconds = answers(left.port), time.monotonic() - began
    yield from (Figure(19, lane.name, "s", spread(lane.taken), brief=True) for lane in lanes)
    what = f"unhealthy: of 1 replica under Docker's `restart: always` ready again after {seconds:.0f} s"
    yield Figure(19, what, "", one(int(back)))


def _lanes(scene: Scene, ends: ExitStack, effort: Effort) -> Iterator[Lane]:
    name = "unhealthy, to ready again:"
    ours = Project(scene.name, scene.folder, _PLACES, _INTERVAL, renew=remove)
    scene.done("apply", timeout=180)
    ends.enter_context(scene.daemon("--watch"))
    scene.await_phase("Converged")
    yield Lane(f"{name} `controller run`", ours, sicken, effort.rounds(20))
    kept = Project(scene.another(), scene.state / "kept", _PLACES, _INTERVAL, renew=until_healthy)
    kept.up()
    for place in kept.places:
        ends.enter_context(autoheal(kept.container(place)))
    yield Lane(f"{name} a loop that looks every {POLL} s", kept, sicken, effort.rounds(10))
    if has_swarm(ends, effort):
        tasks = ends.enter_context(Swarm(scene.name, _PLACES, _INTERVAL))
        yield Lane(f"{name} Swarm", tasks, sicken, effort.rounds(10))
