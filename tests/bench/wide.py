"""Row 11: a look at a stack of 200 services, when there is nothing to do."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing

from controller.engines.compose_engine import ComposeEngine
from controller.engines.transport import Endpoint
from controller.health.prober import Prober
from controller.loop.controller import Controller, Ways
from controller.loop.ground import Asked, Ground
from controller.loop.reconcile import Reconciler
from controller.model.status import Event, StackStatus
from tests.bench.figure import Effort, Figure, spread
from tests.bench.requests import RequestLog
from tests.bench.stage import rest, stage
from tests.engine.scenario import IMAGE, Scene

HOW = {
    11: "200 running containers (`sleep`, no network) of one stack on the real engine. The controller's own parts in "
    "the bench's process: seconds of `Reconciler.turn` over the whole stack while its event stream is connected, and "
    "the calls of one turn as a socket in front of the engine sees them.",
}
SERVICES = 200


class _Silent:
    def update(self, stacks: tuple[StackStatus, ...]) -> None: ...
    def event(self, event: Event) -> None: ...


def measure(effort: Effort) -> Iterator[Figure]:
    count = 20 if effort.quick else SERVICES
    with stage() as scene:
        settings = f"image: '{IMAGE}', command: [sleep, '10000'], stop_signal: SIGKILL, network_mode: none"
        scene.compose("\n".join(("services:", *(f"  s{n:03}: {{{settings}}}" for n in range(count)))) + "\n")
        effort.say(f"{count} services come up")
        scene.done("apply", timeout=600)
        with RequestLog(scene.state / "engine.sock") as log:
            turns, calls = _turn(scene, log, effort)
    yield Figure(11, f"{count} services, nothing to do: one pass", "s", spread(turns), 0.2, brief=True)
    yield Figure(11, f"{count} services, nothing to do: calls of one pass", "", spread(calls), 1)


def _turn(scene: Scene, log: RequestLog, effort: Effort) -> tuple[list[float], list[float]]:
    """Seconds and number of calls, turn by turn, once all that a first look needs has been seen."""
    asked = Asked(scene.folder, os.environ, scene.state)
    ground = Ground(ComposeEngine(Endpoint(f"unix://{log.path}")), asked)
    with closing(ground):
        ways = Ways(ground.engine, ground.now, _Silent(), lambda on_change: Prober(ground.engine, on_change))
        controller = Controller(ways)
        with closing(controller):
            ((_, loaded),), _ = ground.load_all(ground.targets())
            reconciler = controller.add(loaded, ground.store(loaded.name))
            threading.Thread(target=lambda: list(ground.engine.nudges()), daemon=True).start()
            log.first(0.0, lambda request: request.path.startswith("/events"))
            rest(1.0)
            for _ in range(2):
                reconciler.turn(None)
            taken = [_time(reconciler, log) for _ in range(effort.rounds(15, 5))]
            effort.say(f"one pass takes {taken[-1][0] * 1000:.0f} ms and {taken[-1][1]:g} calls")
    return [seconds for seconds, _ in taken], [calls for _, calls in taken]


def _time(reconciler: Reconciler, log: RequestLog) -> tuple[float, float]:
    at, began = log.now(), time.monotonic()
    reconciler.turn(None)
    return time.monotonic() - began, len(log.since(at))
