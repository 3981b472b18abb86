"""Events that are cut, swallowed, doubled, out of order or ten thousand a second: they are hints, no more."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import psutil
import pytest

from tests.engine.checks import docker, happened, lives, running
from tests.engine.proxy import EngineProxy, Lines
from tests.engine.scenario import Scene, eventually

pytestmark = [pytest.mark.engine, pytest.mark.fault("D7")]

TWO = "services: {web: {SLEEP}, db: {SLEEP}}"


def looks(proxy: EngineProxy) -> int:
    return sum(call.path == "/containers/json" for call in proxy.calls)


def streams(proxy: EngineProxy) -> list[str]:
    return [call.question for call in proxy.calls if call.path == "/events"]


def cut_before_a_death(lines: Iterator[bytes]) -> Iterable[bytes]:
    return itertools.takewhile(lambda line: b'"status":"die"' not in line, lines)


def test_a_death_that_the_stream_did_not_live_to_tell_is_found_by_the_look_after_it(
    scene: Scene, proxy: EngineProxy
) -> None:
    scene.compose(TWO)
    rule = proxy.rule("GET", "/events", Lines(cut_before_a_death), times=1)
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before = scene.containers()
        docker("kill", before["web-1"].id)
        eventually(lambda: "web-1" in running(scene.containers()), 30)
        scene.await_phase("Converged")
        assert rule.met == 1 and len(streams(proxy)) == 2
        assert all("since=" in question for question in streams(proxy))
        assert lives(scene.containers(), but="web") == lives(before, but="web")


@pytest.mark.slow
def test_what_no_event_tells_is_found_at_the_next_resync(scene: Scene, proxy: EngineProxy) -> None:
    scene.compose(TWO)
    scene.manifest("reconcile: {resync: 4s}")
    proxy.rule("GET", "/events", Lines(lambda lines: (line for line in lines if b"nothing at all" in line)))
    with scene.daemon("--watch"):
        scene.await_phase("Converged", 30)
        before = scene.containers()
        docker("rm", "-f", before["web-1"].id)
        eventually(lambda: running(scene.containers()) == set(before), 30)
        assert lives(scene.containers(), but="web") == lives(before, but="web")


def stutter(lines: Iterator[bytes]) -> Iterable[bytes]:
    """Each event three times, and after the next one once more."""
    last = b""
    for line in lines:
        yield from (line, line, line, last or line)
        last = line


@pytest.mark.slow
def test_events_told_several_times_and_out_of_order_do_nothing_twice(scene: Scene, proxy: EngineProxy) -> None:
    scene.compose(TWO)
    proxy.rule("GET", "/events", Lines(stutter))
    with scene.daemon("--watch"):
        scene.await_phase("Converged")
        before, began = scene.containers(), time.time()
        docker("rm", "-f", before["web-1"].id)
        docker("kill", before["db-1"].id)
        eventually(lambda: running(scene.containers()) == set(before), 30)
        scene.await_phase("Converged")
        counted = Counter(happened(scene.name, began, "create", "start"))
        assert counted == {("create", "web-1"): 1, ("start", "web-1"): 1, ("start", "db-1"): 1}


@pytest.mark.slow
def test_a_stream_that_is_garbled_is_left_for_a_new_one(scene: Scene, proxy: EngineProxy) -> None:
    scene.compose(TWO)
    proxy.rule("GET", "/events", Lines(lambda lines: (line[: len(line) // 2] + b"\n" for line in lines)), times=1)
    with scene.daemon("--watch"):
        scene.await_phase("Converged", 30)
        docker("kill", scene.containers()["web-1"].id)
        eventually(lambda: "web-1" in running(scene.containers()), 30)
        scene.await_phase("Converged")
        assert len(streams(proxy)) >= 2


FLOOD = 10_000
"""Events a second."""


def flood(project: str, seconds: float) -> Lines:
    """The daemon's own events, and between them a storm about one of our services and about others'."""

    def change(lines: Iterator[bytes]) -> Iterable[bytes]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            yield b"".join(event(project, number) for number in range(FLOOD // 50))
            time.sleep(1 / 50)
        yield from lines

    return Lines(change)


def event(project: str, number: int) -> bytes:
    owner = project if number % 2 else f"stranger{number}"
    marks = {"com.docker.compose.project": owner, "com.docker.compose.service": "db", "name": "x"}
    actor = {"ID": f"{number:064x}", "Attributes": marks}
    return json.dumps({"Type": "container", "Action": "update", "Actor": actor, "timeNano": 1}).encode() + b"\n"


@pytest.mark.slow
def test_a_flood_of_events_is_survived_in_little_memory_and_few_looks(scene: Scene, proxy: EngineProxy) -> None:
    scene.compose(TWO)
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        before, process = scene.containers(), psutil.Process(daemon.pid)
        size, looked, spent = process.memory_info().rss, looks(proxy), process.cpu_times().user
        with scene.step("a storm of 4 s begins with the next stream, and in it somebody dies"):
            proxy.rule("GET", "/events", flood(scene.name, 4.0), times=1)
            proxy.cut()
            eventually(lambda: len(streams(proxy)) == 2)
            docker("kill", before["web-1"].id)
            eventually(lambda: "web-1" in running(scene.containers()), 40)
        with scene.step("none of it was kept, and most of it cost nothing"):
            grown = process.memory_info().rss - size
            counted = looks(proxy) - looked
            scene.story.append(f"{grown / 1e6:.1f} MB, {counted} looks, {process.cpu_times().user - spent:.1f} s CPU")
            assert grown < 20e6
            assert counted < 4 * FLOOD / 100
        assert lives(scene.containers(), but="web") == lives(before, but="web")
