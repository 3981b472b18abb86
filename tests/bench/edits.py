"""Rows 7 and 10: how soon a saved file is acted upon, and that a hundred saves are not a hundred applies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial

from tests.bench.figure import Effort, Figure, spread
from tests.bench.requests import RequestLog
from tests.bench.stage import rest, stage
from tests.engine.scenario import Scene, eventually

HOW = {
    7: "`controller run --watch` speaks to the engine through a socket that notes each call. A manifest is saved (by "
    "renaming, as editors do) with one replica more or less; from then to the first call of any kind, and to the first "
    "one that changes something. 150 ms of quiet, which every save has to keep, are part of it.",
    10: "The Compose file is saved a hundred times in ten seconds, each time with another value in the environment of "
    "its service. Counted are the generations that came in force; the container runs the last one in the end.",
}


def measure(effort: Effort) -> Iterator[Figure]:
    with stage() as scene:
        _save_value(scene, "begin")
        scene.manifest("services: {web: {replicas: 1}}")
        scene.done("apply")
        with RequestLog(scene.state / "engine.sock") as log:
            scene.env["DOCKER_HOST"] = f"unix://{log.path}"
            with scene.daemon("--watch"):
                _await_rest(scene)
                yield from _edit_manifest(scene, log, effort)
                yield from _save_often(scene, effort)
            del scene.env["DOCKER_HOST"]


def _edit_manifest(scene: Scene, log: RequestLog, effort: Effort) -> Iterator[Figure]:
    first, acting = [], []
    for number in range(1, effort.rounds(10) + 1):
        # Written where nobody watches: a new file in the project would be a change of its own.
        text = scene.manifest(f"services: {{web: {{replicas: {1 + number % 2}}}}}", "../next.yaml")
        rest(1.0)
        saved = log.now()
        os.replace(text, scene.folder / "manifests/stack.yaml")
        first.append(log.first(saved, lambda request: True).at - saved)
        acting.append(log.first(saved, lambda request: request.acts).at - saved)
        effort.say(f"save {number}: first call after {first[-1]:.3f} s, first act after {acting[-1]:.3f} s")
        _await_rest(scene)
    yield Figure(7, "saved manifest to the first Docker call", "s", spread(first), 0.3)
    yield Figure(7, "saved manifest to the first call that changes something", "s", spread(acting), 0.3, brief=True)


def _save_often(scene: Scene, effort: Effort) -> Iterator[Figure]:
    applied = []
    for number in range(1, effort.rounds(2, 1) + 1):
        before, began = scene.status()["generation"], time.monotonic()
        for save in range(1, 101):
            rest(max(0.0, began + save / 10 - time.monotonic()))
            _save_value(scene, f"{number}-{save}")
        eventually(partial(_runs, scene, f"{number}-100"))
        _await_rest(scene)
        applied.append(scene.status()["generation"] - before)
        effort.say(f"100 saves: {applied[-1]} generations, the last one runs")
    yield Figure(10, "applies of 100 saves in 10 s; the last one wins", "", spread(applied), 3, brief=True)


def _save_value(scene: Scene, value: str) -> None:
    scene.compose(f"services: {{web: {{SLEEP, environment: {{LAST: '{value}'}}}}}}\n")


def _runs(scene: Scene, value: str) -> bool:
    return f"LAST={value}" in scene.containers()["web-1"].inspect["Config"]["Env"]


def _await_rest(scene: Scene) -> None:
    scene.await_phase("Converged")
    rest(0.5)
    scene.await_phase("Converged")
