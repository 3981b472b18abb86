"""TLS at the ingress on a real engine: it serves a certificate of the stack's authority, and then the user's own."""

from __future__ import annotations

import ssl
import urllib.request
from typing import Any

import pytest

from controller.security.leaves import read_facts
from tests.engine.certs import listed, seen, serials
from tests.engine.ingress_bed import BACKEND, PROXY_IMAGE, WEB_IMAGE, free_port
from tests.engine.scenario import Scene, eventually
from tests.pairs import make_pair

pytestmark = [pytest.mark.engine, pytest.mark.slow]

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
