"""`controller scan --fix` and `--gate` on the command line."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
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


QUIET = (
    "security_opt: ['no-new-privileges:true'], pids_limit: 9, restart: 'on-failure:5', "
    "logging: {driver: json-file, options: {max-size: 1m}}"
)
LAN = "'192.168.1.5:6379:6379'"


def fix(project: Project, *where: str) -> tuple[str, str]:
    """What was written beside the Compose file, "" for nothing; and what was said of it."""
    ran = project.run("scan", "--fix", "--source", "compose", *where)
    assert ran.code == 0, ran.err
    made = project.folder / "compose.hardened.yaml"
    return made.read_text() if made.exists() else "", ran.err


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        (LAN, None),
        (f"{LAN}, '8080:80'", "web: # W01\n"),
        (f"{LAN}, '5432:5432'", "web: # W02 in part\n"),
        ("'5432:5432'", "web: # W02\n"),
    ],
)
def test_only_what_answers_a_finding_is_written_and_named(shop: Project, ports: str, told: str | None) -> None:
    shop.write("compose.yaml", f"services: {{web: {{image: web, {QUIET}, ports: [{ports}]}}}}")
    text, said = fix(shop)
    if told is None:
        assert text == "" and "nothing was written: nothing of this can be mended by itself" in said
    else:
        assert told in text


@pytest.mark.parametrize("base", ["base", "{file: parts.yaml, service: base}"], ids=["the same file", "another file"])
def test_variables_of_what_is_extended_stay_variables(shop: Project, base: str) -> None:
    parts = "base: {image: web, ports: ['${P:-8080}:80'], tmpfs: ['/tmp:${O:-exec}']}"
    shop.write("parts.yaml", f"services: {{{parts}}}")
    own = f"{parts}, " if base == "base" else ""
    shop.write("compose.yaml", f"services: {{{own}web: {{extends: {base}}}}}")
    text, _ = fix(shop)
    assert "  web: # N12, R03, R06, R08\n" in text and "ports" not in text and "tmpfs" not in text


def test_services_of_other_profiles_are_tried_as_well(shop: Project) -> None:
    shop.write("compose.yaml", f"services: {{web: {{image: web, profiles: [a], {QUIET}, ports: [{LAN}, '80:80']}}}}")
    assert "  web: # W01\n" in fix(shop)[0]


def test_how_it_is_used_is_told_from_here(shop: Project) -> None:
    folder = "base files"
    shop.write(f"{folder}/base.yaml", "services: {web: {image: web, volumes: ['./a:/a']}}")
    shop.write("prod.yaml", "services: {web: {labels: {a: b}}}")
    shop.write(".env", f"COMPOSE_FILE={folder}/base.yaml:prod.yaml")
    _, said = fix(shop)
    told = said.split("Use it: ")[1].split(" up -d")[0]
    assert told == "docker compose -f 'base files/base.yaml' -f prod.yaml -f 'base files/base.hardened.yaml'"
    made = (shop.folder / folder / "base.hardened.yaml").read_text()
    assert f"# Use it, from ..: {told} up -d" in made
    command = [*shlex.split(told), "config", "--format", "json"]
    ran = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=True, timeout=60)
    web = json.loads(ran.stdout)["services"]["web"]
    assert web["pids_limit"] == 200 and web["volumes"][0]["source"] == str(shop.folder / folder / "a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_it_cannot_be_written_that_is_one_line(shop: Project) -> None:
    shop.folder.chmod(0o500)
    ran = shop.run("scan", "--fix", "--source", "compose", "-f", "compose.yaml")
    assert ran.code == 1 and "cannot" in ran.err


@pytest.mark.parametrize(("manifest", "code"), [(STACK, 1), (ACCEPTED, 0)], ids=["gated", "waived"])
def test_the_manifests_own_gate(shop: Project, manifest: str, code: int) -> None:
    shop.write("manifests/shop.yaml", manifest)
    ran = shop.run("scan", "--source", "compose", "--gate")
    assert ran.code == code == shop.run("apply").code
    assert ("shop/api: not started, since security.scan.failOn is critical: H03" in ran.err) is bool(code)
    assert shop.run("scan", "--source", "compose").code == 0


def test_the_gate_is_asked_of_what_would_be_started(shop: Project) -> None:
    shop.write("compose.yaml", SHOP.replace("privileged: true", "privileged: true, profiles: [debug]"))
    shop.write("manifests/shop.yaml", STACK)
    assert '"H03"' in shop.run("scan", "-o", "json").out, "it is found all the same"
    assert shop.run("scan", "--gate").code == shop.run("apply").code == 0
    assert shop.run("--profile", "debug", "scan", "--gate").code == 1


def test_the_gate_is_asked_of_the_services_that_are_named_and_what_they_need(shop: Project) -> None:
    shop.write("compose.yaml", f"{SHOP}      job: {{image: 'job:1', depends_on: [api]}}\n")
    shop.write("manifests/shop.yaml", STACK)
    for name, code in (("web", 0), ("api", 1), ("job", 1)):
        assert shop.run("scan", "--gate", name).code == code, name
