"""Releases that fail on a real engine: what goes back, what is said, and what is still there afterwards."""

from __future__ import annotations

import signal
import time

import pytest

from tests.contract_cli.command import Ran
from tests.engine.checks import docker, happened, lives, running
from tests.engine.scenario import IMAGE, PATIENCE, Scene, eventually, stays

pytestmark = pytest.mark.engine

GOOD = "trap 'exit 0' TERM; touch /ready; sleep 1000 & wait"
BAD = {
    "crash": "sleep 0.3; echo no room for the index; exit 3",
    "never ready": "sleep 1000 & wait",
    "exits after 3 s": "touch /ready; sleep 3; echo lost its lease; exit 4",
}
TOLD = {
    "crash": "exited with 3: no room for the index",
    "never ready": "did not become ready in time",
    "exits after 3 s": "exited with 4: lost its lease",
}
FAST = "monitor: 1s"


def service(command: str, extra: str = "") -> str:
    """A service that is ready once it made a file."""
    check = '{test: ["CMD", "test", "-f", "/ready"], interval: 10s, retries: 3}'
    return f'{{image: {IMAGE}, command: ["sh", "-c", "{command}"], stop_signal: SIGTERM, healthcheck: {check}{extra}}}'


def release(scene: Scene, command: str, replicas: int = 1, extra: str = "") -> None:
    """What web is to run from now on."""
    scene.compose(f"services: {{web: {service(command, f', deploy: {{replicas: {replicas}}}' + extra)}}}")


def spec(update: str, rollback: str = FAST, more: str = "") -> str:
    """A manifest for web; who is not ready ten seconds after its start never will be."""
    startup = "startup: {timeout: 8s}\n"
    return f"{startup}services: {{web: {{update: {{{update}}}, rollback: {{{rollback}}}{more}}}}}"


def failed(scene: Scene, told: str) -> Ran:
    """An apply that does not come to its end, and says why."""
    ran = scene.run("apply", timeout=90)
    assert ran.code == 1 and told in ran.err, f"{ran.code}: {ran.err}"
    return ran


def reason(scene: Scene, name: str = "web") -> str:
    return str(next(one["reason"] for one in scene.status()["services"] if one["name"] == name))


# --- one service


@pytest.mark.fault("W13")
@pytest.mark.fault("W12")
@pytest.mark.parametrize("how", [pytest.param(how, marks=[pytest.mark.slow] if how != "crash" else []) for how in BAD])
def test_a_broken_release_is_taken_back_and_not_tried_again(scene: Scene, how: str) -> None:
    release(scene, GOOD, replicas=2)
    scene.manifest(spec("order: start-first, monitor: 5s"))
    scene.done("apply")
    before = scene.containers()
    with scene.step(f"a release that does this is applied: {how}"):
        release(scene, BAD[how], replicas=2)
        failed(scene, TOLD[how])
    with scene.step("the old ones were never touched, and what failed is gone"):
        assert lives(scene.containers()) == lives(before)
        assert (scene.status()["phase"], reason(scene)) == ("Degraded", "RolledBack")
    with scene.step("the plan is empty and says what is held, and another apply does nothing"):
        plan = scene.data("plan")
        assert (plan["changes"], [(one["service"], one["reason"]) for one in plan["held"]]) == (
            0,
            [("web", "quarantined")],
        )
        failed(scene, "web")
        assert lives(scene.containers()) == lives(before)


@pytest.mark.slow
def test_a_release_that_cannot_be_started_gives_its_place_back_at_once(scene: Scene) -> None:
    """Stop-first: nothing serves any more when the engine says no, and after the apply nobody looks at it again."""
    scene.compose(f"services: {{web: {service(GOOD)}}}")
    scene.manifest(spec(f"order: stop-first, {FAST}"))
    scene.done("apply")
    old = scene.containers()["web-1"]
    nonsense = f"services: {{web: {{image: {IMAGE}, command: [/no/such/command]}}}}"
    with scene.step("a command that does not exist is applied"):
        scene.compose(nonsense)
        failed(scene, "/no/such/command")
    with scene.step("the release before runs again, and what failed is gone"):
        (now,) = scene.containers().values()
        assert now.running and now.inspect["Config"]["Cmd"] == old.inspect["Config"]["Cmd"]
        assert (scene.status()["phase"], reason(scene)) == ("Degraded", "RolledBack")


@pytest.mark.slow
def test_a_stop_first_service_with_a_volume_keeps_its_rows_through_an_update_and_a_way_back(scene: Scene) -> None:
    def database(version: str) -> str:
        return f"mkdir -p /data; echo {version} >> /data/rows; {GOOD if version != 'broken' else 'exit 5'}"

    def rows() -> list[str]:
        return docker("exec", scene.containers()["web-1"].id, "cat", "/data/rows").split()

    def want(version: str) -> None:
        text = f"services: {{web: {service(database(version), ', volumes: [rows:/data]')}}}\nvolumes: {{rows: {{}}}}"
        scene.compose(text)

    want("one")
    scene.manifest(spec(FAST))
    scene.done("apply")
    with scene.step("a person writes a row; the service is updated, and then to what is broken"):
        docker("exec", scene.containers()["web-1"].id, "sh", "-c", "echo mine >> /data/rows")
        want("two")
        scene.done("apply")
        assert rows() == ["one", "mine", "two"]
        want("broken")
        failed(scene, "exited with 5")
    with scene.step("it runs as before, and no row is missing"):
        found = rows()
        assert found[:4] == ["one", "mine", "two", "broken"] and found[-1] == "two"


@pytest.mark.slow
@pytest.mark.fault("W7")
def test_an_old_replica_that_ignores_the_signal_is_killed_after_its_grace_and_the_update_goes_on(scene: Scene) -> None:
    deaf = "trap '' TERM; touch /ready; while :; do sleep 1; done"
    release(scene, deaf, extra=", stop_grace_period: 2s")
    scene.manifest(spec(f"order: stop-first, {FAST}"))
    scene.done("apply")
    old = scene.containers()["web-1"]
    began = time.time()
    release(scene, GOOD, extra=", stop_grace_period: 2s")
    scene.done("apply")
    new = scene.containers()["web-1"]
    assert new.running and new.id != old.id
    assert ("die", "web-1") in happened(scene.name, began, "die")
    assert len(happened(scene.name, began, "kill")) >= 2, "asked first, then killed"


@pytest.mark.slow
def test_a_paused_update_stays_where_it_is_until_something_changes(scene: Scene) -> None:
    release(scene, GOOD, replicas=2)
    scene.manifest(spec(f"order: start-first, failureAction: pause, {FAST}"))
    scene.done("apply")
    before = scene.containers()
    release(scene, BAD["crash"], replicas=2)
    failed(scene, "no room for the index")
    assert reason(scene) in ("UpdatePaused", "CrashLoopBackOff"), "what failed is kept in shape as well"
    assert {name for name, one in scene.containers().items() if one.running} >= running(before)
    with scene.step("what is asked for is mended: it goes on"):
        release(scene, GOOD.replace("1000", "1001"), replicas=2)
        scene.done("apply", timeout=90)
        found = scene.containers()
        assert len(running(found)) == len(found) == 2 and not {one.id for one in found.values()} & {
            one.id for one in before.values()
        }


@pytest.mark.fault("W13")
@pytest.mark.slow
def test_a_release_that_dies_in_its_bake_is_taken_back_by_the_daemon(scene: Scene) -> None:
    release(scene, GOOD)
    scene.manifest(spec("order: start-first, bake: 20s, monitor: 1s"))
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        old = scene.containers()["web-1"]
        release(scene, "touch /ready; sleep 8; echo leaked; exit 7")
        with scene.step("it settles, and is watched on"):
            eventually(lambda: reason(scene) == "Baking")
        with scene.step("it dies, and the one before is back"):
            eventually(lambda: reason(scene) == "RolledBack")
            (now,) = scene.containers().values()
            assert now.running and now.inspect["Config"]["Cmd"] == old.inspect["Config"]["Cmd"]
            told = next(one["message"] for one in scene.status()["services"] if one["name"] == "web")
            assert "leaked" in told


# --- the controller dies


@pytest.mark.slow
@pytest.mark.parametrize("after", [1.5, 3.5])
def test_a_daemon_killed_in_mid_update_is_followed_by_one_that_ends_it(scene: Scene, after: float) -> None:
    release(scene, GOOD, replicas=3)
    scene.manifest(spec(f"order: start-first, parallelism: 1, {FAST}"))
    scene.done("apply")
    old = {one.id for one in scene.containers().values()}
    with scene.step(f"it is killed {after} s after the edit was seen"), scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        release(scene, GOOD.replace("1000", "1001"), replicas=3)
        eventually(lambda: {one.id for one in scene.containers().values()} - old)
        time.sleep(after)
        daemon.signal(signal.SIGKILL)
    with scene.step("the next one ends what it began, with nobody too much"), scene.daemon("--watch"):

        def ended() -> bool:
            found = scene.containers()
            return len(found) == len(running(found)) == 3 and not old & {one.id for one in found.values()}

        eventually(ended)
        scene.await_phase("Converged")
        stays(ended, 2.0)


# --- a stack


@pytest.mark.slow
def test_a_stack_goes_back_as_a_whole_when_its_second_service_breaks(scene: Scene) -> None:
    def want(version: str, web: str) -> None:
        db = service(GOOD, f", environment: {{V: '{version}'}}")
        behind = ", depends_on: {db: {condition: service_healthy}}"
        scene.compose(f"services: {{db: {db}, web: {service(web, behind)}}}")

    want("1", GOOD)
    policy = f"{{update: {{scope: stack, {FAST}}}, rollback: {{{FAST}}}}}"
    scene.manifest(f"startup: {{timeout: 8s}}\nservices: {{db: {policy}, web: {policy}}}")
    scene.done("apply")
    want("2", BAD["crash"])
    failed(scene, "no room for the index")
    found = scene.containers()
    assert running(found) == set(found) == {"db-1", "web-1"}
    assert "V=1" in found["db-1"].inspect["Config"]["Env"] and GOOD in found["web-1"].inspect["Config"]["Cmd"]
    assert (reason(scene, "db"), reason(scene, "web")) == ("RolledBack", "RolledBack")
    assert scene.data("plan")["changes"] == 0


@pytest.mark.slow
def test_who_depends_with_restart_and_who_shares_a_namespace_follow_a_replacement(scene: Scene) -> None:
    def want(version: str) -> None:
        scene.compose(f"""
            services:
              db: {service(GOOD, f", environment: {{V: '{version}'}}")}
              web: {service(GOOD, ", depends_on: {db: {condition: service_healthy, restart: true}}")}
              side: {service(GOOD, ", network_mode: 'service:db'")}
              other: {service(GOOD, ", depends_on: {db: {condition: service_healthy}}")}
        """)

    want("1")
    scene.manifest("services: {db: {update: {monitor: 1s}}, side: {update: {monitor: 1s}}}")
    scene.done("apply")
    before = scene.containers()
    want("2")
    scene.done("apply", timeout=PATIENCE)
    after = scene.containers()
    assert after["db-1"].id != before["db-1"].id
    assert after["web-1"].id == before["web-1"].id and after["web-1"].started > after["db-1"].started
    assert after["side-1"].inspect["HostConfig"]["NetworkMode"] == f"container:{after['db-1'].id}"
    assert after["other-1"].life == before["other-1"].life
