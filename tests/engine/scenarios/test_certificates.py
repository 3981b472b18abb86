"""TLS on a real engine: two services show certificates of the controller's authority, while these are renewed and the
authority changes, and no new handshake fails; the ingress serves one of it, or the user's own."""

from __future__ import annotations

import ssl
import urllib.request
from typing import Any

import pytest

from controller.security.leaves import read_facts
from tests.engine.checks import docker
from tests.engine.ingress_bed import BACKEND, PROXY_IMAGE, WEB_IMAGE, free_port
from tests.engine.scenario import Scene, eventually
from tests.pairs import make_pair

pytestmark = [pytest.mark.engine, pytest.mark.slow]

HEAD = """\
import signal, socket, ssl, threading, time
T = "/run/controller/tls/"
def read(kind):
    made = ssl.SSLContext(kind)
    made.load_cert_chain(T + "tls.crt", T + "tls.key")
    made.load_verify_locations(T + "ca.crt")
    made.verify_mode = ssl.CERT_REQUIRED
    return made
"""
SERVER = (
    HEAD
    + """\
now = [read(ssl.PROTOCOL_TLS_SERVER)]
signal.signal(signal.SIGHUP, lambda *_: now.__setitem__(0, read(ssl.PROTOCOL_TLS_SERVER)))
listening = socket.create_server(("", 8443), backlog=128)
def answer(plain):
    try:
        with now[0].wrap_socket(plain, server_side=True) as speaking:
            speaking.sendall(speaking.recv(1))
    except OSError as error:
        print("server:", error, flush=True)
while True:
    threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()
"""
)
CLIENT = (
    HEAD
    + """\
now = [read(ssl.PROTOCOL_TLS_CLIENT)]
signal.signal(signal.SIGHUP, lambda *_: now.__setitem__(0, read(ssl.PROTOCOL_TLS_CLIENT)))
count = 0
while True:
    try:
        with socket.create_connection(("db", 8443), 10) as plain:
            with now[0].wrap_socket(plain, server_hostname="db") as speaking:
                speaking.sendall(b"?")
                assert speaking.recv(1) == b"?"
        count += 1
        if count % 20 == 0:
            print("shaken", count, flush=True)
    except (OSError, AssertionError) as error:
        print("failed:", error, flush=True)
    time.sleep(0.005)
"""
)
TLS = """
    security:
      tls:
        mode: internal
        lifetime: 1d
        reload: {db: {mode: signal}, web: {mode: signal}}
        ports: {db: [8443]}
"""


def write(scene: Scene) -> None:
    scene.write("server.py", SERVER)
    scene.write("client.py", CLIENT)
    scene.compose(f"""
        services:
          db:
            image: {WEB_IMAGE}
            command: ["python3", "/srv/server.py"]
            volumes: ["./server.py:/srv/server.py:ro"]
            stop_signal: SIGKILL
          web:
            image: {WEB_IMAGE}
            command: ["python3", "/srv/client.py"]
            volumes: ["./client.py:/srv/client.py:ro"]
            depends_on: [db]
            stop_signal: SIGKILL
    """)
    scene.manifest(TLS)


def listed(scene: Scene) -> dict[str, Any]:
    (found,) = scene.data("certs", "list")["stacks"]
    return dict(found)


def seen(scene: Scene) -> dict[str, str]:
    return {one["service"]: one["seen"] for one in listed(scene)["certificates"]}


def serials(scene: Scene) -> dict[str, str]:
    return {one["service"]: one["serial"] for one in listed(scene)["certificates"]}


def shaken(scene: Scene) -> int:
    lines = docker("logs", f"{scene.name}-web-1").splitlines()
    return max((int(line.split()[1]) for line in lines if line.startswith("shaken")), default=0)


def test_no_handshake_fails_while_certificates_are_renewed_and_the_authority_changes(scene: Scene) -> None:
    write(scene)
    with scene.step("both have theirs when they start"):
        scene.done("apply")
        eventually(lambda: shaken(scene) > 0)
        before, made = {name: one.id for name, one in scene.containers().items()}, serials(scene)
        assert seen(scene) == {"db": "served", "web": "taken up"}
    with scene.step("a renewal is served without another container"), scene.daemon():
        for _ in range(3):
            scene.done("certs", "renew")
            eventually(lambda: seen(scene) == {"db": "served", "web": "taken up"})
        scene.done("certs", "issue", "db")
        eventually(lambda: seen(scene)["db"] == "served")
        assert all(serials(scene)[name] != made[name] for name in made)
        scene.done("certs", "rotate-ca")
        eventually(lambda: listed(scene)["rotation"] == "outlive")
        eventually(lambda: seen(scene) == {"db": "served", "web": "taken up"})
        scene.done("certs", "verify")
    with scene.step("by hand nothing changes, and no handshake failed"):
        scene.hand("up", "-d")
        assert {name: one.id for name, one in scene.containers().items()} == before
        count = shaken(scene)
        eventually(lambda: shaken(scene) > count)
        told = docker("logs", f"{scene.name}-web-1") + docker("logs", f"{scene.name}-db-1")
        assert "failed" not in told and "server:" not in told, told


FRONT = """
    ingress: {mode: auto, tls: {ports: [PORT], names: [shop.example.org]}}
    security: {tls: {lifetime: 1d}}
    services: {web: {readiness: {http: {port: 8000}, interval: 1s}}}
"""
OWN = """
    ingress: {mode: auto}
    security: {tls: {certificate: site.pem, key: site.key}}
    services: {web: {readiness: {http: {port: 8000}, interval: 1s}}}
"""


def shown(port: int) -> str:
    """The serial that is served there; "" where there is no handshake."""
    facts = read_facts(ssl.get_server_certificate(("127.0.0.1", port), timeout=5).encode())
    return facts.serial if facts is not None else ""


def ask(port: int, authority: bytes) -> str:
    trusted = ssl.create_default_context(cadata=authority.decode())
    with urllib.request.urlopen(f"https://localhost:{port}/", timeout=10, context=trusted) as answer:
        return str(answer.status)


def test_the_ingress_serves_a_certificate_of_the_authority_and_then_the_users_own(scene: Scene) -> None:
    port = free_port()
    scene.write("web.py", BACKEND)
    scene.compose(f"""
        services:
          web:
            image: {WEB_IMAGE}
            command: ["python3", "/srv/web.py"]
            volumes: ["./web.py:/srv/web.py:ro"]
            ports: ["127.0.0.1:{port}:8000"]
            stop_signal: SIGKILL
    """)
    scene.env["HAPROXY_IMAGE"] = PROXY_IMAGE
    scene.manifest(FRONT.replace("PORT", str(port)))
    with scene.step("it is there when the service is, and is renewed"), scene.daemon():
        eventually(lambda: seen(scene) == {"@ingress": "served"})
        bundle = next(scene.state.rglob("mounts/@ingress/ca.crt")).read_bytes()
        eventually(lambda: ask(port, bundle) == "200")
        before = shown(port)
        assert serials(scene) == {"@ingress": before}
        scene.done("certs", "renew", "@ingress")
        eventually(lambda: shown(port) == serials(scene)["@ingress"] != before)
        scene.done("certs", "verify")
        assert ask(port, bundle) == "200"
        (listed_one,) = listed(scene)["certificates"]
        assert "shop.example.org" in listed_one["names"]
    first, second = make_pair(), make_pair()
    with scene.step("the user's own, and another one in its place"):
        scene.write("manifests/site.pem", first[0].decode())
        scene.write("manifests/site.key", first[1].decode())
        scene.manifest(OWN)
        with scene.daemon():
            eventually(lambda: shown(port) == serial_of(first))
            assert ask(port, first[0]) == "200"
            scene.write("manifests/site.key", second[1].decode())
            eventually(lambda: any(one["type"] == "CertificateRenewFailed" for one in conditions(scene)))
            assert ask(port, first[0]) == "200", "half a renewal changes nothing"
            scene.write("manifests/site.pem", second[0].decode())
            eventually(lambda: shown(port) == serial_of(second))
            eventually(lambda: all(one["type"] != "CertificateRenewFailed" for one in conditions(scene)))


def serial_of(pair: tuple[bytes, bytes]) -> str:
    facts = read_facts(pair[0])
    assert facts is not None
    return facts.serial


def conditions(scene: Scene) -> list[dict[str, Any]]:
    (status,) = scene.data("status", code=None)["stacks"]
    return [one for one in status["conditions"] if one["status"] == "True"]
