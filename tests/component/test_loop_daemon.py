"""The daemon on real threads, with the simulated engine: signals, requests, files that change, break and vanish.

It has no Compose to call: its files are read as they stand.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.engines.base import Scope
from controller.engines.simulated import SimulatedEngine
from controller.loop.acting import act
from controller.loop.controller import Audience
from controller.loop.daemon import Daemon
from controller.loop.ground import Asked, Ground
from controller.loop.lock import Lock, try_lock
from controller.loop.session import Session
from controller.model.applied import StackResult
from controller.model.errors import Transient
from controller.model.observed import Observed
from controller.model.project import ComposeProject, RenderedProject
from controller.model.status import Event, StackStatus
from controller.model.wish import Wish

FILE = "name: NAME\nservices: {db: {image: busybox, labels: {controller.simulated.start: '0.01'}}}\n"


class Reading(SimulatedEngine):
    """Renders plain files by itself."""

    broken: bool = False
    away: int = 0
    """So many looks from now on are not answered."""

    def observe(self, scope: Scope, *, deadline: float = 10.0) -> Observed:
        if self.away > 0:
            self.away -= 1
            raise Transient("no answer")
        return super().observe(scope, deadline=deadline)

    def render(self, project: ComposeProject, *, deadline: float = 60.0) -> RenderedProject:
        model = yaml.safe_load(project.files[0].read_text())
        return RenderedProject(project.name or model["name"], model)


@dataclass
class Ear(Audience):
    events: list[Event] = field(default_factory=list)
    statuses: dict[str, StackStatus] = field(default_factory=dict)
    threads: set[str] = field(default_factory=set)

    def update(self, stacks: tuple[StackStatus, ...]) -> None:
        self.threads.add(threading.current_thread().name)
        self.statuses = {stack.name: stack for stack in stacks}

    def event(self, event: Event) -> None:
        self.threads.add(threading.current_thread().name)
        self.events.append(event)

    def said(self, reason: str) -> list[str]:
        return [event.message for event in self.events if event.reason == reason]

    def conditions(self, stack: str) -> set[str]:
        status = self.statuses.get(stack)
        return {c.type for c in status.conditions if c.status == "True"} if status is not None else set()


@dataclass
class House:
    """A folder with stacks, a state folder, an engine that outlives every controller."""

    folder: Path
    engine: Reading
    ear: Ear = field(default_factory=Ear)

    def write(self, name: str, text: str = FILE, spec: str = "") -> Path:
        """A Compose file, and a manifest beside its folder."""
        path = self.folder / name / "compose.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("NAME", name))
        head = f"apiVersion: controller/v1\nkind: Stack\nmetadata: {{name: {name}}}\n"
        (self.folder / f"{name}.yaml").write_text(head + f"spec: {{compose: {{files: [{name}/compose.yaml]}}{spec}}}\n")
        return path

    def asked(self, *names: str, profile: str | None = None) -> Asked:
        files = tuple(str(self.folder / f"{name}.yaml") for name in names)
        home = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        return Asked(self.folder, home, self.folder.parent / "state", files, profile=profile)

    def run(
        self, script: Callable[[], None], asked: Asked, *, watch: bool = False, end: signal.Signals = signal.SIGTERM
    ) -> int:
        """A daemon until the script, on a thread of its own, has come to its end; then the signal."""
        failures: list[BaseException] = []
        over = threading.Event()

        def play() -> None:
            try:
                script()
            except BaseException as error:
                failures.append(error)
            finally:
                if not over.is_set():
                    os.kill(os.getpid(), end)

        ground = Ground(self.engine, asked)
        self.ear = Ear()
        daemon = Daemon(ground, self.ear, lambda _: None, watch=watch)
        thread = threading.Thread(target=play, name="script")
        thread.start()
        try:
            code = daemon.run()
        finally:
            over.set()
            thread.join()
        if failures:
            raise failures[0]
        return code

    def ask(self, verb: str, stack: str, *services: str, **fields: object) -> StackResult:
        """What the command would do, in another process."""
        ground = Ground(self.engine, self.asked(stack))
        pairs, broken = ground.load_all(ground.in_profile(ground.targets()))
        assert not broken
        wish = Wish(verb, services, **fields)  # type: ignore[arg-type]
        (result,) = act(ground, pairs, wish, Ear(), lambda _: None)
        return result

    def count(self, stack: str, service: str = "db") -> int:
        seen = self.engine.observe(Scope(stack)).services.get(service)
        return len(seen.replicas) if seen is not None else 0


def eventually(true: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "house", Reading(tmp_path / "world"))
    made.folder.mkdir()
    yield made
    made.engine.close()


@contextmanager
def locked(house: House, stack: str) -> Iterator[Lock]:
    ground = Ground(house.engine, house.asked(stack))
    taken = try_lock(ground.lock_path(stack), ground.folder(stack), time.time)
    assert isinstance(taken, Lock)
    with taken:
        yield taken


def test_it_ends_with_its_threads_and_leaves_the_containers(house: House) -> None:
    house.write("shop")
    handler = signal.getsignal(signal.SIGTERM)
    before = {thread.name for thread in threading.enumerate()}
    assert house.run(lambda: eventually(lambda: house.count("shop") == 1), house.asked("shop"), watch=True) == 0
    assert house.count("shop") == 1
    assert signal.getsignal(signal.SIGTERM) == handler
    mine = {"watch", "reread", "signals", "wake", "request"}
    eventually(lambda: not mine & ({thread.name for thread in threading.enumerate()} - before), 5)


@pytest.mark.fault("D6")
def test_what_is_in_no_file_any_more_is_not_overlooked_where_the_first_list_fails(house: House) -> None:
    """A list that could not be had is no list without orphans: it is asked for again."""
    path = house.write("shop", FILE.replace("services: {", "services: {old: {image: busybox}, "))
    house.run(lambda: eventually(lambda: "Converged" in house.ear.conditions("shop")), house.asked("shop"))
    shutil.rmtree(house.folder.parent / "state")
    path.write_text(FILE.replace("NAME", "shop"))
    house.engine.away = 1
    house.run(lambda: eventually(lambda: "Converged" in house.ear.conditions("shop")), house.asked("shop"))
    assert [service.name for service in house.ear.statuses["shop"].services] == ["db", "old"]
    assert house.ear.said("EngineUnavailable") and house.count("shop", "old") == 1


def test_where_a_thread_cannot_be_had_it_ends_and_says_why(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("shop")
    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "watch":
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        Daemon(Ground(house.engine, house.asked("shop")), Ear(), lambda _: None, watch=True).run()
    assert not [thread for thread in threading.enumerate() if thread.name == "reread"]


def test_a_file_that_is_saved_between_the_first_reading_and_the_watch_is_read_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, begin = house.write("shop"), Daemon._begin

    def begin_and_save(daemon: Daemon, *read: Any) -> None:
        begin(daemon, *read)
        path.write_text(FILE.replace("NAME", "shop").replace("services: {", "services: {late: {image: busybox}, "))

    monkeypatch.setattr(Daemon, "_begin", begin_and_save)
    house.run(lambda: eventually(lambda: house.count("shop", "late") == 1), house.asked("shop"), watch=True)


def test_sigint_is_told_by_the_exit_code(house: House) -> None:
    house.write("shop")
    wait = lambda: eventually(lambda: house.count("shop") == 1)  # noqa: E731
    assert house.run(wait, house.asked("shop"), end=signal.SIGINT) == 130


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


def test_a_named_file_that_vanishes_holds_its_stack_and_is_followed_when_it_is_back(house: House) -> None:
    path = house.write("shop")
    house.run(lambda: eventually(lambda: house.count("shop") == 1), house.asked("shop"))
    asked = Asked(house.folder, house.asked().environment, house.asked().root, stacks=("shop",))

    def script() -> None:
        eventually(lambda: house.ear.statuses.get("shop"))
        text = path.read_text()
        path.unlink()
        eventually(lambda: "GenerationHeld" in house.ear.conditions("shop"))
        path.write_text(text + "  # back\n")
        eventually(lambda: "GenerationHeld" not in house.ear.conditions("shop"))
        path.write_text("name: shop\nservices: {db: {image: busybox, scale: 2}}\n")
        eventually(lambda: house.count("shop") == 2)

    assert house.run(script, asked, watch=True) == 0


def test_a_fault_in_one_stack_ends_neither_the_others_nor_the_controller(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("good")
    house.write("bad")
    look = Reading.observe

    def observe(engine: Reading, scope: Scope, **options: float) -> object:
        if scope.stack == "bad" and scope.templates and engine.broken:
            raise KeyError("Config")
        return look(engine, scope, **options)

    monkeypatch.setattr(Reading, "observe", observe)
    house.engine.broken = True

    def script() -> None:
        eventually(lambda: house.ear.said("PassFailed"))
        eventually(lambda: house.count("good") == 1)
        house.engine.broken = False
        eventually(lambda: house.count("bad") == 1)

    assert house.run(script, house.asked("good", "bad")) == 0
    assert house.ear.said("PassFailed")[0] == "KeyError: 'Config'"


def test_its_audience_hears_one_thread_only(house: House) -> None:
    path = house.write("shop")
    mains = threading.current_thread().name

    def script() -> None:
        eventually(lambda: house.count("shop") == 1)
        path.write_text("name: [")
        eventually(lambda: "GenerationHeld" in house.ear.conditions("shop"))
        (house.folder / "shop" / "compose.yaml").write_text("name: shop\nservices: {db: {image: busybox, scale: 3}}\n")
        eventually(lambda: house.count("shop") == 3)

    house.run(script, house.asked("shop"), watch=True)
    assert house.ear.threads == {mains}


def test_sighup_reads_again_where_nobody_watches(house: House) -> None:
    path = house.write("shop")

    def script() -> None:
        eventually(lambda: house.count("shop") == 1)
        path.write_text("name: shop\nservices: {db: {image: busybox, scale: 2}}\n")
        time.sleep(0.3)
        assert house.count("shop") == 1
        os.kill(os.getpid(), signal.SIGHUP)
        eventually(lambda: house.count("shop") == 2)

    assert house.run(script, house.asked("shop")) == 0


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
