"""From nothing to converged, and from one wish to the next."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.engine.checks import docker, ids, lives, running
from tests.engine.scenario import Scene, eventually, ready_after, service_of, stays

pytestmark = pytest.mark.engine

CHAIN = f"""
services:
  db: {{{ready_after(0.6, "100s")}}}
  cache: {{{ready_after(0.4, "100s")}, depends_on: {{db: {{condition: service_healthy}}}}}}
  web: {{{ready_after(0.2, "100s")}, depends_on: {{cache: {{condition: service_healthy}}}}}}
"""
"""Who waited for a single interval would not be through when the patience with a command ends."""


def test_a_cold_start_follows_readiness_and_not_the_interval_of_the_checks(scene: Scene) -> None:
    scene.compose(CHAIN)
    with scene.step("a chain of three, checked every 100 s, is applied"):
        result = scene.data("apply")
    found = scene.containers()
    with scene.step("each starts after the one before it was ready, and none waits for an interval"):
        assert found["cache-1"].started - found["db-1"].started >= 0.6
        assert found["web-1"].started - found["cache-1"].started >= 0.4
    with scene.step("the result says what was waited for"):
        assert (result["stack"], result["outcome"], result["generation"]) == (scene.name, "converged", 1)
        assert service_of(result, "web")["waitedFor"] == "cache"
        assert [one["outcome"] for one in result["services"]] == ["Ready"] * 3
    with scene.step("status and Compose agree"):
        assert scene.status()["phase"] == "Converged"
        assert len(scene.hand("ps", "-q", "--status", "running").split()) == 3


@pytest.mark.slow
def test_sequential_never_has_two_services_starting(scene: Scene) -> None:
    scene.compose(f"services: {{{', '.join(f'{name}: {{{ready_after(0.5)}}}' for name in 'abcd')}}}")
    scene.manifest("startup: {mode: sequential}")
    most = 0
    with scene.step("four services that do not depend on each other are started by a daemon in sequential mode"), \
            scene.daemon("--watch"):  # fmt: skip

        def converged() -> bool:
            nonlocal most
            stacks = scene.data("status")["stacks"]
            phases = [service["phase"] for stack in stacks for service in stack["services"]]
            most = max(most, phases.count("Starting"))
            return phases == ["Ready"] * 4

        eventually(converged)
    with scene.step("never two were Starting at once, by status and by the engine's own times"):
        assert most <= 1
        starts = sorted(one.started for one in scene.containers().values())
        assert all(later - earlier >= 0.5 for earlier, later in pairwise(starts))


@pytest.mark.slow
def test_a_second_apply_does_nothing_and_asks_compose_nothing(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}, b: {SLEEP, depends_on: [a]}}")
    scene.done("apply")
    before = scene.containers()
    counted = count_docker(scene)
    with scene.step("the same is applied again"):
        again = scene.data("apply")
    assert [one["outcome"] for one in again["services"]] == ["unchanged", "unchanged"]
    assert again["generation"] == 1
    assert lives(scene.containers()) == lives(before)
    assert [call for call in counted() if "compose" in call] == []
    assert scene.data("plan", "--detailed-exitcode")["changes"] == 0


def count_docker(scene: Scene) -> Callable[[], list[str]]:
    """Put a `docker` first in PATH that notes how it is called and does as it is told."""
    folder = scene.folder.parent / "bin"
    folder.mkdir()
    log, script = folder / "calls", folder / "docker"
    real = next(found for entry in os.environ["PATH"].split(":") if os.access(found := f"{entry}/docker", os.X_OK))
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    scene.env["PATH"] = f"{folder}:{os.environ['PATH']}"
    return lambda: log.read_text().splitlines() if log.exists() else []


def test_an_edited_file_is_converged_on_and_only_what_it_changes_is_replaced(scene: Scene) -> None:
    text = "services: {a: {SLEEP, environment: {V: '1'}}, b: {SLEEP}}"
    scene.compose(text)
    with scene.daemon("--watch"):
        eventually(lambda: running(scene.containers()) == {"a-1", "b-1"} and scene.status()["phase"] == "Converged")
        before = scene.containers()
        with scene.step("one service's environment is edited"):
            scene.compose(text.replace("'1'", "'2'"))
            eventually(lambda: "V=2" in scene.containers()["a-1"].inspect["Config"]["Env"])
        with scene.step("it converges again, with the other service untouched"):
            eventually(lambda: scene.status()["phase"] == "Converged" and scene.status()["generation"] == 2)
            after = scene.containers()
            assert after["a-1"].running and after["a-1"].id != before["a-1"].id
            assert lives(after, but="a") == lives(before, but="a")
    with scene.step("Compose by hand finds nothing to do"):
        scene.hand("up", "-d")
        assert lives(scene.containers()) == lives(after)


@pytest.mark.slow
def test_scaling_takes_the_lowest_numbers_and_compose_agrees(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP, deploy: {replicas: 1}}}")
    with scene.daemon("--watch"):
        eventually(lambda: running(scene.containers()) == {"web-1"})
        first = scene.containers()["web-1"]
        with scene.step("three are asked for"):
            scene.compose("services: {web: {SLEEP, deploy: {replicas: 3}}}")
            eventually(lambda: running(scene.containers()) == {"web-1", "web-2", "web-3"})
            scene.await_phase("Converged")
        with scene.step("the first was not touched, labels are Compose's own"):
            found = scene.containers()
            assert found["web-1"].life == first.life
            assert {one.number for one in found.values()} == {1, 2, 3}
            assert len({one.hash for one in found.values()}) == 1
            assert len(scene.hand("ps", "-q", "web").split()) == 3
        with scene.step("two are asked for: the highest number goes"):
            scene.compose("services: {web: {SLEEP, deploy: {replicas: 2}}}")
            eventually(lambda: set(scene.containers()) == {"web-1", "web-2"})
            assert lives(scene.containers()) == {name: found[name].life for name in ("web-1", "web-2")}
        with scene.step("the second is removed by hand: there are two again"):
            docker("rm", "-f", found["web-2"].id)
            eventually(lambda: len(running(scene.containers())) == 2)
    scene.hand("up", "-d")
    assert scene.containers()["web-1"].life == first.life


@pytest.mark.slow
def test_services_that_leave_the_profile_are_stopped_in_reverse_order_and_not_removed(scene: Scene) -> None:
    scene.compose("services: {db: {POLITE}, mid: {POLITE, depends_on: [db]}, top: {POLITE, depends_on: [mid]}}")
    spec = "profile: PROFILE\nstartupProfiles: {all: {services: ['*']}, small: {services: [db]}}"
    scene.manifest(spec.replace("PROFILE", "all"))
    with scene.daemon("--watch"):
        eventually(lambda: len(running(scene.containers())) == 3 and scene.status()["phase"] == "Converged")
        before = scene.containers()
        with scene.step("the profile is switched to one that holds only db"):
            scene.manifest(spec.replace("PROFILE", "small"))
            eventually(lambda: running(scene.containers()) == {"db-1"})
        after = scene.containers()
        assert ids(after) == ids(before)
        assert after["db-1"].life == before["db-1"].life
        assert after["top-1"].finished <= after["mid-1"].finished
        with scene.step("and back"):
            scene.manifest(spec.replace("PROFILE", "all"))
            eventually(lambda: len(running(scene.containers())) == 3)
            assert ids(scene.containers()) == ids(before)


@pytest.mark.slow
def test_replicas_are_replaced_one_at_a_time_and_the_next_when_it_is_ready(scene: Scene) -> None:
    text = f"services: {{web: {{{ready_after(0.3)}, environment: {{V: '1'}}, deploy: {{replicas: 3}}}}}}"
    scene.compose(text)
    scene.manifest("services: {web: {update: {order: stop-first, monitor: 200ms}}}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        least = 3
        scene.compose(text.replace("'1'", "'2'"))

        def replaced() -> bool:
            nonlocal least
            found = scene.containers().values()
            least = min(least, sum(one.running for one in found))
            return len(found) == 3 and all("V=2" in one.inspect["Config"]["Env"] for one in found)

        eventually(replaced, 30, every=0.05)
        scene.await_phase("Converged")
        assert least == 2
        starts = sorted(one.started for one in scene.containers().values())
        assert all(later - earlier >= 0.3 for earlier, later in pairwise(starts))


def test_one_service_is_applied_with_what_it_needs_and_nothing_else(scene: Scene) -> None:
    scene.compose("services: {db: {SLEEP}, web: {SLEEP, depends_on: [db]}, other: {SLEEP}}")
    told = scene.data("apply", "web")
    assert {one["name"] for one in told["services"]} >= {"web"}
    assert running(scene.containers()) == {"db-1", "web-1"}


@pytest.mark.slow
def test_a_compose_profile_is_chosen_by_name(scene: Scene) -> None:
    scene.compose("services: {a: {SLEEP}, b: {SLEEP, profiles: [extra]}}")
    scene.done("apply")
    assert running(scene.containers()) == {"a-1"}
    scene.done("apply", "--profile", "extra")
    assert running(scene.containers()) == {"a-1", "b-1"}
    ran = scene.run("apply", "--profile", "nosuch")
    assert ran.code == 1 and "nosuch" in ran.err and "extra" in ran.err


@pytest.mark.slow
def test_without_watch_the_manifest_as_read_at_the_start_holds_until_sighup(scene: Scene) -> None:
    text = "services: {a: {SLEEP, environment: {V: '1'}}}"
    scene.compose(text)
    with scene.daemon("-q") as daemon:
        scene.await_phase("Converged")
        before = scene.containers()
        scene.compose(text.replace("'1'", "'2'"))
        stays(lambda: lives(scene.containers()) == lives(before), 2)
        daemon.process.send_signal(signal.SIGHUP)
        scene.wait_replaced(before["a-1"])
        assert "V=2" in scene.containers()["a-1"].inspect["Config"]["Env"]
