"""Runs the packaged extension in code-server under headless Chromium: see README.md beside this."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Error, Locator, Page, expect, sync_playwright

HERE = Path(__file__).resolve().parents[2]
CODE = Path(os.environ.get("CODE_SERVER", "/tmp/cs"))
SHOTS = CODE / "shots"
WORK = CODE / "work"
SHOP = WORK / "shop"
CONTROLLER = HERE.parent / ".venv" / "bin" / "controller"
NODE = next((one for one in (CODE / "node_modules").glob("node*/bin/node")), Path("node"))
SERVER = CODE / "node_modules" / "code-server"
PATIENCE = 60_000

SEE_BAR = """() => {
  const seen = window.seenInBar = [];
  const look = () => {
    const texts = [...document.querySelectorAll(".statusbar-item")].map((one) => one.textContent.trim());
    const item = texts.find((text) => text.startsWith("shop "));
    if (item && seen.at(-1) !== item) seen.push(item);
  };
  look();
  const all = {subtree: true, childList: true, characterData: true};
  new MutationObserver(look).observe(document.body, all);
}"""
COMPOSE = """\
name: shop
services:
  db:
    image: local/busybox:1.35
    command: sh -c "echo 'ready for connections'; trap exit TERM; while :; do sleep 1; done"
  api:
    image: local/busybox:1.35
    init: true
    command: sh -c "echo hello >/tmp/index.html; exec httpd -f -p 8000 -h /tmp"
    depends_on: [db]
  web:
    image: local/busybox:1.35
    init: true
    command: sh -c "echo hello >/tmp/index.html; exec httpd -f -p 8000 -h /tmp"
    depends_on: [api]
    deploy: {replicas: 2}
"""
BROKEN = """\
  queue:
    image: local/busybox:1.35
    command: sh -c "echo 'cannot read /etc/queue.conf'; exit 3"
  worker:
    image: local/busybox:1.35
    command: sh -c "trap exit TERM; while :; do sleep 1; done"
    depends_on: [queue]
"""
MANIFEST = """\
apiVersion: controller/v1
kind: Stack
metadata: {name: shop}
spec:
  compose: {files: [../compose.yaml]}
  services:
    web:
      replicas: 2
      readiness: {http: {port: 8000, path: /}, interval: 1s}
"""


def main() -> None:
    """Every step in its order; the first that does not come about ends it."""
    prepare()
    with stack(), code_server() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(f"{address}/?folder={SHOP}")
        try:
            by_command_line(page)
            by_files(page)
            by_logs(page)
            by_api(page)
        except BaseException:
            page.screenshot(path=SHOTS / "failed.png")
            raise
        browser.close()
    print(f"all seen; screenshots in {SHOTS}")


def by_command_line(page: Page) -> None:
    """Nothing keeps the stack: what is killed stays so, until it is applied."""
    step("activated: the status bar shows the stack")
    bar(page, r"shop Converged 3/3")
    command(page, "View: Show Controller")
    row(page, "Service web").wait_for()
    shot(page, "1-activated")

    step("the status bar follows a killed service")
    docker("kill", "shop-web-1")
    bar(page, r"shop (Degraded|Progressing) 2/3")
    row(page, "Service web,").click()
    page.keyboard.press("ArrowRight")
    row(page, "shop-web-1, exited with 137").wait_for()
    shot(page, "2-killed")

    step("why and describe")
    command(page, "Controller: Why", "shop/web")
    document(page, "Why: shop/web")
    shot(page, "3-why")
    command(page, "View: Close All Editors")
    command(page, "Controller: Describe", "shop/web")
    document(page, "Service web")
    shot(page, "4-describe")
    command(page, "View: Close All Editors")


def by_files(page: Page) -> None:
    """What is wrong with files, what they would change, and the change."""
    step("diagnostics of validate and of scan are seen on save, and go when they are mended")
    open_file(page, "shop.yaml")
    add_line(page, "replicaz: 3")
    problem(page, "unknown key 'replicaz'")
    shot(page, "5-validate")
    mend(page, "shop.yaml", SHOP / "manifests" / "shop.yaml", MANIFEST)
    command(page, "View: Close All Editors")
    open_file(page, "compose.yaml")
    add_line(page, "    privileged: true")
    problem(page, "rivileged")
    shot(page, "6-scan")
    mend(page, "compose.yaml", SHOP / "compose.yaml", COMPOSE)
    command(page, "View: Close All Editors")

    step("the plan beside the manifest, and an apply")
    open_file(page, "shop.yaml")
    page.locator('.editor-actions a.action-label[aria-label^="Plan"]').first.click()
    document(page, "Plan: ")
    shot(page, "7-plan")
    command(page, "Controller: Plan and Apply")
    page.locator(".monaco-dialog-box", has_text="the command line in shop").wait_for()
    shot(page, "8-asks")
    page.locator(".monaco-dialog-box .monaco-button", has_text="Apply").click()
    page.locator(".notification-toast", has_text="Apply shop").first.wait_for()
    page.screenshot(path=SHOTS / "9-applying.png")
    page.locator(".notification-toast", has_text="converged in").wait_for()
    bar(page, r"shop Converged 3/3")
    shot(page, "10-applied")
    command(page, "Notifications: Clear All Notifications")
    command(page, "View: Close All Editors")


def by_logs(page: Page) -> None:
    """With a name before each line, and without."""
    step("logs of one replica among several, and of the only one")
    for number, name in enumerate(("shop-web-2", "shop-db-1"), 11):
        row(page, f"Service {name.split('-')[1]},").click()
        page.keyboard.press("ArrowRight")
        row(page, f"Replica {name}").click(button="right")
        page.locator(".context-view .action-label", has_text="Show Logs").click()
        page.locator(".terminal-wrapper.active").wait_for()
        page.wait_for_timeout(2500)
        shot(page, f"{number}-logs-{name}")
    command(page, "Terminal: Kill All Terminals")


def by_api(page: Page) -> None:
    """A controller keeps the stack: it is followed, and heals what is killed."""
    with keeping() as (origin, token):
        step("with a token the API is followed")
        settings({"controller.api.address": origin})
        command(page, "Controller: Set API Token")
        page.locator('.quick-input-widget input[type="password"]').fill(token)
        page.keyboard.press("Enter")
        page.locator(".title-label", has_text=origin.removeprefix("http://")).first.wait_for()
        bar(page, r"shop Converged 3/3")
        shot(page, "13-api")

        step("the status bar follows a killed service, and its return")
        seen = watch_bar(page)
        docker("kill", "shop-api-1")
        until(page, lambda: any(re.search("2/3", text) for text in seen()), "the kill in the status bar")
        bar(page, r"shop Converged 3/3")
        print("   ", " -> ".join(seen()))

        step("plan, stop and start through the API")
        command(page, "Controller: Plan", "shop")  # the first of that name, and not *Plan and Apply*
        document(page, "Plan: shop")
        command(page, "View: Close All Editors")
        command(page, "Controller: Stop", "shop/web")
        page.locator(".monaco-dialog-box", has_text=origin).wait_for()
        shot(page, "14-asks-api")
        page.locator(".monaco-dialog-box .monaco-button", has_text="Stop").first.click()
        row(page, "Service web, Stopped").wait_for()
        command(page, "Notifications: Clear All Notifications")
        command(page, "Controller: Start", "shop/web")
        page.locator(".notification-toast", has_text="Start shop/web").first.wait_for()
        page.screenshot(path=SHOTS / "15-starting-api.png")
        bar(page, r"shop Converged 3/3")
        page.locator(".notification-toast", has_text="Start shop/web:").first.wait_for()
        command(page, "Notifications: Clear All Notifications")

        step("a service that falls over again and again, and who waits for it")
        (SHOP / "compose.yaml").write_text(COMPOSE + BROKEN)
        row(page, "Service queue, CrashLoopBackOff").wait_for()
        bar(page, r"shop (Degraded|Failed) 3/5")
        open_file(page, "compose.yaml")
        command(page, "Controller: Why", "shop/worker")
        document(page, "Why: shop/worker")
        page.mouse.move(640, 780)
        shot(page, "16-why-api")
        command(page, "View: Close All Editors")
        command(page, "Controller: Show Logs", "shop/queue")
        page.locator(".terminal-wrapper.active").wait_for()
        page.wait_for_timeout(2000)
        shot(page, "17-logs-api")


# --- what it stands on


def prepare() -> None:
    """The extension as a package, a project, and an editor that nobody has used."""
    for folder in (WORK, SHOTS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    subprocess.run(["npm", "run", "--silent", "package"], cwd=HERE, check=True, stdout=subprocess.DEVNULL)
    (SHOP / "manifests").mkdir(parents=True)
    (SHOP / "compose.yaml").write_text(COMPOSE)
    (SHOP / "manifests" / "shop.yaml").write_text(MANIFEST)
    settings({})


def settings(more: dict[str, object]) -> None:
    """As a person has them in the editor; what belongs to the machine stands in a file of its own."""
    calm = {
        "workbench.startupEditor": "none",
        "workbench.colorTheme": "Default Dark Modern",
        "workbench.secondarySideBar.defaultVisibility": "hidden",
        "chat.disableAIFeatures": True,
        "files.autoSave": "off",
        "editor.minimap.enabled": False,
        "editor.wordWrap": "on",
    }
    own = {"controller.path": str(CONTROLLER), **more}
    for name, values in (("User", calm), ("Machine", own)):
        file = WORK / "data" / name / "settings.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


@contextlib.contextmanager
def stack() -> Iterator[None]:
    """The stack as it runs, and its end."""
    try:
        controller("apply")
        yield
    finally:
        subprocess.run([str(CONTROLLER), "prune", "--all", "shop"], cwd=SHOP, env=environment(), check=False)


@contextlib.contextmanager
def code_server() -> Iterator[str]:
    """An editor with the package installed, and its end."""
    port = free_port()
    own = ["--user-data-dir", str(WORK / "data"), "--extensions-dir", str(WORK / "extensions")]
    own += ["--config", str(WORK / "config.yaml")]
    begin = [str(NODE), str(SERVER)]
    subprocess.run(
        [*begin, *own, "--install-extension", str(HERE / "dist" / "controller.vsix")],
        check=True,
        env=environment(),
        stdout=subprocess.DEVNULL,
    )
    quiet = ["--auth", "none", "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"]
    address = f"http://127.0.0.1:{port}"
    with process([*begin, *own, *quiet, "--bind-addr", f"127.0.0.1:{port}", str(SHOP)], WORK / "code-server.log"):
        until(None, lambda: answers(f"{address}/healthz"), "code-server answers")
        yield address


@contextlib.contextmanager
def keeping() -> Iterator[tuple[str, str]]:
    """A controller that keeps the stack; its address, and a token of an operator."""
    origin = f"http://127.0.0.1:{free_port()}"
    with process([str(CONTROLLER), "run", "--watch", "--api", origin.removeprefix("http://")], WORK / "controller.log"):
        until(None, lambda: answers(f"{origin}/readyz"), "the API answers")
        made = subprocess.run(
            [str(CONTROLLER), "token", "create", "ada", "--role", "operator", "-o", "json"],
            cwd=SHOP,
            env=environment(),
            check=True,
            stdout=subprocess.PIPE,
        )
        yield origin, json.loads(made.stdout)["token"]


@contextlib.contextmanager
def process(command: list[str], log: Path) -> Iterator[None]:
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=SHOP, env=environment(), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        ) as running,
    ):
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)


def controller(*words: str) -> None:
    subprocess.run([str(CONTROLLER), *words], cwd=SHOP, env=environment(), check=True, stdout=subprocess.DEVNULL)


def docker(*words: str) -> None:
    subprocess.run(["docker", *words], check=True, stdout=subprocess.DEVNULL)


def environment() -> dict[str, str]:
    return {**os.environ, "CONTROLLER_STATE_DIR": str(WORK / "state")}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


# --- what a person does, and sees


def step(what: str) -> None:
    print(f"==> {what}", file=sys.stderr, flush=True)


def bar(page: Page, pattern: str) -> None:
    page.locator(".statusbar-item", has_text=re.compile(pattern)).first.wait_for()


def watch_bar(page: Page) -> Callable[[], list[str]]:
    """Every text that the status bar has shown of the stack from now on, however short."""
    page.evaluate(SEE_BAR)
    return lambda: list(page.evaluate("() => window.seenInBar"))


def row(page: Page, spoken: str) -> Locator:
    """Of the tree, by what a screen reader says of it."""
    return page.locator(f'.monaco-list-row[aria-label*="{spoken}"]').first


def command(page: Page, name: str, chosen: str = "") -> None:
    page.keyboard.press("F1")
    box = page.locator(".quick-input-widget input").first
    box.wait_for()
    box.fill(f">{name}")
    page.locator(".quick-input-list .monaco-list-row").first.wait_for()
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    if not chosen:
        return
    page.locator('.quick-input-widget input[placeholder$="?"]').wait_for()
    label = page.locator(".monaco-highlighted-label", has_text=re.compile(rf"^\s*{chosen}\s*$"))
    page.locator(".quick-input-list .monaco-list-row").filter(has=label).first.click()


def open_file(page: Page, name: str) -> None:
    page.keyboard.press("Control+p")
    box = page.locator(".quick-input-widget input").first
    box.wait_for()
    box.fill(name)
    page.locator(".quick-input-list .monaco-list-row", has_text=name).first.click()
    page.locator(f'.tab.active[data-resource-name="{name}"]').wait_for()
    page.locator(".editor-instance .view-lines").first.click()


def add_line(page: Page, text: str) -> None:
    """At the end of the file that is open, which is saved."""
    page.keyboard.press("Control+End")
    page.keyboard.type(text)
    page.keyboard.press("Control+s")


def problem(page: Page, text: str) -> None:
    """Underlined, and in the list."""
    page.locator(".squiggly-error, .squiggly-warning, .squiggly-info").first.wait_for()
    command(page, "Problems: Focus on Problems View")
    page.locator(".markers-panel", has_text=text).wait_for()


def mend(page: Page, name: str, file: Path, text: str) -> None:
    file.write_text(text)
    open_file(page, name)
    command(page, "File: Revert File")
    command(page, "Controller: Check Files Now")
    page.locator(".squiggly-error, .squiggly-warning").first.wait_for(state="detached")
    command(page, "View: Hide Panel")


def document(page: Page, heading: str) -> None:
    """The page that was opened beside, in a frame of a frame, which an editor under load sometimes leaves empty."""
    inside = page.frame_locator("iframe.webview.ready").last.frame_locator("#active-frame")
    title = inside.locator("h1", has_text=heading)
    try:
        title.wait_for(timeout=12_000)
    except Error as error:
        print(f"    the page stays empty, and is loaded again: {str(error).splitlines()[0]}", file=sys.stderr)
        command(page, "Developer: Reload Webviews")
        title.wait_for()


def shot(page: Page, name: str) -> None:
    page.wait_for_timeout(700)
    page.screenshot(path=SHOTS / f"{name}.png")


def until(page: Page | None, holds: Callable[[], bool], what: str, seconds: float = PATIENCE / 1000) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"never: {what}")
        page.wait_for_timeout(100) if page else time.sleep(0.1)


if __name__ == "__main__":
    main()
