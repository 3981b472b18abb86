"""Three applications as people run them, under networkPolicy: dependencies: whoever is declared to reach another one
does, by name and by address, and nobody else does. By the controller's check, and by connecting without it."""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.engine.checks import Container, docker
from tests.engine.ingress_bed import PROXY_IMAGE, free_port
from tests.engine.scenario import IMAGE, Scene, eventually

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[3]
POLICY = "security: {networkPolicy: dependencies, addressPool: 10.195.0.0/20}\n"
HTTP = (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.")
"""What is said to a port, and how the answer begins."""

Edges = frozenset[frozenset[str]]


def hello() -> bytes:
    """How a client of TLS begins."""
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    return sent.read()


def edges(text: str) -> Edges:
    """`web-db api-db`, where a name's own dashes are underscores."""
    return frozenset(frozenset(end.replace("_", "-") for end in pair.split("-")) for pair in text.split())


@dataclass(frozen=True)
class Application:
    """What is known of it beforehand. `ports`: where each service listens; `published`: what is said at a host port."""

    edges: Edges
    ports: Mapping[str, int]
    published: Mapping[int, tuple[bytes, bytes]]
    closed: frozenset[str] = field(default_factory=frozenset)
    """Those with `egress: false`."""

    @property
    def pairs(self) -> set[tuple[str, str]]:
        return set(permutations(self.ports, 2))

    @property
    def reachable(self) -> set[tuple[str, str]]:
        return {(source, target) for source, target in self.pairs if frozenset((source, target)) in self.edges}


class Reached(NamedTuple):
    """Ordered pairs of services of which every replica of the one reaches each of the other, and those of which any."""

    all: set[tuple[str, str]]
    any: set[tuple[str, str]]


class Ends(NamedTuple):
    """One replica with the hosts that are tried from it: each belongs to a service."""

    source: Container
    hosts: Sequence[tuple[str, str]]


def within(container: Container, script: str) -> str:
    """What a shell says that stands on the container's networks, and has nothing else of it."""
    return docker("run", "--rm", "--network", f"container:{container.id}", IMAGE, "sh", "-c", script)


def connected(ends: Ends, ports: Mapping[str, int]) -> set[tuple[str, str]]:
    """The hosts to which a connection comes about, all tried side by side."""
    tries = (f"(nc -w 2 {host} {ports[name]} -e true 2>/dev/null && echo {name} {host}) &" for name, host in ends.hosts)
    told = within(ends.source, "\n".join([*tries, "wait"]))
    return {(name, host) for name, host in (line.split() for line in told.splitlines())}


def connect_all(scene: Scene, app: Application, *, by_name: bool) -> Reached:
    """Each replica tries all others: under the service's name, or at all addresses that they have."""
    there = [one for one in scene.containers().values() if one.running]

    def hosts(source: Container) -> list[tuple[str, str]]:
        if by_name:
            return [(name, name) for name in app.ports if name != source.service]
        return [(one.service, at) for one in there if one.service != source.service for at in addresses(one)]

    asked = [Ends(one, hosts(one)) for one in there]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda ends: connected(ends, app.ports), asked))
    owners = {at: one.name for one in there for at in addresses(one)}
    found: dict[tuple[str, str], list[bool]] = {}
    for ends, answer in zip(asked, answers, strict=True):
        reached = {(name, owners.get(host, host)) for name, host in answer}
        for name, whom in {(name, owners.get(host, host)) for name, host in ends.hosts}:
            found.setdefault((ends.source.service, name), []).append((name, whom) in reached)
    assert found.keys() == app.pairs, "nobody is left out"
    return Reached({pair for pair, ways in found.items() if all(ways)}, {p for p, ways in found.items() if any(ways)})


def addresses(container: Container) -> list[str]:
    """Of every network that it is on."""
    return [str(end["IPAddress"]) for end in container.inspect["NetworkSettings"]["Networks"].values()]


def answers(port: int, said: tuple[bytes, bytes]) -> bool:
    """Whether that comes back at the host's port."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as asked:
            asked.sendall(said[0])
            return asked.recv(64).startswith(said[1])
    except OSError:
        return False


def have_way_out(scene: Scene) -> dict[str, bool]:
    """By service, whether it reaches what another project publishes at this machine."""
    name, port = scene.another(), free_port()
    label = f"com.docker.compose.project={name}"
    docker("run", "-d", "--name", name, "--label", label, "-p", f"{port}:80", IMAGE, "httpd", "-f", "-p", "80")
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    eventually(lambda: answers(port, HTTP))
    script = f"nc -w 2 {gateway} {port} -e true 2>/dev/null && echo out || echo closed"
    there = [one for one in scene.containers().values() if one.running]
    with ThreadPoolExecutor(8) as pool:
        told = pool.map(lambda one: within(one, script).strip() == "out", there)
        return {one.service: out for one, out in zip(there, told, strict=True)}


def check(scene: Scene, app: Application) -> None:
    with scene.step("the controller's check finds what is declared, and nothing else"):
        data = scene.data("netcheck")
        tried = [(one["from"], one["to"]) for one in data["pairs"]]
        assert set(tried) == app.pairs
        assert {(one["from"], one["to"]) for one in data["pairs"] if one["reachable"]} == app.reachable
        assert {one["verdict"] for one in data["pairs"]} == {"ok"} and data["differences"] == data["unchecked"] == 0
        needed = {(one["from"], one["to"]): one["by"] for one in data["pairs"] if one["needed"]}
        assert {frozenset(pair) for pair in needed} == app.edges and set(needed.values()) == {"name"}
    with scene.step("so does whoever really connects without it, by address and by name"):
        by_name, by_address = (connect_all(scene, app, by_name=by_name) for by_name in (True, False))
        assert by_name.all == by_address.any & app.reachable == app.reachable
        # Docker opens its bridges to each other for an instant whenever anybody makes a network.
        again = connect_all(scene, app, by_name=False) if by_address.any > app.reachable else by_address
        assert by_name.any == by_address.any & again.any == app.reachable
    with scene.step("what is published answers"):
        for port, said in app.published.items():
            eventually(lambda port=port, said=said: answers(port, said))
    with scene.step("who is not to reach anything outside has no way there, and all others have"):
        assert have_way_out(scene) == {name: name not in app.closed for name in app.ports}
    print(f"{len(app.pairs)} ordered pairs, {len(app.reachable)} of them declared: by the check, by address and by")
    print(f"name 0 differences each; {len(app.published)} published ports answer; {len(app.closed)} have no way out")


def serving(ports: Mapping[str, int], more: Mapping[str, str]) -> str:
    """A Compose file in which each service answers at its own port."""
    command = 'command: ["httpd", "-f", "-p", "PORT"], stop_signal: SIGKILL'
    rows = (
        f"  {name}: {{image: {IMAGE}, {command.replace('PORT', str(port))}{more.get(name, '')}}}"
        for name, port in ports.items()
    )
    return "\n".join(["services:", *rows])


def closed_by(names: str) -> str:
    return ", ".join(f"{name}: {{egress: false}}" for name in names.split())


def test_a_voting_application(scene: Scene) -> None:
    """Two pages, a queue, a worker between the queue and the database."""
    vote, result = free_port(), free_port()
    ports = {"vote": 80, "redis": 6379, "worker": 9000, "db": 5432, "result": 80}
    needs = {
        "vote": f", ports: ['127.0.0.1:{vote}:80'], depends_on: [redis]",
        "worker": ", depends_on: [redis, db]",
        "result": f", ports: ['127.0.0.1:{result}:80'], depends_on: [db]",
    }
    scene.compose(serving(ports, needs))
    scene.manifest(f"{POLICY}startup: {{settle: 100ms}}\nservices: {{{closed_by('redis worker db')}}}")
    scene.done("apply", timeout=120)
    declared = edges("vote-redis worker-redis worker-db result-db")
    check(
        scene, Application(declared, ports, dict.fromkeys((vote, result), HTTP), frozenset({"redis", "worker", "db"}))
    )


def test_a_shop_behind_the_ingress(scene: Scene) -> None:
    """Pages before a program with a database and a cache; a hand's tool and a backup see the database alone."""
    scene.env["HAPROXY_IMAGE"] = PROXY_IMAGE
    shop, admin = free_port(), free_port()
    ports = {"nginx": 80, "wordpress": 9000, "mysql": 3306, "cache": 11211, "adminer": 8080, "backup": 8081}
    ports |= {"exporter": 9104, "mail": 1025}
    needs = {
        "nginx": f", ports: ['127.0.0.1:{shop}:80'], depends_on: [wordpress], scale: 2",
        "wordpress": ", depends_on: [mysql, cache], scale: 2, links: [mail]",
        "adminer": f", ports: ['127.0.0.1:{admin}:8080']",
        "backup": ", depends_on: {mysql: {condition: service_started}}",
    }
    scene.compose(serving(ports, needs))
    said = "adminer: {connectsTo: [mysql]}, exporter: {connectsTo: [mysql, cache], egress: false}"
    spec = f"{POLICY}ingress: {{mode: auto}}\nstartup: {{settle: 100ms}}\n"
    scene.manifest(f"{spec}services: {{{said}, {closed_by('mysql cache backup')}}}")
    scene.done("apply", timeout=120)
    declared = edges(
        "nginx-wordpress wordpress-mysql wordpress-cache wordpress-mail adminer-mysql backup-mysql "
        "exporter-mysql exporter-cache"
    )
    closed = frozenset({"mysql", "cache", "backup", "exporter"})
    check(scene, Application(declared, ports, dict.fromkeys((shop, admin), HTTP), closed))


SAMPLE = {
    "QDRANT_PORT": HTTP,
    "REDIS_PORT": (hello(), b"\x16\x03"),  # the next word of a handshake: it speaks TLS
    "POSTGRES_PORT": (bytes.fromhex("0000000804d2162f"), b"S"),  # asks for TLS, and has it
    "PROMETHEUS_PORT": HTTP,
    "GRAFANA_PORT": HTTP,
    "RAG_PORT": HTTP,
}


def test_the_sample_stack(scene: Scene) -> None:
    """As it is shipped, in its full profile, under a name and at ports of its own."""
    shutil.copytree(ROOT / "compose", scene.folder / "compose")
    compose, manifest = scene.folder / "compose" / "rag.yaml", scene.folder / "manifests" / "rag.yaml"
    compose.write_text(compose.read_text().replace("name: rag\n", f"name: {scene.name}\n"))
    document = yaml.safe_load((ROOT / "manifests" / "rag.yaml").read_text())
    assert document["spec"]["security"]["networkPolicy"] == "dependencies"
    document["metadata"]["name"] = scene.name
    document["spec"]["security"]["addressPool"] = "10.194.0.0/20"
    document["spec"]["profile"] = "full"
    manifest.parent.mkdir()
    manifest.write_text(yaml.safe_dump(document))
    scene.env |= {name: str(free_port()) for name in SAMPLE}
    scene.done("apply", timeout=300)
    ports = {"qdrant": 6333, "redis": 6379, "postgresql": 5432, "prometheus": 9090, "grafana": 3000}
    declared = edges("rag_server-qdrant rag_server-redis rag_server-prometheus grafana-prometheus prometheus-qdrant")
    closed = frozenset({"qdrant", "redis", "postgresql", "rag-server"})
    published = {int(scene.env[name]): said for name, said in SAMPLE.items()}
    check(scene, Application(declared, {**ports, "rag-server": 8000}, published, closed))
