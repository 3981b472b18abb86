"""networkPolicy: dependencies, on a real engine: who reaches whom is found out by really connecting."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.engine.checks import docker, ids, lives
from tests.engine.ingress_bed import PROXY_IMAGE, WEB_IMAGE, free_port
from tests.engine.scenario import IMAGE, Scene, eventually

pytestmark = pytest.mark.engine

SERVE = 'command: ["python3", "-m", "http.server", "8000"], stop_signal: SIGKILL'
ASK = """import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reaches(host):
    try:
        socket.create_connection((host, 8000), 1.0).close()
        return True
    except OSError:
        return False
hosts = sys.argv[1:]
with ThreadPoolExecutor(len(hosts)) as pool:
    print(json.dumps([host for host, found in zip(hosts, pool.map(reaches, hosts)) if found]))"""
"""Names that lead to somebody who answers."""

SERVICES = ("api", "db", "log", "web")
POLICY = "security: {networkPolicy: dependencies, addressPool: 10.197.0.0/20}\n"
CHAIN = {"web": {"api"}, "api": {"web", "db"}, "db": {"api"}, "log": set()}


def reached(scene: Scene) -> dict[str, set[str]]:
    """From each by name, and by each address that anybody has."""
    found = {one.service: one for one in scene.containers().values() if one.running}
    owner = {
        str(end["IPAddress"]): name
        for name, one in found.items()
        for end in one.inspect["NetworkSettings"]["Networks"].values()
    }
    hosts = [*SERVICES, *owner]

    def ask(name: str) -> set[str]:
        told = json.loads(docker("exec", found[name].id, "python3", "-c", ASK, *hosts))
        return {owner.get(host, host) for host in told} - {name}

    with ThreadPoolExecutor(len(found)) as pool:
        return dict(zip(found, pool.map(ask, found), strict=True))


def networks(scene: Scene) -> dict[str, Any]:
    """Those of the project, by name without it."""
    query = ("network", "ls", "-q", "--filter", f"label=com.docker.compose.project={scene.name}")
    found = json.loads(docker("network", "inspect", *there)) if (there := docker(*query).split()) else []
    return {one["Name"].removeprefix(scene.name): one for one in found}


def stack(scene: Scene, image: str, port: int, **needs: str) -> None:
    rows = [f"  {name}: {{image: {image}, {SERVE}{needs.get(name, '')}}}" for name in SERVICES]
    text = "\n".join(["services:", *rows])
    scene.compose(text.replace("web: {", f'web: {{ports: ["127.0.0.1:{port}:8000"], '))


@contextmanager
def visitor(port: int) -> Iterator[list[float]]:
    """Asks at the published port all the time; the gaps in which nobody answered, in seconds."""
    gaps: list[float] = []
    done = threading.Event()

    def visit() -> None:
        since = 0.0
        while not done.wait(0.02):
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as asked:
                    asked.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
                    answered = asked.recv(8).startswith(b"HTTP")
            except OSError:
                answered = False
            if answered and since:
                gaps.append(time.monotonic() - since)
            since = 0.0 if answered else since or time.monotonic()
        if since:
            gaps.append(float("inf"))

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield gaps
    finally:
        done.set()
        thread.join()


def test_switched_on_and_off_under_a_running_daemon(scene: Scene) -> None:
    port = free_port()
    stack(scene, WEB_IMAGE, port, web=", depends_on: [api]", api=", depends_on: [db]")
    scene.manifest("security: {networkPolicy: off}")
    everybody = {name: set(SERVICES) - {name} for name in SERVICES}
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = lives(scene.containers())
        with visitor(port) as gaps:
            with scene.step("who shares no edge shares no network any more, and nobody was restarted"):
                scene.manifest(POLICY)
                eventually(lambda: set(networks(scene)) >= {".api--db", ".api--web"} and not users(scene, "_default"))
                assert reached(scene) == CHAIN
                assert lives(scene.containers()) == before
                made = networks(scene)
                assert {name for name, one in made.items() if one["Internal"]} == {".api--db", ".api--web"}
                subnets = [one["IPAM"]["Config"][0]["Subnet"] for name, one in made.items() if name != "_default"]
                assert len(subnets) == 6 and all(one.startswith("10.197.") and one.endswith("/28") for one in subnets)
            with scene.step("that is as desired: nothing is to be done"):
                assert scene.data("plan")["changes"] == 0
            with scene.step("off again: the Compose file's network, and no other is left"):
                scene.manifest("security: {networkPolicy: off}")
                eventually(lambda: set(networks(scene)) == {"_default"})
                assert reached(scene) == everybody and lives(scene.containers()) == before
        assert len(gaps) <= 2 and float("inf") not in gaps, f"at most one for each change of its way out: {gaps}"
    with scene.step("by hand Compose has nothing to change"):
        scene.hand("up", "-d")
        assert lives(scene.containers()) == before


def users(scene: Scene, name: str) -> list[str]:
    return [one["Name"] for one in networks(scene).get(name, {}).get("Containers", {}).values()]


@pytest.mark.slow
def test_behind_the_ingress_and_given_back_at_last(scene: Scene) -> None:
    port = free_port()
    scene.env["HAPROXY_IMAGE"] = PROXY_IMAGE
    stack(scene, WEB_IMAGE, port, web=", depends_on: [api]", api=", depends_on: [db]")
    scene.manifest("ingress: {mode: auto}")
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = lives(scene.containers())
        with visitor(port) as gaps:
            with scene.step("the proxy has a way of its own to it, and one out; nobody else shares either"):
                scene.manifest("ingress: {mode: auto}\n" + POLICY)
                eventually(lambda: ".web.ingress" in networks(scene) and len(users(scene, ".web.ingress")) == 2)
                eventually(lambda: not users(scene, "_default"))
                scene.await_phase("Converged")
                assert reached(scene) == CHAIN and lives(scene.containers()) == before
                made = networks(scene)
                assert made[".web.ingress"]["Internal"] and not made[".ingress"]["Internal"]
                assert set(users(scene, ".web.ingress")) == {f"{scene.name}-web-1", f"controller-ingress-{scene.name}"}
                assert users(scene, ".ingress") == [f"controller-ingress-{scene.name}"]
            with scene.step("an update is led over as ever"):
                stack(scene, WEB_IMAGE, port, web=", depends_on: [api], labels: {v: '2'}", api=", depends_on: [db]")
                eventually(lambda: set(scene.containers()) == {"api-1", "db-1", "log-1", "web-2"})
                scene.await_phase("Converged")
                assert reached(scene) == CHAIN
            with scene.step("and off: everybody is back, the proxy too, and no network of ours is left"):
                scene.manifest("ingress: {mode: auto}")
                eventually(lambda: set(networks(scene)) == {"_default"})
                scene.await_phase("Converged")
        assert float("inf") not in gaps, gaps


@pytest.mark.slow
def test_release_takes_them_out_and_compose_changes_nothing_afterwards(scene: Scene) -> None:
    port = free_port()
    stack(scene, WEB_IMAGE, port, web=", depends_on: [api]", api=", depends_on: [db]")
    scene.manifest(POLICY)
    scene.done("apply", timeout=120)
    before = lives(scene.containers())
    assert reached(scene) == CHAIN
    with scene.step("one edge more is one network more, and nobody is restarted"):
        one_more = POLICY + "services: {log: {connectsTo: [db]}}"
        scene.manifest(one_more)
        had = networks(scene)
        told = scene.data("plan")["steps"]
        assert {(one["action"], one["service"]) for one in told} == {("connect", "log"), ("connect", "db")}
        assert all("networkPolicy" in one["because"] for one in told)
        scene.done("apply")
        now = networks(scene)
        assert now.keys() - had.keys() == {".db--log"} and lives(scene.containers()) == before
        assert all(now[name]["Id"] == one["Id"] for name, one in had.items())
        assert reached(scene) == {**CHAIN, "db": {"api", "log"}, "log": {"db"}}
        assert "0 differences" in scene.done("netcheck").out
    with scene.step("with a container that is down"):
        docker("stop", "-t", "0", scene.containers()["log-1"].id)
        told = scene.done("release", scene.name, "--plan").out
        assert "connect" in told and "disconnect" in told
        scene.done("release", scene.name)
        assert set(networks(scene)) == {"_default"}
    with scene.step("by hand Compose starts what is down, and changes nothing"):
        scene.hand("up", "-d")
        found = scene.containers()
        assert {name: one.id for name, one in found.items()} == {name: id_ for name, (id_, _) in before.items()}


@pytest.mark.slow
def test_what_other_hands_do_to_networks_is_set_right(scene: Scene) -> None:
    stack(scene, WEB_IMAGE, free_port(), web=", depends_on: [api]", api=", depends_on: [db]")
    scene.manifest(POLICY)
    scene.done("apply", timeout=120)
    assert reached(scene) == CHAIN
    with scene.step("Compose by hand makes them anew on its own network; they are led back"):
        scene.hand("up", "-d")
        scene.done("apply", timeout=120)
        assert reached(scene) == CHAIN and not users(scene, "_default")
    with scene.step("one is connected to another's network by hand, and taken off its own"):
        found = scene.containers()
        docker("network", "connect", f"{scene.name}.api--db", found["log-1"].id)
        docker("network", "disconnect", f"{scene.name}.api--web", found["web-1"].id)
        scene.done("apply")
        assert reached(scene) == CHAIN
    with scene.step("while all are down their networks are removed: they are made again with the start"):
        scene.done("stop", "--now")
        for name in networks(scene):
            docker("network", "rm", scene.name + name)
        scene.done("start", timeout=120)
        assert reached(scene) == CHAIN
        assert ids(scene.containers()) == ids(found)


@pytest.mark.slow
def test_a_network_of_another_stays_under_the_policy_and_is_asked_for_by_its_name(scene: Scene) -> None:
    """Some Composes ask for external networks by their ids, and show them so in what they have made."""
    elsewhere = f"{scene.name}elsewhere"
    label = f"com.docker.compose.project={scene.name}"  # it goes with all that is this scene's
    docker("network", "create", "--label", label, elsewhere)
    both = "{SLEEP, networks: [shared, default]}"
    services = f"services: {{a: {both}, b: {both}, c: {{SLEEP, networks: [shared]}}}}\n"
    scene.compose(f"{services}networks: {{shared: {{external: true, name: {elsewhere}}}}}")
    with scene.step("what Compose made is taken over as it is"):
        scene.hand("up", "-d")
        before = lives(scene.containers())
        scene.manifest("reconcile: {drift: report}")
        scene.done("apply")
        assert scene.data("plan")["changes"] == 0 and lives(scene.containers()) == before
    with scene.step("under the policy all stay on it, and leave the Compose file's own"):
        scene.manifest("reconcile: {drift: report}\n" + POLICY)
        scene.done("apply")
        assert scene.data("plan")["changes"] == 0 and lives(scene.containers()) == before
        assert {one.split("-")[-2] for one in users(scene, "elsewhere")} == {"a", "b", "c"}
        assert not users(scene, "_default")
    with scene.step("one that the controller makes is the same to it"):
        docker("rm", "-f", scene.containers()["c-1"].id)
        scene.done("apply")
        assert scene.data("plan")["changes"] == 0 and len(users(scene, "elsewhere")) == 3


@pytest.mark.slow
def test_a_policy_that_finds_no_addresses_is_not_in_force_and_says_so(scene: Scene) -> None:
    pool = "security: {networkPolicy: dependencies, addressPool: 10.198.77.0/28}\n"
    label = f"com.docker.compose.project={scene.name}"  # it goes with all that is this scene's
    docker("network", "create", "--label", label, "--subnet", "10.198.77.0/28", f"{scene.name}taken")
    scene.compose("services: {a: {SLEEP}}\n")
    scene.hand("up", "-d")
    marks = ("--label", label, "--label", "com.docker.compose.oneoff=True")
    there = ("--name", f"{scene.name}-proxy", "--network", f"{scene.name}_default")
    docker("run", "-d", *there, *marks, IMAGE, "sleep", "600")
    scene.manifest(pool)
    with scene.step("who is cut off by it is named before"):
        told = scene.done("plan").err
        assert f"{scene.name}-proxy is on {scene.name}_default" in told and "external" in told
    with scene.step("nobody takes it for success"):
        ran = scene.run("apply")
        assert ran.code == 1 and "no subnet of /28 is free" in ran.out + ran.err and "addressPool" in ran.out + ran.err
        told = scene.conditions()["Unconfined"]["message"]
        assert scene.status()["phase"] != "Converged" and f"is on {scene.name}_default" in told
    with scene.step("with room again it is mended"):
        docker("network", "rm", f"{scene.name}taken")
        scene.done("apply")
        assert scene.status()["phase"] == "Converged" and "Unconfined" not in scene.conditions()


@pytest.mark.slow
def test_one_that_ends_at_once_again_and_again_holds_up_no_release(scene: Scene) -> None:
    ends = "{image: IMAGE, command: ['false'], restart: always, depends_on: [db]}"
    scene.compose(f"services: {{db: {{SLEEP}}, web: {{SLEEP, depends_on: [db]}}, sick: {ends}}}\n")
    scene.manifest("security: {networkPolicy: off}")
    scene.run("apply")
    scene.manifest(POLICY)
    scene.run("apply")
    with scene.step("the others are on their networks, and are led back"):
        eventually(lambda: set(users(scene, ".db--web")) == {f"{scene.name}-db-1", f"{scene.name}-web-1"})
        ran = scene.done("release", scene.name, timeout=120)
        assert set(users(scene, "_default")) >= {f"{scene.name}-db-1", f"{scene.name}-web-1"}
        sick = scene.containers()["sick-1"].inspect["NetworkSettings"]["Networks"]
        left = [name for name in sick if name.startswith(f"{scene.name}.")]
        assert bool(left) == ("stays on" in ran.out + ran.err)


@pytest.mark.slow
def test_links_to_a_container_name_and_the_mtu_go_along(scene: Scene) -> None:
    scene.compose(
        """
        services:
          db: {SLEEP, container_name: NAME-mydb}
          web: {SLEEP, links: ["db:database"]}
        networks: {default: {driver_opts: {com.docker.network.driver.mtu: "1400"}}}
        """
    )
    scene.hand("up", "-d")
    before = lives(scene.containers())
    scene.manifest(POLICY)
    scene.done("apply")
    assert lives(scene.containers()) == before
    with scene.step("it is found by the name of its link, on a network of the same MTU"):
        web = scene.containers()["web-1"].id
        address = next(iter(networks(scene)[".db--web.mtu1400"]["IPAM"]["Config"]))["Subnet"].rsplit(".", 1)[0]
        assert address in docker("exec", web, "nslookup", "database")
        assert set(docker("exec", web, "sh", "-c", "cat /sys/class/net/eth*/mtu").split()) == {"1400"}
        assert scene.data("plan")["changes"] == 0
