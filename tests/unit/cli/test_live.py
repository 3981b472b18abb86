"""Progress: plain lines for each change, and a screen that never outgrows the terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from controller.cli.live import plain_screen
from controller.model.phases import Phase, StackPhase
from controller.model.status import ServiceStatus, StackStatus
from controller.render.live import progress_lines
from tests.builders import NOW, replica
from tests.unit.cli.statuses import event, service_status, stack_status

pytestmark = pytest.mark.unit

STARTING = service_status("redis", Phase.STARTING, replica(1, service="redis"), since=NOW - 2, usually=1.1)
WAITING = service_status(
    "web", Phase.WAITING, message="waits for redis to be healthy", waits_for="redis", since=NOW - 3
)


def said(*looks: StackStatus | tuple[StackStatus, ...]) -> list[str]:
    stream = io.StringIO()
    screen = plain_screen(stream)
    for look in looks:
        screen.update(look if isinstance(look, tuple) else (look,))
    lines = stream.getvalue().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    return [line[9:] for line in lines]


def look(*services: ServiceStatus) -> StackStatus:
    return stack_status(*services, phase=StackPhase.PROGRESSING)


def test_each_change_is_one_line_with_the_time_it_took() -> None:
    ready = service_status("redis", since=NOW - 0.8)
    assert said(look(STARTING, WAITING), look(STARTING, WAITING), look(ready, WAITING)) == [
        "redis Starting",
        "web Waiting: waits for redis to be healthy",
        "redis Ready after 1.2 s",
    ]


def test_what_was_ready_at_the_first_look_is_no_news() -> None:
    assert said(look(service_status("redis"))) == []


def test_what_was_told_to_stay_down_is_said_at_the_first_look() -> None:
    stopped = service_status("redis", Phase.STOPPED, reason="StoppedByUser")
    outside = service_status("web", Phase.STOPPED, reason="OutOfProfile")
    assert said(look(stopped, outside), look(stopped, outside)) == [
        "redis Stopped: stopped by hand; `controller start` starts it"
    ]


def test_another_dependency_to_wait_for_is_news_but_other_words_are_not() -> None:
    other = replace(WAITING, message="waits for db to be healthy", waits_for="db")
    assert len(said(look(WAITING), look(replace(WAITING, message="still")), look(other))) == 2


def test_several_stacks_are_told_apart() -> None:
    assert said((look(STARTING), replace(look(WAITING), name="blog"))) == [
        "shop/redis Starting",
        "blog/web Waiting: waits for redis to be healthy",
    ]


def test_warnings_are_told_and_the_rest_is_not() -> None:
    stream = io.StringIO()
    screen = plain_screen(stream)
    screen.event(event("Created", "web-1"))
    screen.event(event("BackOff", "web-1 exited\x1b[2J", kind="Warning"))
    assert stream.getvalue()[9:] == "web BackOff: web-1 exited\\x1b[2J\n"


def test_a_change_of_phase_is_one_line_though_it_is_a_warning_too() -> None:
    stream = io.StringIO()
    screen = plain_screen(stream)
    message = "web-1 exited with 1, 2 restarts so far"
    screen.event(event("CrashLoopBackOff", f"{Phase.CRASH_LOOP}: {message}", kind="Warning"))
    screen.update((look(service_status("web", Phase.CRASH_LOOP, message=message)),))
    assert [line[9:] for line in stream.getvalue().splitlines()] == [f"web CrashLoopBackOff: {message}"]


def test_a_line_says_what_is_waited_for_and_how_long_that_takes() -> None:
    lines = progress_lines([look(STARTING, WAITING, service_status("db"))], NOW, height=20, width=100)
    assert lines == [
        "shop  Progressing  1 of 3 services ready, generation 3, manifests/shop.yaml",
        "  redis  Starting     0/1  2s, usually 1.1 s",
        "  web    Waiting      0/1  waits for redis to be healthy · 3s, redis usually takes 1.1 s",
        "  db     Ready        1/1",
    ]


@pytest.mark.parametrize(("count", "height", "width"), [(3, 24, 80), (57, 24, 80), (57, 10, 40), (5, 3, 34)])
def test_it_never_outgrows_the_terminal(count: int, height: int, width: int) -> None:
    services = [service_status(f"service-{number}") for number in range(count)]
    services[count // 2] = replace(WAITING, name="late")
    lines = progress_lines([look(*services)], NOW, height=height, width=width)
    assert len(lines) <= height
    assert any("late" in line for line in lines)
    assert all(len(line) <= width for line in lines[1:])


def test_verbose_tells_every_event() -> None:
    stream = io.StringIO()
    plain_screen(stream, verbose=True).event(event("Created", "web-1"))
    assert stream.getvalue()[9:] == "web Created: web-1\n"


def test_a_reader_that_went_away_does_not_stop_the_loop() -> None:
    stream = io.StringIO()
    screen = plain_screen(stream)
    stream.close()
    screen.update((look(STARTING),))
