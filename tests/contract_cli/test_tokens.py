"""`controller token` and `controller access` on the command line."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract_cli.conftest import Project, make_project

pytestmark = pytest.mark.unit

MANIFEST = """
    apiVersion: controller/v1
    kind: Controller
    spec:
      access:
        roles: {deployer: [{verbs: [get, apply], resources: [stacks], stacks: [shop]}]}
        users: {ada: [operator], ci: [deployer]}
        tokenLifetime: 2h
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("tokens"))
    project.write("manifests/controller.yaml", MANIFEST)
    return project


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return said


def listed(project: Project) -> dict[str, dict[str, Any]]:
    ran = project.run("token", "list", "-o", "json")
    assert ran.code == 0, ran.err
    return {one["id"]: one for one in json.loads(ran.out)["tokens"]}


def test_a_token_is_made_shown_once_listed_and_revoked(kept: Project) -> None:
    ran = kept.run("token", "create", "ada")
    assert ran.code == 0 and ran.out.count("\n") == 1 and "ada" in ran.err
    token, said = ran.out.strip(), claims(ran.out.strip())
    assert (said["sub"], said["exp"] - said["iat"], "roles" in said) == ("ada", 7200, False)
    files = [path for path in kept.state.rglob("*") if path.is_file()]
    assert files and not any(token.rpartition(".")[2].encode() in path.read_bytes() for path in files)
    found = listed(kept)[said["jti"]]
    assert (found["user"], found["roles"], found["stacks"], found["state"]) == ("ada", None, [], "valid")
    assert token not in (text := kept.run("token", "list").out) and "by manifest" in text
    assert kept.run("token", "revoke", said["jti"]).out == f"token {said['jti']} of ada is void\n"
    assert listed(kept)[said["jti"]]["state"] == "revoked"


def test_roles_stacks_and_lifetime_can_be_said(kept: Project) -> None:
    words = ("token", "create", "bob", "--role", "viewer", "--role", "deployer", "-s", "shop", "--lifetime", "10m")
    ran = kept.run(*words, "-o", "json")
    made = json.loads(ran.out)
    said = claims(made["token"])
    assert (said["roles"], said["stacks"], said["exp"] - said["iat"]) == (["viewer", "deployer"], ["shop"], 600)
    assert {name: made[name] for name in made if name != "token"} == listed(kept)[made["id"]]
    assert kept.run("token", "revoke", "--user", "bob").code == 0
    assert listed(kept)[made["id"]]["state"] == "revoked"


def test_after_a_rotation_another_key_signs(kept: Project) -> None:
    first = kept.run("token", "create", "ada").out
    assert "signs from now on" in kept.run("token", "rotate").out
    second = kept.run("token", "create", "ada").out
    assert first.split(".")[0] != second.split(".")[0]
    assert listed(kept)[claims(first)["jti"]]["state"] == "valid"
    assert kept.run("token", "rotate", "--revoke-all").code == 0
    assert {one["state"] for one in listed(kept).values()} == {"revoked"}


@pytest.mark.parametrize(
    ("words", "told", "hint"),
    [
        (("create", "eve"), "'eve' has no role", "--role"),
        (("create", "eve", "--role", "admn"), "there is no role 'admn'", "did you mean 'admin'?"),
        (("revoke", "0123456789abcdef"), "there is no token 0123456789abcdef", "token list"),
    ],
)
def test_what_would_open_nothing_is_told(kept: Project, words: tuple[str, ...], told: str, hint: str) -> None:
    ran = kept.run("token", *words)
    assert ran.code == 1 and told in ran.err and hint in ran.err and not ran.out


@pytest.mark.parametrize("secret", ["change-me-please-0123456789abcdefghijkl"])
def test_a_weak_secret_is_refused_in_a_line_that_does_not_hold_it(kept: Project, secret: str) -> None:
    ran = kept.run("token", "create", "ada", env={"JWT_SECRET_KEY": secret})
    assert ran.code == 1 and ran.err.startswith("error: JWT_SECRET_KEY ") and secret not in ran.err and not ran.out


def test_a_controller_does_not_serve_with_a_weak_secret(kept: Project) -> None:
    ran = kept.run("-f", "compose.yaml", "run", "--api", "127.0.0.1:0", env={"JWT_SECRET_KEY": "short"})
    assert ran.code == 1 and "error: JWT_SECRET_KEY has 5 bytes, and needs 32" in ran.err and "Traceback" not in ran.err


def test_a_secret_signs_and_is_kept_nowhere(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    secret = "q7Zt0mJ4vX9sLw2Rk8Bd5Nf1Hc6Py3GaQ"
    ran = project.run("token", "create", "ada", "--role", "viewer", env={"JWT_SECRET_KEY": secret})
    assert ran.code == 0 and secret not in ran.out + ran.err
    head = ran.out.split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["alg"] == "HS256"
    assert not any(secret.encode() in path.read_bytes() for path in project.state.rglob("*") if path.is_file())
    rotated = project.run("token", "rotate", env={"JWT_SECRET_KEY": secret})
    assert rotated.code == 1 and "set another one" in rotated.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("ada", "stop", "stacks"), 0, "yes: role operator allows to stop stacks\n"),
        (("ada", "prune", "stacks"), 1, "no: role operator does not allow to prune stacks\n"),
        (("ci", "apply", "stacks", "-s", "shop", "-s", "bank"), 1, "no: to apply stacks is allowed in shop only\n"),
    ],
)
def test_who_can_do_what(kept: Project, words: tuple[str, ...], code: int, told: str) -> None:
    ran = kept.run("access", "can", *words)
    assert (ran.code, ran.out) == (code, told)


def test_words_that_there_are_not_are_told_with_the_nearest(kept: Project) -> None:
    ran = kept.run("access", "can", "ada", "stop", "stack")
    assert ran.code == 1 and "did you mean 'stacks'?" in ran.err and not ran.out


def test_roles_and_users_are_listed(kept: Project) -> None:
    told = json.loads(kept.run("access", "list", "-o", "json").out)
    assert {one["name"] for one in told["roles"]} == {"viewer", "operator", "admin", "deployer"}
    assert told["users"] == [{"name": "ada", "roles": ["operator"]}, {"name": "ci", "roles": ["deployer"]}]
    text = kept.run("access", "list").out
    assert text.startswith("USER") and "deployer" in text


def test_a_broken_manifest_is_told_with_its_place(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.write("manifests/controller.yaml", MANIFEST.replace("ada: [operator]", "ada: [oparator]"))
    ran = project.run("access", "can", "ada", "stop", "stacks")
    assert ran.code == 1 and "did you mean 'operator'?" in ran.err and "controller.yaml:7" in ran.err


def test_each_act_on_tokens_is_in_the_audit_log(kept: Project) -> None:
    token = kept.run("token", "create", "ada").out.strip()
    number = claims(token)["jti"]
    assert kept.run("token", "revoke", number).code == 0
    ran = kept.run("audit", "show", "-o", "json")
    assert ran.code == 0 and token not in ran.out
    told = [
        (one["verb"], one["object"]["name"], one["outcome"])
        for one in json.loads(ran.out)["records"]
        if number in one["object"]["name"] and one["stage"] == "outcome"
    ]
    assert told == [("create", f"{number} of ada", "done"), ("revoke", number, "done")]
