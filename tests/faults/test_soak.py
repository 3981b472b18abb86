"""Long runs: nothing grows, nothing leaks, and where nothing is to be done nothing is written.

`SOAK_SECONDS` sets how long the real run lasts (default: 20 minutes).
"""

from __future__ import annotations

import os
import random
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.component.stage import Stage, load, service
from tests.engine.checks import docker, running
from tests.engine.proxy import EngineProxy
from tests.engine.scenario import Scene, eventually, ready_after

SOAK = float(os.environ.get("SOAK_SECONDS", "1200"))
RECONCILES = 10_000

WIDE = {f"s{number}": service(*([f"s{number - 1}"] if number % 3 else [])) for number in range(10)}


@pytest.mark.unit
@pytest.mark.slow
@pytest.mark.fault("C8")
@pytest.mark.timeout(600)
def test_ten_thousand_reconciles_of_what_is_as_wanted_write_nothing_and_grow_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(WIDE))
    stage.settle(120)
    assert set(stage.phases.values()) == {"Ready"}
    _reconcile(stage, RECONCILES // 10)
    process = psutil.Process()
    done, told, threads, files = len(stage.actions()), len(stage.events), threading.active_count(), process.num_fds()
    resident = process.memory_info().rss
    _reconcile(stage, RECONCILES)
    resident = process.memory_info().rss - resident
    assert (len(stage.actions()), len(stage.events)) == (done, told)
    assert (threading.active_count(), process.num_fds()) == (threads, files)
    assert resident < 1_000_000  # bytes: less than any object for each reconcile


def _reconcile(stage: Stage, times: int) -> None:
    for number in range(times):
        stage.clock.sleep(1.0)
        stage.turn(*(() if number % 10 == 0 else (f"s{number % len(WIDE)}",)))
        stage.statuses.clear()


TEN = "services:\n" + "".join(
    f"  s{number}: {{{ready_after(0.3, '5s') if number < 2 else 'SLEEP'}, environment: {{V: '1'}}}}\n"
    for number in range(10)
)


@dataclass
class Soak:
    """A `run` on ten containers, with a person who now and then kills, removes, edits and looks."""

    scene: Scene
    proxy: EngineProxy
    process: psutil.Process
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    sizes: list[tuple[float, int]] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    idle_writes: list[object] = field(default_factory=list)
    edits: int = 1

    def cycle(self) -> None:
        """Something happens; all is well again; then nothing happens, and nothing is to be done."""
        act = self.chance.choice((self.kill, self.remove, self.edit, self.look, self.pause))
        del self.proxy.calls[:]
        act()
        if act != self.look:  # what was killed may be seen running for a moment yet
            eventually(self.proxy.writes, 60)
        eventually(self.is_well, 60, every=0.5)
        self.scene.await_phase("Converged", 60)
        wrote = len(self.proxy.writes())
        time.sleep(8)
        self.idle_writes += self.proxy.writes()[wrote:]
        self.scene.story.clear()
        self.sizes.append((time.monotonic(), self.process.memory_info().rss))
        self.files.append(self.process.num_fds())

    def is_well(self) -> bool:
        found = self.scene.containers()
        wanted = f"V={self.edits}"
        edited = self.edits == 1 or wanted in found["s9-1"].inspect["Config"]["Env"]
        return running(found) == {f"s{number}-1" for number in range(10)} and edited

    def kill(self) -> None:
        docker("kill", self.some())

    def remove(self) -> None:
        docker("rm", "-f", self.some())

    def pause(self) -> None:
        docker("pause", self.some())

    def edit(self) -> None:
        self.edits += 1
        head, _, _ = TEN.rpartition("'1'")
        self.scene.compose(f"{head}'{self.edits}'}}}}\n")

    def look(self) -> None:
        for words in (("status",), ("plan",), ("events",)):
            self.scene.done(*words)

    def some(self) -> str:
        return self.scene.containers()[f"s{self.chance.randrange(10)}-1"].id


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.fault("C8")
@pytest.mark.timeout(SOAK + 300)
def test_a_long_run_grows_by_less_than_a_twentieth_and_writes_only_for_a_reason(
    scene: Scene, proxy: EngineProxy, record_property: Callable[[str, object], None]
) -> None:
    scene.compose(TEN)
    scene.manifest("services: {s9: {update: {monitor: 0s, order: stop-first}}}")
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged", 60)
        soak = Soak(scene, proxy, psutil.Process(daemon.pid))
        begun = time.monotonic()
        while time.monotonic() < begun + SOAK:
            soak.cycle()
        warm = [size for at, size in soak.sizes if at > begun + SOAK / 4]
        share = max(3, len(warm) // 5)
        early, late = statistics.median(warm[:share]), statistics.median(warm[-share:])
        figures = {"cycles": len(soak.sizes), "early": early, "late": late, "files": sorted(set(soak.files))}
        for name, value in {**figures, "threads": soak.process.num_threads()}.items():
            record_property(name, value)
        print(figures)
        assert late < early * 1.05
        assert max(soak.files[len(soak.files) // 4 :]) <= statistics.median(soak.files) + 2
        assert soak.idle_writes == []
