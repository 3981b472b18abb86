"""Whatever is asked, by whomever: no answer is a fault of ours, and nothing is open that should be closed.

Requests are drawn from our own OpenAPI document, with values that it allows and values that it does not. Who may what
is written here once more, by hand: a route that is not in the table fails.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from controller.web.feed import Feed
from tests.component.house import House
from tests.component.served import Visit, converge, read_messages
from tests.component.test_api_access import client, make_token, visited
from tests.component.waiting import eventually

ANYBODY = frozenset({"stranger", "vera", "olga", "sam", "ida", "api"})
KEYED = ANYBODY - {"stranger"}
SEES, STEERS = frozenset({"vera", "olga", "api"}), frozenset({"olga", "api"})
"""Of stacks in general; sam may all, in `shop` alone."""

STACK = "/v1/stacks/{stack}"
SERVICE = f"{STACK}/services/{{service}}"
OF_STACK = (
    "graph room security certificates plan cleanup revisions revisions/{number} events alerts usage resources"
    " intents/{number}"
)
TABLE: dict[str, frozenset[str]] = {
    **dict.fromkeys(("get /healthz", "get /readyz", "post /v1/session"), ANYBODY),
    **dict.fromkeys(("get /v1/session", "delete /v1/session", "get /v1/info", "get /v1/host/usage"), KEYED),
    **{f"get /v1/{one}": KEYED for one in ("stacks", "endpoints", "usage", "stream", "sd")},
    **{f"get {STACK}/{one}": SEES for one in OF_STACK.split(" ")},
    **{f"get {SERVICE}{one}": SEES for one in ("", "/why", "/logs")},
    "get /metrics": SEES,
    "get /v1/tokens": frozenset({"api"}),
    "get /v1/access": frozenset({"api"}),
    "get /v1/audit": frozenset({"api"}),
    f"get {STACK}/secrets": frozenset({"api"}),
    "delete /v1/tokens/{number}": frozenset({"api"}),
    f"get {STACK}/revisions/{{number}}": SEES,
    f"get {STACK}": SEES,
    f"post {STACK}/intents": SEES,
    f"post {STACK}/alerts/{{alert}}/ack": STEERS,
    f"post {STACK}/silences": STEERS,
    f"delete {STACK}/silences/{{number}}": STEERS,
}
"""Who gets past the door of a route. What an intent asks for is judged by its body."""

WORDS = (
    "", "db", "web", "shop", "bank", "none", "..", "../..", "%00", "\0", "'; DROP TABLE events;--", "ü" * 50, "x" * 300,
    "1", "-1", "0", "9" * 30, "1e9", "NaN", "null", "true", "/", "\r\nSet-Cookie: a=b", "😀", "{}", "*",
)  # fmt: skip
JUNK: tuple[Any, ...] = (None, True, -1, 0, 1.5, 2**63, 10**30, -(10**9), "", [], {}, [[]], {"a": {}}, "\ud800", *WORDS)


class Draw:
    """Values for a schema: as it says, or mostly so."""

    def __init__(self, chance: random.Random, schemas: Mapping[str, Any]) -> None:
        self.chance, self._schemas = chance, schemas

    def value(self, schema: Mapping[str, Any], wild: float = 0.15) -> Any:
        chance = self.chance
        if chance.random() < wild:
            return chance.choice(JUNK)
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]], wild)
        for word in ("anyOf", "oneOf", "allOf"):
            if word in schema:
                return self.value(chance.choice(schema[word]), wild)
        if "enum" in schema:
            return chance.choice(schema["enum"])
        return self._typed(schema, wild)

    def _typed(self, schema: Mapping[str, Any], wild: float) -> Any:
        chance = self.chance
        match schema.get("type"):
            case "integer":
                return chance.choice((0, 1, 2, 60, 2**63 - 1))
            case "number":
                return chance.choice((0.5, 1, 60, 3600))
            case "boolean":
                return chance.random() < 0.5
            case "null":
                return None
            case "array":
                return [self.value(schema.get("items", {}), wild) for _ in range(chance.randrange(3))]
            case "object":
                keys = schema.get("properties", {})
                chosen = [key for key in keys if key in schema.get("required", ()) or chance.random() < 0.3]
                more = {chance.choice(WORDS): 1} if chance.random() < 0.05 else {}
                return {**{key: self.value(keys[key], wild) for key in chosen}, **more}
        return chance.choice(("db", "shop", *WORDS))


PLACES = {"stack": ("shop", "shop", "shop", "bank", "none"), "service": ("db", "db", "none"), "number": ("1", "99")}


def requests(document: Mapping[str, Any], seed: int) -> Iterator[tuple[str, str, httpx.Request]]:
    """One of each operation: its name, the stack that it is about (`/`: it is another path's), and without a key."""
    draw = Draw(random.Random(seed), document["components"]["schemas"])
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield _request(draw, method, path, told)


def _request(draw: Draw, method: str, path: str, told: Mapping[str, Any]) -> tuple[str, str, httpx.Request]:
    chance = draw.chance
    places, query, headers = {}, {}, {}
    for one in told.get("parameters", ()):
        if one["in"] == "path":
            known = PLACES.get(one["name"], ("x",))
            places[one["name"]] = chance.choice(known) if chance.random() < 0.8 else chance.choice(WORDS)
        elif chance.random() < 0.5:
            value = str(draw.value(one["schema"])).encode(errors="replace").decode()
            if one["in"] == "query":
                query[one["name"]] = value
            elif value.isascii() and value.isprintable():
                headers[one["name"]] = value
    place = path.format(**{name: quote(value, safe="") or "-" for name, value in places.items()})
    body = told.get("requestBody")
    content = draw.value(body["content"]["application/json"]["schema"]) if body is not None else None
    raw = json.dumps(content).encode() if body is not None else None
    headers |= {"content-type": "application/json"} if body is not None else {}
    made = httpx.Request(method.upper(), f"http://x{place}", params=query, headers=headers, content=raw)
    stack = "/" if any("/" in one or one == ".." for one in places.values()) else places.get("stack") or "-"
    return f"{method} {path}", stack, made


def is_let_in(name: str, who: str, stack: str) -> bool:
    if who == "sam" and who not in TABLE[name]:
        return stack == "shop"
    return who in TABLE[name]


def check(name: str, who: str, stack: str, answer: httpx.Response, text: str) -> None:
    """Closed is closed, whatever else is wrong with the request; open is not said to be closed."""
    told = (name, who, stack, answer.status_code, str(answer.request.url), text[:300])
    assert answer.status_code < 500 or "wait already" in text or name == "get /readyz", told
    if stack == "/":  # another path's, if any's at all
        assert answer.status_code != 202 or who in STEERS, told
    elif who == "stranger":
        assert (answer.status_code == 401) is (name not in OPENED), told
    elif not is_let_in(name, who, stack):
        assert answer.status_code == 403, told
    elif answer.status_code == 403:
        assert name in ("post /v1/session", f"post {STACK}/intents"), told
    elif answer.status_code == 202 and who == "vera":
        raise AssertionError(told)


OPENED = {name for name, who in TABLE.items() if "stranger" in who}


def storm(there: Visit, seeds: range) -> Counter[int]:
    """Every role at every route, so many times."""
    document = there.get("/v1/openapi.json")
    assert {f"{method} {path}" for path, methods in document["paths"].items() for method in methods} == set(TABLE)
    seen: Counter[int] = Counter()
    with ExitStack() as opened:
        people = {"stranger": there.stranger, "api": there.http}
        for number, who in enumerate(("vera", "olga", "sam", "ida")):
            people[who] = opened.enter_context(client(there, make_token(there, who, number=number)))
        for seed in seeds:
            for name, stack, request in requests(document, seed):
                for who, own in people.items():
                    seen[ask(own, name, who, stack, request)] += 1
    return seen


def ask(own: httpx.Client, name: str, who: str, stack: str, request: httpx.Request) -> int:
    headers = {key: value for key, value in request.headers.items() if key not in ("host", "content-length")}
    url = str(request.url).removeprefix("http://x")
    with own.stream(request.method, url, headers=headers, content=request.content) as answer:
        is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
        text = "" if is_stream else answer.read().decode(errors="replace")
        check(name, who, stack, answer, text)
        return answer.status_code


def fuzz(house: House, seeds: range, least: Callable[[Counter[int]], bool]) -> None:
    def script(there: Visit) -> None:
        for name in ("shop", "bank"):
            converge(there, name)
        began = time.monotonic()
        seen = storm(there, seeds)
        assert least(seen), seen
        assert there.http.get("/healthz").status_code == 200, time.monotonic() - began

    visited(house, script, "shop", "bank")


def test_every_role_at_every_route_with_whatever_may_be_sent(house: House) -> None:
    fuzz(house, range(1), lambda seen: {200, 401, 403, 404, 422} <= set(seen))


# --- what is followed


SEEN: Mapping[str, frozenset[str]] = {
    "vera": frozenset({"shop", "bank"}),
    "olga": frozenset({"shop", "bank"}),
    "api": frozenset({"shop", "bank"}),
    "sam": frozenset({"shop"}),
    "ida": frozenset(),
}
"""Of which stacks one is told in a stream, written down by hand."""

LASTS: tuple[bytes, ...] = (
    b"", b"-", b"1", b"-1", b"EPOCH", b"EPOCH-", b"EPOCH--1", b"EPOCH-0", b"EPOCH-1", b"EPOCH-+1", b"EPOCH-1e3",
    b"EPOCH-1.5", b"EPOCH-NaN", b"EPOCH-" + b"9" * 40, b"EPOCH- 1", b"EPOCH-1-1", b"other-1", b"epoch-1",
    "EPOCH-²".encode("latin-1"), "EPOCH-\u0663".encode(), b"\xff\xfe", b"x" * 64, b"x" * 65, b"x" * 9000,
    b"'; DROP TABLE events;--", b"%00", b"{}", b"null", b"EPOCH-1, EPOCH-2", b"a\tb", b"../../etc/passwd",
)  # fmt: skip
"""`EPOCH` stands for the one of the process that serves."""

UPGRADE = ((b"connection", b"upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13"))
WORDY = ((b"accept", b"\xff"), (b"cookie", b"=;;=\xff"), (b"range", b"bytes=0-"), (b"content-type", b"nonsense"))
REFUSED = frozenset({400, 405, 413, 421, 422, 431})


class Following(NamedTuple):
    """A request for the stream. `last`: how far it says that it is, as the server reads it; None: that is not plain."""

    what: str
    method: str = "GET"
    query: str = ""
    headers: Sequence[tuple[bytes, bytes]] = ()
    last: str | None = None


def followings(epoch: bytes) -> Iterator[Following]:
    for last in (one.replace(b"EPOCH", epoch) for one in LASTS):
        header, query = last.decode("latin-1"), last.decode(errors="replace")
        yield Following(f"header {last[:40]!r}", headers=[(b"last-event-id", last)], last=header)
        yield Following(f"query {last[:40]!r}", query=f"?since={quote(last)}", last=query)
    both = [(b"last-event-id", epoch + b"-1"), (b"last-event-id", b"x")]
    yield Following("two headers", headers=both)
    yield Following(
        "both", query=f"?since={quote(epoch + b'-0')}&since=x&{quote(b'%00')}=1&stack=bank", headers=both[1:]
    )
    yield Following("a websocket", headers=UPGRADE)
    yield Following("other words", headers=WORDY)
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "NONSENSE"):
        yield Following(f"method {method}", method)


def follow(own: httpx.Client, who: str, asked: Following, feed: Feed) -> int:
    """As far as the first word: what is told is what that one may see."""
    with own.stream(asked.method, f"/v1/stream{asked.query}", headers=list(asked.headers)) as answer:
        told = (who, asked.what, answer.status_code)
        is_open = answer.headers.get("content-type", "").startswith("text/event-stream")
        if who == "stranger":
            assert answer.status_code in {401, *REFUSED} and not is_open, told
        elif not is_open:
            assert answer.status_code in REFUSED, told
        else:
            assert answer.status_code == 200 and asked.method == "GET", told
            lines = answer.iter_lines()
            assert next(lines).startswith("retry:"), told
            if asked.last is not None and feed.begin(asked.last) is None:  # nobody can go on from there
                message = next(read_messages(lines))
                assert message.kind == "snapshot", told
                assert {one["name"] for one in message.data["stacks"]} == SEEN[who], told
        return answer.status_code


def test_a_stream_that_is_asked_for_oddly_is_no_fault_and_nothing_of_it_stays_open(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds: list[Feed] = []
    plain = Feed.__init__

    def make(self: Feed) -> None:
        plain(self)
        feeds.append(self)

    monkeypatch.setattr(Feed, "__init__", make)
    seen: Counter[int] = Counter()

    def script(there: Visit) -> None:
        for name in ("shop", "bank"):
            converge(there, name)
        (feed,) = feeds
        with ExitStack() as opened:
            people = {"stranger": there.stranger, "api": there.http}
            for number, who in enumerate(("vera", "olga", "sam", "ida")):
                people[who] = opened.enter_context(client(there, make_token(there, who, number=number)))
            for asked in followings(feed.epoch.encode()):
                for who, own in people.items():
                    seen[follow(own, who, asked, feed)] += 1
            eventually(lambda: feed.followers.taken == 0, 30)
        assert there.http.get("/healthz").status_code == 200
        assert not there.house.ear.said("RequestFailed")

    visited(house, script, "shop", "bank")
    assert {200, 401, 405, 422} <= set(seen) and max(seen) < 500, seen


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_same_for_long(house: House) -> None:
    fuzz(house, range(100, 250), lambda seen: {200, 202, 401, 403, 404, 422} <= set(seen))
