"""What passes the guard, and what does not: a table of requests."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controller.loop.tokenbook import TokenBook
from controller.loop.tokenpage import Issued
from controller.model.access import AccessPolicy
from controller.model.serving import Serving
from controller.security.signing import sign
from controller.web.access import ApiAccess, ScrapeAccess
from controller.web.callers import Doors
from controller.web.guard import LARGEST_BODY, Guard, Message, Place, Receive, Send
from controller.web.keys import Badge, Keys
from tests.headers import check_headers

pytestmark = pytest.mark.unit

TOKEN = "t" * 43
KEYS = Keys(TOKEN, "epoch")
PLACE = Place("http", 7070)
HALVES = KEYS.open_session()
SESSION, COOKIE = f"Bearer {HALVES.shown}", f"controller_7070={HALVES.cookie}"
DOORS = Doors(KEYS, TokenBook(Path("/nonexistent")), AccessPolicy)
BOTH = {"authorization": SESSION, "cookie": COOKIE}


def api(serving: Serving | None = None, clock: Callable[[], float] = lambda: 0.0) -> ApiAccess:
    return ApiAccess(DOORS, "controller_7070", lambda: serving or Serving(), clock)


async def _app(scope: Message, receive: Receive, send: Send) -> None:
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    said = json.dumps({"who": scope["state"]["caller"].name, "size": size}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": said})


class Answered:
    def __init__(self, messages: list[Message]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = json.loads(b"".join(message.get("body", b"") for message in messages[1:]))


def ask(
    path: str = "/v1/stacks",
    method: str = "GET",
    *parts: bytes,
    place: Place = PLACE,
    repeated: tuple[tuple[str, str], ...] = (),
    access: ApiAccess | None = None,
    peer: str = "127.0.0.1",
    **headers: str,
) -> Answered:
    given = {"host": "127.0.0.1:7070", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in (*given.items(), *repeated)]
    scope: dict[str, Any] = {"type": "http", "path": path, "method": method, "headers": raw, "client": (peer, 4)}
    waiting = list(parts) or [b""]
    sent: list[Message] = []

    async def receive() -> Message:
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Guard(_app, place, access or api())(scope, receive, send))
    return Answered(sent)


BEARER = f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("path", "method", "headers", "who"),
    [
        ("/v1/stacks", "GET", {"authorization": BEARER}, "api"),
        ("/v1/stacks", "GET", {"authorization": f"bearer  {TOKEN}"}, "api"),
        ("/metrics", "GET", {"authorization": BEARER}, "api"),
        ("/v1/stacks", "GET", BOTH, "dashboard"),
        ("/v1/stacks", "GET", {**BOTH, "cookie": f"a=b; controller_7070=planted; {COOKIE};x"}, "dashboard"),
        ("/v1/stacks/a/intents", "POST", BOTH, "dashboard"),
        ("/v1/stacks/a/intents", "POST", {**BOTH, "sec-fetch-site": "same-origin"}, "dashboard"),
        ("/v1/session", "POST", {"sec-fetch-site": "none"}, "nobody"),
        ("/v1/stacks/a/intents", "POST", {"authorization": BEARER}, "api"),
        ("/v1/session", "POST", {}, "nobody"),
        ("/healthz", "GET", {}, "nobody"),
        ("/readyz", "GET", {}, "nobody"),
        ("/", "GET", {}, "nobody"),
        ("/assets/index.js", "GET", {}, "nobody"),
        ("/stacks/shop", "HEAD", {}, "nobody"),
    ],
)
def test_who_may(path: str, method: str, headers: dict[str, str], who: str) -> None:
    answered = ask(path, method, repeated=tuple(headers.items()))
    assert (answered.status, answered.body["who"]) == (200, who)


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/v1/stacks", "GET", {}, 401),
        ("/metrics", "GET", {}, 401),
        ("/v1/openapi.json", "GET", {}, 401),
        ("/v1/stream", "GET", {"authorization": "Bearer "}, 401),
        ("/v1/stacks", "GET", {"authorization": "Bearer nonsense"}, 401),
        ("/v1/stacks", "GET", {"authorization": f"Basic {TOKEN}"}, 401),
        ("/v1/stacks", "GET", {"authorization": TOKEN}, 401),
        ("/v1/stacks", "GET", {"authorization": f"{SESSION}x"}, 401),
        ("/v1/stacks", "GET", {"authorization": SESSION}, 401),
        ("/v1/stacks", "GET", {"cookie": COOKIE}, 401),
        ("/v1/stacks", "GET", {"cookie": f"{COOKIE}; controller_7070={HALVES.shown}"}, 401),
        ("/v1/stacks", "GET", {"authorization": f"Bearer {HALVES.cookie}", "cookie": COOKIE}, 401),
        ("/v1/stacks", "GET", {"authorization": SESSION, "cookie": COOKIE.replace("7070", "7071")}, 401),
        ("/v1/stacks/a/intents", "POST", {"cookie": COOKIE}, 401),
        ("/v1/stacks/a/intents", "POST", {"cookie": f"controller_7070={SESSION.split()[1]}"}, 401),
        ("/v1/stacks/a/intents", "POST", {**BOTH, "sec-fetch-site": "cross-site"}, 403),
        ("/v1/stacks/a/intents", "POST", {**BOTH, "sec-fetch-site": "same-site"}, 403),
        ("/v1/session", "POST", {"sec-fetch-site": "cross-site"}, 403),
        ("/v1/session", "DELETE", {}, 401),
        ("/v1/session", "GET", {}, 401),
        ("/", "POST", {}, 401),
    ],
)
def test_who_may_not(path: str, method: str, headers: dict[str, str], status: int) -> None:
    answered = ask(path, method, repeated=tuple(headers.items()))
    assert answered.status == status and answered.body["error"]["message"]
    assert ("www-authenticate" in answered.headers) == (status == 401)


@pytest.mark.parametrize(
    ("place", "host"),
    [
        (PLACE, "127.0.0.1:7070"),
        (PLACE, "localhost:7070"),
        (PLACE, "LOCALHOST:7070"),
        (PLACE, "[::1]:7070"),
        (Place("https", 443, {"ops.example"}), "ops.example"),
        (Place("https", 7070, {"ops.example"}), "ops.example.:7070"),
        (Place("http", 80), "127.0.0.1"),
        (Place("https", 7070, {"*.ops.example"}), "one.ops.example:7070"),
    ],
)
def test_a_host_that_is_ours(place: Place, host: str) -> None:
    assert place.is_ours(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:7071",
        "evil.example:7070",
        "localhost.evil.example:7070",
        "a@b:7070x",
        "[::1",
        "x:99999",
    ],
)
def test_a_host_that_is_not(host: str) -> None:
    """A page of another site that had its own name point here would else speak with us as if it were ours."""
    assert ask("/healthz", host=host).status == 421


@pytest.mark.parametrize("host", ["ops.example:7070", "a.b.ops.example:7070", "xops.example:7070", "example:7070"])
def test_a_name_with_a_star_stands_for_one_label(host: str) -> None:
    assert not Place("https", 7070, {"*.ops.example"}).is_ours(host)


def test_a_host_that_is_given_twice_is_none() -> None:
    assert ask("/healthz", repeated=(("host", "evil.example"),)).status == 400


@pytest.mark.parametrize("length", [str(LARGEST_BODY + 1), "-1", "1e9", "x", "٣"])
def test_a_body_that_says_to_be_too_large_is_not_read(length: str) -> None:
    assert ask("/v1/session", "POST", content_length=length).status == 413


def test_a_body_that_grows_too_large_is_not_read_on() -> None:
    half = b"x" * (LARGEST_BODY // 2)
    assert ask("/v1/session", "POST", half, half).body["size"] == LARGEST_BODY
    assert ask("/v1/session", "POST", half, half, b"x").status == 413


def test_every_answer_says_what_a_page_may() -> None:
    for answered in (ask("/"), ask("/v1/stacks"), ask("/healthz", host="evil.example")):
        check_headers(answered.headers)
        assert answered.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("allow", "peer", "status"),
    [
        ((), "203.0.113.9", 200),
        (("10.0.0.0/8",), "10.1.2.3", 200),
        (("10.0.0.0/8",), "127.0.0.1", 403),
        (("10.0.0.0/8", "127.0.0.0/8"), "127.0.0.1", 200),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", 200),
        (("10.0.0.0/8",), "::ffff:11.1.2.3", 403),
        (("fd00::/8",), "fd00::1", 200),
        (("fe80::/10",), "fe80::1%eth0", 200),
        (("0.0.0.0/0",), "fd00::1", 403),
        (("10.0.0.0/8",), "", 403),
        (("10.0.0.0/8",), "10.1.2.3.4", 403),
    ],
)
def test_who_is_at_another_address_is_not_served_whatever_he_shows(
    allow: tuple[str, ...], peer: str, status: int
) -> None:
    serving = Serving(allow=allow)
    for path in ("/v1/stacks", "/healthz", "/"):
        said = {"authorization": BEARER, "x_forwarded_for": "10.1.2.3", "forwarded": "for=10.1.2.3"}
        assert ask(path, access=api(serving), peer=peer, **said).status == status


def test_a_client_that_asks_too_often_is_told_when_it_may_again() -> None:
    now = [0.0]
    access = api(Serving(requests_per_second=5), lambda: now[0])
    assert [ask(access=access, authorization=BEARER).status for _ in range(12)] == [200] * 10 + [429] * 2
    refused = ask(access=access, authorization=BEARER)
    assert refused.headers["retry-after"] == "1"
    assert ask(access=access, **BOTH).status == 200  # a client of its own
    assert ask("/healthz", access=access).status == 200
    now[0] += 0.41
    assert [ask(access=access, authorization=BEARER).status for _ in range(3)] == [200, 200, 429]


def test_no_spelling_and_no_number_of_sessions_is_a_client_more(tmp_path: Path) -> None:
    now = time.time()
    keys, book = Keys(TOKEN, "epoch"), TokenBook(tmp_path)
    access = ApiAccess(
        Doors(keys, book, AccessPolicy), "controller_7070", lambda: Serving(requests_per_second=2), lambda: 0.0
    )
    ring, issued = book.issue(Issued("0" * 16, "vera", now, now + 600, "", ("viewer",)), now)
    _, other = book.issue(Issued("1" * 16, "olga", now, now + 600, "", ("viewer",)), now)
    token = sign(ring, issued.claims)

    def session() -> dict[str, str]:
        halves = keys.open_session(Badge("vera", issued.id, ("viewer",), (), issued.expires))
        return {"authorization": f"Bearer {halves.shown}", "cookie": f"controller_7070={halves.cookie}"}

    shown = [{"authorization": f"Bearer {token}"}, *(session() for _ in range(4))]
    assert [ask(access=access, **one).status for one in shown] == [200] * 4 + [429]
    assert ask(access=access, authorization=f"Bearer {token}==").status == 401, "another spelling is no token"
    assert ask(access=access, authorization=f"Bearer {sign(ring, other.claims)}").status == 200, "nobody else's measure"
    links = [keys.open_session() for _ in range(6)]  # each somebody's own
    said = [{"authorization": f"Bearer {one.shown}", "cookie": f"controller_7070={one.cookie}"} for one in links]
    assert [ask(access=access, **one).status for one in said] == [200] * 6


def test_who_shows_nothing_good_shares_the_measure_of_his_address() -> None:
    access = api(Serving(requests_per_second=2))
    statuses = [ask(access=access, authorization=f"Bearer {number}").status for number in range(6)]
    assert statuses == [401] * 4 + [429] * 2
    assert ask(access=access, authorization="Bearer x", peer="127.0.0.2").status == 401
    assert ask(access=access, authorization=BEARER).status == 200


SCRAPE = "s" * 43


def scrape(path: str, authorization: str, host: str = "controller:7071") -> Answered:
    raw = [(b"host", host.encode()), (b"authorization", authorization.encode())]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(_app, Place("http", 7071, None), ScrapeAccess(SCRAPE))
    asyncio.run(guard({"type": "http", "path": path, "method": "GET", "headers": raw}, receive, send))
    return Answered(sent)


@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/sd", "/healthz", "/v1/session", "/assets/index.js"])
def test_where_a_stack_is_scraped_its_token_opens_and_nothing_else(path: str) -> None:
    answered = scrape(path, f"Bearer {SCRAPE}")
    assert (answered.status, answered.body["who"]) == (200, "scraper")
    assert answered.headers["cache-control"] == "no-store"
    for other in ("", BEARER, SESSION, f"Bearer {SCRAPE}x", "Bearer ", f"Basic {SCRAPE}", f"Bearer {SCRAPE.upper()}"):
        assert scrape(path, other).status == 401


def test_the_scrape_token_opens_nothing_of_the_api() -> None:
    assert ask("/v1/stacks", authorization=f"Bearer {SCRAPE}").status == 401
    assert ask("/metrics", authorization=f"Bearer {SCRAPE}").status == 401


def test_scrapers_may_call_us_what_they_like_but_at_our_port() -> None:
    assert scrape("/metrics", f"Bearer {SCRAPE}", "172.17.0.1:7071").status == 200
    assert scrape("/metrics", f"Bearer {SCRAPE}", "anything.example:7071").status == 200
    assert scrape("/metrics", f"Bearer {SCRAPE}", "controller:7070").status == 421
