"""`controller get security` on the command line: what it counts, its shapes, and what it does without an engine."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract_cli.command import controller
from tests.contract_cli.conftest import Project, make_project

pytestmark = pytest.mark.unit

STACK = [
    *("name", "asked", "scannedAt", "lookedAt", "trouble", "summary", "sources", "findings", "engineFindings"),
    *("gate", "waivers", "network", "certificates", "keys", "auditHead"),
]
SHOP = """
    name: shop
    services:
      db: {image: "db:1", networks: [back], expose: ["5432"]}
      web: {image: "web:1", networks: [back], depends_on: [db], privileged: true, ports: ["9000:9000"]}
    networks: {back: {}}
"""
APART = SHOP.replace('"web:1", networks: [back]', '"web:1", networks: [front]').replace(
    "networks: {back: {}}", "networks: {back: {}, front: {}}"
)


def manifest(*waivers: str, fail_on: str = "critical") -> str:
    listed = "".join(f"\n          - {one}" for one in waivers)
    return f"""
    apiVersion: controller/v1
    kind: Stack
    metadata: {{name: shop}}
    spec:
      compose: {{files: [../compose.yaml]}}
      security:
        networkPolicy: dependencies
        scan:
          failOn: {fail_on}
          waivers:{listed or " []"}
    """


def waiver(rule: str, service: str, days: int) -> str:
    expires = datetime.datetime.now().astimezone().date() + datetime.timedelta(days)
    return f"{{id: {rule}, service: {service}, reason: known, expires: {expires}}}"


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    made = make_project(tmp_path)
    made.write("compose.yaml", SHOP)
    return made


def state(shop: Project, *words: str) -> Any:
    ran = shop.run("get", "security", *words, "-o", "json")
    assert ran.code == 0, ran.err
    [stack] = json.loads(ran.out)["stacks"]
    return stack


def test_its_shape_and_what_is_not_kept_yet_is_empty(shop: Project) -> None:
    found = state(shop)
    assert list(found) == STACK
    assert (found["name"], found["asked"], found["trouble"]) == ("shop", False, None)
    assert (found["certificates"], found["keys"], found["auditHead"]) == ([], [], None)
    assert found["summary"]["critical"] == found["sources"]["compose"]["critical"] == 1
    assert next((one["rule"], one["service"]) for one in found["findings"]) == ("H03", "web")
    assert found["gate"] == {"failOn": None, "barred": []} and found["waivers"] == []
    assert found["network"]["policy"] == "off" and found["network"]["check"] is None
    assert [one["reachableFrom"] for one in found["network"]["published"]] == ["everyone"]
    assert found["lookedAt"] is not None


def test_who_is_barred_and_how_long_waivers_last(shop: Project) -> None:
    shop.write("manifests/shop.yaml", manifest(waiver("H03", "web", 30), waiver("N01", "db", -3)))
    found = state(shop)
    assert found["asked"] and found["gate"] == {"failOn": "critical", "barred": []}
    told = [(one["rule"], one["service"], one["daysLeft"], one["findings"]) for one in found["waivers"]]
    assert told == [("N01", "db", -3, 0), ("H03", "web", 30, 1)]
    assert (found["summary"]["critical"], found["summary"]["waived"]) == (0, 1)
    shop.write("manifests/shop.yaml", manifest(waiver("H03", "web", -1)))
    [barred] = state(shop)["gate"]["barred"]
    assert barred["service"] == "web" and "H03 it runs privileged" in barred["why"]


def test_the_verdict_on_each_edge_is_the_one_of_the_last_check(shop: Project) -> None:
    shop.write("compose.yaml", APART)
    shop.write("manifests/shop.yaml", manifest(waiver("H03", "web", 30)))
    assert shop.run("apply").code == 0
    assert state(shop)["network"]["check"] is None
    assert shop.run("netcheck").code == 1
    check = state(shop)["network"]["check"]
    wrong = [(one["from"], one["to"], one["verdict"]) for one in check["pairs"] if one["counts"]]
    assert (check["differences"], wrong, check["policy"]) == (1, [("web", "db", "blocked")], "dependencies")
    lines = shop.run("get", "security").out.splitlines()
    assert lines[1].split()[:8] == ["shop", "0", *lines[1].split()[2:8]] and "1 difference, " in lines[1]
    assert any(line.split()[:4] == ["shop", "web", "db", "5432"] and "blocked" in line for line in lines)


def test_as_a_table(shop: Project) -> None:
    shop.write("manifests/shop.yaml", manifest(waiver("N01", "db", -3)))
    header, row, *rest = shop.run("get", "sec").out.splitlines()
    assert header.split()[:8] == ["STACK", "CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO", "RUNNING", "WAIVED"]
    assert row.split()[:2] == ["shop", "1"] and "1 (failOn: critical)" in row
    assert any(line.split()[:2] == ["shop", "N01"] and "over for 3 days" in line for line in rest)
    assert any(line.startswith("shop/web: not started") for line in rest)
    assert "REACHABLE FROM" in shop.run("get", "security", "-o", "wide").out
    assert shop.run("get", "security", "shop", "--no-headers").out.splitlines() == [row]
    assert shop.run("get", "security", "-o", "name").out == "shop\n"
    missing = shop.run("get", "security", "shp")
    assert missing.code == 1 and "did you mean 'shop'?" in missing.err


def test_without_an_engine_the_files_alone_are_told(shop: Project) -> None:
    env = {"CONTROLLER_STATE_DIR": str(shop.state), "DOCKER_HOST": f"unix://{shop.folder}/nobody.sock"}
    ran = controller("get", "security", "-o", "json", cwd=shop.folder, env=env)
    assert ran.code == 0 and "warning: only the files were looked at" in ran.err
    [found] = json.loads(ran.out)["stacks"]
    assert found["summary"]["critical"] == 1 and found["lookedAt"] is None and found["trouble"]


def test_a_stack_that_cannot_be_read_does_not_hide_the_others(shop: Project) -> None:
    shop.write("manifests/shop.yaml", manifest())
    shop.write(
        "manifests/broken.yaml", "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: broken}\nspec: {x: 1}\n"
    )
    ran = shop.run("get", "security", "-o", "json")
    assert ran.code == 1 and "broken.yaml" in ran.err
    assert [one["name"] for one in json.loads(ran.out)["stacks"]] == ["shop"]
