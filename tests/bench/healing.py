"""Row 6: from the fault to the new process, beside `docker start` alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.figure import Effort, Figure, Spread, spread
from tests.bench.stage import rest, stage
from tests.engine.checks import Container, docker
from tests.engine.scenario import IMAGE, Scene, eventually

HOW = {
    6: "20 services on a user network under `controller run`, each killed once: from just before `docker kill` is "
    "called to the instant at which the engine says that the new process was started (same clock). `docker start` "
    "alone: a container of the same kind, killed and started by hand, from just before `docker start` is called, in "
    "turn with the others.",
}
SERVICES = 20


def measure(effort: Effort) -> Iterator[Figure]:
    count = effort.rounds(SERVICES, 4)
    with stage() as scene:
        names = [f"s{number:02}" for number in range(1, count + 1)]
        scene.compose("\n".join(("services:", *(f"  {name}: {{SLEEP}}" for name in names))) + "\n")
        effort.say(f"{count} services come up")
        scene.done("apply", timeout=180)
        by_hand = _make_by_hand(scene)
        healed, started = [], []
        with scene.daemon("--watch"):
            eventually(lambda: "Converged" in scene.done("status").out)
            rest(2.0)
            for name in names:
                healed.append(_heal(scene, f"{name}-1"))
                started.append(_start(scene, by_hand))
                effort.say(f"{name}: healed in {healed[-1]:.3f} s, `docker start` {started[-1]:.3f} s")
    ours, alone = spread(healed), spread(started)
    each = [our - their for our, their in zip(healed, started, strict=True)]
    beyond = Spread(ours.median - alone.median, min(each), max(each), len(each))
    yield Figure(6, "killed: from `docker kill` to the new process", "s", ours, brief=True)
    yield Figure(6, "`docker start` alone", "s", alone)
    yield Figure(6, "killed: to the new process, less `docker start`", "s", beyond, 0.3, brief=True)


def _make_by_hand(scene: Scene) -> str:
    """A container of the same kind in another project, which nobody heals; the project's name."""
    name = scene.another()
    label, network = f"com.docker.compose.project={name}", f"{name}_default"
    docker("network", "create", "--label", label, network)
    labels = ("--label", label, "--label", "com.docker.compose.service=s")
    docker("run", "-d", "--name", f"{name}-s-1", *labels, "--network", network, IMAGE, "sleep", "1000")
    return name


def _heal(scene: Scene, name: str) -> float:
    old = scene.containers()[name]
    began = time.time()
    docker("kill", old.id)
    rest(1.0)  # an inspect would wait for the start, and the start for nothing of ours

    def healed() -> Container | None:
        found = scene.containers()[name]
        return found if found.running and found.started > old.started else None

    new: Container = eventually(healed)
    return new.started - began


def _start(scene: Scene, project: str) -> float:
    docker("kill", f"{project}-s-1")
    eventually(lambda: not scene.containers(project)["s-1"].running)
    began = time.time()
    docker("start", f"{project}-s-1")
    return scene.containers(project)["s-1"].started - began
