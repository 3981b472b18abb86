"""Row 15: the same load while others replace the same replicas: Compose, and Swarm.

Both are behind the same HAProxy image with a file that people write for it: it finds the replicas by name, checks them
every second, and sends again what may be sent again, as ours does.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench import wrk
from tests.bench.figure import Effort, Figure
from tests.bench.stage import call, rest, stage
from tests.bench.updates import PATIENCE, asked, one, what
from tests.engine.checks import docker
from tests.engine.ingress_bed import PROXY_IMAGE, WEB_IMAGE
from tests.engine.releases import CHECK, COMMAND, HEALTHCHECK, PORT, REPLICAS, Release, Site
from tests.engine.scenario import Scene, eventually

HOW = {
    15: "The load, server and number of replicas of row 12. Compose: the replicas behind the same HAProxy image with a "
    "fixed file, which finds them by name at Docker's own name server and checks them every second; the file is "
    "edited and `docker compose up -d` is called. Swarm: the same, with `docker service update` (`start-first`, one at "
    "a time, monitor 1 s, a health check each second) on a Swarm of this one engine, which is made for it and left "
    "afterwards unless there was one.",
}
_FILE = """\
global
  maxconn 4096
  nbthread 1
resolvers docker
  nameserver own 127.0.0.11:53
  hold valid 500ms
  hold obsolete 0s
  timeout retry 500ms
defaults
  mode http
  retries 3
  option redispatch 1
  option http-keep-alive
  timeout connect 1s
  timeout queue 5s
  timeout client 300s
  timeout server 300s
frontend published
  bind :{port}
  default_backend web
backend web
  retry-on conn-failure empty-response
  default-server check inter 1s fastinter 250ms downinter 500ms fall 3 rise 1 resolvers docker init-addr none
  server-template s 8 {name}:{port}
"""
_CONF = "/conf/haproxy.cfg"
_PROXY = ("haproxy", "-W", "-db", "-f", _CONF)


def measure(effort: Effort) -> Iterator[Figure]:
    rounds = effort.rounds(5, 1)
    for name, way in (("`docker compose up -d`", _by_compose), ("Swarm's `docker service update`", _by_swarm)):
        try:
            told = way(rounds, effort)
        except (AssertionError, subprocess.CalledProcessError) as error:
            if way is _by_compose:
                raise
            effort.say(f"Swarm cannot do it here: {error}")
            continue
        effort.say(f"{name}: {told}")
        updates = "1 update" if rounds == 1 else f"{rounds} updates"
        line = f"{updates} by {name}: of {told.requests:,} requests failed"
        yield Figure(15, what(line), "", one(told.failed), brief=True)


def _by_compose(rounds: int, effort: Effort) -> wrk.Told:
    with stage() as scene:
        site = Site(scene, more={"healthcheck": HEALTHCHECK})
        _write_project(site, Release("r0"))
        call(("docker", "compose", "up", "-d", "--wait"), scene)
        eventually(site.answers_now)
        with asked(site) as told:
            for number in range(1, rounds + 1):
                release = Release(f"r{number}")
                _write_project(site, release)
                call(("docker", "compose", "up", "-d"), scene)
                eventually(lambda release=release: site.runs(release), PATIENCE, every=0.5)  # type: ignore[misc]
                rest(3.0)
                effort.say(f"Compose: {release.name} has come")
        return told


def _write_project(site: Site, release: Release) -> None:
    """As the site's own, but the port is the proxy's."""
    (site.scene.folder / "haproxy.cfg").write_text(_FILE.format(port=PORT, name="web"), encoding="utf-8")
    web = {key: value for key, value in site.web(release).items() if key != "ports"}
    proxy = {
        "image": PROXY_IMAGE,
        "command": [*_PROXY],
        "volumes": [f"./haproxy.cfg:{_CONF}:ro"],
        "ports": [f"127.0.0.1:{site.port}:{PORT}"],
    }
    project = {"name": site.scene.name, "services": {"web": web, "proxy": proxy}}
    (site.scene.folder / "compose.yaml").write_text(json.dumps(project), encoding="utf-8")


def _by_swarm(rounds: int, effort: Effort) -> wrk.Told:
    with stage() as scene, swarm():
        site, service = Site(scene), f"{scene.name}-web"
        with _overlay(scene) as network:
            _create_service(service, network)
            try:
                _run_proxy(site, service, network)
                eventually(site.answers_now, PATIENCE)
                with asked(site) as told:
                    for number in range(1, rounds + 1):
                        words = ("docker", "service", "update", "--detach=false", "--env-add", f"RELEASE=r{number}")
                        call((*words, service), scene)
                        rest(3.0)
                        effort.say(f"Swarm: r{number} has come")
            finally:
                docker("service", "rm", service)
                eventually(lambda: not docker("ps", "-q", "--filter", f"name={service}."))
        return told


@contextmanager
def swarm() -> Iterator[None]:
    """The engine is in a swarm; in one of its own, where it was in none."""
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "active":
        yield
        return
    bridge = docker("network", "ls", "-q", "--filter", "name=docker_gwbridge")
    docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
    try:
        yield
    finally:
        docker("swarm", "leave", "--force")
        if not bridge:
            subprocess.run(["docker", "network", "rm", "docker_gwbridge"], capture_output=True, check=False)


@contextmanager
def _overlay(scene: Scene) -> Iterator[str]:
    name = f"{scene.name}-overlay"
    docker("network", "create", "--driver", "overlay", "--attachable", name)
    try:
        yield name
    finally:
        ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={scene.name}").split()
        subprocess.run(["docker", "rm", "-f", *ids], capture_output=True, check=False)
        _remove_network(name)


def _remove_network(name: str) -> None:
    """It is in use for as long as its last container is being taken off it."""
    for _ in range(30):
        if not subprocess.run(["docker", "network", "rm", name], capture_output=True, check=False).returncode:
            return
        time.sleep(0.5)


def _create_service(service: str, network: str) -> None:
    env = [f"--env={key}={value}" for key, value in Release("r0").environment.items()]
    check = ["--health-cmd", " ".join(CHECK), "--health-interval=1s", "--health-retries=3"]
    update = ["--update-order=start-first", "--update-parallelism=1", "--update-monitor=1s"]
    update += ["--update-failure-action=rollback", "--stop-grace-period=5s", "--init"]
    where = ["--network", network, "--endpoint-mode=dnsrr", f"--replicas={REPLICAS}"]
    words = ["service", "create", "--quiet", "--name", service, *where, *env, *check, *update]
    docker(*words, WEB_IMAGE, *COMMAND)


def _run_proxy(site: Site, service: str, network: str) -> None:
    path = site.scene.folder / "haproxy.cfg"
    path.write_text(_FILE.format(port=PORT, name=service), encoding="utf-8")
    label = f"--label=com.docker.compose.project={site.scene.name}"
    words = [
        "run",
        "-d",
        label,
        "--network",
        network,
        "-p",
        f"127.0.0.1:{site.port}:{PORT}",
        "-v",
        f"{path}:{_CONF}:ro",
    ]
    docker(*words, PROXY_IMAGE, *_PROXY)
