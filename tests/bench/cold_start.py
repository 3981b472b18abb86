"""Rows 1 to 3, a cold start: `controller apply` beside `docker compose up -d --wait` and the longest chain by hand.

A chain of three services that are ready 0.4 s after their start. Rounds are interleaved, so that what else the machine
does falls on all alike.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping

from tests.bench.figure import Effort, Figure, ratio, spread
from tests.bench.stage import call, clock, stage
from tests.contract_cli.command import CONTROLLER
from tests.engine.scenario import IMAGE, Scene

HOW = {
    1: "Each of three services waits for the health check of the one before (`interval: 10s`, true 0.4 s after the "
    "start). From the command to its end, from nothing, a new project each time; the program's own start counts.",
    2: "By hand: `docker create`, `docker start`, then the check through `docker exec` in a loop until it succeeds, "
    "service by service; the network is made before. Interleaved with row 1.",
    3: "The same chain with `interval: 1s`.",
}
NAMES = ("db", "cache", "web")
READY = ("sh", "-c", "sleep 0.4; touch /ready; sleep 1000")
CHECK = ("test", "-f", "/ready")

Way = Callable[[Scene], float]


def write_chain(scene: Scene, interval: str) -> None:
    """The Compose file of the chain."""
    check = f'{{test: ["CMD", "{CHECK[0]}", "{CHECK[1]}", "{CHECK[2]}"], interval: {interval}, retries: 30}}'
    command = ", ".join(f'"{word}"' for word in READY)
    lines = ["services:"]
    for before, name in zip((None, *NAMES), NAMES, strict=False):
        needs = f", depends_on: {{{before}: {{condition: service_healthy}}}}" if before else ""
        lines.append(
            f"  {name}: {{image: '{IMAGE}', command: [{command}], stop_signal: SIGKILL, healthcheck: {check}{needs}}}"
        )
    scene.compose("\n".join(lines) + "\n")


def by_controller(scene: Scene) -> float:
    return clock((CONTROLLER, "apply"), scene)


def by_compose(scene: Scene) -> float:
    return clock(("docker", "compose", "up", "-d", "--wait"), scene)


def by_hand(scene: Scene) -> float:
    """Each as soon as the one before it answers its check: nobody is faster with the same commands."""
    label, network = f"com.docker.compose.project={scene.name}", f"{scene.name}_hand"
    call(("docker", "network", "create", "--label", label, network), scene)
    began = time.monotonic()
    for name in NAMES:
        container = f"{scene.name}-{name}-1"
        made = ("docker", "create", "--name", container, "--label", label, "--network", network, IMAGE, *READY)
        call(made, scene)
        call(("docker", "start", container), scene)
        while subprocess.run(["docker", "exec", container, *CHECK], capture_output=True, check=False).returncode:
            pass
    return time.monotonic() - began


WAYS: Mapping[str, Way] = {
    "by hand": by_hand,
    "`controller apply`": by_controller,
    "`docker compose up -d --wait`": by_compose,
}


def measure(effort: Effort) -> Iterator[Figure]:
    hand, ours, compose = _race("10s", effort.rounds(9), effort)
    yield Figure(1, f"chain of three, 10 s checks: {list(WAYS)[2]}", "s", spread(compose), brief=True)
    yield Figure(1, f"chain of three, 10 s checks: {list(WAYS)[1]}", "s", spread(ours), brief=True)
    yield Figure(1, "`controller apply` / `docker compose up -d --wait`", "", ratio(ours, compose), 0.12, True)
    yield Figure(2, "chain of three: by hand", "s", spread(hand), brief=True)
    yield Figure(2, "`controller apply` / by hand", "", ratio(ours, hand), 1.25, brief=True)
    hand, ours, compose = _race("1s", effort.rounds(9), effort)
    yield Figure(3, f"chain of three, 1 s checks: {list(WAYS)[2]}", "s", spread(compose))
    yield Figure(3, f"chain of three, 1 s checks: {list(WAYS)[1]}", "s", spread(ours))
    yield Figure(3, "1 s checks: `controller apply` / `docker compose up -d --wait`", "", ratio(ours, compose))


def _race(interval: str, rounds: int, effort: Effort) -> tuple[list[float], ...]:
    """Seconds of each way, round by round."""
    taken: tuple[list[float], ...] = tuple([] for _ in WAYS)
    for number in range(1, rounds + 1):
        for (name, way), times in zip(WAYS.items(), taken, strict=True):
            with stage() as scene:
                write_chain(scene, interval)
                times.append(way(scene))
            effort.say(f"interval {interval}, round {number} of {rounds}: {name} {times[-1]:.2f} s")
    return taken
