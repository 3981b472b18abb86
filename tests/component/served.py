"""A daemon that serves its API, and a client with the key to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from controller.cli.dashboard import Together
from controller.loop.window import Served, Window
from controller.model.serving import Serving
from controller.web.keys import Keys, read_token
from controller.web.scrapers import Scrapers
from controller.web.server import ApiServer
from tests.component.house import House
from tests.component.waiting import eventually


@dataclass
class Visit:
    """What a script can reach: the server, and an HTTP client that has its token."""

    house: House
    server: ApiServer
    http: httpx.Client
    stranger: httpx.Client
    """Has no key."""

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, stack: str = "shop") -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/stacks/{stack}")
        return found

    def ask(self, stack: str, verb: str, *services: str, **fields: Any) -> dict[str, Any]:
        """The intent, when it is done."""
        body = {"verb": verb, "services": services, **fields}
        made = self.http.post(f"/v1/stacks/{stack}/intents", json=body)
        assert made.status_code == 202, made.text
        path = f"/v1/stacks/{stack}/intents/{made.json()['id']}"
        eventually(lambda: self.get(path)["state"] == "done", 20)
        done: dict[str, Any] = self.get(path)
        return done

    @contextmanager
    def stream(self, last: str = "", client: httpx.Client | None = None) -> Iterator[Iterator[Message]]:
        headers = {"last-event-id": last} if last else {}
        with (client or self.http).stream("GET", "/v1/stream", headers=headers, timeout=20) as answer:
            assert answer.status_code == 200
            yield read_messages(answer.iter_lines())


@dataclass(frozen=True)
class Message:
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    id: str = ""


def read_messages(lines: Iterator[str]) -> Iterator[Message]:
    """Server-sent events as a browser takes them apart."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Message(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            fields = {}
        else:
            fields = {}


def visit(house: House, script: Callable[[Visit], None], *stacks: str, watch: bool = True, **serving: Any) -> None:
    """Serve the house's stacks until the script has come to its end."""
    servers: list[ApiServer] = []

    def serve(window: Window, said: Serving | None) -> Served:
        asked = said or Serving(**{"port": 0, "requests_per_second": 10_000, **serving})
        if said is None:
            window.said = lambda: asked
        servers.append(ApiServer(window, asked))
        return Together((servers[0], Scrapers(window, discovery=asked.discovery)))

    def play() -> None:
        eventually(lambda: servers, 20)
        url = servers[0].address.url
        token = read_token(house.folder.parent / "state")
        with (
            httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=20) as client,
            httpx.Client(base_url=url, timeout=20) as stranger,
        ):
            eventually(lambda: client.get("/readyz").status_code == 200, 20)
            script(Visit(house, servers[0], client, stranger))

    names = stacks or ("shop",)
    assert house.run(play, house.asked(*names), watch=watch, serve=serve) == 0


def converge(there: Visit, stack: str = "shop", patience: float = 20) -> None:
    """It may be served before the loop has looked once: then nobody knows the stack yet."""
    eventually(lambda: there.http.get(f"/v1/stacks/{stack}").json().get("phase") == "Converged", patience)


def new_code(visit: Visit) -> str:
    """As `controller token link` makes one."""
    return Keys(read_token(visit.house.folder.parent / "state"), visit.server.address.epoch).make_code()
