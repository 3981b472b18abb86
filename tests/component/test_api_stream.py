"""What is followed over the API: everything as it changes, and the output of replicas."""

from __future__ import annotations

import threading

import httpx
import pytest

from controller.engines.base import Scope
from controller.loop import window
from controller.model.errors import ControllerError
from controller.web import feed
from tests.component.house import House
from tests.component.served import Visit, converge, new_code, read_messages, visit
from tests.component.waiting import eventually


def test_the_first_who_follows_sees_what_was_silenced_before(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        there.http.post("/v1/stacks/shop/silences", json={"seconds": 60, "comment": "a move"})
        with there.stream() as messages:
            assert next(messages).data["silences"][0]["comment"] == "a move"

    visit(house, script)


def test_a_store_that_cannot_be_read_keeps_nothing_else_from_being_served(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("shop")

    def break_it(*_: object) -> None:
        raise ControllerError("the database is damaged")

    monkeypatch.setattr(window.Window, "events", break_it)
    monkeypatch.setattr(window.Window, "alerts", break_it)

    def script(there: Visit) -> None:
        converge(there)
        with there.stream() as messages:
            assert next(messages).data["stacks"][0]["name"] == "shop"

    visit(house, script)


def test_a_store_that_does_not_answer_keeps_no_page_waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("shop")
    answers = threading.Event()

    def hang(*_: object) -> None:
        answers.wait(60)
        raise ControllerError("the disk is slow")

    def script(there: Visit) -> None:
        converge(there)
        monkeypatch.setattr(window.Window, "alerts", hang)
        try:
            with there.stream() as messages:
                assert next(messages).data["stacks"][0]["name"] == "shop"
                assert not answers.is_set()
        finally:
            answers.set()

    visit(house, script)


def test_who_has_gone_out_is_told_nothing_more(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        session = there.stranger.post("/v1/session", json={"code": new_code(there)}).json()["session"]
        key = {"authorization": f"Bearer {session}"}
        kept, url = there.stranger.cookies, there.server.address.url
        with httpx.Client(base_url=url, headers=key, cookies=kept) as own, there.stream(client=own) as messages:
            assert next(messages).kind == "snapshot"
            assert there.stranger.delete("/v1/session", headers=key).status_code == 204
            there.ask("shop", "stop")
            assert sum(1 for _ in messages) <= 1  # what was on its way

    visit(house, script)


def test_more_followers_than_there_is_room_for_are_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_FOLLOWERS", 1)
    house.write("shop")

    def script(there: Visit) -> None:
        with there.stream() as messages:
            next(messages)
            assert there.http.get("/v1/stream").status_code == 503

    visit(house, script)


def test_logs_are_followed_through_a_restart(house: House) -> None:
    house.write("shop")
    path = "/v1/stacks/shop/services/db/logs?follow=true"

    def script(there: Visit) -> None:
        converge(there)
        with there.http.stream("GET", path, timeout=20) as answer:
            messages = read_messages(answer.iter_lines())
            assert next(messages).kind == "line"
            replica = house.engine.observe(Scope("shop")).services["db"].replicas[0]
            house.engine.meddle("shop", lambda hands, now: hands.kill(replica.id, now))
            assert next(messages).data["replica"] == replica.name

    visit(house, script)


def test_it_ends_although_somebody_follows(house: House) -> None:
    house.write("shop")
    before = {thread.name for thread in threading.enumerate()}
    followers: list[threading.Thread] = []
    seen: list[str] = []

    def follow(there: Visit, token: str) -> None:
        with (
            httpx.Client(base_url=there.server.address.url, headers={"authorization": token}) as own,
            there.stream(client=own) as messages,
        ):
            for message in messages:
                seen.append(message.kind)

    def script(there: Visit) -> None:
        converge(there)
        follower = threading.Thread(target=follow, args=(there, there.http.headers["authorization"]))
        followers.append(follower)
        follower.start()
        eventually(lambda: "snapshot" in seen, 10)

    visit(house, script)
    followers[0].join(10)
    assert not followers[0].is_alive()
    eventually(lambda: "api" not in {thread.name for thread in threading.enumerate()} - before, 5)


def test_a_service_that_is_killed_is_seen_to_come_back(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        with there.stream() as messages:
            (stack,) = next(messages).data["stacks"]
            assert stack["services"][0]["phase"] == "Ready"
            replica = house.engine.observe(Scope("shop")).services["db"].replicas[0]
            house.engine.meddle("shop", lambda hands, now: hands.kill(replica.id, now))
            phases = []
            for message in messages:
                if message.kind == "service":
                    phases.append(message.data["service"]["phase"])
                    if phases[-1] == "Ready" and len(set(phases)) > 1:
                        break
        assert phases[0] != "Ready"

    visit(house, script)
