"""Who has signed in sees what he may do, and a session is two halves: in headless Chromium, at the simulated engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from controller.web.pages import FOLDER
from tests.browser.conftest import open_chromium
from tests.component.house import House, Reading, open_house
from tests.component.served import Visit, converge, new_code
from tests.component.test_api_access import make_token, visited

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SOON = 30_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    if not (FOLDER / "index.html").is_file():
        pytest.skip("the dashboard is not built: scripts/quickstart")
    with open_house(tmp_path, Reading(tmp_path / "world")) as made:
        yield made


def browse(house: House, script: Callable[[Visit, Browser], None]) -> None:
    """The script has a thread of its own, and so has to have a browser of its own."""

    def play(there: Visit) -> None:
        with open_chromium() as browser:
            script(there, browser)

    visited(house, play)


def open_page(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(SOON)
    return page


def sign_in(page: Page, there: Visit, token: str) -> None:
    page.goto(there.server.address.url)
    page.get_by_label("One that you were given").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.locator("html[data-seq]").wait_for(state="attached")


def test_who_may_only_look_is_offered_nothing_to_do_and_his_name_is_there(house: House) -> None:
    def script(there: Visit, chromium: Browser) -> None:
        converge(there)
        page = open_page(chromium)
        sign_in(page, there, make_token(there, "vera"))
        expect(page.get_by_text("vera", exact=True)).to_be_visible()
        page.goto(f"{there.server.address.url}/stacks/shop")
        expect(page.get_by_role("link", name="Plan and apply")).to_be_visible()
        expect(page.get_by_role("link", name="db", exact=True).first).to_be_visible()
        assert page.get_by_role("button", name=re.compile("^(Stop|Start|Pause|More actions)")).count() == 0
        page.goto(f"{there.server.address.url}/stacks/shop/plan")
        expect(page.get_by_role("button", name="Plan anew")).to_be_visible()
        assert page.get_by_role("button", name=re.compile("Apply")).count() == 0
        page.context.close()

    browse(house, script)


def test_an_operator_is_offered_what_he_may_and_it_is_done_in_his_name(house: House) -> None:
    def script(there: Visit, chromium: Browser) -> None:
        converge(there)
        page = open_page(chromium)
        sign_in(page, there, make_token(there, "olga"))
        page.goto(f"{there.server.address.url}/stacks/shop")
        page.get_by_label("More actions").first.click()
        offered = page.locator(".menu-list button").all_inner_texts()
        assert "Stop…" in offered and "Prune…" not in offered and "Release…" not in offered
        page.get_by_role("button", name="Stop…").click()
        with page.expect_response(re.compile("/intents$")) as answered:
            page.get_by_role("dialog").get_by_role("button", name="Stop").click()
        assert (answered.value.status, answered.value.json()["who"]) == (202, "olga")
        page.context.close()

    browse(house, script)


def test_neither_the_cookie_nor_what_a_script_can_take_opens_anything_alone(house: House) -> None:
    def script(there: Visit, chromium: Browser) -> None:
        converge(there)
        page, url = open_page(chromium), there.server.address.url
        page.goto(f"{url}/#code={new_code(there)}")
        page.locator("html[data-seq]").wait_for(state="attached")
        (cookie,) = page.context.cookies()
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/"
        assert page.evaluate("document.cookie") == ""
        status = "async (headers) => (await fetch('/v1/stacks', {headers})).status"
        assert page.evaluate(status, {}) == 401  # the cookie goes along
        key = page.evaluate("localStorage.getItem('controller.session')")
        taken = open_page(chromium)
        taken.goto(url)
        assert taken.evaluate(status, {"Authorization": f"Bearer {key}"}) == 401
        assert page.evaluate(status, {"Authorization": f"Bearer {key}"}) == 200
        page.reload()
        expect(page.get_by_role("main").get_by_text("shop").first).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.context.cookies() == []
        for one in (page, taken):
            one.context.close()

    browse(house, script)
