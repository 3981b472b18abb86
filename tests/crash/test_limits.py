"""Killed while a limit is raised for who was killed for want of memory: raised once, in the end, and it lives."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from controller.engines.simulated_hands import Hands
from controller.loop.store import Store
from controller.model.wish import Wish
from tests.component.stage import load, service
from tests.crash.mortal import KILLED, Clock, MortalStage, fault_of, fresh, in_child, live

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1")]

MIB = 2**20
SPEC: dict[str, Any] = {
    "resources": {"autoAdjust": {"mode": "apply"}},
    "services": {"web": {"limits": {"maxMemory": "256m"}}},
}


def wanted() -> Any:
    return load({"web": service(mem_limit="64m")}, **SPEC)


def converge(folder: Path) -> None:
    live(folder, wanted(), Wish("apply"))


def kill(folder: Path) -> None:
    """The kernel does it, for want of memory."""
    stage = MortalStage(folder)
    (web,) = stage.replicas("web")

    def crash(hands: Hands, now: float) -> None:
        hands.crash(web.id, now, 137, oom=True)

    stage.engine.meddle("shop", crash)


def end(folder: Path) -> tuple[float, str, int]:
    """MiB of its limit, how it is, and how often a change was told."""
    stage, store = MortalStage(folder), Store(folder / "store")
    (web,) = stage.replicas("web")
    told = sum(event.count for event in store.events.since(0) if event.reason == "LimitAdjusted")
    store.close()
    return (web.limit.memory or 0) / MIB, str(web.phase), told


@pytest.mark.slow
def test_killed_at_every_write_it_is_raised_once_and_lives(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    assert in_child(lambda: (converge(saved), kill(saved)), saved) == 0, fault_of(saved)
    undisturbed, record = fresh(saved, tmp_path / "undisturbed"), tmp_path / "passed"
    assert in_child(lambda: converge(undisturbed), undisturbed, record=record) == 0, fault_of(undisturbed)
    assert end(undisturbed) == (164.0, "running", 1)
    counts = Counter(record.read_text().split())
    assert counts["engine.container.update.after"] == 1
    points = [f"{point}:{times}" for point, most in sorted(counts.items()) for times in range(1, most + 1)]
    different = {}
    for point in points:
        world = fresh(saved, tmp_path / point.replace(os.sep, "_"))
        assert in_child(lambda world=world: converge(world), world, point) == KILLED  # type: ignore[misc]
        Clock(world).sleep(0.5)
        assert in_child(lambda world=world: converge(world), world) == 0, fault_of(world)  # type: ignore[misc]
        if (found := end(world)) != (164.0, "running", 1):
            different[point] = found
    assert len(points) > 10 and not different, different
