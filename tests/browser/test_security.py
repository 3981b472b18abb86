"""The page of security in headless Chromium, on a real `controller run` and a real engine."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_resources import section
from tests.browser.visitor import Visitor
from tests.engine.checks import docker
from tests.engine.scenario import IMAGE, Scene

pytestmark = [pytest.mark.engine, pytest.mark.browser]

SHOP = """
    services:
      db: {SLEEP, networks: [back], ports: ["0.0.0.0::5432"]}
      api: {SLEEP, networks: [front], depends_on: [db]}
      web: {SLEEP, networks: [front], depends_on: [api], cap_add: [SYS_ADMIN]}
    networks: {front: {}, back: {}}
"""
SCAN = "security: {scan: {waivers: [{id: F01, service: web, reason: known, expires: 2020-01-31}]}}"


def test_what_was_found_is_told_filtered_and_follows_what_hands_do(scene: Scene, visitor: Visitor) -> None:
    scene.compose(SHOP)
    scene.manifest(SCAN)
    stranger = scene.another()
    with visitor.at():
        scene.await_phase("Converged")
        visitor.go(f"/stacks/{scene.name}")
        visitor.page.get_by_role("link", name="Security", exact=True).click()
        expect(visitor.page).to_have_url(re.compile(rf"/stacks/{scene.name}/security$"))
        findings, reach = section(visitor, "Findings"), section(visitor, "Who reaches whom")
        visitor.sees(re.compile(r"1 critical, \d+ high"), findings)
        visitor.sees("Scanned", findings)
        visitor.sees("over for", section(visitor, "Waivers"))
        visitor.sees("everyone", section(visitor, "Published addresses"))
        visitor.sees("Not checked yet.", reach)
        findings.get_by_role("combobox").select_option("web")
        expect(findings.get_by_text(re.compile(r"^\d+ of \d+$"))).to_be_visible()
        expect(findings.get_by_role("row").filter(has_text="SYS_ADMIN")).to_have_count(1)
        findings.get_by_role("combobox").select_option("")
        docker("run", "-d", "--name", stranger, "--network", f"{scene.name}_front", *other(stranger))
        visitor.sees(re.compile("only in what runs"), findings)
        visitor.sees(stranger, findings)
        assert scene.run("netcheck").code == 1
        visitor.sees(re.compile("declared, not reachable"), reach)
        expect(reach.get_by_role("row").filter(has_text="api").first).to_be_visible()
        assert not visitor.find_barriers()


def other(name: str) -> tuple[str, ...]:
    """Of another project; removed with the scene."""
    marks = (f"com.docker.compose.project={name}", "com.docker.compose.service=other")
    return (*(word for mark in marks for word in ("--label", mark)), IMAGE, "sleep", "600")
