"""The audit log, certificates, secrets and tokens in headless Chromium, at the simulated engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from controller.loop.ground import Ground
from controller.loop.keyring import KEY
from controller.loop.secretdesk import SecretDesk
from controller.web.pages import FOLDER
from tests.browser.conftest import open_chromium
from tests.browser.test_access import open_page, sign_in
from tests.browser.visitor import AXE
from tests.component.house import House, open_house
from tests.component.laying import Laying
from tests.component.served import Visit, converge, new_code, visit
from tests.component.test_api_access import POLICY, client, make_token

pytestmark = pytest.mark.browser

FILE = """
name: NAME
services:
  db: {image: busybox, labels: &quick {controller.simulated.start: '0.01'}, secrets: [password]}
  web: {image: busybox, labels: *quick, networks: {default: {aliases: [front]}}}
secrets: {password: {external: true}}
"""
KEEPS = ", security: {secrets: {managed: [password]}, tls: {mode: internal}}"
VALUE = "correct-horse-battery"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    if not (FOLDER / "index.html").is_file():
        pytest.skip("the dashboard is not built: scripts/quickstart")
    with open_house(tmp_path, Laying(tmp_path / "world")) as made:
        yield made


def browse(house: House, script: Callable[[Visit, Page], None], spec: str = "") -> None:
    """As the owner, by the link of the command line; what the page complains of fails the test."""
    house.write("shop", FILE if spec else FILE.replace(", secrets: [password]", ""), spec)

    def play(there: Visit) -> None:
        converge(there)
        with open_chromium() as browser:
            page, faults = open_page(browser), list[str]()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(f"{there.server.address.url}/#code={new_code(there)}")
            page.locator("html[data-seq]").wait_for(state="attached")
            script(there, page)
            assert faults == []

    visit(house, play, access=POLICY)


def region(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def go(page: Page, there: Visit, path: str) -> None:
    page.goto(there.server.address.url + path)


def barriers(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    grave = (one for one in found["violations"] if one["impact"] in ("serious", "critical"))
    return [f"{one['id']}: {one['nodes'][0]['target']}" for one in grave]


def test_who_did_what_is_told_live_and_opens_to_why_it_was_denied(house: House) -> None:
    def script(there: Visit, page: Page) -> None:
        page.get_by_role("link", name="Audit", exact=True).click()
        log = region(page, "Audit log")
        expect(log.get_by_role("group").filter(has_text="create shop/db 1")).to_have_count(1)
        with client(there, make_token(there, "vera")) as vera:
            assert vera.post("/v1/stacks/shop/intents", json={"verb": "stop"}).status_code == 403
        there.ask("shop", "stop", "db")
        stopped = log.get_by_role("group").filter(has_text=re.compile(r"api.*api.*stop shop/db.*stopped"))
        expect(stopped).to_have_count(1, timeout=20_000)  # an intent and its outcome are one
        page.get_by_role("button", name="denied", exact=True).click()
        expect(page).to_have_url(re.compile("outcome=denied"))
        denied = log.get_by_role("group").filter(has_text="vera")
        expect(denied).to_have_count(1)
        expect(log.get_by_role("group").filter(has_text="stopped")).to_have_count(0)
        denied.locator("summary").click()
        expect(denied.get_by_text("vera may not stop stacks in shop").last).to_be_visible()
        expect(denied.get_by_text(re.compile(r"from 127\.0\.0\.1:\d+"))).to_be_visible()
        assert not barriers(page)

    browse(house, script)


def test_a_token_is_revoked_once_somebody_says_so(house: House) -> None:
    def script(there: Visit, page: Page) -> None:
        token = make_token(there, "vera")
        go(page, there, "/access")
        row = region(page, "Tokens").get_by_role("row").filter(has_text="vera")
        expect(row).to_contain_text("valid")
        expect(region(page, "Users").get_by_role("row").filter(has_text="olga")).to_contain_text("operator")
        expect(region(page, "Roles").get_by_text("shopkeeper")).to_be_visible()
        assert not barriers(page)
        with client(there, token) as vera:
            row.get_by_role("button", name="Revoke token").click()
            page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
            assert vera.get("/v1/info").status_code == 200
            row.get_by_role("button", name="Revoke token").click()
            page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
            expect(region(page, "Tokens").get_by_text("1 token that is over")).to_be_visible()
            assert vera.get("/v1/info").status_code == 401
        assert token not in page.content()

    browse(house, script)


def test_who_may_not_see_it_is_told_so_and_nothing_is_asked_for(house: House) -> None:
    def script(there: Visit, page: Page) -> None:
        assert page.context.browser is not None
        vera = open_page(page.context.browser)
        sign_in(vera, there, make_token(there, "vera"))
        for path, resource in (("audit", "audit"), ("access", "tokens"), ("stacks/shop/security", "secrets")):
            go(vera, there, f"/{path}")
            expect(vera.get_by_text(f"get {resource}", exact=True)).to_be_visible()
        expect(region(vera, "Certificates").get_by_text("No service gets a certificate here.")).to_be_visible()
        assert there.get("/v1/audit", who="vera", outcome="denied")["records"] == []

    browse(house, script)


def test_certificates_and_secrets_are_told_by_name_and_age_and_a_locked_vault_loudly(house: House) -> None:
    house.write("shop", FILE, KEEPS)
    SecretDesk(Ground(house.engine, house.asked("shop"))).put({"password": VALUE.encode()})

    def script(there: Visit, page: Page) -> None:
        go(page, there, "/stacks/shop/security")
        certificates, secrets = region(page, "Certificates"), region(page, "Secrets")
        web = certificates.get_by_role("row").filter(has=page.get_by_role("link", name="web", exact=True))
        expect(web.get_by_role("cell").nth(2)).to_have_text(re.compile(r"^\dd"), timeout=20_000)
        web.get_by_text(re.compile(r"and \d+ more")).click()
        expect(web.get_by_text("spiffe://shop.internal/service/web")).to_be_visible()
        expect(certificates.get_by_text(re.compile("issues certificates, ends in 36"))).to_be_visible()
        password = secrets.get_by_role("row").filter(has_text="password")
        expect(password.get_by_role("cell").first).to_have_text("1")
        expect(password.get_by_role("link", name="db")).to_be_visible()
        assert VALUE not in page.content() and not barriers(page)
        (house.folder.parent / "state" / KEY).rename(house.folder.parent / "away")
        page.reload()
        expect(secrets.get_by_role("alert")).to_contain_text("The vault is locked")
        expect(password).to_be_visible()
        (house.folder.parent / "away").rename(house.folder.parent / "state" / KEY)
        page.reload()
        expect(password).to_be_visible()
        expect(secrets.get_by_role("alert")).to_have_count(0)

    browse(house, script, KEEPS)
