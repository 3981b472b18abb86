"""TLS between two services on a real engine: both show certificates of the controller's authority, while these are
renewed and the authority changes, and no new handshake fails."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from controller.loop.certbook import CertBook
from controller.loop.certifying import Certifier
from controller.security.issuing import mark_of
from controller.security.leaves import CHAIN, read_facts
from tests.engine.certs import listed, seen, serials
from tests.engine.checks import docker
from tests.engine.ingress_bed import WEB_IMAGE
from tests.engine.scenario import Scene, eventually

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ENDS = Path(__file__).parents[1] / "tls_ends.py"
BOTH = ("db", "web")
RENEWALS = int(os.environ.get("TEST_RENEWALS", "60"))
"""Forced in one run. With 1000 or more the change of authority is followed to its end too: a quarter of an hour."""
FULL = RENEWALS >= 1000
TLS = """
    security:
      tls:
        mode: internal
        lifetime: 1d
        reload: {db: {mode: signal}, web: {mode: signal}}
        ports: {db: [8443]}
"""


def write(scene: Scene, lifetime: str = "1d") -> None:
    scene.write("ends.py", ENDS.read_text())
    scene.compose(f"""
        services:
          db:
            image: {WEB_IMAGE}
            command: ["python3", "/srv/ends.py", "serve"]
            volumes: ["./ends.py:/srv/ends.py:ro"]
            stop_signal: SIGKILL
          web:
            image: {WEB_IMAGE}
            command: ["python3", "/srv/ends.py", "ask"]
            volumes: ["./ends.py:/srv/ends.py:ro"]
            depends_on: [db]
            stop_signal: SIGKILL
    """)
    scene.manifest(TLS.replace("1d", lifetime))


def report(scene: Scene, service: str) -> dict[str, Any]:
    """What that end has seen until now."""
    container = f"{scene.name}-{service}-1"

    def told() -> list[str]:
        return [line for line in docker("logs", container).splitlines() if line.startswith("{")]

    before = len(told())
    docker("kill", "--signal", "USR1", container)
    said: dict[str, Any] = json.loads(eventually(lambda: told()[before:])[-1])
    return said


def test_no_handshake_fails_while_certificates_are_renewed_and_the_authority_changes(scene: Scene) -> None:
    write(scene)
    with scene.step("both have theirs when they start"):
        scene.done("apply")
        eventually(lambda: report(scene, "web")["made"])
        before, made = {name: one.id for name, one in scene.containers().items()}, serials(scene)
        assert seen(scene) == {"db": "served", "web": "taken up"}
    with scene.step("a renewal is served without another container"), scene.daemon():
        scene.await_keeper()
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
        count = report(scene, "web")["made"]
        eventually(lambda: report(scene, "web")["made"] > count)
        assert [report(scene, name)["failed"] for name in BOTH] == [0, 0]


# --- at 200 a second


def force(scene: Scene, renewals: int) -> None:
    """Have that many certificates renewed, of both ends at once; the next ones when these are seen to be taken up.

    What is written is what `certs renew` writes, without a process for each.
    """
    (folder,) = scene.state.rglob("certificates.json")
    book = CertBook(folder.parent.parent, scene.name)
    asker = Certifier(book, None)
    for _ in range(0, renewals, len(BOTH)):
        before = served(book)
        asker.ask({}, BOTH, "renew")
        eventually(
            lambda before=before: all(one and one != before[name] for name, one in served(book).items()), every=0.05
        )


def served(book: CertBook) -> dict[str, str]:
    """The serial of each end's certificate; empty while that is not taken up."""
    kept, found = book.load(), {}
    for name in BOTH:
        files, record = book.files_of(name), kept.of(name)
        facts = read_facts(files.get(CHAIN, b""))
        settled = facts is not None and not record.asked and record.taken == mark_of(files) and not record.not_served
        found[name] = facts.serial if facts is not None and settled else ""
    return found


@pytest.mark.timeout(1800 if FULL else 600)
def test_no_handshake_fails_at_200_a_second(scene: Scene) -> None:
    """The reach: 1,000 forced renewals and a change of the authority, with TEST_RENEWALS=1000."""
    write(scene, "10m")
    scene.done("apply")
    with scene.daemon():
        with scene.step("certificates are renewed, one after the other"):
            eventually(lambda: seen(scene) == {"db": "served", "web": "taken up"})
            first = report(scene, "web")
            scene.done("certs", "renew")
            force(scene, RENEWALS // 50)
        with scene.step("and on, while the authority changes"):
            issuers = {one["authority"] for one in listed(scene)["certificates"]}
            scene.done("certs", "rotate-ca")
            eventually(lambda: listed(scene)["rotation"] == "outlive")
            force(scene, RENEWALS - RENEWALS // 50)
            renewed = report(scene, "web")
            if FULL:
                eventually(lambda: listed(scene)["rotation"] == "none", 1200, every=5)
            eventually(lambda: seen(scene) == {"db": "served", "web": "taken up"})
            assert issuers.isdisjoint(one["authority"] for one in listed(scene)["certificates"])
            scene.done("certs", "verify")
    with scene.step("no handshake failed at either end, and each certificate was shown"):
        last = {name: report(scene, name) for name in BOTH}
        told(first, renewed, last)
        assert {name: one["failed"] for name, one in last.items()} == {"db": 0, "web": 0}
        assert sum(one["certificates"] - 1 for one in last.values()) >= RENEWALS
        assert last["web"]["made"] > renewed["made"] > first["made"]


def told(first: dict[str, Any], renewed: dict[str, Any], last: dict[str, dict[str, Any]]) -> None:
    """The figures, for who runs it."""
    for what, one, other in (("renewed", first, renewed), ("and to the end of the change", renewed, last["web"])):
        made, seconds = other["made"] - one["made"], other["seconds"] - one["seconds"]
        print(f"{what}: {made} new handshakes in {seconds:.0f} s, {made / seconds:.1f} a second")
    for name, one in last.items():
        print(f"{name}: {one['made']} made, {one['failed']} failed, the longest {one['longest']:.2f} s;", end=" ")
        print(f"the other end showed {one['certificates']} certificates; read its own {one['read']} times")
