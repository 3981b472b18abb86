"""The API of a daemon, on real sockets and threads, with the simulated engine: what it tells, what is asked of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx

from controller.web.keys import Address
from controller.web.pages import FOLDER
from tests.component.house import House
from tests.component.served import Visit, converge, new_code, visit
from tests.component.waiting import eventually
from tests.headers import check_headers

TWO = (
    "name: NAME\nservices: {db: {image: busybox, labels: {controller.simulated.start: '0.01'}}, web: {image: busybox, "
    "depends_on: {db: {condition: service_started, required: true}}, labels: {controller.simulated.start: '0.01'}}}\n"
)


def test_it_tells_what_is(house: House) -> None:
    house.write("shop", TWO)

    def script(there: Visit) -> None:
        converge(there)
        (stack,) = there.get("/v1/stacks")["stacks"]
        assert stack == there.status()
        assert [service["name"] for service in stack["services"]] == ["db", "web"]
        assert there.get("/v1/stacks/shop/services/db") == stack["services"][0]
        graph = there.get("/v1/stacks/shop/graph")
        assert graph["batches"] == [["db"], ["web"]] and graph["criticalPath"] == ["db", "web"]
        assert there.get("/v1/stacks/shop/services/web/why")["chain"][0]["phase"] == "Ready"
        assert there.get("/v1/stacks/shop/revisions")["revisions"][0]["outcome"] == "Converged"
        assert {one["service"] for one in there.get("/v1/stacks/shop/revisions/1")["changes"]} == {"db", "web"}
        assert [one["service"] for one in there.get("/v1/endpoints")["endpoints"]] == ["db", "web"]
        assert there.get("/v1/stacks/shop/plan")["changes"] == 0
        room = there.get("/v1/stacks/shop/room")
        assert (room["admission"], room["machine"]) == ("warn", None)
        assert {one["name"]: one["waits"] for one in room["services"]} == dict.fromkeys(("db", "web"))
        assert there.get("/v1/stacks/shop/alerts") == {"alerts": [], "silences": []}
        assert there.get("/v1/info")["engine"]["id"] == house.engine.info().id
        assert "simulated" in there.get("/v1/stacks/shop/services/db/logs")["lines"][0]["line"]

    visit(house, script)


def test_events_are_told_from_where_one_was(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        every = there.get("/v1/stacks/shop/events")["events"]
        assert [event["seq"] for event in every] == sorted(event["seq"] for event in every)
        assert there.get("/v1/stacks/shop/events", after=every[-2]["seq"])["events"] == every[-1:]
        assert there.get("/v1/stacks/shop/events", limit=1)["events"] == every[-1:]
        assert all(one["service"] == "db" for one in there.get("/v1/stacks/shop/events", service="db")["events"])

    visit(house, script)


def test_what_is_asked_for_is_done_by_the_loop(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        done = there.ask("shop", "stop", "db")
        assert (done["exitCode"], done["who"], done["services"]) == (0, "api", ["db"])
        assert done["result"]["services"][0]["name"] == "db"
        assert there.status()["phase"] == "Stopped"
        assert there.ask("shop", "start")["exitCode"] == 0
        assert there.status()["phase"] == "Converged"

    visit(house, script)


def test_what_cannot_be_done_is_answered_as_on_the_command_line(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        done = there.ask("shop", "stop", "nobody")
        assert done["exitCode"] == 1 and "nobody" in done["result"]["message"]

    visit(house, script)


def test_broken_files_are_told_with_their_place(house: House) -> None:
    path = house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        path.write_text("name: shop\nservices: {db: {image: busybox}, db: {image: other}}\n")
        answer = there.http.get("/v1/stacks/shop/plan")
        assert answer.status_code == 422
        (finding,) = answer.json()["error"]["findings"]
        assert finding["line"] == 2 and "db" in finding["message"]
        eventually(lambda: "GenerationHeld" in str(there.status()["conditions"]), 20)
        assert there.status()["services"][0]["phase"] == "Ready"

    visit(house, script)


ABSENT = (
    "/v1/stacks/nix", "/v1/stacks/nix/graph", "/v1/stacks/nix/plan", "/v1/stacks/nix/alerts", "/v1/nix",
    "/assets/nix.js", "/v1/stacks/nix/revisions", "/v1/stacks/shop/services/nix", "/v1/stacks/shop/services/nix/why",
    "/v1/stacks/shop/services/db/logs?replica=nix", "/v1/stacks/shop/revisions/99", "/v1/stacks/shop/intents/99",
    "/v1/stacks/nix/events", "/assets/%00", f"/assets/{'x' * 300}",
    "/assets/..%2f..%2f__init__.py", "/v1/stacks/..%2f..", "/metrics/nix",
)  # fmt: skip
SENSELESS: tuple[object, ...] = (
    {}, {"verb": "down"}, {"verb": "stop", "service": "db"}, {"verb": "stop", "services": "db"}, [],
    {"verb": "stop", "timeout": 0}, {"verb": "rollout-undo", "to": 0}, "stop",
)  # fmt: skip


def test_what_there_is_not_and_what_nobody_can_mean_is_told_in_one_line(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        for path in ABSENT:
            answer = there.http.get(path)
            assert (answer.status_code, path) == (404, path)
            assert answer.json()["error"]["message"]
        for body in SENSELESS:
            answer = there.http.post("/v1/stacks/shop/intents", json=body)
            assert (answer.status_code, body) == (422, body)
            assert answer.json()["error"]["message"]
        assert there.http.post("/v1/stacks/nix/intents", json={"verb": "stop"}).status_code == 404
        assert there.http.put("/v1/stacks/shop/intents", json={}).status_code == 405
        assert house.count("shop") == 1

    visit(house, script)


def test_a_browser_comes_in_by_a_code_and_goes_out_again(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        browser, code = there.stranger, new_code(there)
        assert browser.get("/v1/stacks").status_code == 401
        come = browser.post("/v1/session", json={"code": code})
        assert come.status_code == 201 and browser.get("/v1/stacks").status_code == 401  # the cookie alone
        browser.headers["authorization"] = f"Bearer {come.json()['session']}"
        assert browser.get("/v1/stacks").status_code == 200
        assert browser.get("/v1/session").json()["user"] == "owner"
        made = browser.post("/v1/stacks/shop/intents", json={"verb": "stop", "services": ["db"]})
        assert (made.status_code, made.json()["who"]) == (202, "dashboard")
        kept = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        assert browser.delete("/v1/session").status_code == 204 and not browser.cookies
        assert browser.get("/v1/stacks", headers={"cookie": kept}).status_code == 401
        del browser.headers["authorization"]
        again = browser.post("/v1/session", json={"code": code})
        assert again.status_code == 403 and "used" in again.json()["error"]["message"]

    visit(house, script)


def test_the_token_opens_a_session_too(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        token = (house.folder.parent / "state" / "api.token").read_text()
        assert there.stranger.post("/v1/session", json={"token": token + "x"}).status_code == 403
        session = there.stranger.post("/v1/session", json={"token": token}).json()["session"]
        assert there.stranger.get("/v1/info", headers={"authorization": f"Bearer {session}"}).status_code == 200

    visit(house, script)


def test_every_place_of_the_dashboard_is_its_page_and_tells_nothing(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        for path in ("/", "/alerts", "/stacks/shop", "/stacks/shop/resources", "/stacks/shop/services/db"):
            page = there.stranger.get(path)
            assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
            assert "db" not in page.text

    visit(house, script)


def test_every_answer_says_what_a_browser_may_do_with_it(house: House) -> None:
    """Files, pages, data, streams, and all that is refused, by whichever part of the server it may be."""
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        asked = [
            *(there.http.get(path) for path in ("/v1/stacks", "/metrics", "/healthz", "/v1/nix", "/v1/openapi.json")),
            *(there.stranger.get(path) for path in ("/v1/stacks", "/assets/nix.js", "/assets/..%2fapi.token")),
            there.http.post("/v1/stacks/shop/intents", json={"verb": "nonsense"}),
            there.http.put("/v1/stacks"),
            there.http.get("/v1/stacks", headers={"host": "evil.example"}),
            there.http.post("/v1/session", content=b"x" * 70_000),
        ]
        assert {answer.status_code for answer in asked} == {200, 401, 404, 405, 413, 421, 422}
        for answer in asked:
            check_headers(answer.headers)
            assert answer.headers["cache-control"] == "no-store"
        pages = [there.stranger.get(path) for path in ("/", "/stacks/shop")]
        pages += [there.stranger.get(f"/assets/{path.name}") for path in (FOLDER / "assets").glob("*")]
        for page in pages:
            assert page.status_code == 200
            check_headers(page.headers)
        with there.http.stream("GET", "/v1/stream") as stream:
            check_headers(stream.headers)
            assert stream.headers["cache-control"] == "no-store"
        check_headers(say(there.server.address.url, b"NONSENSE\r\n\r\n"))

    visit(house, script)


def say(url: str, what: bytes) -> httpx.Headers:
    """What comes back for bytes that are no HTTP."""
    there = httpx.URL(url)
    with socket.create_connection((there.host, there.port or 80), 10) as connection:
        connection.sendall(what)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    head = answer.partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 400")
    return httpx.Headers([tuple(line.split(": ", 1)) for line in head.split("\r\n")[1:]])  # type: ignore[misc]


def test_silences_and_acknowledgements_are_those_of_the_command_line(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        said = {"seconds": 60, "services": ["db"], "comment": "a move"}
        made = there.http.post("/v1/stacks/shop/silences", json=said)
        assert made.status_code == 201
        (silence,) = made.json()["silences"]
        assert (silence["services"], silence["by"], silence["comment"]) == (["db"], "api", "a move")
        assert there.http.delete(f"/v1/stacks/shop/silences/{silence['id']}").status_code == 204
        assert there.http.delete(f"/v1/stacks/shop/silences/{silence['id']}").status_code == 404
        assert there.http.post("/v1/stacks/shop/alerts/nix/ack").status_code == 404
        assert there.http.post("/v1/stacks/shop/silences", json={**said, "services": ["nix"]}).status_code == 404

    visit(house, script)


def test_where_the_port_is_taken_the_next_one_is_served(house: House) -> None:
    house.write("shop")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        visit(house, lambda there: _is_beyond(there, taken), port=taken)


def _is_beyond(there: Visit, taken: int) -> None:
    assert int(there.server.address.url.rsplit(":", 1)[1]) > taken


def test_other_processes_learn_where_it_serves_as_long_as_it_does(house: House) -> None:
    house.write("shop")
    folder = house.folder.parent / "state" / house.engine.info().id / "_controller"

    def script(there: Visit) -> None:
        assert Address.read(folder) == there.server.address

    visit(house, script)
    assert Address.read(folder) is None


def test_the_openapi_document_names_every_route(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        paths = there.get("/v1/openapi.json")["paths"]
        assert {"/v1/stacks", "/v1/stream", "/v1/stacks/{stack}/intents", "/healthz"} <= set(paths)
        assert all(one["summary"] and one.get("description") for path in paths.values() for one in path.values())

    visit(house, script)


def numbers(schema: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every whole number that somebody may send in an address: method, path and name."""
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            for one in told.get("parameters", ()):
                if any(kind.get("type") == "integer" for kind in one["schema"].get("anyOf", [one["schema"]])):
                    yield method, path, one["name"]


def test_numbers_that_no_row_can_have_are_refused_wherever_they_are_sent(house: House) -> None:
    house.write("shop")
    known = {"stack": "shop", "service": "db", "alert": "x", "number": "1"}

    def script(there: Visit) -> None:
        converge(there)
        schema = there.get("/v1/openapi.json")
        found = list(numbers(schema))
        assert {name for _, _, name in found} == {"number", "after", "limit", "tail"} and len(found) == 7
        for method, path, name in found:
            for wrong in (2**63, 10**40, -1):
                place = path.format(**{**known, name: wrong})
                query = {} if f"{{{name}}}" in path else {name: wrong}
                told = there.http.request(method, place, params=query)
                assert told.status_code == 422 and name in told.json()["error"]["message"], (method, place, told.text)
            assert there.http.request(method, path.format(**{**known, name: 2**63 - 1})).status_code in (200, 404)
        body = {"verb": "rollout-undo", "to": 2**63}
        assert there.http.post("/v1/stacks/shop/intents", json=body).status_code == 422

    visit(house, script)
