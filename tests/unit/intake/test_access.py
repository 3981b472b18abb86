"""Roles and users of a `Controller` manifest, and names in it that stand for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.intake.targets import Request, Targets, find_targets
from controller.model.access import ADMIN, OPERATOR
from controller.security.access import may

pytestmark = pytest.mark.unit


def read(folder: Path, access: str, api: str = "{}") -> Targets:
    head = "apiVersion: controller/v1\nkind: Controller\nmetadata: {name: c}\n"
    (folder / "c.yaml").write_text(f"{head}spec:\n  api: {api}\n  access: {access}\n")
    return find_targets(Request(folder, {}, (Path("c.yaml"),)))


def test_what_it_says_counts(tmp_path: Path) -> None:
    own = "{deployer: [{verbs: [get, apply], resources: [stacks, plans], stacks: [shop]}]}"
    users = "{ada: [operator], ci: [deployer]}"
    api = "{allow: [10.0.0.0/8], requestsPerSecond: 7}"
    serving = read(tmp_path, f"{{roles: {own}, users: {users}, tokenLifetime: 1h}}", api).serving
    assert serving is not None
    policy = serving.access
    assert (policy.lifetime, serving.allow, serving.requests_per_second) == (3600.0, ("10.0.0.0/8",), 7)
    assert policy.roles_of("ada") == (OPERATOR,) and policy.roles["admin"] == ADMIN
    for verb, stack, allowed in (("apply", "shop", True), ("apply", "bank", False), ("stop", "shop", False)):
        assert may(policy.roles_of("ci"), verb, "stacks", stack).allowed is allowed


@pytest.mark.parametrize(
    ("access", "message", "hint"),
    [
        ("{roles: {a: [{verbs: [aply]}]}}", "there is no verb 'aply'", "did you mean 'apply'?"),
        (
            "{roles: {a: [{verbs: [get], resources: [stack]}]}}",
            "there is no resource 'stack'",
            "did you mean 'stacks'?",
        ),
        ("{users: {ada: [operater]}}", "there is no role 'operater'", "did you mean 'operator'?"),
        ("{users: {ada: ['*']}}", "there is no role '*'", "known: admin, operator, viewer"),
        ("{roles: {admin: [{verbs: ['*']}]}}", "the role 'admin' exists from the start", "call yours something else"),
    ],
)
def test_a_name_that_stands_for_nothing_is_an_error(tmp_path: Path, access: str, message: str, hint: str) -> None:
    (broken,) = (one for one in read(tmp_path, access).broken if "describes the controller" not in str(one.findings))
    (finding,) = broken.findings
    assert finding.message == message and (finding.hint or "").startswith(hint)
    assert finding.line == 6


@pytest.mark.parametrize("access", ["{roles: {a: [{verbs: []}]}}", "{roles: {a: [{verbs: [get], stacks: []}]}}"])
def test_a_rule_that_can_allow_nothing_is_an_error(tmp_path: Path, access: str) -> None:
    assert any("verbs" in str(one.findings) or "stacks" in str(one.findings) for one in read(tmp_path, access).broken)
