"""What a person does with a browser, in few words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.engine.scenario import Daemon, Scene, eventually

ROOT = Path(__file__).parents[2]
AXE = ROOT / "controller/web/dashboard/node_modules/axe-core/axe.min.js"
SOON = 30_000
"""Milliseconds within which what must be seen is seen, also on a machine with much else to do."""


class Visitor:
    """One browser window. `faults` is what the page itself complained of."""

    def __init__(self, browser: Browser, scene: Scene, folder: Path) -> None:
        self._browser = browser
        self._scene = scene
        self._contexts: list[BrowserContext] = []
        self.folder = folder
        self.faults: list[str] = []
        self.base = ""
        self.page: Page = self.window()

    def window(self, **settings: Any) -> Page:
        """Another window, with nothing that this one knows."""
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
        context.set_default_timeout(SOON)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._hear)
        return page

    def _hear(self, said: ConsoleMessage) -> None:
        # Chromium breaks connections off where a bridge of Docker's comes or goes on its machine; the page tries again.
        if said.type == "error" and "ERR_NETWORK_CHANGED" not in said.text:
            self.faults.append(said.text)

    @contextmanager
    def at(self, *arguments: str) -> Iterator[Daemon]:
        """The dashboard of this scene's controller."""
        with self._scene.daemon("--watch", "--api", "127.0.0.1:0", *arguments) as daemon:
            self.base = eventually(lambda: re.search(r"dashboard: (\S+)", daemon.said()))[1]
            self.page.goto(self.link())
            self.page.locator("html[data-seq]").wait_for(state="attached")  # signed in: it is told what is
            yield daemon
            assert self.faults == []

    def link(self) -> str:
        """Another one, from the command line."""
        return self._scene.done("token", "link").out.strip()

    def go(self, path: str, page: Page | None = None) -> Page:
        there = page or self.page
        there.goto(self.base + path)
        return there

    def row(self, service: str) -> Locator:
        """A service's row in the table of its stack."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=service, exact=True))

    def sees(self, text: str | re.Pattern[str], where: Locator | None = None) -> None:
        """It is there, or will soon be."""
        inside = where if where is not None else self.page.get_by_role("main")
        expect(inside.get_by_text(text).first).to_be_visible(timeout=SOON)

    def find_barriers(self, page: Page | None = None) -> list[str]:
        """What keeps people out who cannot see, or use no mouse, by axe-core: the serious ones."""
        there = page or self.page
        there.evaluate(AXE.read_text(encoding="utf-8"))  # not a script element: the page's own policy forbids it
        found = there.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']}: {node['target']}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    def close(self) -> None:
        for context in self._contexts:
            context.close()
