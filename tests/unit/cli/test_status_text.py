"""Status and lists as people read them."""

from __future__ import annotations

import pytest

from controller.model.observed import Health, ReplicaPhase
from controller.model.phases import Phase, StackPhase
from controller.render.paint import ansi
from controller.render.status import endpoint_lines, replica_lines, service_lines, stack_lines, status_lines
from tests.builders import NOW, exited, healthy, replica
from tests.unit.cli.statuses import condition, service_status, stack_status

pytestmark = pytest.mark.unit

MIXED = stack_status(
    service_status("redis"),
    service_status("web", Phase.WAITING, message="waits for api to be healthy", waits_for="api"),
    service_status(
        "api",
        Phase.CRASH_LOOP,
        exited(1, service="api", exit_code=137, oom_killed=True, restarts=3),
        message="shop-api-1 exited with 137",
    ),
    phase=StackPhase.DEGRADED,
    conditions=(condition("Converged", "False", "Degraded", "said by the phase"), condition("Orphans", "True")),
)


def test_status_says_phase_trouble_and_every_service() -> None:
    assert status_lines([MIXED], NOW) == [
        "shop  Degraded  1 of 3 services ready, generation 3, manifests/shop.yaml",
        "  Because: a sentence.",
        "",
        "NAME    READY   STATUS             RESTARTS       AGE      MESSAGE",
        "redis   1/1     Ready              0              101s",
        "web     0/1     Waiting            0              <none>   waits for api to be healthy",
        "api     0/1     CrashLoopBackOff   3 (100s ago)   101s     shop-api-1 exited with 137",
    ]


def test_restarts_are_also_those_that_docker_does_not_count() -> None:
    fell, well = exited(1, started_at=NOW - 40), healthy(2, started_at=NOW - 5)
    stack = stack_status(service_status("web", Phase.CRASH_LOOP, fell, well, restarted={fell.id: 7}))
    assert "7 (40s ago)" in service_lines([stack], NOW)[1]
    assert ["7 (40s ago)" in line for line in replica_lines([stack], NOW)[1:]] == [True, False]


def test_no_stack_is_said() -> None:
    assert status_lines([], NOW) == ["No stacks are known."]


def test_several_stacks_get_a_column() -> None:
    lines = service_lines(
        [stack_status(service_status("a"), name="x"), stack_status(service_status("b"), name="y")], NOW
    )
    assert [line.split()[0] for line in lines] == ["STACK", "x", "y"]


def test_meaning_does_not_depend_on_colour() -> None:
    bare = "\n".join(status_lines([MIXED], NOW))
    painted = "\n".join(status_lines([MIXED], NOW, paint=ansi))
    assert "\x1b[31mCrashLoopBackOff\x1b[0m" in painted
    for role in ("1", "2", "31", "32", "33", "36", "0"):
        painted = painted.replace(f"\x1b[{role}m", "")
    assert painted == bare


def test_wide_is_never_shortened() -> None:
    assert service_lines([MIXED], NOW, wide=True, width=20)[0].split() == [
        "NAME", "READY", "STATUS", "RESTARTS", "AGE", "UPDATED", "IMAGE", "REASON", "MESSAGE",
    ]  # fmt: skip


def test_replicas_tell_how_they_ended() -> None:
    lines = replica_lines([MIXED], NOW)
    assert ["running   " in lines[1], "exited (137, out of memory)   " in lines[2]] == [True, True]


def test_a_running_replica_does_not_show_the_exit_code_of_its_earlier_life() -> None:
    again = replica(1, phase=ReplicaPhase.RUNNING, exit_code=1)
    assert "exited" not in "\n".join(replica_lines([stack_status(service_status("web", Phase.STARTING, again))], NOW))


def test_endpoints_are_those_of_ready_replicas() -> None:
    ready = healthy(1, address="172.18.0.2", published=("127.0.0.1:8000->8000/tcp",))
    late = replica(2, address="172.18.0.3", health=Health.STARTING)
    lines = endpoint_lines([stack_status(service_status("web", Phase.STARTING, ready, late))])
    assert lines[1].split() == ["web", "172.18.0.2", "127.0.0.1:8000->8000/tcp"]


def test_stacks_in_one_line_each() -> None:
    assert stack_lines([MIXED], NOW)[1].split() == ["shop", "Degraded", "1/3", "3", "101s", "manifests/shop.yaml"]


def test_a_name_from_elsewhere_cannot_move_the_cursor() -> None:
    evil = stack_status(service_status("we\x1b[2Jb"), name="sh\x1bop", source="a\rb")
    assert "\x1b" not in "\n".join(status_lines([evil], NOW)) and "\r" not in "\n".join(status_lines([evil], NOW))
