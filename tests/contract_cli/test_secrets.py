"""`controller secrets` on the command line, with Compose's own reading of the override."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.contract_cli.command import CONTROLLER
from tests.contract_cli.conftest import Project

pytestmark = pytest.mark.unit

COMPOSE = """
name: shop
services:
  web:
    image: web:1
    user: "1000"
    secrets: [password, {source: token, target: key}]
  db:
    image: db:1
    secrets: [password]
secrets:
  password: {external: true}
  token: {external: true}
"""
MANIFEST = """
apiVersion: controller/v1
kind: Stack
metadata: {name: shop}
spec:
  compose: {files: [../compose.yaml]}
  security:
    secrets: {managed: [password, token], reload: {db: {mode: signal}}}
"""
VALUE = "correct-horse-battery"


@pytest.fixture
def shop(project: Project) -> Project:
    project.write("compose.yaml", COMPOSE)
    project.write("manifests/shop.yaml", MANIFEST)
    return project


def give(project: Project, value: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CONTROLLER), "--engine", "simulated", "secrets", *arguments],
        input=value,
        capture_output=True,
        text=True,
        cwd=project.folder,
        env={"PATH": os.environ["PATH"], "CONTROLLER_STATE_DIR": str(project.state)},
        timeout=60,
        check=False,
    )


def test_from_the_value_to_the_containers_and_to_another_key(shop: Project) -> None:
    refused = shop.run("apply")
    assert refused.code == 1 and "hint: controller secrets set password" in refused.err
    done = give(shop, f"{VALUE}\n", "set", "password")
    assert (done.returncode, done.stdout) == (0, "shop/password: version 1; db and web will get it by the next apply\n")
    assert shop.run("secrets", "rotate", "token").code == 0
    assert shop.run("apply").code == 0
    (given,) = shop.state.glob("*/shop/mounts/web/secrets/password.*")
    assert given.read_text() == VALUE and given.parent.stat().st_mode & 0o777 == 0o700
    assert next(shop.state.glob("*/shop/mounts/db/run-secrets/password")).read_text() == VALUE
    turned = shop.run("secrets", "rotate-key", "-o", "json")
    told = json.loads(turned.out)
    assert (told["brought"], told["records"], told["left"], told["still"]) == (2, 2, 0, None)
    listed = shop.run("secrets", "list", "-o", "json")
    (stack,) = json.loads(listed.out)["stacks"]
    assert sorted(stack) == ["keyId", "locked", "name", "secrets"] and stack["keyId"] == told["keyId"]
    assert [(one["name"], one["version"], one["users"]) for one in stack["secrets"]] == [
        ("password", 1, ["db", "web"]),
        ("token", 1, ["web"]),
    ]
    outputs = [refused.out, refused.err, done.stdout, done.stderr, turned.out, turned.err, listed.out, listed.err]
    assert not any(VALUE in text for text in outputs)
    for path in shop.state.rglob("*"):
        assert "mounts" in path.parts or not path.is_file() or VALUE.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        (("set", "password", "value"), "", 2, "unexpected extra argument"),
        (("set", "password"), "\n", 1, "an empty value is none"),
        (("set", "../password"), "x", 1, "cannot be the name of a secret"),
        (("rotate", "nobodys"), "", 1, "has no secret 'nobodys'"),
        (("rotate", "token", "--generate", "8"), "", 2, "8 is not in the range"),
        (("import", "compose.yaml", "--prefix", "NO_"), "", 1, "there is no variable with a value"),
        (("set", "token", "--from-file", "nowhere"), "", 2, "does not exist"),
    ],
)
def test_what_cannot_be_set_is_said_in_one_line(
    shop: Project, arguments: tuple[str, ...], given: str, code: int, said: str
) -> None:
    done = give(shop, given, *arguments)
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr


def test_an_env_file_is_taken_in_as_a_whole(shop: Project, tmp_path: Path) -> None:
    shop.write("x.env", "APP_PASSWORD=one\nAPP_token='two words'\n# APP_X=no\nOTHER=three\nAPP_EMPTY=\n")
    done = shop.run("secrets", "import", "x.env", "--prefix", "APP_", "-o", "json")
    assert [(one["name"], one["version"]) for one in json.loads(done.out)["secrets"]] == [("password", 1), ("token", 1)]


def test_each_act_is_in_the_audit_log_without_a_value(shop: Project) -> None:
    assert give(shop, VALUE, "set", "password").returncode == 0
    assert give(shop, "", "rotate", "password").returncode == 0
    assert give(shop, "", "rotate-key").returncode == 0
    ran = shop.run("--engine", "simulated", "audit", "show", "-o", "json")
    assert ran.code == 0 and VALUE not in ran.out
    told = [
        (one["verb"], one["object"]["kind"], one["object"]["name"], one["stage"], one["outcome"])
        for one in json.loads(ran.out)["records"]
        if one["object"]["kind"] in ("secret", "key")
    ]
    assert told == [
        ("set", "secret", "password", "intent", ""),
        ("set", "secret", "password", "outcome", "done"),
        ("rotate", "secret", "password", "intent", ""),
        ("rotate", "secret", "password", "outcome", "done"),
        ("rotate-key", "key", "", "intent", ""),
        ("rotate-key", "key", "", "outcome", "done"),
    ]


def test_the_key_that_its_secrets_are_under_is_in_its_security(shop: Project) -> None:
    assert give(shop, VALUE, "set", "password").returncode == 0
    key = json.loads(shop.run("--engine", "simulated", "secrets", "-o", "json").out)["stacks"][0]["keyId"]
    told = json.loads(shop.run("--engine", "simulated", "get", "security", "-o", "json").out)["stacks"][0]
    assert told["keys"] == [key] and told["auditHead"]["seq"] >= 2
