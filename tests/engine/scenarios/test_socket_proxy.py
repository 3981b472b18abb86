"""With no more of the engine than docs/socket-proxy.md gives it, the controller does all that it does."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest

from tests.engine.checks import docker
from tests.engine.ingress_bed import PROXY_IMAGE, free_port
from tests.engine.scenario import IMAGE, Scene, eventually
from tests.engine.socket_proxy import SocketProxy, socket_proxy

pytestmark = pytest.mark.engine

REFUSED = (
    ("POST", "/swarm/init"),
    ("GET", "/swarm"),
    ("POST", "/services/create"),
    ("GET", "/secrets"),
    ("POST", "/secrets/create"),
    ("GET", "/configs"),
    ("GET", "/plugins"),
    ("POST", "/plugins/pull?remote=x"),
    ("POST", "/auth"),
    ("POST", "/commit?container=x"),
    ("POST", "/containers/prune"),
    ("POST", "/volumes/prune"),
    ("POST", "/images/prune"),
    ("POST", "/networks/prune"),
    ("DELETE", "/volumes/x"),
    ("GET", "/containers/x/export"),
    ("GET", "/containers/x/archive?path=/"),
    ("POST", "/containers/x/attach"),
    ("POST", "/containers/x/pause"),
    ("GET", "/containers/x/top"),
    ("PUT", "/containers/x/json"),
    ("GET", "/images/x/get"),
    ("GET", "/images/get?names=x"),
    ("POST", "/images/load"),
    ("POST", "/images/x/push"),
    ("POST", "/images/create?fromImage=x&fromSrc=http://x"),
    ("POST", "/images/create?from%53rc=http://x"),
    ("POST", "/images/create?fromImage=x&from%53rc=http://x"),
    ("POST", "/images/create?fromImage=x;fromSrc=http://x"),
    ("POST", "/images/create"),
    ("DELETE", "/containers/x?v=1"),
    ("DELETE", "/containers/x?v=0&v=1"),
    ("DELETE", "/containers/x?%76=1&force=1"),
    ("GET", "/distribution/x/json"),
    ("PATCH", "/containers/x/json"),
    ("GET", "/images/../secrets/x/json"),
    ("GET", "/images/x/%2e%2e/json"),
    ("GET", "//secrets"),
    ("GET", "/v2.0/containers/json"),
)
"""What nobody needs who keeps Compose stacks."""

ACTS = (
    "POST /containers/create",
    "POST /containers/x/start",
    "POST /containers/x/exec",
    "POST /images/create?fromImage=127.0.0.1%3A1%2Fx%2Fy&tag=sha256%3Ab&platform=linux%2Famd64",
    "DELETE /containers/x",
    "DELETE /containers/x?v=0&force=1",
)

FORMS = (
    "application/x-www-form-urlencoded",
    "text/plain, Application/X-WWW-Form-Urlencoded; a=b",
    "multipart/form-data",
)
"""Of a body with which the engine answers as if the query had it."""


@pytest.fixture
def narrow(scene: Scene) -> Iterator[SocketProxy]:
    """The scene's commands have this way to the engine alone; the test's own hands have another."""
    with socket_proxy(scene.folder.parent / "proxy") as made:
        scene.env["DOCKER_HOST"] = f"unix://{made.acting}"
        yield made


@pytest.mark.slow
def test_it_keeps_a_stack_and_can_do_nothing_else(scene: Scene, narrow: SocketProxy) -> None:
    scene.compose("""
        services:
          db: {SLEEP, volumes: ["data:/data"], mem_limit: 32m}
          web: {SLEEP, depends_on: [db], environment: {V: "1"}}
        volumes: {data: {}}
    """)
    scene.manifest("""
        services: {web: {readiness: {exec: ["true"], interval: 300ms}, update: {monitor: 1s}}}
    """)
    with scene.step("an apply, and what only looks has a socket for that"):
        scene.done("apply")
        acting, scene.env["DOCKER_HOST"] = scene.env["DOCKER_HOST"], f"unix://{narrow.reading}"
        for words in (("status",), ("plan",)):
            scene.done(*words)
        assert scene.data("scan", code=None)
        docker("rm", "-f", scene.containers()["web-1"].id)
        assert "the socket proxy refuses this request" in scene.run("apply").err
        scene.env["DOCKER_HOST"] = acting
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        with scene.step("one is killed, and it comes back: events and starts"):
            first = scene.containers()["db-1"]
            docker("kill", first.id)
            eventually(lambda: scene.containers()["db-1"].life != first.life)
            scene.await_phase("Converged")
        with scene.step("a rolling update: creates, probes by exec, stops, removals"):
            text = (scene.folder / "compose.yaml").read_text()
            scene.write("compose.yaml", text.replace('V: "1"', 'V: "2"'))
            eventually(lambda: set(scene.containers()) == {"db-1", "web-2"})
            scene.await_phase("Converged")
    with scene.step("what it does not need is refused"):
        for method, path in REFUSED:
            for version in ("", "/v1.41"):
                assert (narrow.status(method, version + path), method, path) == (403, method, path)
        for method, path in (one.split() for one in ACTS):
            assert narrow.status(method, path, reading=True) == 403
            assert narrow.status(method, path, body=b"{}") not in (403, 200, 201)
        for kind in FORMS:
            path = "/images/create?fromImage=x"
            assert narrow.status("POST", path, body=b"fromSrc=http://x", kind=kind) == 403


@pytest.mark.slow
def test_what_is_asked_seldom_is_in_the_list_too(scene: Scene, narrow: SocketProxy) -> None:
    """A build, a file that Compose puts into a container, the ingress, what hands did, going back, clean-up."""
    scene.env["HAPROXY_IMAGE"] = PROXY_IMAGE
    port = free_port()
    scene.write("image/Dockerfile", f"FROM {IMAGE}\nRUN echo 1 > /v\n")
    scene.compose(f"""
        services:
          web:
            build: {{context: image}}
            command: ["httpd", "-f", "-p", "8000", "-h", "/"]
            stop_signal: SIGKILL
            mem_limit: 64m
            configs: [{{source: words, target: /words}}]
            ports: ["127.0.0.1:{port}:8000"]
          db: {{SLEEP, mem_limit: 64m, pids_limit: 50}}
        configs: {{words: {{content: "some words"}}}}
    """)
    scene.manifest("""
        ingress: {mode: auto}
        services: {web: {update: {monitor: 1s}}}
    """)
    with scene.step("built, given its file, led to"):
        scene.done("apply", timeout=120)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/words", timeout=10) as answer:
            assert answer.read() == b"some words"
    with scene.step("what only looks has a socket for that"):
        acting, scene.env["DOCKER_HOST"] = scene.env["DOCKER_HOST"], f"unix://{narrow.reading}"
        for words in (("top",), ("cleanup", "--dry-run"), ("doctor",), ("resources",), ("why", "web")):
            scene.done(*words)
        scene.env["DOCKER_HOST"] = acting
        assert scene.data("netcheck", code=None)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        one = scene.containers()["db-1"]
        with scene.step("hands are at work"):
            docker("pause", one.id)
            eventually(lambda: scene.containers()["db-1"].state == "running")
            docker("network", "disconnect", f"{scene.name}_default", one.id)
            eventually(lambda: scene.containers()["db-1"].inspect["NetworkSettings"]["Networks"])
            docker("update", "--pids-limit", "77", one.id)
            eventually(lambda: scene.containers()["db-1"].inspect["HostConfig"]["PidsLimit"] == 50)
            docker("rename", one.id, f"{scene.name}-mine")
            eventually(lambda: "db-1" in scene.containers())
            scene.await_phase("Converged")
            assert scene.containers()["db-1"].id == one.id
        with scene.step("another build, and back again"):
            scene.write("image/Dockerfile", f"FROM {IMAGE}\nRUN echo 2 > /v\n")
            scene.done("apply", "--build", timeout=120)
            scene.await_phase("Converged")
            scene.done("rollout", "undo", "web", timeout=120)
    scene.done("cleanup", "--build-cache", "--older-than", "1000d")
