"""A server that cannot begin leaves nobody waiting at its door."""

from __future__ import annotations

import socket

import pytest

from controller.web.binding import Spot, listen_at
from controller.web.guard import Message, Receive, Send
from controller.web.hosting import Hosted, Hosting
from tests.component.waiting import eventually

pytestmark = pytest.mark.unit


def test_where_it_cannot_be_made_its_door_is_shut_and_that_is_told() -> None:
    told: list[str] = []

    def make() -> Hosted:
        raise ImportError("no such module")

    door = listen_at(Spot(socket.AF_INET, ("127.0.0.1", 0)), 5)
    address = door.getsockname()
    hosting = Hosting("api", door, make, told.append)
    eventually(lambda: told, 10)
    assert told == ["ImportError: no such module"]
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address, 5):
        pass
    hosting.close()


def test_an_application_that_does_not_come_up_is_told_too() -> None:
    told: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no"})

    door = listen_at(Spot(socket.AF_INET, ("127.0.0.1", 0)), 5)
    address = door.getsockname()
    hosting = Hosting("api", door, lambda: Hosted(app), told.append)
    eventually(lambda: told, 10)
    assert told == ["it has ended by itself"]
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address, 5):
        pass
    hosting.close()
