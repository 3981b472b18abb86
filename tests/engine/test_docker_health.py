"""Probes of real containers: soon after the start, from outside and from within, one life at a time."""

import threading
import time
from dataclasses import replace

import pytest

from controller.engines.base import Scope
from controller.health.probe import run_probe
from controller.health.prober import Prober
from controller.model.desired import Probe, ProbeKind
from controller.model.observed import Health
from tests.engine.docker_project import IMAGE, docker
from tests.engine.scenario import PATIENCE, eventually

pytestmark = pytest.mark.engine

SERVER = "until [ -e /dev/shm/go ]; do sleep 0.1; done; mkdir -p /w; echo fine > /w/ready; exec httpd -f -p 8080 -h /w"
"""Serves once the test lets it, in each life anew."""
STACK = f"""
services:
  web:
    image: {IMAGE}
    command: ["sh", "-c", "{SERVER}"]
    stop_signal: SIGKILL
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/ready"]
      interval: 300s
      timeout: 5s
"""
HTTP = Probe(ProbeKind.HTTP, port=8080, path="/ready", timeout=3.0)
TCP = Probe(ProbeKind.TCP, port=8080, timeout=3.0)


@pytest.fixture
def web(project, docker_engine):
    """The replica as it is seen now, just started by hand."""
    project.write(STACK).hand("up", "-d")

    def look():
        (seen,) = docker_engine.observe(Scope(project.name)).services["web"].replicas
        return seen

    return look


@pytest.fixture
def prober(docker_engine):
    changed = threading.Event()
    made = Prober(docker_engine, lambda *_: changed.set())
    made.changed = changed
    yield made
    made.close()


def test_a_start_is_noticed_long_before_docker_does(web, prober):
    seen = web()
    prober.watch("s", "web", {seen: seen.check})
    assert prober.verdict(seen.life).health is Health.STARTING
    docker("exec", seen.id, "touch", "/dev/shm/go")
    assert prober.changed.wait(PATIENCE)
    verdict = prober.verdict(seen.life)
    assert verdict.health is Health.HEALTHY and verdict.ready_since > seen.started_at
    assert web().health is Health.STARTING
    assert web().life == seen.life


@pytest.mark.parametrize("probe", [HTTP, TCP], ids=["http", "tcp"])
def test_outside_and_within_say_the_same(web, docker_engine, probe):
    seen = web()
    assert seen.address is not None
    before = [run_probe(docker_engine, replace(seen, address=address), probe).ok for address in (seen.address, None)]
    docker("exec", seen.id, "touch", "/dev/shm/go")
    eventually(lambda: run_probe(docker_engine, seen, probe).ok)
    assert before == [False, False]
    assert run_probe(docker_engine, replace(seen, address=None), probe).ok is True
    missing = replace(probe, path="/missing", port=8080 if probe is HTTP else 8081)
    assert [run_probe(docker_engine, replace(seen, address=a), missing).ok for a in (seen.address, None)] == [False] * 2


def test_a_restart_is_another_life(web, prober):
    seen = web()
    prober.watch("s", "web", {seen: seen.check})
    docker("exec", seen.id, "touch", "/dev/shm/go")
    assert prober.changed.wait(PATIENCE)
    docker("restart", "-t", "0", seen.id)
    again = web()
    assert again.life != seen.life
    prober.watch("s", "web", {again: again.check})
    assert prober.verdict(seen.life) is None
    assert prober.verdict(again.life).health is Health.STARTING


def test_a_command_that_hangs_is_not_piled_up(web, prober):
    seen = web()
    stuck = Probe(ProbeKind.EXEC, ("sleep", "47"), interval=30.0, timeout=0.5)
    prober.watch("s", "web", {seen: stuck})
    eventually(lambda: "no end after" in prober.verdict(seen.life).output)
    time.sleep(1.5)
    assert docker("top", seen.id).count("sleep 47") == 1
    assert prober.verdict(seen.life).health is Health.STARTING


def test_what_is_paused_or_gone_is_unknown(web, docker_engine):
    seen = web()
    docker("pause", seen.id)
    assert run_probe(docker_engine, seen, Probe(ProbeKind.EXEC, ("true",), timeout=3.0)).ok is None
    docker("unpause", seen.id)
    docker("rm", "-f", seen.id)
    assert run_probe(docker_engine, seen, Probe(ProbeKind.EXEC, ("true",), timeout=3.0)).ok is None
