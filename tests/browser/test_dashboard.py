"""The dashboard in headless Chromium, on a real `controller run` and a real engine: what a person sees and does."""

from __future__ import annotations

import re

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.visitor import SOON, Visitor
from tests.engine.checks import docker
from tests.engine.scenario import Scene, eventually, ready_after

pytestmark = [pytest.mark.engine, pytest.mark.browser]

SHOP = f"""
services:
  db: {{{ready_after(0.5)}}}
  web: {{SLEEP, depends_on: {{db: {{condition: service_healthy}}}}}}
"""


def test_who_has_no_key_is_told_how_to_come_in(scene: Scene, visitor: Visitor) -> None:
    scene.compose(SHOP)
    with visitor.at():
        visitor.sees(scene.name)
        assert "code=" not in visitor.page.url
        stranger = visitor.window()
        visitor.go("/", stranger)
        expect(stranger.get_by_text("controller token link").first).to_be_visible(timeout=SOON)
        assert scene.name not in stranger.content()
        link = visitor.link()
        stranger.goto(link)
        expect(stranger.get_by_role("main").get_by_text(scene.name).first).to_be_visible(timeout=SOON)
        late = visitor.window()
        late.goto(link)
        expect(late.get_by_text(re.compile("used already")).first).to_be_visible(timeout=SOON)
        visitor.faults.clear()  # a browser notes each 401


def test_a_service_that_is_killed_is_seen_to_come_back(scene: Scene, visitor: Visitor) -> None:
    scene.compose(SHOP)
    with visitor.at():
        visitor.go(f"/stacks/{scene.name}")
        expect(visitor.row("web").get_by_text("Ready")).to_be_visible(timeout=SOON)
        visitor.page.evaluate(_WATCH_PHASES)
        docker("kill", scene.containers()["web-1"].id)
        eventually(lambda: visitor.page.evaluate("phases.some((p) => p !== 'Ready') && phases.at(-1) === 'Ready'"))
        visitor.go(f"/stacks/{scene.name}/services/web")
        visitor.sees(re.compile("exited with 137"))


_WATCH_PHASES = """() => {
    window.phases = [];
    const row = [...document.querySelectorAll('tr')].find((one) => one.querySelector('a')?.textContent === 'web');
    const read = () => ['Ready', 'Starting', 'Degraded', 'CrashLoopBackOff', 'Pending', 'Waiting']
        .find((word) => row.textContent.includes(word));
    new MutationObserver(() => { const now = read(); if (now !== phases.at(-1)) phases.push(now); })
        .observe(row, {childList: true, characterData: true, subtree: true});
}"""


def test_what_waits_for_what_and_why_is_seen_at_once(scene: Scene, visitor: Visitor) -> None:
    scene.compose(
        """
        services:
          db:
            {image: IMAGE, command: [sh, -c, "echo no such queue; exit 7"], restart: always, healthcheck: {test: ls}}
          web: {SLEEP, depends_on: {db: {condition: service_healthy}}}
        """
    )
    with visitor.at():
        visitor.sees(re.compile("wrong"), visitor.page.get_by_role("heading", level=1))
        visitor.sees(re.compile("db"), visitor.page.get_by_role("article").first)
        visitor.go(f"/stacks/{scene.name}/services/web")
        visitor.sees("no such queue")
        visitor.sees(re.compile("waits for db"))


def test_a_rollout_is_watched(scene: Scene, visitor: Visitor) -> None:
    deploy = "deploy: {replicas: 2, update_config: {monitor: 2s}}"
    write = lambda version: scene.compose(f"services: {{web: {{SLEEP, environment: {{V: '{version}'}}, {deploy}}}}}")  # noqa: E731
    write(1)
    with visitor.at():
        visitor.go(f"/stacks/{scene.name}")
        expect(visitor.row("web").get_by_text("2/2")).to_be_visible(timeout=SOON)
        write(2)
        expect(visitor.row("web").get_by_text("Updating")).to_be_visible(timeout=SOON)
        visitor.sees(re.compile("1 of 2|0 of 2"))
        expect(visitor.row("web").get_by_text("Ready")).to_be_visible(timeout=SOON)
        visitor.page.get_by_role("link", name="Revisions").click()
        visitor.page.get_by_role("main").get_by_role("table").get_by_role("link", name=re.compile(r"\b2\b")).click()
        visitor.sees("environment.V")


def test_a_bad_manifest_is_shown_with_its_place(scene: Scene, visitor: Visitor) -> None:
    scene.compose(SHOP)
    scene.manifest()
    with visitor.at():
        visitor.go(f"/stacks/{scene.name}")
        expect(visitor.row("web").get_by_text("Ready")).to_be_visible(timeout=SOON)
        scene.manifest("services: {web: {replicsa: 2}}")
        visitor.sees(re.compile(r"stack\.yaml:\d+:\d+"))
        visitor.sees(re.compile("replicsa"))
        expect(visitor.row("web").get_by_text("Ready")).to_be_visible(timeout=SOON)
        visitor.go(f"/stacks/{scene.name}/plan")
        visitor.sees(re.compile(r"stack\.yaml:\d+:\d+"))
        scene.manifest()
        visitor.go(f"/stacks/{scene.name}")
        expect(visitor.page.get_by_role("article")).to_have_count(0, timeout=SOON)
        visitor.faults.clear()  # a browser notes the 422 of the plan


def test_what_is_asked_for_is_asked_again_where_it_should_be_and_done(scene: Scene, visitor: Visitor) -> None:
    scene.compose(SHOP)
    page = visitor.page
    with visitor.at():
        visitor.go(f"/stacks/{scene.name}/services/web")
        visitor.sees("Ready")
        _choose(visitor, "Stop")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible(timeout=SOON)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0, timeout=SOON)
        assert scene.containers()["web-1"].running
        _choose(visitor, "Stop")
        dialog.get_by_role("button", name=re.compile("^Stop")).click()
        eventually(lambda: not scene.containers()["web-1"].running)
        visitor.sees("Stopped")
        visitor.go(f"/stacks/{scene.name}/plan")
        page.get_by_role("button", name=re.compile("^Apply")).click()
        eventually(lambda: scene.containers()["web-1"].running)
        visitor.sees(re.compile("onverged"), page.locator("body"))


def _choose(visitor: Visitor, action: str) -> None:
    """Out of the actions that are not always there."""
    visitor.page.get_by_label("More actions").click()
    visitor.page.locator("details[open]").get_by_role("button", name=re.compile(f"^{action}")).click()


def test_nobody_is_kept_out_and_nothing_is_cut_off(scene: Scene, visitor: Visitor) -> None:
    scene.compose(
        """
        services:
          db: {image: IMAGE, command: [sh, -c, "sleep 1; echo no such queue; exit 7"], restart: always}
          cache: {SLEEP, deploy: {replicas: 2}}
          a-service-with-quite-a-long-name: {SLEEP, depends_on: {cache: {condition: service_started}}}
        """
    )
    stack = f"/stacks/{scene.name}"
    more = ("plan", "revisions", "resources", "security", "services/db")
    places = ("/", "/alerts", "/events", stack, *(f"{stack}/{page}" for page in more))
    with visitor.at():
        visitor.sees(scene.name)
        for theme in ("dark", "light"):
            visitor.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            for place in places:
                visitor.go(place)
                visitor.page.wait_for_load_state("networkidle") if place == "/nix" else visitor.page.wait_for_timeout(
                    700
                )
                assert not visitor.find_barriers(), (theme, place)
        visitor.page.set_viewport_size({"width": 360, "height": 740})
        for place in places:
            visitor.go(place)
            visitor.page.wait_for_timeout(500)
            assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360, place


def test_it_says_when_it_is_not_connected_and_comes_back(scene: Scene, visitor: Visitor) -> None:
    scene.compose(SHOP)
    with visitor.at() as daemon:
        visitor.go(f"/stacks/{scene.name}")
        expect(visitor.row("web").get_by_text("Ready")).to_be_visible(timeout=SOON)
        daemon.end()
        visitor.sees(re.compile("[Nn]ot connected"), visitor.page.locator("body"))
        expect(visitor.row("web").get_by_text("Ready")).to_be_visible(timeout=SOON)
        port = visitor.base.rsplit(":", 1)[1]
        with scene.daemon("--watch", "--api", f"127.0.0.1:{port}"):
            expect(visitor.page.get_by_text(re.compile("[Nn]ot connected"))).to_have_count(0, timeout=SOON)
            visitor.faults.clear()  # a browser notes each connection that is refused


def test_a_page_that_nobody_sees_holds_no_connection_and_comes_back(scene: Scene, visitor: Visitor) -> None:
    scene.compose(SHOP)
    with visitor.at():
        visitor.go(f"/stacks/{scene.name}/services/web")
        visitor.sees("Ready")
        port = int(visitor.base.rsplit(":", 1)[1])
        assert connections_to(port)
        visitor.page.evaluate(_SEEN, False)
        eventually(lambda: not connections_to(port))
        docker("kill", scene.containers()["web-1"].id)
        eventually(lambda: scene.status()["services"][1]["restarts"] == 1)
        assert not visitor.page.get_by_text(re.compile("exited with 137")).count()
        visitor.page.evaluate(_SEEN, True)
        visitor.sees(re.compile("exited with 137"))


_SEEN = """(seen) => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => !seen});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def connections_to(port: int) -> int:
    """How many clients have one."""
    return sum(
        1
        for one in psutil.net_connections("tcp4")
        if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
    )
