"""Limits follow use on a real engine: in place, within their bounds, and back again when a person says so."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from tests.engine.checks import Heard, docker, hearing, lives
from tests.engine.scenario import Scene, eventually

pytestmark = pytest.mark.engine

MIB = 2**20

GREEDY = """BEGIN { s = "x"; while (length(s) < 30000000) s = s s; while (1) system("sleep 1000") }"""
"""Takes some 50 MiB at once, and then lives."""

APPLY = "mode: apply, cooldown: 30s, headroom: 50%, step: 50%"


def host(scene: Scene, name: str = "web-1") -> dict[str, Any]:
    found: dict[str, Any] = scene.containers()[name].inspect["HostConfig"]
    return found


def memory(scene: Scene) -> int:
    """MiB of its limit."""
    limit: int = host(scene)["Memory"]
    assert host(scene)["MemorySwap"] == 2 * limit, "Docker's own relation, where the file says nothing"
    return limit // MIB


def said(scene: Scene, reason: str) -> list[dict[str, Any]]:
    return [one for one in scene.data("events")["events"] if one["reason"] == reason]


def row(scene: Scene) -> dict[str, Any]:
    (stack,) = scene.data("resources")["stacks"]
    found: dict[str, Any] = next(one for one in stack["services"] if one["name"] == "web")
    return found


@pytest.mark.slow
@pytest.mark.fault("W3")
@pytest.mark.parametrize("policy", ["no", pytest.param("unless-stopped", marks=pytest.mark.slow)])
def test_one_that_is_killed_for_want_of_memory_has_more_at_once_and_lives(scene: Scene, policy: str) -> None:
    scene.compose(f"""
        services:
          web: {{image: IMAGE, command: ["awk", '{GREEDY}'], stop_signal: SIGKILL, mem_limit: 16m, restart: "{policy}"}}
          db: {{SLEEP, mem_limit: 16m}}
    """)
    scene.manifest(f"""
        reconcile: {{drift: report}}
        metrics: {{interval: 1s}}
        resources: {{autoAdjust: {{{APPLY}}}}}
        services: {{web: {{limits: {{maxMemory: 256m}}}}}}
    """)
    with scene.daemon("--watch"):
        with scene.step("the kernel kills it; it is started with more, once, and lives"):
            scene.await_phase("Converged")
            eventually(lambda: memory(scene) == 116)
            (told,) = said(scene, "LimitAdjusted")
            assert told["message"].startswith("memory 16Mi → 116Mi: the kernel killed") and told["type"] == "Warning"
            before = scene.containers()
            assert before["db-1"].inspect["HostConfig"]["Memory"] == 16 * MIB
        with scene.step("nothing of that is drift, a change to come, or anything for Compose to do"):
            assert scene.data("plan")["changes"] == 0 and "Drifted" not in str(scene.status())
            scene.hand("up", "-d")
            assert scene.containers().keys() == before.keys() and lives(scene.containers()) == lives(before)
            assert memory(scene) == 116
        with scene.step("below what it uses now its own limit is given back only where that is confirmed"):
            eventually(lambda: row(scene)["memory"]["used"] > 16 * MIB, every=0.4)
            ran = scene.run("resources", "undo", "web")
            assert ran.code == 1 and "its own memory limit is 16Mi" in ran.err and "--confirm" in ran.err
            assert memory(scene) == 116 and lives(scene.containers()) == lives(before)
        with scene.step("another release has the same, on the way there and on the way back"):
            compose = scene.folder / "compose.yaml"
            text = compose.read_text()
            compose.write_text(text.replace('restart: "', 'labels: {v: "2"}, restart: "'))
            eventually(lambda: [one.id for one in web(scene)] != [before["web-1"].id] and len(web(scene)) == 1)
            scene.await_phase("Converged")
            assert [one.inspect["HostConfig"]["Memory"] for one in web(scene)] == [116 * MIB]
            assert [one["count"] for one in said(scene, "LimitAdjusted")] == [1]


def web(scene: Scene) -> list[Any]:
    return [one for one in scene.containers().values() if one.service == "web"]


@pytest.mark.slow
def test_a_change_is_undone_in_place_and_stays_undone_until_a_person_says_otherwise(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP, mem_limit: 64m, cpus: 0.5}}")
    scene.manifest("""
        metrics: {interval: 1s}
        resources: {autoAdjust: {mode: apply, cooldown: 20s}}
        services: {web: {limits: {minMemory: 16m, minCpu: "0.1"}}}
    """)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        with scene.step("what it does not use is taken from it after a while, a step at a time"):
            eventually(lambda: memory(scene) < 64 and host(scene)["NanoCpus"] < 500_000_000, 120, every=0.5)
            found = row(scene)["memory"]
            assert 16 * MIB < found["limit"] < 64 * MIB and (found["original"], found["adjusted"]) == (64 * MIB, True)
        with scene.step("undone: its own limits, in the same life; and nothing follows use any more"):
            done = scene.done("resources", "undo", "web")
            assert re.search(r"Mi → 64Mi, cpu \d+m → 500m", done.out) and "controller resources resume web" in done.out
            assert memory(scene) == 64 and host(scene)["NanoCpus"] == 500_000_000
            assert lives(scene.containers()) == lives(before) and row(scene)["held"]
            assert "undone by a person" in scene.done("resources").out
        with scene.step("taken once by hand: the whole way, whatever is held"):
            scene.done("resources", "apply", "web")
            assert memory(scene) == 16 and host(scene)["NanoCpus"] == 100_000_000
            scene.done("resources", "undo", "web")
            assert memory(scene) == 64 and lives(scene.containers()) == lives(before)
        with scene.step("a person lets them follow again"):
            scene.done("resources", "resume", "web")
            eventually(lambda: memory(scene) == 48, 60, every=0.5)
    with scene.step("what is released gets its own limits back"):
        assert memory(scene) == 48
        scene.done("release")
        assert memory(scene) == 64 and lives(scene.containers()) == lives(before)
        scene.hand("up", "-d")
        assert lives(scene.containers()) == lives(before)


DRIVER = """
i=0
while :; do
  while [ $i -lt 56 ]; do
    i=$((i+1)); dd if=/dev/zero of=/m/$i bs=1M count=1 2>/dev/null
    if [ $i -gt 16 ]; then sleep 5; fi
  done
  sleep 20
  while [ $i -gt 16 ]; do rm /m/$i; i=$((i-1)); done
  sleep 120
done
"""
"""From 16 to 56 MiB in 200 s, and down at once, again and again."""

SECONDS = 600.0


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_the_limit_of_one_that_is_driven_up_and_down_for_ten_minutes_follows_it(scene: Scene) -> None:
    scene.write("drive.sh", DRIVER)
    scene.compose("""
        services:
          web:
            image: IMAGE
            command: ["sh", "/drive.sh"]
            stop_signal: SIGKILL
            mem_limit: 64m
            tmpfs: [/m]
            volumes: ["./drive.sh:/drive.sh:ro"]
    """)
    scene.manifest(f"""
        metrics: {{interval: 2s}}
        resources: {{autoAdjust: {{{APPLY}}}}}
        services: {{web: {{limits: {{minMemory: 24m, maxMemory: 96m}}}}}}
    """)
    limits: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            with suppress(AssertionError):  # whoever removed it is heard of below
                limits.append(int(docker("inspect", "-f", "{{.HostConfig.Memory}}", f"{scene.name}-web-1")) // MIB)

    with scene.daemon("--watch"), hearing(scene.name, "update", "oom", "die") as heard:
        scene.await_phase("Converged")
        before = scene.containers()
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            time.sleep(SECONDS)
        finally:
            over.set()
            thread.join()
        changes = said(scene, "LimitAdjusted")
        check_changes(heard, changes, limits)
        assert lives(scene.containers()) == lives(before), "nobody was killed, restarted or replaced"
        assert not scene.containers()["web-1"].inspect["State"]["OOMKilled"]
        with scene.step("undone on request"):
            scene.done("resources", "undo", "web")
            assert memory(scene) == 64 and lives(scene.containers()) == lives(before)


def check_changes(heard: list[Heard], told: list[dict[str, Any]], limits: list[int]) -> None:
    """Within the bounds, no two in a cool-down, each told with its numbers; what it once needed it keeps."""
    updates = [one.at for one in heard if one.action == "update"]
    assert {one.action for one in heard} == {"update"}, heard
    assert len(updates) == sum(one["count"] for one in told) >= 4, (updates, told)  # a repeat raises a count
    assert min(later - earlier for earlier, later in pairwise(updates)) >= 29.5, updates
    assert set(limits) <= set(range(24, 97)), limits
    assert min(limits) < 60 and max(limits) > 75, limits
    assert limits[-1] == max(limits), "what it needed once it may need again"
    assert all("memory " in one["message"] and "uses " in one["message"] for one in told)
