"""Whatever dies or fails in between: the controller, the engine, images, ports. The end is the same."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

import pytest
from _pytest.mark import ParameterSet

from tests.contract_cli.command import CONTROLLER
from tests.engine.checks import docker, lives, running
from tests.engine.proxy import EngineProxy
from tests.engine.scenario import Scene, eventually, ready_after, stays

pytestmark = pytest.mark.engine

FIVE = f"""
services:
  a: {{{ready_after(0.3)}}}
  b: {{{ready_after(0.3)}, depends_on: {{a: {{condition: service_healthy}}}}}}
  c: {{{ready_after(0.3)}, depends_on: {{b: {{condition: service_healthy}}}}}}
  wide: {{SLEEP, deploy: {{replicas: 3}}, volumes: ["data:/data"]}}
volumes: {{data: {{}}}}
"""


def seconds(fast: tuple[float, ...], slow: tuple[float, ...]) -> list[ParameterSet]:
    """Instants of a death; most of them only where there is time for all."""
    return [pytest.param(at, marks=[pytest.mark.slow] if at in slow else []) for at in sorted(fast + slow)]


@pytest.mark.parametrize("after", seconds(fast=(1.6,), slow=(0.3, 0.7, 1.1, 2.2, 3.0)))
def test_a_controller_killed_in_mid_apply_leaves_nothing_that_the_next_one_does_not_finish(
    scene: Scene, after: float
) -> None:
    scene.compose(FIVE)
    with scene.step(f"kill -9 after {after} s"), scene.daemon() as daemon:
        time.sleep(after)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    with scene.step("apply comes to the same end, without duplicates"):
        scene.done("apply")
        found = scene.containers()
        assert set(found) == {"a-1", "b-1", "c-1", "wide-1", "wide-2", "wide-3"} == running(found)
        assert found["a-1"].started < found["b-1"].started < found["c-1"].started
        networks = docker("network", "ls", "-q", "--filter", f"name={scene.name}").split()
        assert len(networks) == 1
    scene.hand("up", "-d")
    assert lives(scene.containers()) == lives(found)


@pytest.mark.slow
@pytest.mark.parametrize("after", seconds(fast=(1.0,), slow=(0.4, 1.8, 2.6)))
def test_a_controller_killed_in_mid_update_is_finished_by_the_next_one(scene: Scene, after: float) -> None:
    text = "services: {web: {SLEEP, environment: {V: '1'}, deploy: {replicas: 3}}}"
    scene.compose(text)
    scene.manifest("services: {web: {update: {monitor: 0s, order: stop-first}}}")
    scene.done("apply")
    scene.compose(text.replace("'1'", "'2'"))
    with scene.daemon() as daemon:
        time.sleep(after)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    scene.done("apply")
    found = scene.containers()
    assert len(found) == 3 and all("V=2" in one.inspect["Config"]["Env"] and one.running for one in found.values())


@pytest.mark.slow
def test_an_interrupted_recreate_by_compose_is_finished(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}, db: {SLEEP}}")
    scene.done("apply")
    old = scene.containers()["web-1"]
    with scene.step("what Compose leaves when it dies between the rename and the end of a recreate"):
        docker("stop", old.id)
        docker("rm", old.id)
        scene.hand("create", "web")
        half = scene.containers()["web-1"]
        docker("rename", half.id, f"{old.id[:12]}_{scene.name}-web-1")
    with scene.step("apply waits until nobody else is at work any more, and finishes it"):
        scene.done("apply")
    found = scene.containers()
    assert set(found) == {"web-1", "db-1"} == running(found)
    scene.hand("up", "-d")
    assert lives(scene.containers()) == lives(found)


@pytest.mark.slow
@pytest.mark.fault("I1")
def test_an_image_that_nobody_has_is_told_and_the_old_container_keeps_running(scene: Scene) -> None:
    text = "services: {web: {SLEEP}, db: {SLEEP}}"
    scene.compose(text)
    scene.manifest("startup: {retry: {attempts: 2, initialDelay: 200ms, maxDelay: 500ms}}")
    scene.done("apply")
    before = scene.containers()
    with scene.step("the image is changed to one that is nowhere"):
        path = scene.folder / "compose.yaml"
        path.write_text(path.read_text().replace("local/busybox:1.35", "localhost:1/nowhere/none:9", 1))
        ran = scene.run("apply")
    assert ran.code == 1
    assert "localhost:1/nowhere/none:9" in ran.err and "Traceback" not in ran.err
    assert lives(scene.containers()) == lives(before)
    with scene.step("changed back: nothing was lost"):
        scene.compose(text)
        scene.done("apply")
        assert lives(scene.containers()) == lives(before)


@pytest.mark.slow
@pytest.mark.fault("I4")
def test_a_host_port_of_another_process_is_named(scene: Scene) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        scene.compose(f'services: {{web: {{SLEEP, ports: ["127.0.0.1:{port}:80"]}}, db: {{SLEEP}}}}')
        scene.manifest("startup: {retry: {attempts: 2, initialDelay: 200ms, maxDelay: 500ms}}")
        ran = scene.run("apply")
        assert ran.code == 1
        assert str(port) in ran.err and "web" in ran.err and "Traceback" not in ran.err
        assert "db-1" in running(scene.containers())
    with scene.step("the port is free again"):
        scene.done("apply")
        assert len(running(scene.containers())) == 2


def test_more_replicas_than_host_ports_is_an_error_with_both_numbers(scene: Scene) -> None:
    scene.compose('services: {web: {SLEEP, ports: ["127.0.0.1:28180-28181:80"]}}')
    scene.manifest("services: {web: {replicas: 3}}")
    ran = scene.run("apply")
    assert ran.code == 1
    assert "3" in ran.err and "2" in ran.err and "port" in ran.err
    assert not scene.containers()


@pytest.mark.slow
def test_replicas_share_a_range_of_host_ports(scene: Scene) -> None:
    scene.compose('services: {web: {SLEEP, ports: ["127.0.0.1:28182-28183:80"], deploy: {replicas: 2}}}')
    scene.done("apply")
    found = scene.containers()
    ports = {
        binding["HostPort"] for one in found.values() for binding in one.inspect["NetworkSettings"]["Ports"]["80/tcp"]
    }
    assert ports == {"28182", "28183"} and running(found) == {"web-1", "web-2"}


@pytest.mark.slow
def test_several_networks_are_connected_before_the_start(scene: Scene) -> None:
    scene.compose("""
        services:
          both: {SLEEP, networks: {front: {aliases: [face]}, back: {}}}
          one: {SLEEP, networks: [back]}
        networks: {front: {}, back: {}}
    """)
    scene.done("apply")
    found = scene.containers()
    nets = found["both-1"].inspect["NetworkSettings"]["Networks"]
    assert set(nets) == {f"{scene.name}_front", f"{scene.name}_back"}
    assert "face" in nets[f"{scene.name}_front"]["Aliases"]
    scene.hand("up", "-d")
    assert lives(scene.containers()) == lives(found)


@pytest.mark.slow
def test_an_anonymous_volume_goes_over_to_the_replacement(scene: Scene) -> None:
    text = "services: {db: {SLEEP, volumes: [/data], environment: {V: '1'}}}"
    scene.compose(text)
    scene.done("apply")
    old = scene.containers()["db-1"]
    docker("exec", old.id, "sh", "-c", "echo precious > /data/kept")
    scene.compose(text.replace("'1'", "'2'"))
    scene.done("apply")
    new = scene.containers()["db-1"]
    assert new.id != old.id
    assert docker("exec", new.id, "cat", "/data/kept") == "precious\n"
    scene.hand("up", "-d")
    assert scene.containers()["db-1"].life == new.life


@pytest.mark.slow
def test_a_container_with_a_name_of_its_own_is_replaced_under_it(scene: Scene) -> None:
    text = "services: {db: {SLEEP, container_name: NAME-own, environment: {V: '1'}}}"
    scene.compose(text)
    scene.done("apply")
    old = scene.containers()["own"]
    scene.compose(text.replace("'1'", "'2'"))
    scene.done("apply")
    found = scene.containers()
    assert set(found) == {"own"} and found["own"].running and found["own"].id != old.id


@pytest.mark.slow
@pytest.mark.fault("D3")
def test_a_daemon_that_is_away_is_said_to_be_and_the_controller_recovers_by_itself(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}, db: {SLEEP}}")
    with EngineProxy(scene.folder.parent / "engine.sock") as proxy:
        scene.env["DOCKER_HOST"] = f"unix://{proxy.path}"
        with scene.daemon("--watch") as daemon:
            scene.await_phase("Converged")
            before = scene.containers()
            with scene.step("the engine refuses: the controller lives on and says so"):
                proxy.refuse()
                eventually(lambda: "EngineUnavailable" in daemon.said())
                docker("kill", before["web-1"].id)
                assert daemon.process.poll() is None
            with scene.step("it answers again: what fell meanwhile is put up, nobody else is touched"):
                proxy.answer()
                eventually(lambda: scene.containers()["web-1"].running)
                scene.await_phase("Converged")
                assert lives(scene.containers(), but="web") == lives(before, but="web")


@pytest.mark.fault("D4")
@pytest.mark.slow
def test_a_daemon_that_hangs_is_said_to_be_away_and_the_controller_recovers(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}, db: {SLEEP}}")
    with EngineProxy(scene.folder.parent / "engine.sock") as proxy:
        scene.env["DOCKER_HOST"] = f"unix://{proxy.path}"
        with scene.daemon("--watch") as daemon:
            scene.await_phase("Converged")
            before = scene.containers()
            with scene.step("the engine takes calls and answers none"):
                proxy.hang()
                docker("kill", before["web-1"].id)
                scene.compose("services: {web: {SLEEP}, db: {SLEEP}, more: {SLEEP}}")
                eventually(lambda: "EngineUnavailable" in daemon.said(), 90)
            with scene.step("it answers again"):
                proxy.answer()
                eventually(lambda: running(scene.containers()) == {"web-1", "db-1", "more-1"}, 60)
                assert lives(scene.containers(), but=("web", "more")) == lives(before, but=("web", "more"))


def test_an_engine_that_is_not_there_is_one_clear_line(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP}}")
    scene.env["DOCKER_HOST"] = f"unix://{scene.folder.parent}/nobody.sock"
    ran = scene.run("apply")
    assert ran.code == 1
    assert "nobody.sock" in ran.err and "hint:" in ran.err and "Traceback" not in ran.err


@pytest.mark.fault("C5")
def test_two_applies_at_once_make_one_of_each(scene: Scene) -> None:
    scene.compose("services: {web: {SLEEP, deploy: {replicas: 3}}, db: {SLEEP}}")
    with scene.step("two people apply in the same second"):
        env = {**os.environ, **scene.environment}
        both = [
            subprocess.Popen([str(CONTROLLER), "apply"], cwd=scene.folder, env=env, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [one.communicate(timeout=60)[1] for one in both]
    assert any(one.returncode == 0 for one in both), said
    assert set(scene.containers()) == {"web-1", "web-2", "web-3", "db-1"} == running(scene.containers())
    assert all("Traceback" not in text for text in said)
    stays(lambda: len(scene.containers()) == 4, 1)


def test_an_apply_that_is_interrupted_ends_with_130_and_the_next_one_goes_on(scene: Scene) -> None:
    scene.compose(FIVE)
    apply = subprocess.Popen(
        [str(CONTROLLER), "apply"], cwd=scene.folder, env={**os.environ, **scene.environment}, stderr=subprocess.PIPE
    )
    with scene.step("Ctrl-C once the first container is there"):
        eventually(scene.containers, every=0.05)
        apply.send_signal(signal.SIGINT)
        said = apply.communicate(timeout=60)[1].decode()
        assert apply.returncode == 130 and "Traceback" not in said
    scene.done("apply")
    assert set(scene.containers()) == {"a-1", "b-1", "c-1", "wide-1", "wide-2", "wide-3"} == running(scene.containers())


def test_an_apply_without_progress_ends_at_its_timeout_and_says_what_is_not_ready(scene: Scene) -> None:
    scene.compose(f"services: {{web: {{{ready_after(1000)}}}}}")
    ran = scene.run("apply", "--timeout", "3s")
    assert ran.code == 1
    assert "no progress for 3 s" in ran.err and "hint:" in ran.err
    assert scene.phases() == {"web": "Starting"}


@pytest.mark.slow
def test_stopping_in_the_middle_of_a_start_stops_all_of_it(scene: Scene) -> None:
    scene.compose(FIVE)
    with scene.daemon("--watch"):
        eventually(lambda: "a-1" in running(scene.containers()), every=0.05)
        scene.done("stop")
        assert not running(scene.containers())
        stays(lambda: not running(scene.containers()), 2)
        scene.done("start")
        assert len(running(scene.containers())) == 6
