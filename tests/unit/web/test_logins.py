"""What a login sets in a browser, with and without TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from controller.loop.tokenbook import TokenBook
from controller.model.access import AccessPolicy
from controller.model.serving import Serving
from controller.web.access import ApiAccess
from controller.web.bounds import Throttle
from controller.web.callers import Doors
from controller.web.guard import Guard, Place
from controller.web.keys import Keys
from controller.web.logins import logins
from controller.web.server import cookie_name

pytestmark = pytest.mark.unit

TOKEN = "t" * 43


def log_in(place: Place) -> httpx.Response:
    doors = Doors(Keys(TOKEN, "epoch", 7070), TokenBook(Path("/nonexistent")), AccessPolicy)
    app = FastAPI()
    app.include_router(logins)
    app.state.desk = SimpleNamespace(doors=doors, place=place, cookie=cookie_name(place), logins=Throttle())
    guarded = Guard(app, place, ApiAccess(doors, cookie_name(place), Serving, lambda: 0.0))

    async def ask() -> httpx.Response:
        base = f"{place.scheme}://localhost:7070"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=guarded), base_url=base) as client:
            made = await client.post("/v1/session", json={"token": TOKEN})
            key = {"authorization": f"Bearer {made.json()['session']}"}
            assert (await client.get("/v1/session", headers=key)).json()["user"] == "owner"
            assert (await client.get("/v1/session", headers=key)).status_code == 200
            client.cookies.clear()
            assert (await client.get("/v1/session", headers=key)).status_code == 401
            return made

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("scheme", "name", "secure"), [("http", "controller_7070", False), ("https", "__Host-controller_7070", True)]
)
def test_the_cookie_is_for_this_server_alone(scheme: str, name: str, secure: bool) -> None:
    said = log_in(Place(scheme, 7070)).headers["set-cookie"]
    assert said.startswith(f"{name}=")
    parts = {part.strip().lower() for part in said.split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    assert ("secure" in parts) is secure and not any(part.startswith("domain") for part in parts)
