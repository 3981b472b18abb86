"""`controller certs` on the command line: what it lists, what it says where there is nothing, shapes and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract_cli.conftest import Project, make_project

pytestmark = pytest.mark.unit

SHOP = """
    name: shop
    services:
      db: {image: "db:1", labels: {controller.simulated.start: "0.01"}}
      web: {image: "web:1", labels: {controller.simulated.start: "0.01"}}
"""
MANIFEST = """
    apiVersion: controller/v1
    kind: Stack
    metadata: {name: shop}
    spec:
      compose: {files: [../compose.yaml]}
      security: {tls: {mode: internal, services: [db], reload: {db: {mode: exec, command: ["true"]}}}}
"""
KEYS = ["stack", "enabled", "authorities", "rotation", "message", "certificates"]
CERTIFICATE = ["service", "serial", "authority", "names", "startsAt", "endsAt", "renewAt", "seen", "faults", "message"]


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    made = make_project(tmp_path)
    made.write("compose.yaml", SHOP)
    return made


def listed(shop: Project) -> Any:
    ran = shop.run("--engine", "simulated", "certs", "-o", "json")
    assert ran.code == 0, ran.err
    [stack] = json.loads(ran.out)["stacks"]
    return stack


def test_where_nobody_asks_for_any_it_says_so(shop: Project) -> None:
    ran = shop.run("--engine", "simulated", "certs", "list")
    assert ran.code == 0 and "security.tls.mode: internal" in ran.out
    renewed = shop.run("--engine", "simulated", "certs", "renew")
    assert renewed.code == 1 and "no stack here has certificates" in renewed.err


def test_from_the_first_certificate_to_another_one(shop: Project) -> None:
    shop.write("manifests/shop.yaml", MANIFEST)
    assert shop.run("--engine", "simulated", "apply").code == 0
    found = listed(shop)
    assert list(found) == KEYS and (found["enabled"], found["rotation"]) == (True, "none")
    [one] = found["certificates"]
    assert list(one) == CERTIFICATE and (one["service"], one["seen"], one["faults"]) == ("db", "taken up", [])
    assert shop.run("--engine", "simulated", "certs", "verify").code == 0
    ran = shop.run("--engine", "simulated", "certs", "renew", "db", "-o", "json")
    assert ran.code == 0 and json.loads(ran.out)["stacks"][0]["services"] == ["db"], ran.err
    assert listed(shop)["certificates"][0]["serial"] != one["serial"]
    assert shop.run("--engine", "simulated", "certs", "issue", "web").code == 1
    shown = shop.run("--engine", "simulated", "certs", "-o", "name")
    assert shown.out.split() == ["shop/db"]
