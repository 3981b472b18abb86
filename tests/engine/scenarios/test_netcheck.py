"""Who reaches whom on a real engine: by connecting, on networks of the scenario's own."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from controller.engines.compose_engine import ComposeEngine
from controller.engines.netprobe import DockerNetProbe
from controller.model.reach import Answer, Knock, Spot
from tests.engine.checks import docker
from tests.engine.scenario import Scene, eventually

pytestmark = pytest.mark.engine

SERVES = """image: IMAGE, command: ["sh", "-c", "httpd -p 8000; exec sleep 86400"], stop_signal: SIGKILL"""

SHOP = f"""
    services:
      db: {{{SERVES}, networks: [back]}}
      api: {{{SERVES}, networks: [front, back], depends_on: [db]}}
      web: {{{SERVES}, networks: [front], depends_on: [api]}}
    networks: {{front: {{}}, back: {{}}}}
"""
"""`web` and `db` share no network."""

POLICY = "security: {networkPolicy: dependencies}"


def up(scene: Scene, compose: str) -> None:
    scene.compose(compose)
    scene.hand("up", "-d")
    eventually(
        lambda: all("1F40" in docker("exec", c.name, "cat", "/proc/net/tcp6", "/proc/net/tcp") for c in _servers(scene))
    )


def _servers(scene: Scene) -> list[Any]:
    return [one for one in scene.containers().values() if "httpd" in str(one.inspect["Config"]["Cmd"])]


def verdicts(data: Any) -> dict[tuple[str, str, int | None], tuple[bool | None, str]]:
    return {(one["from"], one["to"], one["port"]): (one["reachable"], one["verdict"]) for one in data["pairs"]}


def counted(data: Any) -> set[tuple[str, str, str]]:
    return {(one["from"], one["to"], one["verdict"]) for one in data["pairs"] if one["counts"]}


@pytest.mark.slow
def test_who_shares_no_network_reaches_nobody_and_whoever_connects_is_found_out(scene: Scene) -> None:
    up(scene, SHOP)
    scene.manifest(POLICY)
    with scene.step("networks are as the edges are"):
        data = scene.data("netcheck")
        assert verdicts(data) == {
            ("web", "api", 8000): (True, "ok"),
            ("api", "web", 8000): (True, "ok"),
            ("api", "db", 8000): (True, "ok"),
            ("db", "api", 8000): (True, "ok"),
            ("web", "db", 8000): (False, "ok"),
            ("db", "web", 8000): (False, "ok"),
        }
        by = {(one["from"], one["to"]): one["by"] for one in data["pairs"] if one["needed"]}
        assert by == {("web", "api"): "name", ("api", "db"): "name"}
    with scene.step("a hand connects one that is not to be there"):
        docker("network", "connect", f"{scene.name}_back", f"{scene.name}-web-1")
        assert counted(scene.data("netcheck", code=1)) == {("web", "db", "undeclared"), ("db", "web", "undeclared")}
        docker("network", "disconnect", f"{scene.name}_back", f"{scene.name}-web-1")
    with scene.step("and has one beside it, as `docker compose run` makes them"):
        scene.hand("run", "-d", "--no-deps", "--name", f"{scene.name}-beside", "db", "sleep", "600")
        notes = scene.data("netcheck")["notes"]
        assert notes == [f"{scene.name}-beside is on {scene.name}_back and no replica: it reaches who is there"]
        docker("rm", "-f", f"{scene.name}-beside")
    with scene.step("and takes away one that is to be there, and then its name alone"):
        docker("network", "disconnect", f"{scene.name}_back", f"{scene.name}-db-1")
        (pair,) = scene.data("netcheck", "api", "db:8000", code=1)["pairs"]
        assert (pair["verdict"], pair["cause"]) == ("blocked", "db-1 is on no network")
        docker("network", "connect", f"{scene.name}_back", f"{scene.name}-db-1")
        (pair,) = scene.data("netcheck", "api", "db:8000", code=1)["pairs"]
        assert pair["cause"] == "nobody is found there by the name db, though its address answers"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def spots_of(scene: Scene, probe: DockerNetProbe) -> dict[str, Spot]:
    return {spot.name: spot for spot in probe.spots(scene.name, deadline=30.0)}


def all_knocks(spots: dict[str, Spot]) -> list[Knock]:
    return [
        Knock(source.replica, host, port)
        for source in spots.values()
        for target in spots.values()
        if source is not target
        for addresses in target.addresses.values()
        for host in addresses
        for port in (8000, 9)
    ]


@pytest.mark.slow
def test_from_within_the_containers_the_same_is_found_as_from_their_namespaces(scene: Scene) -> None:
    up(scene, SHOP)
    engine = ComposeEngine()
    try:
        inside, within = DockerNetProbe(engine._client, engine.endpoint, enters=False), engine.netprobe
        spots = spots_of(scene, within)
        assert spots_of(scene, inside) == spots
        knocks = all_knocks(spots)
        by_namespace, by_exec = within.knock(knocks, patience=2.0), inside.knock(knocks, patience=2.0)
        assert {k: v.answer for k, v in by_exec.items()} == {k: v.answer for k, v in by_namespace.items()}
        assert {v.answer for v in by_exec.values()} == {Answer.OPEN, Answer.REFUSED, Answer.SILENT}
    finally:
        engine.close()


@pytest.mark.slow
def test_of_replicas_one_that_is_cut_off_is_named(scene: Scene) -> None:
    up(
        scene,
        SHOP.replace("networks: [back]}", "networks: [back], scale: 2}").replace(
            "depends_on: [db]", "depends_on: [db], scale: 2"
        ),
    )
    assert scene.data("netcheck", "api", "db")["unchecked"] == 0
    docker("network", "disconnect", f"{scene.name}_back", f"{scene.name}-db-2")
    docker("network", "connect", "--alias", "db", f"{scene.name}_front", f"{scene.name}-db-2")
    docker("network", "disconnect", f"{scene.name}_front", f"{scene.name}-api-2")
    (pair,) = scene.data("netcheck", "api", "db", code=1)["pairs"]
    assert pair["verdict"] == "blocked" and "from api-2 to db-2" in pair["cause"]


@pytest.mark.slow
def test_a_port_published_at_every_address_leads_around_the_networks_and_one_of_the_loopback_does_not(
    scene: Scene,
) -> None:
    port = free_port()
    scene.manifest(POLICY)
    up(scene, SHOP.replace("networks: [back]", f'networks: [back], ports: ["127.0.0.1:{port}:8000"]'))
    assert counted(scene.data("netcheck")) == set()
    up(scene, SHOP.replace("networks: [back]", f'networks: [back], ports: ["{port}:8000"]'))
    data = scene.data("netcheck", code=1)
    assert counted(data) == {("web", "db", "undeclared")}
    (pair,) = [one for one in data["pairs"] if one["counts"]]
    assert pair["via"] == "host" and pair["at"].endswith(f":{port}")
    assert [one["reachableFrom"] for one in data["published"]] == ["everyone"]


@pytest.mark.slow
def test_in_one_namespace_and_on_the_machines_own_network(scene: Scene) -> None:
    port = free_port()
    more = f"""
      side: {{{SERVES.replace("8000", "8001")}, network_mode: "service:db"}}
      host: {{{SERVES.replace("8000", str(port))}, network_mode: host}}
    networks: {{front"""
    up(scene, SHOP.replace("\n    networks: {front", more))
    found = {(one["from"], one["to"], one["port"]): one for one in scene.data("netcheck")["pairs"]}
    shared = found["side", "db", 8001]
    assert (shared["via"], shared["verdict"]) == ("namespace", "ok")
    assert (found["api", "side", 8001]["reachable"], found["web", "side", 8001]["reachable"]) == (True, False)
    assert [key[2] for key in found if key[:2] == ("web", "host")] == [port], "not all that listens on the machine"
    assert (found["web", "host", port]["via"], found["web", "host", port]["reachable"]) == ("host", True)
    assert found["host", "db", 8000]["reachable"] is True


@pytest.mark.slow
def test_on_the_default_bridge_names_are_those_of_links_and_nobody_answers_for_others(scene: Scene) -> None:
    up(
        scene,
        f"""
        services:
          db: {{{SERVES}, network_mode: bridge}}
          api: {{{SERVES}, network_mode: bridge, links: [db]}}
          web: {{{SERVES}, network_mode: bridge, depends_on: [api]}}
        """,
    )
    found = {(one["from"], one["to"]): one for one in scene.data("netcheck")["pairs"] if one["needed"]}
    by = {key: (one["verdict"], one["by"]) for key, one in found.items()}
    assert by == {("api", "db"): ("ok", "name"), ("web", "api"): ("ok", "address")}


@pytest.mark.slow
def test_beside_a_running_controller(scene: Scene) -> None:
    scene.compose(SHOP)
    with scene.daemon():
        scene.await_phase("Converged")
        eventually(lambda: scene.data("netcheck")["differences"] == 0)
        assert scene.status()["phase"] == "Converged"


@pytest.mark.slow
def test_under_the_policy_docker_compose_run_reaches_nobody_until_it_is_let_in(scene: Scene) -> None:
    """As docs/security.md says of it."""
    scene.compose(SHOP)
    scene.manifest(POLICY)
    scene.done("apply", timeout=120)
    before, beside = {one.id for one in scene.containers().values()}, f"{scene.name}-beside"
    scene.hand("run", "-d", "--no-deps", "--name", beside, "db", "sleep", "600")
    try:
        told = "{} is on {} and no replica: it reaches who is there".format
        assert scene.data("netcheck")["notes"] == [told(beside, f"{scene.name}_back")]
        docker("network", "connect", f"{scene.name}.api--db", beside)
        scene.done("apply", timeout=120)
        assert told(beside, f"{scene.name}.api--db") in scene.data("netcheck")["notes"]
        scene.hand("run", "--rm", "web", "true")
        assert before < {one.id for one in scene.containers().values()}, "what it depends on is not made anew"
    finally:
        docker("rm", "-f", beside)
