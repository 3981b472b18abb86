"""Rows 4 and 5: what a controller uses that keeps 30 healthy services, for one look at all of them and at rest."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figure import Effort, Figure, ratio, spread
from tests.bench.requests import Request, RequestLog
from tests.bench.stage import cpu_of_call, cpu_of_process, memory_of_process, rest, stage
from tests.engine.scenario import IMAGE, Daemon, Scene

HOW = {
    4: "30 running services with 10 s health checks, nothing to do. Compose: processor time (user + system, children "
    "included) of `docker compose up -d`. Ours: that of a `controller run` with `reconcile.resync: 1s`, divided by the "
    "looks at the whole stack, which are counted at a socket in front of the engine. What else it does meanwhile is "
    "not taken off, the services' probes among it.",
    5: "The same 30 services under `controller run --watch`, for 60 s from when it has come to rest. Processor time "
    "and resident memory from `/proc`, children included; of the memory the most of twelve samples.",
}
SERVICES = 30
_SETTLES = 15.0
"""Seconds until what a start needs is over, the first probe at its own pace included."""


def measure(effort: Effort) -> Iterator[Figure]:
    with stage() as scene:
        write_services(scene)
        scene.manifest("reconcile: {resync: 1s}")
        effort.say(f"{SERVICES} services come up")
        scene.done("apply", timeout=180)
        yield from _nothing_to_do(scene, effort)
        scene.manifest()
        yield from _at_rest(scene, effort)


def write_services(scene: Scene) -> None:
    check = '{test: ["CMD", "true"], interval: 10s}'
    settings = f"image: '{IMAGE}', command: [sleep, '10000'], stop_signal: SIGKILL, healthcheck: {check}"
    lines = [f"  s{number:02}: {{{settings}}}" for number in range(1, SERVICES + 1)]
    scene.compose("\n".join(("services:", *lines)) + "\n")


def _nothing_to_do(scene: Scene, effort: Effort) -> Iterator[Figure]:
    rounds = effort.rounds(5)
    compose = [cpu_of_call(("docker", "compose", "up", "-d"), scene) * 1000 for _ in range(rounds)]
    ours = []
    with RequestLog(scene.state / "engine.sock") as log:
        scene.env["DOCKER_HOST"] = f"unix://{log.path}"
        with scene.daemon() as daemon:
            scene.await_phase("Converged")
            rest(2.0 if effort.quick else _SETTLES)
            for _ in range(rounds):
                ours.append(_cpu_of_a_look(scene, log, daemon) * 1000)
                effort.say(f"one look takes {ours[-1]:.1f} ms of processor time")
        del scene.env["DOCKER_HOST"]
    yield Figure(4, "nothing to do: processor time of `docker compose up -d`", "ms", spread(compose))
    yield Figure(4, "nothing to do: processor time of one reconcile in a running controller", "ms", spread(ours))
    what = "processor time of one reconcile / of `docker compose up -d`"
    yield Figure(4, what, "", ratio(ours, compose), 0.25, brief=True)


def _cpu_of_a_look(scene: Scene, log: RequestLog, daemon: Daemon, looks: int = 10) -> float:
    """Seconds, from the call of one look to that of the tenth after it."""

    def is_look(request: Request) -> bool:
        return f"project%3D{scene.name}" in request.path and "compose.service" not in request.path

    at = log.first(log.now(), is_look).at
    before = cpu_of_process(daemon.pid)
    for _ in range(looks):
        at = log.first(at + 1e-6, is_look).at
    return (cpu_of_process(daemon.pid) - before) / looks


def _at_rest(scene: Scene, effort: Effort) -> Iterator[Figure]:
    seconds = 10.0 if effort.quick else 60.0
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        rest(2.0 if effort.quick else _SETTLES)
        effort.say(f"{seconds:g} s at rest")
        before, memory = cpu_of_process(daemon.pid), []
        for _ in range(12):
            rest(seconds / 12)
            memory.append(memory_of_process(daemon.pid))
        share = (cpu_of_process(daemon.pid) - before) / seconds * 100
    yield Figure(5, "30 containers at rest: share of one core", "%", spread([share]), 1.0, brief=True)
    yield Figure(5, "30 containers at rest: resident memory", "MB", spread([max(memory)]), 90.0, brief=True)
