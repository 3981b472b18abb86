"""Who may do what through a running API: tokens, sessions, what one sees of several stacks, and how often one asks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

import httpx
import pytest

from controller.loop.tokenbook import TokenBook
from controller.loop.tokenfile import FILE
from controller.loop.tokenpage import Issued
from controller.loop.tokenseals import Seals
from controller.model.access import BUILT_IN, AccessPolicy, Role, Rule
from controller.model.serving import Serving
from controller.security.signing import read_secret_key, sign
from controller.security.vault import make_key
from tests.component.house import House
from tests.component.served import Visit, converge, new_code, read_messages, visit
from tests.component.waiting import eventually

SHOP = Role("shopkeeper", (Rule(frozenset("*"), frozenset("*"), frozenset({"shop"})),))
POLICY = AccessPolicy(
    {**BUILT_IN, "shopkeeper": SHOP}, {"vera": ("viewer",), "olga": ("operator",), "sam": ("shopkeeper",), "ida": ()}
)


def book_of(there: Visit) -> TokenBook:
    """As another process has it."""
    house = there.house
    return TokenBook(house.folder.parent / "state" / house.engine.info().id / "_controller")


def make_token(
    there: Visit, user: str, roles: Sequence[str] | None = None, number: int = 1, seconds: float = 600
) -> str:
    now = time.time()
    asked = Issued(f"{number:016x}", user, now, now + seconds, "", None if roles is None else tuple(roles))
    ring, made = book_of(there).issue(asked, now)
    return sign(ring, made.claims)


def client(there: Visit, token: str) -> httpx.Client:
    return httpx.Client(base_url=there.server.address.url, headers={"authorization": f"Bearer {token}"}, timeout=20)


def visited(house: House, script: Callable[[Visit], None], *stacks: str, **serving: object) -> None:
    for name in stacks or ("shop",):
        house.write(name)
    visit(house, script, *stacks, **{"access": POLICY, **serving})


STOP = {"verb": "stop", "services": ["db"]}


def test_a_user_may_what_his_roles_allow_and_is_called_by_his_name(house: House) -> None:
    def script(there: Visit) -> None:
        converge(there)
        with (
            client(there, make_token(there, "vera")) as vera,
            client(there, make_token(there, "olga", number=2)) as olga,
        ):
            assert vera.get("/v1/stacks/shop").status_code == 200
            refused = vera.post("/v1/stacks/shop/intents", json=STOP)
            assert refused.status_code == 403
            assert refused.json()["error"]["message"].startswith(
                "vera may not stop stacks in shop: role viewer does not"
            )
            made = olga.post("/v1/stacks/shop/intents", json=STOP)
            assert (made.status_code, made.json()["who"]) == (202, "olga")
            assert olga.post("/v1/stacks/shop/intents", json={"verb": "prune"}).status_code == 403
            assert olga.post("/v1/stacks/shop/intents", json={"verb": "apply", "confirm": True}).status_code == 403
            assert olga.get("/v1/session").json()["roles"] == ["operator"]

    visited(house, script)


def test_a_revoked_token_opens_nothing_from_then_on_nor_the_session_that_it_opened(house: House) -> None:
    def script(there: Visit) -> None:
        converge(there)
        token = make_token(there, "vera")
        opened = there.stranger.post("/v1/session", json={"token": token})
        assert opened.status_code == 201 and opened.json()["user"] == "vera" and opened.json()["seconds"] <= 600
        there.stranger.headers["authorization"] = f"Bearer {opened.json()['session']}"
        assert there.stranger.get("/v1/session").json()["user"] == "vera"
        with client(there, token) as vera, there.stream(client=vera) as messages:
            assert next(messages).kind == "snapshot"
            assert [one.user for one in book_of(there).revoke(lambda one: True, time.time())] == ["vera"]
            assert vera.get("/v1/stacks").status_code == 401
            assert there.stranger.get("/v1/stacks").status_code == 401
            there.ask("shop", "stop")
            assert sum(1 for _ in messages) <= 1  # what was on its way; then it ends
        assert there.stranger.post("/v1/session", json={"token": token}).status_code == 403

    visited(house, script)


def test_a_revocation_and_the_keys_outlive_the_controller(house: House) -> None:
    told: list[str] = []

    def before(there: Visit) -> None:
        told.extend(make_token(there, "vera", number=number) for number in (1, 2))
        book_of(there).revoke(lambda one: one.id.endswith("1"), time.time())

    def after(there: Visit) -> None:
        for token, status in zip(told, (401, 200), strict=True):
            with client(there, token) as vera:
                assert vera.get("/v1/info").status_code == status

    visited(house, before)
    visited(house, after)


def test_who_may_revoke_lists_tokens_and_ends_them(house: House) -> None:
    def script(there: Visit) -> None:
        token = make_token(there, "vera")
        (told,) = there.get("/v1/tokens")["tokens"]
        assert (told["user"], told["state"], token in str(told)) == ("vera", "valid", False)
        with client(there, token) as vera, client(there, make_token(there, "sam", number=2)) as sam:
            for one in (vera, sam):  # of all stacks: who is kept to one has nothing to say
                assert one.get("/v1/tokens").status_code == one.delete(f"/v1/tokens/{told['id']}").status_code == 403
                assert one.get("/v1/access").status_code == 403
            said = there.get("/v1/access")
            assert {one["name"]: one["roles"] for one in said["users"]}["olga"] == ["operator"]
            assert {one["name"] for one in said["roles"]} == {"viewer", "operator", "admin", "shopkeeper"}
            assert there.http.delete(f"/v1/tokens/{told['id']}").status_code == 204
            assert vera.get("/v1/info").status_code == 401 and sam.get("/v1/info").status_code == 200
        assert there.http.delete(f"/v1/tokens/{'9' * 16}").status_code == 404
        assert there.http.delete("/v1/tokens/x").status_code == 422

    visited(house, script)


def test_who_sees_some_stacks_is_not_told_the_names_of_the_others(house: House) -> None:
    both = Role("both", (Rule(frozenset({"get"}), frozenset({"stacks"}), frozenset({"shop", "gone"})),))
    policy = AccessPolicy({"both": both}, {"sam": ("both",)})

    def script(there: Visit) -> None:
        for name in ("shop", "bank"):
            converge(there, name)
        with client(there, make_token(there, "sam")) as sam:
            told = sam.get("/v1/stacks/gone")
            assert told.status_code == 404 and "bank" not in told.text
            assert "bank" in there.http.get("/v1/stacks/gone").text

    visited(house, script, "shop", "bank", access=policy)


def test_keys_may_be_rotated_while_it_serves(house: House) -> None:
    def script(there: Visit) -> None:
        old = make_token(there, "vera")
        with client(there, old) as vera:
            assert vera.get("/v1/info").status_code == 200
            book_of(there).rotate(time.time())
            assert vera.get("/v1/info").status_code == 200
            with client(there, make_token(there, "olga", number=2)) as olga:
                assert olga.get("/v1/info").status_code == 200
                book_of(there).rotate(time.time(), revoke_all=True)
                assert {vera.get("/v1/info").status_code, olga.get("/v1/info").status_code} == {401}

    visited(house, script)


def test_one_key_alone_is_in_force(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a secret is set, generated keys open nothing; it leaves the environment as it is read."""
    import os

    secret = "q7Zt0mJ4vX9sLw2Rk8Bd5Nf1Hc6Py3GaQ"
    told: list[str] = []
    visited(house, lambda there: told.append(make_token(there, "vera")))
    monkeypatch.setenv("JWT_SECRET_KEY", secret)

    def script(there: Visit) -> None:
        assert "JWT_SECRET_KEY" not in os.environ
        now = time.time()
        book = TokenBook(book_of(there)._folder, read_secret_key(secret))
        ring, made = book.issue(Issued("2" * 16, "olga", now, now + 60, ""), now)
        with client(there, told[0]) as vera, client(there, sign(ring, made.claims)) as olga:
            assert (vera.get("/v1/info").status_code, olga.get("/v1/info").status_code) == (401, 200)

    visited(house, script)


def test_a_damaged_list_opens_nothing_and_all_else_goes_on(house: House) -> None:
    def script(there: Visit) -> None:
        with client(there, make_token(there, "vera")) as vera:
            assert vera.get("/v1/info").status_code == 200
            (book_of(there)._folder / FILE).write_text("{")
            assert vera.get("/v1/info").status_code == 401
        assert there.http.get("/v1/info").status_code == 200

    visited(house, script)


def test_who_may_see_one_stack_sees_nothing_of_the_other(house: House) -> None:
    def script(there: Visit) -> None:
        for name in ("shop", "bank"):
            converge(there, name)
        with client(there, make_token(there, "sam")) as sam:
            assert [one["name"] for one in sam.get("/v1/stacks").json()["stacks"]] == ["shop"]
            assert {one["stack"] for one in sam.get("/v1/endpoints").json()["endpoints"]} <= {"shop"}
            assert sam.get("/v1/stacks/shop/events").status_code == 200
            paths = ("", "/events", "/services/db/logs", "/services/db", "/graph", "/usage", "/plan", "/intents/1")
            assert {sam.get(f"/v1/stacks/bank{path}").status_code for path in paths} == {403}
            assert sam.get("/v1/stacks/none").status_code == 403  # who may not see it is not told whether it is there
            assert sam.get("/metrics").status_code == 403
            assert sam.post("/v1/stacks/bank/intents", json=STOP).status_code == 403
            with sam.stream("GET", "/v1/stream") as answer:
                messages = read_messages(answer.iter_lines())
                whole = next(messages)
                assert [one["name"] for one in whole.data["stacks"]] == ["shop"]
                assert {one["stack"] for one in whole.data["events"]} <= {"shop"}
                there.ask("bank", "stop")
                there.ask("shop", "stop")
                for message in messages:
                    text = json.dumps(message.data)
                    assert "bank" not in text
                    if message.kind == "intent" and message.data["intent"]["state"] == "done":
                        break

    visited(house, script, "shop", "bank")


def test_who_has_no_role_is_told_of_himself_and_of_the_machine(house: House) -> None:
    def script(there: Visit) -> None:
        with client(there, make_token(there, "ida")) as ida:
            assert ida.get("/v1/session").json() | {"until": ""} == {
                **{"user": "ida", "name": "ida", "roles": [], "may": [], "until": ""},
            }
            assert ida.get("/v1/stacks").json() == {"stacks": []}
            assert ida.get("/v1/stacks/shop").status_code == 403

    visited(house, script)


def test_roles_of_the_manifest_count_at_each_request(house: House) -> None:
    policy = [POLICY]

    def script(there: Visit) -> None:
        window = there.server._window
        window.said = lambda: Serving(access=policy[0], requests_per_second=1000)
        with (
            client(there, make_token(there, "vera")) as vera,
            client(there, make_token(there, "x", ["viewer"], 2)) as own,
        ):
            for users, status in (({"vera": ("viewer",)}, 200), ({}, 403), ({"vera": ("gone",)}, 403)):
                policy[0] = AccessPolicy(BUILT_IN, users)
                eventually(lambda: vera.get("/v1/stacks/shop").status_code == status, 20)  # noqa: B023
                assert own.get("/v1/stacks/shop").status_code == 200  # its roles are its own

    visited(house, script)


def test_failed_logins_are_slowed_down_and_a_page_of_another_site_cannot_cause_that(house: House) -> None:
    def script(there: Visit) -> None:
        wrong = {"token": "x" * 43}
        for _ in range(20):
            other = there.stranger.post("/v1/session", json=wrong, headers={"sec-fetch-site": "cross-site"})
            assert other.status_code == 403
        assert {there.stranger.post("/v1/session", json=wrong).status_code for _ in range(10)} == {403}
        code = new_code(there)
        refused = there.stranger.post("/v1/session", json={"code": code})
        assert refused.status_code == 429 and 0 < int(refused.headers["retry-after"]) <= 300
        assert there.http.get("/v1/info").status_code == 200

    visited(house, script)


def test_without_the_encryption_key_issued_tokens_open_nothing_and_all_else_goes_on(house: House) -> None:
    state, now = house.folder.parent / "state", time.time()
    folder = state / house.engine.info().id / "_controller"
    book = TokenBook(folder, None, Seals(state, {"ENCRYPTION_KEY": make_key()}))
    ring, made = book.issue(Issued("1" * 16, "vera", now, now + 600, "", ("viewer",)), now)

    def script(there: Visit) -> None:
        converge(there)
        with client(there, sign(ring, made.claims)) as vera:
            assert vera.get("/v1/stacks").status_code == 401
        assert [one["state"] for one in there.get("/v1/tokens")["tokens"]] == ["valid"]
        assert there.http.delete(f"/v1/tokens/{made.id}").status_code == 204, "the owner's own goes on"
        assert [one["state"] for one in there.get("/v1/tokens")["tokens"]] == ["revoked"]

    visited(house, script)
    (told,) = house.ear.said("TokensUnreadable")
    assert "no issued token is valid" in told and "ENCRYPTION_KEY_FILE" in told


def test_too_many_requests_are_refused_and_a_stream_goes_on(house: House) -> None:
    def script(there: Visit) -> None:
        window = there.server._window
        with client(there, make_token(there, "vera")) as vera, there.stream(client=vera) as messages:
            assert next(messages).kind == "snapshot"
            window.said = lambda: Serving(access=POLICY, requests_per_second=5)
            answers = [vera.get("/v1/info") for _ in range(40)]
            refused = [answer for answer in answers if answer.status_code == 429]
            assert refused and all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
            window.said = lambda: Serving(requests_per_second=10_000)
            there.ask("shop", "stop")
            assert next(messages).kind

    visited(house, script)


def test_only_those_addresses_are_served_that_are_allowed(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        there.server._window.said = lambda: Serving(allow=("10.0.0.0/8",))
        for path in ("/", "/healthz", "/v1/stacks"):
            answer = there.http.get(path, headers={"x-forwarded-for": "10.0.0.1"})
            assert answer.status_code == 403 and "address" in answer.json()["error"]["message"]

    visit(house, script)


def test_a_session_is_two_halves_and_the_cookie_is_no_scripts(house: House) -> None:
    def script(there: Visit) -> None:
        opened = there.stranger.post("/v1/session", json={"code": new_code(there)})
        port = httpx.URL(there.server.address.url).port
        cookie = opened.headers["set-cookie"]
        assert cookie.startswith(f"controller_{port}=") and "controller" not in opened.json()["session"]
        assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
        both = {"authorization": f"Bearer {opened.json()['session']}"}
        pair = cookie.partition(";")[0]
        plain = httpx.Client(base_url=there.server.address.url)
        assert plain.get("/v1/stacks", headers=both).status_code == 401
        assert plain.get("/v1/stacks", headers={"cookie": pair}).status_code == 401
        assert plain.get("/v1/stacks", headers={**both, "cookie": pair}).status_code == 200
        for site in ("cross-site", "same-site"):
            forged = {**both, "cookie": pair, "sec-fetch-site": site}
            assert plain.post("/v1/stacks/shop/intents", json=STOP, headers=forged).status_code == 403
        plain.close()

    visited(house, script)
