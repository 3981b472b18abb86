"""`controller scan --fix` and `--gate` on the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.contract_cli.conftest import Project, make_project

pytestmark = pytest.mark.unit

SHOP = """
    name: shop
    services:
      web: {image: "web:1", ports: ["8080:80"], environment: {DB_PASSWORD: "not-to-be-shown"}}
      api: {image: "api:1", privileged: true}
"""
STACK = """
    apiVersion: controller/v1
    kind: Stack
    metadata: {name: shop}
    spec:
      compose: {files: [../compose.yaml]}
      security: {scan: {failOn: critical}}
"""
ACCEPTED = STACK.replace(
    "failOn: critical", "failOn: critical, waivers: [{id: H03, service: api, reason: needs it, expires: 2999-01-01}]"
)


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    project.write("compose.yaml", SHOP)
    return project


def test_an_override_is_written_beside_the_files_that_answers_what_it_can(shop: Project) -> None:
    before = (shop.folder / "compose.yaml").read_text()
    ran = shop.run("scan", "--source", "compose", "--fix", "-f", "compose.yaml")
    assert ran.code == 0 and (shop.folder / "compose.yaml").read_text() == before
    assert "  +pids_limit: 200" in ran.out and "not-to-be-shown" not in ran.out + ran.err
    made = shop.folder / "compose.hardened.yaml"
    assert f"{made} written: " in ran.err and "docker compose -f compose.yaml -f compose.hardened.yaml up -d" in ran.err
    shop.write("both.yaml", STACK.replace("../compose.yaml]", "compose.yaml, compose.hardened.yaml]"))
    found = json.loads(shop.run("scan", "--source", "compose", "-f", "both.yaml", "-o", "json").out)["findings"]
    left = {one["rule"] for one in found}
    assert {"H03", "S01"} <= left and not {"W01", "N12", "R03", "R06", "R08"} & left


def test_made_again_it_is_the_same_and_what_is_somebodys_own_is_left(shop: Project) -> None:
    made = shop.folder / "compose.hardened.yaml"
    assert shop.run("scan", "--fix", "--source", "compose", "-f", "compose.yaml").code == 0
    text = made.read_text()
    assert shop.run("scan", "--fix", "--source", "compose", "-f", "compose.yaml").code == 0 and made.read_text() == text
    made.write_text("services: {}\n")
    ran = shop.run("scan", "--fix", "--source", "compose", "-f", "compose.yaml")
    assert ran.code == 1 and "exists, and is not ours" in ran.err and made.read_text() == "services: {}\n"


def test_of_files_that_compose_refuses_nothing_is_made(shop: Project) -> None:
    shop.write("compose.yaml", SHOP.replace("privileged: true", "privileged: true, enviroment: {A: b}"))
    ran = shop.run("scan", "--fix", "--source", "compose", "-f", "compose.yaml")
    assert ran.code == 1 and "nothing was written: the files are to be mended first" in ran.err
    assert "H03" in ran.out and not (shop.folder / "compose.hardened.yaml").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_it_cannot_be_written_that_is_one_line(shop: Project) -> None:
    shop.folder.chmod(0o500)
    ran = shop.run("scan", "--fix", "--source", "compose", "-f", "compose.yaml")
    assert ran.code == 1 and "cannot" in ran.err


@pytest.mark.parametrize(("manifest", "code"), [(STACK, 1), (ACCEPTED, 0)], ids=["gated", "waived"])
def test_the_manifests_own_gate(shop: Project, manifest: str, code: int) -> None:
    shop.write("manifests/shop.yaml", manifest)
    assert shop.run("scan", "--source", "compose", "--gate").code == code
    assert shop.run("scan", "--source", "compose").code == 0
