"""The page of resources in headless Chromium, on a real `controller run` and a real engine."""

from __future__ import annotations

import re

import psutil
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visitor import SOON, Visitor
from tests.engine.checks import docker, lives, running
from tests.engine.scenario import Scene, eventually

pytestmark = [pytest.mark.engine, pytest.mark.browser]

MIB = 2**20


def leaving(mib: int) -> str:
    """Settings that keep all of this machine's memory free but so many MiB: as if it were that small."""
    reserve = psutil.virtual_memory().available // MIB - mib
    return f"resources: {{admission: enforce, reserve: {{memory: {reserve}Mi}}, cleanup: {{olderThan: 0s}}}}"


def section(visitor: Visitor, name: str) -> Locator:
    return visitor.page.get_by_role("region", name=name, exact=True)


def test_who_waits_for_room_is_told_with_its_numbers_until_there_is_some(scene: Scene, visitor: Visitor) -> None:
    scene.compose("""
        services:
          db: {SLEEP}
          big: {SLEEP, deploy: {resources: {reservations: {memory: 1g}}}}
    """)
    scene.manifest(f"{leaving(600)}\nservices: {{big: {{priority: 5}}}}")
    with visitor.at():
        visitor.go(f"/stacks/{scene.name}/services/big")
        visitor.page.get_by_role("link", name="Show who has what").first.click()
        expect(visitor.page).to_have_url(re.compile(rf"/stacks/{scene.name}/resources#admission$"))
        admission = section(visitor, "Admission")
        waiting = admission.get_by_role("list", name="Who waits for room")
        visitor.sees(re.compile(r"big waits first \(priority 5\)"), waiting)
        numbers = r"needs 1Gi of memory, \d+Mi is free beside the [\d.]+Gi kept for the host: short \d+Mi"
        visitor.sees(re.compile(numbers), waiting)
        rows = admission.get_by_role("row")
        expect(rows.nth(1)).to_have_text(re.compile(r"^big5.*0 of 1.*waits$"))
        expect(rows.nth(2)).to_have_text(re.compile(r"^db0.*1 of 1.*has it$"))
        memory = section(visitor, "Machine").get_by_role("region", name="Memory")
        visitor.sees("kept for the host", memory)
        assert running(scene.containers()) == {"db-1"}
        scene.manifest(leaving(4000))
        visitor.sees("Everything has room.", admission)
        expect(waiting).to_have_count(0)
        assert running(scene.containers()) == {"db-1", "big-1"}


def test_what_is_unused_is_looked_for_and_goes_once_somebody_says_so(scene: Scene, visitor: Visitor) -> None:
    scene.compose("services: {db: {SLEEP, volumes: ['data:/data']}}\nvolumes: {data: {}}")
    scene.manifest("resources: {cleanup: {olderThan: 0s}}")
    with visitor.at():
        scene.await_phase("Converged")
        left = scene.hand("run", "-d", "db", "sh", "-c", "head -c 200000 /dev/zero > /left; exit 3").split()[-1]
        eventually(lambda: docker("inspect", "-f", "{{.State.Status}}", left).strip() == "exited")
        name = docker("inspect", "-f", "{{.Name}}", left).strip().removeprefix("/")
        visitor.go(f"/stacks/{scene.name}")
        visitor.page.get_by_role("link", name="Resources", exact=True).click()
        cleanup = section(visitor, "Clean-up")
        visitor.sees("Not looked for yet.", cleanup)
        cleanup.get_by_role("button", name="Look for what is unused").click()
        row = cleanup.get_by_role("row").filter(has_text=name)
        expect(row).to_have_text(re.compile(r"container.*19\d KiB.*one-off of db, exited \(3\)"), timeout=SOON)
        visitor.sees(re.compile(r"19\d KiB could go: 1 container\."), cleanup)
        cleanup.get_by_role("button", name="Clean up…").click()
        dialog = visitor.page.get_by_role("dialog")
        expect(dialog.get_by_text(re.compile(f"container {name}, "))).to_be_visible(timeout=SOON)
        visitor.page.keyboard.press("Escape")
        assert docker("inspect", "-f", "{{.Id}}", left).strip() == left
        cleanup.get_by_role("button", name="Clean up…").click()
        dialog.get_by_role("button", name="Clean up").click()
        visitor.sees(re.compile("KiB freed: 1 container"), cleanup)
        expect(row.get_by_text("removed")).to_be_visible(timeout=SOON)
        assert left not in docker("ps", "-aq", "--no-trunc").split()
        assert f"{scene.name}_data" in docker("volume", "ls", "-q").split()
        cleanup.get_by_role("button", name="Look for what is unused").click()
        visitor.sees("Nothing is unused.", cleanup)
        visitor.sees(re.compile(r"Last cleaned up \d+s ago\. It is not done by itself"), cleanup)


def test_a_recommended_limit_is_set_and_given_back_in_place(scene: Scene, visitor: Visitor) -> None:
    scene.compose("services: {web: {SLEEP, mem_limit: 64m}}")
    scene.manifest("metrics: {interval: 1s}\nservices: {web: {limits: {minMemory: 96m}}}")
    memory = lambda: scene.containers()["web-1"].inspect["HostConfig"]["Memory"] // MIB  # noqa: E731
    with visitor.at():
        scene.await_phase("Converged")
        before = lives(scene.containers())
        visitor.go(f"/stacks/{scene.name}/resources#limits")
        limits, dialog = section(visitor, "Limits"), visitor.page.get_by_role("dialog")
        visitor.sees(re.compile("Nothing is changed by itself"), limits)
        visitor.sees("raise to 96.0 MiB", limits)
        limits.get_by_role("button", name="Apply the recommended limits of web").click()
        expect(dialog.get_by_text("memory 64.0 MiB → 96.0 MiB")).to_be_visible(timeout=SOON)
        dialog.get_by_role("button", name="Apply").click()
        eventually(lambda: memory() == 96)
        visitor.sees("64.0 MiB in the Compose file", limits)
        limits.get_by_role("button", name="Undo the changed limits of web").click()
        dialog.get_by_role("button", name="Undo").click()
        eventually(lambda: memory() == 64)
        limits.get_by_role("button", name="Resume following the use of web").click()
        expect(limits.get_by_role("button", name=re.compile("^Resume"))).to_have_count(0, timeout=SOON)
        assert lives(scene.containers()) == before
