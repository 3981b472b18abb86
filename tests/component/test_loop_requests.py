"""What is asked of a running daemon, or of no daemon: each request is answered, from the files as they are then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from controller.loop.acting import act
from controller.loop.ground import Ground
from controller.loop.lock import Lock, try_lock
from controller.loop.session import Session
from controller.model.applied import StackResult
from controller.model.wish import Wish
from tests.component.house import Ear, House
from tests.component.waiting import eventually


@contextmanager
def locked(house: House, stack: str) -> Iterator[Lock]:
    ground = Ground(house.engine, house.asked(stack))
    taken = try_lock(ground.lock_path(stack), ground.folder(stack), time.time)
    assert isinstance(taken, Lock)
    with taken:
        yield taken


def test_requests_to_several_stacks_are_all_answered(house: House) -> None:
    """Their numbers are the same in each store."""
    names = ("a", "b", "c")
    for name in names:
        house.write(name)
    results: dict[str, StackResult] = {}

    def script() -> None:
        eventually(lambda: all(house.count(name) for name in names))
        askers = [threading.Thread(target=lambda n=name: results.update({n: house.ask("stop", n)})) for name in names]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(20)

    assert house.run(script, house.asked(*names)) == 0
    assert {name: result.outcome for name, result in results.items()} == dict.fromkeys(names, "stopped")


def test_an_apply_acts_on_what_the_files_say_now_also_where_nobody_watches_them(house: House) -> None:
    path = house.write("shop")
    results = []

    def script() -> None:
        eventually(lambda: house.count("shop") == 1)
        path.write_text("name: shop\nservices: {db: {image: busybox}, web: {image: busybox, scale: 2}}\n")
        results.append(house.ask("apply", "shop", "web"))

    house.run(script, house.asked("shop"))
    (result,) = results
    assert (result.ok, result.generation, [s.name for s in result.services]) == (True, 2, ["web"])
    assert house.count("shop", "web") == 2


def test_a_confirmation_counts_for_the_files_as_they_are_when_it_is_given(house: House) -> None:
    many = ", ".join(f"{name}: {{image: busybox}}" for name in "abcd")
    path = house.write("shop", f"name: shop\nservices: {{{many}}}\n", ", reconcile: {prune: true}")
    asked = house.asked("shop")
    results: list[StackResult] = []

    def ask(**fields: bool) -> StackResult:
        ground = Ground(house.engine, asked)
        pairs, broken = ground.load_all(ground.targets())
        assert not broken
        return act(ground, pairs, Wish("apply", **fields), Ear(), lambda _: None)[0]  # type: ignore[arg-type]

    def script() -> None:
        eventually(lambda: house.count("shop", "d") == 1)
        results.append(ask())
        path.write_text("name: shop\nservices: {a: {image: busybox}}\n")
        results.append(ask())
        path.write_text("name: shop\nservices: {a: {image: busybox, environment: {B: '1'}}}\n")
        results.append(ask(confirm=True))

    house.run(script, asked)
    assert [result.outcome for result in results] == ["converged", "held", "converged"], results
    assert [house.count("shop", name) for name in "abcd"] == [1, 0, 0, 0]


def test_a_profile_that_was_asked_for_outlives_the_daemon(house: House) -> None:
    profiles = ", startupProfiles: {all: {services: ['*']}, small: {services: [db]}}, profile: all"
    house.write("shop", "name: shop\nservices: {db: {image: busybox}, web: {image: busybox}}\n", profiles)
    asked = house.asked("shop")
    phases: list[dict[str, str]] = []

    def phase() -> dict[str, str]:
        status = house.ear.statuses.get("shop")
        return {s.name: str(s.phase) for s in status.services} if status is not None else {}

    def ask(profile: str | None) -> None:
        ground = Ground(house.engine, asked)
        pairs, _ = ground.load_all(ground.targets(profile))
        (result,) = act(ground, pairs, Wish("apply", profile=profile), Ear(), lambda _: None)
        assert result.ok, result
        phases.append(phase())

    def choose() -> None:
        eventually(lambda: phase() == {"db": "Ready", "web": "Ready"})
        ask("small")

    def look() -> None:
        eventually(lambda: set(phase()) == {"db", "web"})
        time.sleep(0.5)
        phases.append(phase())
        ask(None)

    house.run(choose, asked)
    house.run(look, asked)
    small, all_ = {"db": "Ready", "web": "Stopped"}, {"db": "Ready", "web": "Ready"}
    assert phases == [small, small, all_]


def test_who_waits_for_another_command_goes_on_by_himself_when_that_has_ended(house: House) -> None:
    house.write("shop")
    results: list[StackResult] = []
    with locked(house, "shop") as lock:
        asker = threading.Thread(target=lambda: results.append(house.ask("apply", "shop")))
        asker.start()
        time.sleep(0.5)
        assert not results
        lock.release()
    asker.join(20)
    assert [result.outcome for result in results] == ["converged"]
    ground = Ground(house.engine, house.asked("shop"))
    assert ground.store("shop").intents.claim() is None, "a later daemon would do it again"


def test_a_session_acts_and_tells(house: House) -> None:
    house.write("shop")
    session = Session(house.engine, house.asked("shop"), lambda _: None, lambda *_: None)
    (result,) = session.act(Wish("apply"), Ear())
    assert result.ok and [event.reason for event in session.events()][-1] == "Converged"
    (status,) = session.status()
    assert status.phase == "Converged"
