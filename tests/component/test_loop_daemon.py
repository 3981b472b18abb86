"""The daemon on real threads, with the simulated engine: signals, threads, files that change, break and vanish."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from typing import Any

import pytest

from controller.engines.base import Scope
from controller.loop.daemon import Daemon
from controller.loop.ground import Asked, Ground
from tests.component.house import FILE, Ear, House, Reading
from tests.component.waiting import eventually


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
