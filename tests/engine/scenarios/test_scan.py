"""`scan` on a real engine: what runs as it is written is no finding, and what somebody gave it by hand is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.checks import docker
from tests.engine.scenario import IMAGE, Scene

pytestmark = pytest.mark.engine

EVERYTHING = """
services:
  bare: {SLEEP}
  full:
    image: IMAGE
    entrypoint: [sh, -c]
    command: ["sleep 86400"]
    stop_signal: SIGKILL
    user: "1000:1000"
    group_add: ["3000"]
    read_only: true
    tmpfs: ["/tmp:size=10m", "/run:exec"]
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE, CHOWN]
    security_opt: ["no-new-privileges:true", "label=level:s0:c1"]
    mem_limit: 64m
    memswap_limit: 128m
    cpus: 0.2
    cpu_shares: 512
    pids_limit: 50
    oom_score_adj: 100
    restart: on-failure:3
    healthcheck: {test: "test -e /tmp", interval: 30s}
    logging: {driver: json-file, options: {max-size: 1m}}
    ports: ["127.0.0.1::8080", "127.0.0.1::9000-9002", {target: 53, protocol: udp, host_ip: 127.0.0.1}, "9999"]
    volumes:
      - ./data:/data
      - named:/named:ro
      - /anonymous
      - {type: bind, source: ./data, target: /again, read_only: true}
      - {type: tmpfs, target: /small, tmpfs: {size: 1000000}}
      - {type: volume, source: named, target: /more, volume: {nocopy: true}}
    devices: ["/dev/null:/dev/null", "/dev/zero:/dev/x:r"]
    device_cgroup_rules: ["c 1:3 r"]
    sysctls: {net.ipv4.ip_forward: "0"}
    ulimits: {nofile: {soft: 100, hard: 200}, nproc: 50, core: 0}
    environment: {A: "1", DB_PASSWORD: "${PASSWORD}", DB: "postgres://a:${PASSWORD}@db/x"}
    env_file: [full.env]
    labels: {com.example.x: "1", com.example.token: "${PASSWORD}"}
    extra_hosts: ["a:1.2.3.4", "machine:host-gateway"]
    networks: {default: {aliases: [x]}, back: {}}
    dns: [192.0.2.1]
    init: true
    ipc: shareable
    pid: host
    uts: host
    shm_size: 32m
    working_dir: /
    secrets: [key]
    configs: [app]
    expose: ["7000"]
    depends_on: [bare]
  hosted:
    image: IMAGE
    command: sleep 86400
    stop_signal: SIGKILL
    network_mode: host
    ipc: host
    userns_mode: host
    cap_add: [SYS_TIME, NET_ADMIN]
    logging: {driver: none}
    healthcheck: {disable: true}
    volumes: ["/etc:/host/etc:ro", "/var/run/docker.sock:/docker.sock"]
  beside:
    image: IMAGE
    command: sleep 86400
    stop_signal: SIGKILL
    network_mode: service:bare
    pid: service:bare
    security_opt: ["seccomp:unconfined", "systempaths=unconfined"]
    restart: always
    deploy: {resources: {limits: {memory: 64m, cpus: "0.3", pids: 30}}}
volumes: {named: {name: NAME-named}}
networks: {back: {name: NAME-back, internal: true}}
secrets: {key: {file: /etc/hostname}}
configs: {app: {file: ./app.conf}}
"""
FULL = {"full.env": "API_KEY=${PASSWORD}\n", ".env": "PASSWORD=kW7zq2LmX9\n", "app.conf": "x\n", "data/x": ""}


Findings = list[dict[str, Any]]


def scan(scene: Scene) -> Findings:
    found: Findings = scene.data("scan")["findings"]
    assert [one["source"] for one in found if one["rule"] == "D06"] == ["running"]  # the engine was looked at
    return found


def running(found: Findings) -> list[tuple[str, str | None, str]]:
    """What it finds in what runs, but for how the engine is set up."""
    return [
        (one["rule"], one["service"], one["message"])
        for one in found
        if one["source"] == "running" and not one["rule"].startswith("D")
    ]


def of(rule: str, found: Findings) -> list[tuple[str | None, str]]:
    return [(one["service"], one["message"]) for one in found if one["rule"] == rule]


@pytest.mark.slow
def test_what_runs_as_it_is_written(scene: Scene) -> None:
    scene.compose(EVERYTHING)
    for name, text in FULL.items():
        scene.write(name, text)
    scene.hand("up", "--detach")
    assert running(scan(scene)) == []


HARDENED = """
services:
  web: {SLEEP, user: "1000", cap_drop: [ALL], security_opt: ["no-new-privileges:true"]}
  db: {SLEEP, user: "1000", volumes: ["data:/data"]}
volumes: {data: {}}
"""
WEAKENED = HARDENED.replace(
    'user: "1000", cap_drop: [ALL]',
    'user: root, cap_add: [SYS_TIME], pid: host, ports: ["8080"], volumes: ["/etc:/host"], '
    'environment: {T: "AKIAAAAAAAAAAAAAAAAA"}',
)


@pytest.mark.slow
def test_what_somebody_did_by_hand(scene: Scene) -> None:
    scene.compose(WEAKENED)
    scene.hand("up", "--detach")
    scene.compose(HARDENED)
    stranger = scene.another()
    network, volume = f"{scene.name}_default", f"{scene.name}_data"
    docker("run", "--detach", "--name", f"{stranger}-1", "--label", f"com.docker.compose.project={stranger}",
           "--network", network, "--volume", f"{volume}:/x:ro", IMAGE, "sleep", "1000")  # fmt: skip
    docker("exec", "--user", "root", f"{scene.name}-db-1", "true", "--password=kW7zq2LmX9")
    docker("exec", f"{scene.name}-db-1", "true")  # as its own user
    found = running(scan(scene))
    assert sorted(rule for rule, service, _ in found if service == "web") == [
        *("F01", "H04", "H12", "H14", "N02", "S05", "W01", "X01")
    ]
    [weaker] = [message for rule, _, message in found if rule == "X01"]
    assert weaker == (
        "it runs with what its definition does not say: F01, H04, H12, H14, N02, S05, W01, a mount of /etc"
    )
    assert sorted(one for one in found if one[1] != "web") == [
        ("X02", "db", f"'true' was run as root in {scene.name}-db-1"),
        ("X03", None, f"{stranger}-1 of the stack {stranger} is on the network {network}"),
        ("X03", None, f"{stranger}-1 of the stack {stranger} is on the volume {volume}"),
    ]
    assert scene.run("scan", "web", "--fail-on", "critical").code == 1
    assert scene.run("scan", "web", "--source", "compose", "--fail-on", "critical").code == 0


def test_user_of_an_image(scene: Scene) -> None:
    scene.write("image/Dockerfile", f"FROM {IMAGE}\nENV API_KEY=kW7zq2LmX9\nUSER 1000\n")
    scene.compose(
        "services:\n  built: {build: image, command: [sleep, '86400'], stop_signal: SIGKILL}\n  plain: {SLEEP}\n"
    )
    scene.hand("build", "--quiet")
    scene.hand("up", "--detach")
    found = scan(scene)
    assert of("F01", found) == [("plain", "no user is given, and its image's is root")]
    assert of("I06", found) == [("built", "it brings a value for API_KEY")]
    assert "kW7zq2LmX9" not in json.dumps(found)
    assert running(found) == []
