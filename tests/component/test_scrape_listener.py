"""Where one stack is scraped by its manifest's word: real ports, tokens in real files, a loop that turns."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from controller.web import scrapers
from controller.web.keys import read_token
from tests.component.house import House
from tests.component.served import Visit, visit
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def listen(port: int, more: str = "", host: str = "127.0.0.1") -> str:
    return f", metrics: {{interval: 1s, listen: '{host}:{port}'{more}}}"


def own_token(house: House, stack: str = "shop") -> Path:
    return house.folder.parent / "state" / house.engine.info().id / stack / "scrape.token"


def get(port: int, token: str, path: str = "/metrics", **options: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", **options}
    return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=10)


def answers(port: int, token: str) -> bool:
    try:
        return get(port, token).status_code == 200
    except httpx.HTTPError:
        return False


def served(port: int, file: Path) -> str:
    """The token, once it is scraped there."""
    eventually(file.is_file, 20)
    token = file.read_text().strip()
    eventually(lambda: answers(port, token), 20)
    return token


def said(house: House, reason: str) -> Callable[[], bool]:
    return lambda: bool(house.ear.said(reason))


def test_it_tells_of_its_stack_alone_and_of_the_machine(house: House) -> None:
    port = free_port()
    house.write("shop", spec=listen(port))
    house.write("secret")

    def script(there: Visit) -> None:
        token = served(port, own_token(house))
        eventually(lambda: "controller_host_memory_total_bytes" in get(port, token).text, 20)
        eventually(lambda: 'stack="shop",service="db",phase="Ready"' in get(port, token).text, 20)
        text = get(port, token).text
        assert "controller_build_info" in text and "secret" not in text
        assert "secret" in there.http.get("/metrics").text
        assert get(port, token, "/v1/sd").json() == get(port, token, "/v1/sd?stack=secret").json() == []

    visit(house, script, "shop", "secret")


def test_only_its_token_opens_it_and_opens_only_it(house: House) -> None:
    port = free_port()
    house.write("shop", spec=listen(port))

    def script(there: Visit) -> None:
        token = served(port, own_token(house))
        assert own_token(house).stat().st_mode & 0o777 == 0o600
        everything = read_token(house.folder.parent / "state")
        assert get(port, everything).status_code == get(port, "x").status_code == 401
        for path in ("/v1/stacks", "/metrics", "/v1/sd", "/v1/info"):
            refused = there.stranger.get(path, headers={"authorization": f"Bearer {token}"})
            assert refused.status_code == 401
        for path in ("/", "/v1/stacks", "/v1/stream", "/healthz", "/v1/openapi.json", "/v1/session", "/docs"):
            assert get(port, token, path).status_code == 404
        posted = httpx.post(f"http://127.0.0.1:{port}/metrics", headers={"authorization": f"Bearer {token}"})
        assert posted.status_code == 405

    visit(house, script)


def test_its_answers_have_the_limits_and_headers_of_the_api(house: House) -> None:
    port = free_port()
    house.write("shop", spec=listen(port))

    def script(there: Visit) -> None:
        token = served(port, own_token(house))
        answer = get(port, token, host=f"controller:{port}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers
        large = httpx.post(
            f"http://127.0.0.1:{port}/metrics", content=b"x" * 70000, headers={"authorization": f"Bearer {token}"}
        )
        assert large.status_code == 413

    visit(house, script)


def test_the_host_gateway_is_asked_of_the_engine_and_the_token_lies_where_it_is_wanted(house: House) -> None:
    port = free_port()
    house.write("shop", spec=listen(port, ", tokenFile: scrape.token", "host-gateway"))

    def script(there: Visit) -> None:
        served(port, house.folder / "scrape.token")
        assert (house.folder / "scrape.token").stat().st_mode & 0o777 == 0o644
        assert not own_token(house).exists()

    visit(house, script)


def test_the_token_is_there_before_a_container_could_mount_it(house: House) -> None:
    house.write("shop", spec=listen(free_port(), ", tokenFile: scrape.token"))
    there: list[bool] = []
    perform = house.engine.perform
    house.engine.perform = lambda *args, **more: (  # type: ignore[method-assign]
        there.append((house.folder / "scrape.token").is_file()),
        perform(*args, **more),
    )[1]
    visit(house, lambda one: eventually(lambda: bool(there), 20))
    assert all(there)


def test_who_mounts_the_token_is_not_made_anew_for_it(house: House) -> None:
    """It is there before the files are read: a mount that had no contents would have others a moment later."""
    mount = {"type": "bind", "source": str(house.folder / "shop" / "scrape.token"), "target": "/t", "read_only": True}
    labels = {"controller.simulated.start": "0.01"}
    model = {"name": "NAME", "services": {"db": {"image": "busybox", "volumes": [mount], "labels": labels}}}
    house.write("shop", json.dumps(model), listen(free_port(), ", tokenFile: shop/scrape.token"))

    def script(there: Visit) -> None:
        eventually(lambda: there.http.get("/v1/stacks/shop").json().get("phase") == "Converged", 20)
        assert there.ask("shop", "apply")["exitCode"] == 0
        assert len(there.get("/v1/stacks/shop/revisions")["revisions"]) == 1

    visit(house, script)


@pytest.mark.parametrize(
    ("file", "told"), [("../state/api.token", "among the controller's own state"), ("copy", "which opens everything")]
)
def test_the_apis_own_token_is_no_scrape_token_and_is_not_made_for_others(house: House, file: str, told: str) -> None:
    root = house.folder.parent / "state"
    if file == "copy":
        (house.folder / file).write_text(read_token(root))
    house.write("shop", spec=listen(free_port(), f", tokenFile: {file}"))
    visit(house, lambda there: eventually(said(house, "MetricsNotServed"), 20))
    assert told in house.ear.said("MetricsNotServed")[0]
    assert (root / "api.token").stat().st_mode & 0o777 == 0o600


def test_it_comes_moves_and_goes_with_the_manifest(house: House) -> None:
    one, other = free_port(), free_port()
    house.write("shop")

    def script(there: Visit) -> None:
        eventually(lambda: there.http.get("/v1/stacks/shop").status_code == 200, 20)
        house.write("shop", spec=listen(one))
        token = served(one, own_token(house))
        house.write("shop", spec=listen(other))
        eventually(lambda: answers(other, token) and not answers(one, token), 20)
        house.write("shop")
        eventually(lambda: not answers(other, token), 20)

    visit(house, script)
    assert not house.ear.said("MetricsNotServed")


def test_a_port_that_is_taken_is_told_once_and_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrapers, "AGAIN", 0.1)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        house.write("shop", spec=listen(port))

        def script(there: Visit) -> None:
            eventually(said(house, "MetricsNotServed"), 20)
            threading.Event().wait(0.5)  # several tries
            other.close()
            served(port, own_token(house))
            eventually(said(house, "MetricsServed"), 20)

        visit(house, script)
    (told,) = house.ear.said("MetricsNotServed")
    assert f"127.0.0.1:{port}" in told and "name another port in metrics.listen" in told


@pytest.mark.parametrize(
    ("host", "mend"), [("192.0.2.1", "name an address of this machine"), ("no.such.host.invalid", "another address")]
)
def test_an_address_that_is_not_here_is_told_with_its_mend(house: House, host: str, mend: str) -> None:
    house.write("shop", spec=listen(free_port(), host=host))
    visit(house, lambda there: eventually(said(house, "MetricsNotServed"), 30))
    assert mend in house.ear.said("MetricsNotServed")[0]


def test_it_ends_with_the_controller(house: House) -> None:
    port = free_port()
    house.write("shop", spec=listen(port))
    before = {thread.name for thread in threading.enumerate()}
    visit(house, lambda there: served(port, own_token(house)) and None)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)
    left = {thread.name for thread in threading.enumerate()} - before
    assert not {name for name in left if name.startswith("scrape")}, left
    assert os.path.exists(own_token(house))


def test_a_server_that_has_failed_is_begun_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrapers, "AGAIN", 0.1)
    port = free_port()
    house.write("shop", spec=listen(port))
    make = scrapers.ScrapeServer._make
    failing = [True]

    def fail_once(server: scrapers.ScrapeServer) -> object:
        if failing.pop() if failing else False:
            raise RuntimeError("no more threads")
        return make(server)

    monkeypatch.setattr(scrapers.ScrapeServer, "_make", fail_once)
    visit(house, lambda there: served(port, own_token(house)) and None)
    assert "no more threads" in house.ear.said("MetricsNotServed")[0]
