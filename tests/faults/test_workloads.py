"""What runs goes wrong by itself: killed for want of memory, hanging, no program, its image gone, fifty at once."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.engine.checks import Container, Heard, docker, hearing, lives, running
from tests.engine.proxy import Answer, EngineProxy, Rewrite
from tests.engine.scenario import IMAGE, Scene, eventually, stays

pytestmark = pytest.mark.engine


def message(scene: Scene, service: str) -> str:
    return str(next(one["message"] for one in scene.status()["services"] if one["name"] == service))


def count(heard: list[Heard], name: str) -> int:
    return [one.name for one in heard].count(name)


# --- memory

HOG = "sleep 0.5; exec tail /dev/zero"


@pytest.mark.fault("W3")
@pytest.mark.slow
@pytest.mark.parametrize("policy", ["no", "unless-stopped"])
def test_one_that_the_kernel_killed_for_want_of_memory_is_told_so_and_its_neighbour_lives_on(
    scene: Scene, policy: str
) -> None:
    limits = f'mem_limit: 16m, memswap_limit: 16m, restart: "{policy}"'
    scene.compose(f"""
        services:
          hog: {{image: IMAGE, command: ["sh", "-c", "{HOG}"], {limits}}}
          db: {{SLEEP}}
    """)
    with scene.daemon("--watch"):
        eventually(lambda: "db-1" in running(scene.containers()))
        db = scene.containers()["db-1"].life
        with scene.step("it is an alert of its own, which says what to do"):
            (alert,) = eventually(lambda: scene.data("alerts")["alerts"], every=0.4)
            assert (alert["service"], alert["rule"]) == ("hog", "OutOfMemory")
            assert "raise its memory limit" in alert["message"]
        with scene.step("it is started again, with pauses; it is no plain crash"):
            eventually(lambda: scene.phases() == {"db": "Ready", "hog": "CrashLoopBackOff"}, every=0.4)
            if policy == "no":
                eventually(lambda: "exited with 137 (out of memory)" in message(scene, "hog"), every=0.4)
            assert "out of memory" in scene.done("why", "hog").out.lower()
        assert scene.containers()["db-1"].life == db


# --- health checks that hang

HANGS_ON_DEMAND = '["CMD-SHELL", "if [ -f /tmp/hang ]; then sleep 999; fi"]'


@pytest.mark.fault("W5")
@pytest.mark.slow
def test_a_health_check_that_hangs_counts_as_failed_and_costs_its_own_replica_a_restart(scene: Scene) -> None:
    check = "interval: 1s, timeout: 1s, retries: 2"
    scene.compose(f"""
        services:
          web:
            image: IMAGE
            command: ["sh", "-c", "rm -f /tmp/hang; exec sleep 1000"]
            stop_signal: SIGKILL
            healthcheck: {{test: {HANGS_ON_DEMAND}, {check}}}
          stuck: {{SLEEP, healthcheck: {{test: ["CMD", "sleep", "999"], {check}, start_period: 2s}}}}
          db: {{SLEEP}}
    """)
    with scene.daemon("--watch"):
        with scene.step("one never gets beyond starting: it is restarted with pauses, and says why"):
            eventually(
                lambda: scene.phases() == {"db": "Ready", "web": "Ready", "stuck": "CrashLoopBackOff"}, every=0.4
            )
            eventually(lambda: "no end after 1 s" in scene.done("describe", "stuck").out, every=0.4)
        before = scene.containers()
        with (
            scene.step("one that was well hangs from now on: it has another life, and is well again"),
            hearing(scene.name, "start") as heard,
        ):
            docker("exec", before["web-1"].id, "touch", "/tmp/hang")
            eventually(lambda: scene.containers()["web-1"].started > before["web-1"].started)
            eventually(lambda: scene.phases()["web"] == "Ready", every=0.4)
        after = scene.containers()
        assert after["web-1"].id == before["web-1"].id and count(heard, "web-1") == 1
        assert after["db-1"].life == before["db-1"].life
        assert count(heard, "stuck-1") <= 6


# --- dependencies


@pytest.mark.fault("W6")
@pytest.mark.slow
def test_a_database_that_becomes_unhealthy_takes_nobody_down_with_it(scene: Scene) -> None:
    check = 'healthcheck: {test: ["CMD", "test", "-f", "/v/ok"], interval: 1s, retries: 2}'
    (scene.folder / "v").mkdir()
    well = scene.folder / "v" / "ok"
    well.touch()
    needs = "depends_on: {db: {condition: service_healthy}}"
    text = f"""
        services:
          db: {{SLEEP, volumes: ["./v:/v"], {check}}}
          web: {{SLEEP, {needs}, environment: {{V: "1"}}}}
          late: {{SLEEP, {needs}}}
    """
    scene.compose(text)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        with scene.step("it is unhealthy, whatever is done about it"):
            well.unlink()
            eventually(lambda: scene.phases()["db"] == "CrashLoopBackOff", every=0.4)
        with scene.step("who needs it and is gone is not started, who needs it and is edited is not replaced"):
            docker("rm", "-f", before["late-1"].id)
            scene.compose(text.replace('"1"', '"2"'))
            eventually(lambda: scene.phases()["late"] == "Waiting", every=0.4)
            stays(lambda: "late-1" not in running(scene.containers()), 4)
            assert scene.containers()["web-1"].life == before["web-1"].life
        with scene.step("it is well again: both follow"):
            well.touch()
            scene.done("retry", "db", timeout=90)
            scene.await_phase("Converged")
            after = scene.containers()
            assert running(after) == set(after) == set(before)
            assert "V=2" in after["web-1"].inspect["Config"]["Env"]


# --- removal that does not end


def stuck_ones(scene: Scene) -> str:
    """What `web` says of containers that do not go."""
    (web,) = (one for one in scene.status()["services"] if one["name"] == "web")
    return "".join(condition["message"] for condition in web["conditions"] if condition["type"] == "Stuck")


@pytest.mark.fault("W8")
@pytest.mark.slow
def test_one_whose_removal_does_not_end_holds_up_nobody_and_its_name_is_left_alone(
    scene: Scene, proxy: EngineProxy
) -> None:
    """As with a process that cannot be interrupted: Docker is removing it, and is not done with it."""
    text = "services: {web: {SLEEP, environment: {V: '1'}}, db: {SLEEP}}"
    scene.compose(text)
    scene.manifest("services: {web: {update: {monitor: 0s, order: stop-first}}}")
    scene.done("apply")
    stuck = scene.containers()["web-1"]

    def going(found: object) -> object:
        for one in found if isinstance(found, list) else [found]:
            if one["Id"] == stuck.id and asked.met:
                one["State"] = "removing" if isinstance(one["State"], str) else {**one["State"], "Status": "removing"}
        return found

    busy = Answer(409, {"message": f"removal of container {stuck.id} is already in progress"})
    asked = proxy.rule("DELETE", f"/containers/{stuck.id}", busy)
    proxy.rule("GET", f"/containers/({stuck.id}/)?json", Rewrite(going))
    with scene.step("it is replaced, and its removal stands still"), scene.daemon("--watch"):
        scene.compose(text.replace("'1'", "'2'"))
        eventually(lambda: asked.met)
        with scene.step("its successor runs under another name, and a neighbour is healed"):
            docker("kill", scene.containers()["db-1"].id)
            eventually(lambda: running(scene.containers()) == {"web-2", "db-1"})
            scene.await_phase("Converged")
            found = scene.containers()
            assert found["web-1"].id == stuck.id and "V=2" in found["web-2"].inspect["Config"]["Env"]
            stays(lambda: asked.met <= 3 and set(scene.containers()) == {"web-1", "web-2", "db-1"}, 3)
        with scene.step("that it does not go is told, and is no reason to do anything"):
            told = eventually(lambda: stuck_ones(scene), seconds=90, every=1)
            assert stuck.name in told and asked.met <= 3
        with scene.step("at last it is gone: nothing follows from that"):
            docker("rm", stuck.id)
            scene.await_phase("Converged")
            assert set(scene.containers()) == {"web-2", "db-1"}
            assert scene.containers()["web-2"].life == found["web-2"].life


# --- programs and images


@pytest.mark.fault("I3")
@pytest.mark.slow
def test_a_program_for_another_machine_is_told_as_such_and_not_tried_in_a_storm(scene: Scene) -> None:
    scene.write("bad", "\0\1 no program for this machine").chmod(0o755)
    scene.compose("""
        services:
          bad: {image: IMAGE, command: ["/bad"], volumes: ["./bad:/bad:ro"], expose: ["80"]}
          db: {SLEEP}
    """)
    scene.manifest("startup: {retry: {attempts: 3, initialDelay: 200ms, maxDelay: 1s}}")
    with hearing(scene.name, "start") as heard:
        ran = scene.run("apply")
    assert ran.code == 1 and "bad" in ran.err and "Traceback" not in ran.err
    assert "exec format error" in ran.err + scene.done("why", "bad").out
    assert running(scene.containers()) == {"db-1"} and scene.phases()["db"] == "Ready"
    assert 1 <= count(heard, "bad-1") <= 4
    with scene.step("and so is an image for another machine: nothing is made of it"):
        scene.compose("services: {bad: {SLEEP, platform: linux/arm64, pull_policy: never}, db: {SLEEP}}")
        ran = scene.run("apply", "--timeout", "10s")
        assert ran.code == 1 and "linux/arm64" in ran.err and "Traceback" not in ran.err
        assert running(scene.containers()) == {"db-1"}


@pytest.fixture
def tag(scene: Scene) -> Iterator[str]:
    """A name of its own for an image that nothing else is made from."""
    name = f"local/{scene.name}"
    commit(scene, f"{name}:1")
    yield name
    scene.clean()
    for number in (1, 2):
        if docker("images", "-q", f"{name}:{number}"):
            docker("rmi", "-f", f"{name}:{number}")


def commit(scene: Scene, name: str) -> str:
    made = docker("create", IMAGE, "true").strip()
    image = docker("commit", "-c", f"LABEL mine={name}", made, name).strip()
    docker("rm", made)
    return image


def on(tag: str, number: int, command: str = "sleep 1000") -> str:
    update = "deploy: {update_config: {monitor: 4s}}"
    run = f'command: ["sh", "-c", "{command}"], stop_signal: SIGKILL, pull_policy: never'
    return f"services: {{web: {{image: '{tag}:{number}', {run}, {update}}}, db: {{SLEEP}}}}"


@pytest.mark.fault("I1")
@pytest.mark.slow
def test_an_image_that_is_deleted_takes_nobody_down_and_is_missed_by_who_needs_another_container(
    scene: Scene, tag: str
) -> None:
    scene.compose(on(tag, 1))
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        with scene.step("the name is gone: who runs is left alone, who is killed starts again"):
            docker("rmi", "-f", f"{tag}:1")
            stays(lambda: lives(scene.containers()) == lives(before), 3)
            docker("kill", before["web-1"].id)
            eventually(lambda: scene.containers()["web-1"].started > before["web-1"].started)
            scene.await_phase("Converged")
        with scene.step("its container and all that is left of the image are gone"):
            docker("rm", "-f", scene.containers()["web-1"].id)
            eventually(lambda: scene.phases()["web"] in ("Failed", "Pending"), every=0.4)
            assert f"{tag}:1" in scene.done("why", "web").out
            assert lives(scene.containers()) == lives(before, but="web")
        with scene.step("it is here again"):
            commit(scene, f"{tag}:1")
            scene.done("retry", "web", timeout=60)
            scene.await_phase("Converged")
            assert running(scene.containers()) == {"web-1", "db-1"}
            assert lives(scene.containers(), but="web") == lives(before, but="web")


@pytest.mark.fault("W14")
@pytest.mark.slow
def test_a_release_that_fails_when_the_image_before_it_is_gone_is_told_and_not_tried_in_turns(
    scene: Scene, tag: str
) -> None:
    scene.compose(on(tag, 1))
    scene.manifest("services: {web: {update: {order: stop-first}}}")
    scene.done("apply")
    before, kept = scene.containers(), scene.folder.parent / "kept.tar"
    docker("save", "-o", str(kept), f"{tag}:1")
    commit(scene, f"{tag}:2")
    with hearing(scene.name, "create") as made, scene.daemon("--watch"):
        scene.await_phase("Converged")
        with scene.step("the old one has made way; somebody removes its image; the new one dies"):
            scene.compose(on(tag, 2, "sleep 3; exit 5"))
            eventually(lambda: before["web-1"].id not in {one.id for one in scene.containers().values()})
            docker("rmi", "-f", f"{tag}:1")
            eventually(lambda: scene.phases()["web"] == "Failed", every=0.4)
            said = scene.done("why", "web").out
            assert "exited with 5" in said and "No such image" in said, said
            assert lives(scene.containers(), but="web") == lives(before, but="web")
        with scene.step("it is said, and not one container after the other is made"):
            before_that = len(made)
            stays(lambda: len(made) == before_that <= 2, 6)
        with scene.step("the image is here again, and the file says again what it said before"):
            docker("load", "-i", str(kept))
            scene.compose(on(tag, 1))
            eventually(lambda: is_back(scene.containers()))
            scene.await_phase("Converged")
            assert lives(scene.containers(), but="web") == lives(before, but="web")


def is_back(found: dict[str, Container]) -> bool:
    web = [one for one in found.values() if one.service == "web"]
    return len(web) == 1 and web[0].running and "sleep 1000" in web[0].inspect["Config"]["Cmd"]


# --- all at once


@pytest.mark.fault("W1")
@pytest.mark.slow
def test_fifty_that_are_killed_at_once_are_back_after_one_start_each(scene: Scene) -> None:
    names = [f"s{number}" for number in range(10)]
    wide = "".join(f"  {name}: {{SLEEP, deploy: {{replicas: 5}}}}\n" for name in names)
    scene.compose(f"services:\n{wide}  by: {{SLEEP}}\n")
    with scene.daemon("--watch"):
        scene.await_phase("Converged", 180)
        before = scene.containers()
        killed = {name: one for name, one in before.items() if one.service != "by"}
        assert len(killed) == 50
        with hearing(scene.name, "start", "create") as heard:
            for one in killed.values():
                os.kill(one.pid, signal.SIGKILL)
            eventually(lambda: running(scene.containers()) == set(before), 180, every=1)
            scene.await_phase("Converged", 60)
        after = scene.containers()
        assert {one.id for one in after.values()} == {one.id for one in before.values()}
        assert after["by-1"].life == before["by-1"].life
        assert Counter(one[:2] for one in heard) == {("start", name): 1 for name in killed}
