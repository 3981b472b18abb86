"""Row 25, the sample stack's six services from nothing: `apply` with everything of `optimization` on, with all of it
off, and `docker compose up -d --wait`.

In turn, each round in another order, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench.document import ROOT
from tests.bench.figure import Effort, Figure, ratio, spread
from tests.bench.stage import call, clock, stage
from tests.contract_cli.command import CONTROLLER
from tests.engine.scenario import Scene
from tests.engine.test_sample_by_hand import PORTS, free_port

HOW = {
    25: "The Compose file of `compose/` without ingress: six services, of which two wait for the health checks of "
    "others (`interval: 10s`). From the command to its end, from nothing but the images: containers, networks and "
    "volumes are removed before. On and off differ in `optimization` alone, and each has learned from two starts "
    "before the first that counts; in turn, each round in another order.",
}
SWITCHES = ("adaptiveParallelism", "longestPathFirst", "earlyPulls", "learnedTimeouts")
LEARNING = 2
"""Starts before the first that counts: an estimate needs two."""

ON, OFF, COMPOSE = "everything on", "everything off", "`docker compose up -d --wait`"


def measure(effort: Effort) -> Iterator[Figure]:
    taken: Mapping[str, list[float]] = {ON: [], OFF: [], COMPOSE: []}
    with stage() as scene:
        scenes = set_up(scene)
        for _ in range(LEARNING):
            for name in (ON, OFF):
                start(scenes[name], name)
        rounds = effort.rounds(15)
        for number in range(rounds):
            for name in in_turn(tuple(taken), number):
                taken[name].append(start(scenes[name], name))
                effort.say(f"round {number + 1} of {rounds}: {name} {taken[name][-1]:.2f} s")
    for name in (COMPOSE, OFF, ON):
        yield Figure(25, f"six services from nothing: {_told(name)}", "s", spread(taken[name]), brief=True)
    yield Figure(25, "six services from nothing: on / off", "", ratio(taken[ON], taken[OFF]), 1.0, True)
    yield Figure(25, f"six services from nothing: on / {COMPOSE}", "", ratio(taken[ON], taken[COMPOSE]), 1.0, True)


def _told(name: str) -> str:
    return name if name == COMPOSE else f"`controller apply`, {name}"


def in_turn(names: Sequence[str], round_: int) -> Sequence[str]:
    """Another one first each round, and the other two the other way round every other time."""
    at = round_ % len(names)
    turned = (*names[at:], *names[:at])
    return turned if round_ // len(names) % 2 == 0 else (turned[0], *reversed(turned[1:]))


def set_up(scene: Scene) -> Mapping[str, Scene]:
    """The sample's project under the scene's name, with ports of its own; each way has its own state folder."""
    shutil.copytree(ROOT / "compose", scene.folder / "compose")
    file = scene.folder / "compose/rag.yaml"
    file.write_text(file.read_text("utf-8").replace("name: rag\n", f"name: {scene.name}\n", 1), "utf-8")
    scene.env.update({name: str(free_port()) for name in PORTS})
    for name, on in ((ON, "true"), (OFF, "false")):
        switches = ", ".join(f"{switch}: {on}" for switch in SWITCHES)
        head = f"apiVersion: controller/v1\nkind: Stack\nmetadata: {{name: {scene.name}}}\n"
        spec = f"spec:\n  compose: {{files: [compose/rag.yaml]}}\n  optimization: {{{switches}}}\n"
        _manifest(scene, name).write_text(head + spec, "utf-8")
    return {name: replace(scene, state=scene.state / str(index)) for index, name in enumerate((ON, OFF, COMPOSE))}


def _manifest(scene: Scene, name: str) -> Path:
    return scene.folder / f"{name.rsplit(maxsplit=1)[-1]}.yaml"


def start(scene: Scene, name: str) -> float:
    """Seconds of one start from nothing; it is gone again afterwards."""
    try:
        if name == COMPOSE:
            return clock(("docker", "compose", "-f", "compose/rag.yaml", "up", "-d", "--wait"), scene)
        return clock((CONTROLLER, "apply", "-f", _manifest(scene, name)), scene)
    finally:
        call(("docker", "compose", "-f", "compose/rag.yaml", "down", "--volumes", "--timeout", "0"), scene)
