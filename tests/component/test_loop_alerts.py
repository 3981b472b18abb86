"""Alerts of a running controller: judged as the status changes, told to channels, heard again by whoever asks."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from controller.alerts import sinks
from controller.loop import alerting
from controller.loop.alerting import Watchman
from controller.loop.store import Store
from controller.model.alert import Ack, Alert, AlertPolicy, Severity, Silence
from controller.model.channel import Channel
from controller.model.errors import ControllerError
from controller.model.names import Instant
from controller.model.resources import HostThresholds
from controller.model.usage import EngineView, Figures, HostUsage, ServiceUsage, Usage
from tests.component.house import House
from tests.component.stage import Stage, load, service
from tests.component.waiting import eventually

CRASHING = {
    "db": service(labels={"controller.simulated.crash-after": "0.5"}),
    **{f"app{number}": service("db") for number in range(3)},
}


class Post:
    """The watchman of a stage's stack, and what its channel was sent."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self.sent: list[str] = []
        self.fault: str = ""
        self.told: list[str] = []
        self.usage: Usage | None = None
        self._calls: queue.SimpleQueue[Callable[[Instant], None]] = queue.SimpleQueue()
        self.channels = (Channel("ops", "json://nowhere"),)
        self.controller = SimpleNamespace(
            pressed=False, stacks={}, call=self._calls.put, faults={}, tell=lambda *said: self.told.append(said[2])
        )
        monkeypatch.setattr(alerting, "send", self._send)
        self.begin()

    def heard(self) -> list[str]:
        """How bad, and whose, in order."""
        return [": ".join(title.split(": ")[:2]) for title in self.sent]

    def restart(self) -> None:
        """Another controller, with nothing but the store."""
        self.close()
        loaded = self.stage.reconciler.loaded
        self.stage.die()
        self.stage.begin(loaded)
        self.begin()

    def close(self) -> None:
        self.watchman.close()
        self.elsewhere.close()

    def begin(self) -> None:
        self.elsewhere = Store(self.stage.folder)
        self.controller.stacks = {"shop": self.stage.reconciler}
        self.watchman = Watchman(self.controller, lambda: self.channels, {}, lambda: self.usage)  # type: ignore[arg-type]

    def _send(self, channel: Channel, alert: Alert, _: object) -> None:
        if self.fault:
            raise ControllerError(self.fault)
        self.sent.append(sinks.title_of(alert))

    def settle(self, seconds: float) -> None:
        """The loop for a while: each second a look, and what couriers say is heard."""
        for _ in range(int(seconds)):
            self.stage.settle(1.0)
            self.look()

    def look(self) -> None:
        self.watchman.look(self.stage.clock.now())
        ends_at = time.monotonic() + 0.05
        while self._is_under_way() and time.monotonic() < ends_at:
            time.sleep(0.0005)
        while not self._calls.empty():
            self._calls.get()(self.stage.clock.now())

    def _is_under_way(self) -> bool:
        """Some courier has a message that it could bring, and nothing was heard of it."""
        waits = any(courier._wanted for courier in self.watchman._couriers.values())
        return waits and self._calls.empty() and not self.fault


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    made = Post(Stage(tmp_path, load(CRASHING)), monkeypatch)
    yield made
    made.close()


def test_a_dead_database_is_one_alert_that_names_it_until_it_is_well_again(post: Post) -> None:
    post.settle(200)
    assert post.heard() == ["critical: shop/db"]
    (alert,) = post.stage.store.alerts.load().open.values()
    assert (alert.affects, set(alert.told)) == ((), {"ops"})
    post.settle(300)
    (alert,) = post.stage.store.alerts.load().open.values()
    assert alert.affects == ("app0", "app1", "app2")
    post.stage.change({**CRASHING, "db": service()})
    post.settle(500)
    assert post.stage.phases["db"] == "Ready"
    assert len(post.sent) == 1, "what falls over again within ten minutes is the same trouble"
    post.settle(300)
    assert post.heard() == ["critical: shop/db", "resolved: shop/db"]
    assert post.stage.said("AlertFiring") == post.stage.said("AlertResolved") == 1


def test_a_controller_that_died_tells_nothing_twice_and_nothing_too_little(post: Post) -> None:
    post.settle(120)
    post.restart()
    post.settle(120)
    assert post.heard() == ["critical: shop/db"]
    post.stage.change({**CRASHING, "db": service()})
    post.restart()
    post.settle(700)
    assert post.heard() == ["critical: shop/db", "resolved: shop/db"]


def test_what_was_not_taken_is_told_later_and_the_trouble_once(post: Post) -> None:
    post.fault = "it answered 500"
    post.settle(120)
    said = [event.message for event in post.stage.events if event.reason == "AlertNotSent"]
    assert said == ["channel ops: it answered 500; is tried again"]
    post.restart()
    post.fault = ""
    post.settle(10)
    assert post.heard() == ["critical: shop/db"]


def test_what_lasts_is_told_again_unless_somebody_knows(post: Post) -> None:
    post.stage.reconciler.loaded = replace(post.stage.reconciler.loaded, alerts=AlertPolicy(repeat=100.0))
    post.settle(180)
    assert len(post.sent) == 2
    (alert,) = post.stage.store.alerts.load().open.values()
    post.elsewhere.alerts.acknowledge([Ack(alert.id, "ada", 0.0, Severity.CRITICAL)])
    post.settle(400)
    assert len(post.sent) == 2


def test_a_silence_holds_until_it_is_over(post: Post) -> None:
    until = post.stage.clock.now() + 200
    post.elsewhere.alerts.silence(Silence(0, until, "ada", 0.0, ("db",)))
    post.settle(190)
    assert post.sent == [] and post.stage.said("AlertFiring") == 1
    post.settle(20)
    assert post.heard() == ["critical: shop/db"]


@pytest.mark.fault("I6")
def test_a_store_that_cannot_be_written_keeps_nobody_silent(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor those of whom nothing can be decided any more."""

    def write(*_: object) -> None:
        raise ControllerError("database or disk is full")

    post.settle(30)
    monkeypatch.setattr(post.stage.store.alerts, "save", write)
    monkeypatch.setattr(post.stage.store.events, "append", write)
    post.controller.faults["shop"] = "database or disk is full"
    for _ in range(120):
        post.stage.clock.sleep(1.0)
        post.look()
    assert post.heard() == ["critical: shop/db", "critical: shop"]
    assert post.told == ["database or disk is full"]


def test_a_channel_that_comes_later_is_told_what_lasts_and_one_that_went_hears_nothing(post: Post) -> None:
    post.channels = ()
    post.settle(120)
    assert post.sent == []
    post.channels = (Channel("ops", "json://nowhere"), Channel("pager", "json://x", min_severity=Severity.CRITICAL))
    post.settle(10)
    assert post.heard() == ["critical: shop/db"] * 2
    post.channels = post.channels[1:]
    post.stage.change({**CRASHING, "db": service()})
    post.settle(1200)
    assert post.heard()[2:] == ["resolved: shop/db"]


def test_a_channel_that_there_is_not_is_told_once(post: Post) -> None:
    post.stage.reconciler.loaded = replace(post.stage.reconciler.loaded, alerts=AlertPolicy(channels=("osp",)))
    post.settle(5)
    assert post.told == ["no manifest of kind Controller has an alert channel osp: nothing is sent there"]


def full_machine(stage: Stage) -> Usage:
    figures = Figures(memory=95, memory_limit=100)
    used = {"db": ServiceUsage(figures, {"shop-db-1": figures})}
    host = HostUsage(memory_total=100, memory_available=5)
    return Usage(stage.clock.now(), host, {"shop": used}, EngineView(2, 100, True))


def test_the_machine_is_told_once_by_one_stack_and_services_by_their_own(post: Post, tmp_path: Path) -> None:
    post.stage.change({"db": service()})
    loaded = load({})
    blog = Stage(tmp_path / "blog", replace(loaded, desired=replace(loaded.desired, name="blog")))
    post.controller.stacks["blog"] = blog.reconciler
    for _ in range(350):
        post.usage = full_machine(post.stage)
        blog.settle(1.0)
        post.settle(1)
    assert sorted(post.heard()) == ["warning: blog", "warning: shop/db"]
    post.usage = Usage(post.stage.clock.now(), HostUsage(), {"shop": {}})
    post.settle(60)
    assert sorted(post.heard()[2:]) == ["resolved: blog", "resolved: shop/db"]
    blog.die()


def test_who_wants_no_rules_of_ours_hears_nothing_of_the_machine(post: Post) -> None:
    post.stage.change({"db": service()})
    post.stage.reconciler.loaded = replace(post.stage.reconciler.loaded, alerts=AlertPolicy(builtin=False))
    post.usage = full_machine(post.stage)
    post.settle(400)
    assert post.sent == []


def test_a_stack_may_ask_to_hear_of_the_machine_sooner(post: Post) -> None:
    post.stage.change({"db": service()})
    loaded = post.stage.reconciler.loaded
    policy = replace(loaded.resources, thresholds=HostThresholds(memory=0.5, lasting=20.0))
    post.stage.reconciler.loaded = replace(loaded, resources=policy)
    host = HostUsage(memory_total=100, memory_available=45)
    post.usage = Usage(post.stage.clock.now(), host, {}, EngineView(2, 100, True))
    post.settle(30)
    assert post.sent == [
        "warning: shop: 55% of the machine's memory is in use (55B of 100B); "
        "stop what is not needed, limit it, or add memory"
    ]


def test_a_running_controller_follows_its_channels_and_rules(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(alerting, "send", lambda channel, alert, _: sent.append((channel.name, alert.rule)))
    rule = "{name: up, phase: Ready, severity: info}"
    house.write("shop", spec=f", alerting: {{rules: [{rule}]}}")
    channels = house.folder / "controller.yaml"
    head = "apiVersion: controller/v1\nkind: Controller\nspec: {alertChannels: {ops: {url: 'json://here'"

    def play() -> None:
        eventually(lambda: house.ear.said("AlertFiring") != [])
        assert sent == [], "nothing less than a warning, where nothing else is said"
        channels.write_text(f"{head}, minSeverity: info}}}}}}\n")
        eventually(lambda: sent == [("ops", "up")])
        channels.write_text("apiVersion: controller/v1\nkind: Controller\nspec: {alertChannels: {x: {}}}\n")
        time.sleep(1.5)
        channels.write_text(f"{head.replace('ops', 'other')}, minSeverity: info}}}}}}\n")
        eventually(lambda: sent == [("ops", "up"), ("other", "up")])

    channels.write_text(f"{head}}}}}}}\n")
    house.run(play, house.asked("shop", "controller"), watch=True)


def test_where_turns_follow_at_once_it_is_judged_twice_a_second_and_not_more_seldom(post: Post) -> None:
    post.settle(59)
    post.controller.pressed = True
    for _ in range(40):  # 4 s in which the trouble becomes an alert
        post.stage.settle(0.1)
        post.look()
    assert post.heard() == ["critical: shop/db"]


def test_what_follows_at_once_is_left_to_the_next_turn(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[float] = []
    judge = alerting.judge
    monkeypatch.setattr(alerting, "judge", lambda *told: (judged.append(told[-1]), judge(*told))[1])
    post.look()
    post.controller.pressed = True
    begun = post.stage.clock.now()
    for number in range(1, 21):
        post.watchman._desks["shop"].status = None  # as if it were told anew each time
        post.watchman.look(begun + number / 10)
    assert 3 <= len([at for at in judged if at > begun]) <= 5
